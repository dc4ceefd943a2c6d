//! Locates the groups of a match, once the match is known.

use super::window::Window;
use crate::pattern::assertion;
use crate::pattern::char_set::CharSets;
use crate::pattern::program::{Node, NodeId, Program, read};

/// Value of a border that the path has not passed.
const UNSET: u64 = u64::MAX;

/// Memory of a search for groups, reused by all searches.
///
/// A search reads the match once more, from its start to its end, in the order of preference of the pattern (a Pike
/// machine). It visits each node at most once per character, and the maximum match length bounds the number of characters.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// Number of the step, which distinguishes its entries from those of earlier steps.
    step: u32,
    /// Per node: the last step that reached it.
    reached: Vec<u32>,
    current: Threads,
    next: Threads,
    stack: Vec<Frame>,
    /// Borders on the path that is being followed: start and end of each group.
    borders: Vec<u64>,
    /// Number of nodes visited, the measure of time spent.
    pub(crate) work: u64,
}

/// Nodes to continue at, in the order of preference, each with the borders on its path.
#[derive(Debug, Default)]
struct Threads {
    nodes: Vec<NodeId>,
    borders: Vec<u64>,
}

/// Position of the end of a match, seen from a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The match ends before the next character.
    Here,
    /// The match ends behind a later character.
    Later,
    /// Any match counts, wherever it ends.
    Any,
}

/// Entry of the stack of a depth-first search.
#[derive(Clone, Copy, Debug)]
enum Frame {
    Visit(NodeId),
    /// Restores a border when the search leaves the part behind a mark.
    Restore {
        border: usize,
        value: u64,
    },
}

impl Groups {
    /// Returns the positions of the first group of `program` that has text in the match `start..end`, in the order in which
    /// the program lists its groups. `None` if no group has text.
    pub(crate) fn locate(
        &mut self,
        program: &Program,
        sets: &CharSets,
        window: Window<'_>,
        start: u64,
        end: u64,
    ) -> Option<(u64, u64)> {
        self.prepare(program);
        let mut at = start;
        loop {
            let after = window.after(at);
            let position = if at == end { End::Here } else { End::Later };
            if self.step(program, sets, (at, window.before(at), after), position) {
                break;
            }
            match after {
                Some(c) if at < end && !self.next.nodes.is_empty() => at += c.len_utf8() as u64,
                _ => {
                    debug_assert!(false, "{start}..{end} is a match, so a path leads to its end");
                    return None;
                }
            }
            std::mem::swap(&mut self.current, &mut self.next);
        }
        self.borders.chunks_exact(2).find_map(|group| match group {
            &[from, to] if from < to && to != UNSET => Some((from, to)),
            _ => None,
        })
    }

    /// Returns `true` if a pattern matches anywhere in a text that is available as a whole, however long the match is.
    pub(crate) fn is_match(&mut self, program: &Program, sets: &CharSets, window: Window<'_>) -> bool {
        self.prepare(program);
        let mut at = 0;
        loop {
            let after = window.after(at);
            if self.step(program, sets, (at, window.before(at), after), End::Any) {
                return true;
            }
            let Some(c) = after else { return false };
            at += c.len_utf8() as u64;
            std::mem::swap(&mut self.current, &mut self.next);
            // A match may also start here.
            self.current.nodes.push(program.start());
            self.current.borders.resize(self.current.nodes.len() * program.groups() * 2, UNSET);
        }
    }

    /// Returns the number of nodes visited since the last call.
    pub(crate) fn take_work(&mut self) -> u64 {
        std::mem::take(&mut self.work)
    }

    /// Prepares a search from the first node of a program.
    fn prepare(&mut self, program: &Program) {
        if self.reached.len() < program.len() {
            self.reached.resize(program.len(), 0);
        }
        self.borders.clear();
        self.borders.resize(program.groups() * 2, UNSET);
        self.current.clear();
        self.current.nodes.push(program.start());
        self.current.borders.extend_from_slice(&self.borders);
    }

    /// Follows all threads over the character `after`. Returns `true` if the preferred one reaches the end of a match where
    /// one may end; `borders` then has its borders.
    fn step(
        &mut self,
        program: &Program,
        sets: &CharSets,
        (at, before, after): (u64, Option<char>, Option<char>),
        end: End,
    ) -> bool {
        self.step = self.step.wrapping_add(1);
        if self.step == 0 {
            self.reached.fill(0);
            self.step = 1;
        }
        self.next.clear();
        let width = program.groups() * 2;
        for thread in 0..self.current.nodes.len() {
            let Some(&node) = self.current.nodes.get(thread) else { break };
            let Some(borders) = self.current.borders.get(thread * width..(thread + 1) * width) else { break };
            self.borders.clear();
            self.borders.extend_from_slice(borders);
            self.stack.push(Frame::Visit(node));
            while let Some(frame) = self.stack.pop() {
                let id = match frame {
                    Frame::Visit(id) => id,
                    Frame::Restore { border, value } => {
                        self.set(border, value);
                        continue;
                    }
                };
                self.work += 1;
                match self.reached.get_mut(id as usize) {
                    Some(reached) if *reached != self.step => *reached = self.step,
                    _ => continue,
                }
                match program.node(id) {
                    Node::Split { first, len } => {
                        if let Some(mark) = program.mark(id) {
                            let border = mark.group * 2 + usize::from(mark.is_end);
                            let value = self.borders.get(border).copied().unwrap_or(UNSET);
                            self.stack.push(Frame::Restore { border, value });
                            self.set(border, at);
                        }
                        let targets = program.targets(first, len).iter().rev();
                        self.stack.extend(targets.map(|next| Frame::Visit(*next)));
                    }
                    Node::Look { look, next } => {
                        if assertion::holds(look, before, after) {
                            self.stack.push(Frame::Visit(next));
                        }
                    }
                    Node::Match if end != End::Later => {
                        self.stack.clear();
                        return true;
                    }
                    Node::Match => {}
                    node => {
                        if let Some(next) = after.filter(|_| end != End::Here).and_then(|c| read(node, c, sets)) {
                            self.next.nodes.push(next);
                            self.next.borders.extend_from_slice(&self.borders);
                        }
                    }
                }
            }
        }
        false
    }

    fn set(&mut self, border: usize, value: u64) {
        if let Some(slot) = self.borders.get_mut(border) {
            *slot = value;
        }
    }
}

impl Threads {
    fn clear(&mut self) {
        self.nodes.clear();
        self.borders.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generators::{regexes, texts};
    use crate::pattern::char_set::CharSetsBuilder;
    use crate::pattern::compile;
    use crate::pattern::folding::Form;
    use crate::pattern::group::GroupRef;
    use proptest::prelude::*;
    use regex_automata::meta::Regex;

    /// Returns the group of every match of `pattern` in `text`.
    fn groups(pattern: &str, groups: &[u32], text: &str) -> Vec<Option<(u64, u64)>> {
        let mut builder = CharSetsBuilder::default();
        let refs: Vec<GroupRef> = groups.iter().map(|group| GroupRef::Number(*group)).collect();
        let program = compile::searched_regex(pattern, true, &refs, Form::Raw, &mut builder).unwrap();
        let sets = builder.build();
        let mut memory = Groups::default();
        let matches = Regex::new(pattern).unwrap().find_iter(text).collect::<Vec<_>>();
        let mut locate =
            |start: usize, end: usize| memory.locate(&program, &sets, Window::whole(text), start as u64, end as u64);
        matches.into_iter().map(|found| locate(found.start(), found.end())).collect()
    }

    #[test]
    fn the_first_listed_group_with_text_counts() {
        for (pattern, list, text, expected) in [
            (r"key=(\w+)", &[1][..], "key=abc;", &[Some((4, 7))][..]),
            (r"(a)|(b)", &[1, 2], "ab", &[Some((0, 1)), Some((1, 2))]),
            (r"(a)|(b)", &[2], "ab", &[None, Some((1, 2))]),
            (r"(a(b))", &[2, 1], "ab", &[Some((1, 2))]),
            // the last turn of a repetition counts
            (r"(?:(\d)-?){3}", &[1], "1-2-3", &[Some((4, 5))]),
            (r"x(a*?)(a*)", &[1, 2], "xaa", &[Some((1, 3))]),
            (r"(?:a|(ab))c?", &[1], "abc", &[None]),
            (r"x()", &[1], "x", &[None]),
            (r"é(漢)\b", &[1], "é漢 ", &[Some((2, 5))]),
        ] {
            assert_eq!(groups(pattern, list, text), expected, "{pattern}");
        }
    }

    #[test]
    fn time_is_proportional_to_the_match() {
        let text = "a".repeat(4096);
        let mut builder = CharSetsBuilder::default();
        let refs = [GroupRef::Number(1)];
        for pattern in ["(a|aa)+", "((a*)*)*a", "(?:(a?){20}a)+"] {
            let program = compile::searched_regex(pattern, true, &refs, Form::Raw, &mut builder).unwrap();
            let sets = std::mem::take(&mut builder).build();
            let mut memory = Groups::default();
            memory.locate(&program, &sets, Window::whole(&text), 0, 4096);
            let most = 4 * program.len() as u64 * 4097;
            assert!(memory.work <= most, "{pattern}: {} of {most}", memory.work);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn groups_are_those_of_the_regex_crate(
            (first, second, third) in (regexes(), regexes(), regexes()),
            form in 0usize..5,
            text in texts(0..24),
        ) {
            let pattern = match form {
                0 => format!("(?:{first})({second})"),
                1 => format!("({first})(?:{second})"),
                2 => format!("(?:({first})|{second})(?:{third})"),
                3 => format!("(?:({first})(?:{second})?)+"),
                _ => format!("(?:{first})?({second}){{1,2}}(?:{third})?"),
            };
            let regex = Regex::new(&pattern).unwrap();
            let expected: Vec<_> = regex
                .captures_iter(&text)
                .map(|found| found.get_group(1).map(|group| (group.start as u64, group.end as u64)))
                .collect();
            prop_assert_eq!(groups(&pattern, &[1], &text), expected);
        }
    }
}
