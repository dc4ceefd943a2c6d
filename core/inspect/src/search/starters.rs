//! Rules whose search in a stream begins at the first character of a match.

use crate::pattern::assertion::{Before, may_hold};
use crate::pattern::char_set::CharSets;
use crate::pattern::program::{Node, Program, read};
use crate::rule::{Rule, RuleIndex};

/// Number of entries for each kind of character before: one for each ASCII character, and one for all others.
const CHARS: usize = 0x81;

/// For each kind of character before and each character: the rules whose matches may begin there, in file order.
#[derive(Debug, Default)]
pub(crate) struct Starters {
    table: Box<[Box<[RuleIndex]>]>,
}

impl Starters {
    /// Creates the table of `rules`.
    pub(crate) fn new(rules: &[(RuleIndex, &Rule)], sets: &CharSets) -> Starters {
        if rules.is_empty() {
            return Starters::default();
        }
        let places = Before::ALL.into_iter().flat_map(|before| (0..CHARS as u8).map(move |c| (before, char::from(c))));
        let table = places.map(|(before, c)| {
            let starting = rules.iter().filter(|(_, rule)| may_start(&rule.program, before, c, sets));
            starting.map(|(index, _)| *index).collect()
        });
        Starters { table: table.collect() }
    }

    /// Returns the rules whose matches may begin with `c`.
    pub(crate) fn at(&self, before: Before, c: char) -> &[RuleIndex] {
        self.table.get(before as usize * CHARS + (c as usize).min(CHARS - 1)).map_or(&[], |rules| rules)
    }
}

/// Returns `true` if a match may begin with `c` behind a character of this kind. The character 0x80 stands for all that are not
/// ASCII: for them, the answer is `true` if it is for one of them.
pub(crate) fn may_start(program: &Program, before: Before, c: char, sets: &CharSets) -> bool {
    if !program.can_start_with(c) {
        return false;
    }
    if !c.is_ascii() {
        return true;
    }
    let mut visited = vec![false; program.len()];
    let mut pending = vec![program.start()];
    while let Some(id) = pending.pop() {
        match visited.get_mut(id as usize) {
            Some(visited) if !*visited => *visited = true,
            _ => continue,
        }
        match program.node(id) {
            Node::Split { first, len } => pending.extend(program.targets(first, len)),
            Node::Look { look, next } if may_hold(look, before, Some(c)) => pending.push(next),
            Node::Look { .. } | Node::Match => {}
            node if read(node, c, sets).is_some() => return true,
            Node::Char { .. } | Node::Set { .. } => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::char_set::CharSetsBuilder;
    use crate::pattern::compile;

    #[test]
    fn matches_begin_where_their_assertions_allow() {
        for (pattern, before, c, expected) in [
            (r"\ba", Before::Word, 'a', false),
            (r"\ba", Before::Other, 'a', true),
            (r"\ba", Before::Edge, 'a', true),
            (r"(?:^|[ '])[a-z]", Before::Word, 'a', false),
            (r"(?:^|[ '])[a-z]", Before::Edge, 'a', true),
            (r"(?:^|[ '])[a-z]", Before::Word, ' ', true),
            (r"(?m)^a", Before::LineFeed, 'a', true),
            (r"(?m)^a", Before::Other, 'a', false),
            (r"a|é", Before::Word, '\u{80}', true),
            (r"a", Before::Word, '\u{80}', false),
        ] {
            let mut sets = CharSetsBuilder::default();
            let program = compile::regex(pattern, false, &mut sets).unwrap();
            assert_eq!(may_start(&program, before, c, &sets.build()), expected, "{pattern} {before:?} {c}");
        }
    }
}
