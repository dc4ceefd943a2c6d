//! Compiler from regular expressions and keyword lists to a [`Program`].

use super::assertion::Assertion;
use super::body::{TYPICAL_BODY, has_body};
use super::chain::Chain;
use super::char_set::{CharSet, CharSetId, CharSetsBuilder};
use super::folding::{self, Form};
use super::group::{self, GroupRef};
use super::keywords::Trie;
use super::literals::Literals;
use super::program::{FirstChars, Mark, Node, NodeId, Program};
use super::script::Script;
use super::syntax;
use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};
use std::collections::BTreeMap;

/// Maximum number of nodes per rule. A node takes 12 bytes; the rules of known rule packs have fewer than 500 nodes.
pub(crate) const MAX_NODES: usize = 16 * 1024;

/// Reason why a pattern is invalid. Reports the position in the pattern, never its text, which may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// Syntax error.
    #[error("{problem} (at byte {offset} of the expression)")]
    Syntax {
        /// Message of the regular expression parser.
        problem: String,
        /// Byte offset in the expression.
        offset: usize,
    },
    /// Pattern that matches the empty string, and therefore at every position.
    #[error("can match the empty string")]
    MatchesEmpty,
    /// Pattern that matches no text.
    #[error("can never match any text")]
    NeverMatches,
    /// Name or number that no group of the pattern has.
    #[error("has no such group")]
    UnknownGroup,
    /// Pattern whose shortest match is longer than `max_match_bytes`.
    #[error("the shortest match has {shortest} bytes, more than `max_match_bytes` ({max}); raise it, or match a part")]
    TooLong {
        /// Length of the shortest match in bytes.
        shortest: usize,
        /// `max_match_bytes` of the policy.
        max: usize,
    },
    /// Pattern of a header, a body of any length and a footer, as of private keys, whose matches are typically longer than
    /// `max_match_bytes`.
    #[error(
        "the text between its beginning and its end may be longer than `max_match_bytes` ({max}), as private keys are (1,700 to \
         3,300 bytes), and would be missed; set `max_match_bytes` to {TYPICAL_BODY} or more, bound the repetition, or match \
         the beginning alone"
    )]
    LongBody {
        /// `max_match_bytes` of the policy.
        max: usize,
    },
    /// Pattern that takes too much memory when compiled.
    #[error("is too large when compiled; note that nested repetitions such as `{{1,1000}}` multiply")]
    TooLarge,
}

/// Returns the length of the longest match of a regular expression in bytes; `None` if there is no bound. `unicode` is the
/// field of that name in [`RawPattern`](crate::RawPattern).
///
/// # Errors
/// If the expression is invalid.
pub fn longest_match(expression: &str, unicode: bool) -> Result<Option<usize>, PatternError> {
    Ok(syntax::parse(expression, unicode)?.properties().maximum_len())
}

/// Checks that the typical match of a regular expression has at most `max` bytes.
pub(crate) fn check_length(expression: &str, unicode: bool, max: usize) -> Result<(), PatternError> {
    let is_missed = max < TYPICAL_BODY && has_body(&syntax::parse(expression, unicode)?, max);
    if is_missed { Err(PatternError::LongBody { max }) } else { Ok(()) }
}

/// Returns `true` if a valid expression is the same for folded texts.
pub(crate) fn is_folded(expression: &str, unicode: bool) -> bool {
    syntax::parse(expression, unicode).is_ok_and(|hir| folding::expression(hir.clone(), Form::Folded) == hir)
}

/// Compiles a regular expression that is matched where a position is known, see [`syntax::parse`]: without literals and chains, which
/// take longer to choose than the nodes.
pub(crate) fn regex(expression: &str, unicode: bool, sets: &mut CharSetsBuilder) -> Result<Program, PatternError> {
    expression_of(&syntax::parse(expression, unicode)?, &[], sets)
}

/// Compiles a regular expression that texts are searched for, in a form, with its literals and chains, and with the marks of the
/// groups that `search/groups.rs` is to locate.
pub(crate) fn searched_regex(
    expression: &str,
    unicode: bool,
    groups: &[GroupRef],
    form: Form,
    sets: &mut CharSetsBuilder,
) -> Result<Program, PatternError> {
    let hir = folding::expression(syntax::parse(expression, unicode)?, form);
    let program = expression_of(&hir, groups, sets)?;
    let (chains, has_rare_literal) = Chain::of(&hir);
    // Only streams use them, which have no views.
    let literals = if form == Form::Raw { Literals::of(&hir) } else { None };
    Ok(Program { literals, chains: chains.into(), has_rare_literal, ..program })
}

/// Compiles an expression of which every match begins with one of `literals`, in lower case: ASCII letters match in any case.
pub(crate) fn beginning_with(
    expression: &str,
    literals: Vec<Vec<u8>>,
    sets: &mut CharSetsBuilder,
) -> Result<Program, PatternError> {
    let program = expression_of(&syntax::parse(expression, false)?, &[], sets)?;
    let literals = Literals::at_start(literals);
    let chains = literals.iter().map(Chain::of_literals).collect();
    Ok(Program { literals, chains, has_rare_literal: true, ..program })
}

fn expression_of(hir: &Hir, groups: &[GroupRef], sets: &mut CharSetsBuilder) -> Result<Program, PatternError> {
    let shortest = match hir.properties().minimum_len() {
        None => return Err(PatternError::NeverMatches),
        Some(0) => return Err(PatternError::MatchesEmpty),
        Some(shortest) => shortest,
    };
    let longest = hir.properties().maximum_len();
    let mut compiler = Compiler::new(sets);
    let known = group::of(hir);
    for group in groups {
        compiler.groups.push(group.index(&known).ok_or(PatternError::UnknownGroup)?);
    }
    let group_offset = match compiler.groups.as_slice() {
        [index] => group::offset(hir, *index).unwrap_or(0),
        _ => 0,
    };
    let end = compiler.push(Node::Match)?;
    let start = compiler.expression(hir, end)?;
    Ok(Program { group_offset, ..compiler.finish(start, shortest, longest) })
}

/// Compiles a list of keywords; of several that match at one position, the longest is preferred.
///
/// `border` says what a match must not be adjacent to.
pub(crate) fn keywords(
    keywords: &[String],
    ignore_case: bool,
    border: Border,
    sets: &mut CharSetsBuilder,
) -> Result<Program, PatternError> {
    let trie = Trie::new(keywords.iter().map(String::as_str), ignore_case);
    let mut compiler = Compiler::new(sets);
    let end = compiler.push(Node::Match)?;
    // Children come after their parents in the trie, so backwards every child is compiled before its parent.
    let mut entries = vec![end; trie.len()];
    for (at, trie_node) in trie.nodes().enumerate().rev() {
        let mut choices = Vec::with_capacity(trie_node.children.len() + 1);
        for (variants, child) in &trie_node.children {
            let next = entries.get(*child).copied();
            debug_assert!(next.is_some(), "the trie has {} nodes, not {child}", trie.len());
            let mut entry = compiler.set(variants.iter().copied(), next.unwrap_or(end))?;
            let script = trie.script(*child).filter(|_| at == 0);
            if let Some(look) = script.and_then(|script| border.start(script)) {
                entry = compiler.push(Node::Look { look, next: entry })?;
            }
            choices.push(entry);
        }
        if trie_node.ends {
            choices.push(match trie_node.script.and_then(|script| border.end(script)) {
                Some(look) => compiler.push(Node::Look { look, next: end })?,
                None => end,
            });
        }
        let entry = compiler.split(&choices)?;
        if let Some(slot) = entries.get_mut(at) {
            *slot = entry;
        }
    }
    let start = entries.first().copied().unwrap_or(end);
    let keywords = keywords.iter().map(String::as_str);
    let literals = Literals::of_keywords(keywords, ignore_case, border != Border::None);
    let chains = literals.iter().map(Chain::of_literals).collect();
    Ok(Program { literals, chains, ..compiler.finish(start, trie.shortest(), Some(trie.longest())) })
}

/// Characters that must not be adjacent to a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Border {
    /// Any character may be adjacent.
    None,
    /// Word characters of the script that the keyword begins or ends with.
    Script,
    /// Word characters of any script.
    Unicode,
}

impl Border {
    /// Returns the assertion in front of a keyword that begins in `script`.
    fn start(self, script: Script) -> Option<Assertion> {
        match self {
            Border::None => None,
            Border::Script => Some(Assertion::KeywordStart(script)),
            Border::Unicode => Some(Assertion::Look(Look::WordStartHalfUnicode)),
        }
    }

    /// Returns the assertion behind a keyword that ends in `script`.
    fn end(self, script: Script) -> Option<Assertion> {
        match self {
            Border::None => None,
            Border::Script => Some(Assertion::KeywordEnd(script)),
            Border::Unicode => Some(Assertion::Look(Look::WordEndHalfUnicode)),
        }
    }
}

/// Builds nodes from the end of the pattern to its start, so that the next node is always known.
struct Compiler<'c> {
    nodes: Vec<Node>,
    targets: Vec<NodeId>,
    sets: &'c mut CharSetsBuilder,
    /// Sets that have been added, by the address of their class in the expression: a repetition compiles its operand once
    /// per copy.
    added: BTreeMap<usize, CharSetId>,
    /// Numbers of the groups whose borders are marked.
    groups: Vec<u32>,
    /// Nodes at the borders of groups, see [`Program::mark`].
    marks: Vec<(NodeId, Mark)>,
}

impl<'c> Compiler<'c> {
    fn new(sets: &'c mut CharSetsBuilder) -> Compiler<'c> {
        let (nodes, targets, added) = Default::default();
        Compiler { nodes, targets, sets, added, groups: Vec::new(), marks: Vec::new() }
    }

    fn push(&mut self, node: Node) -> Result<NodeId, PatternError> {
        if self.nodes.len() >= MAX_NODES {
            return Err(PatternError::TooLarge);
        }
        self.nodes.push(node);
        Ok(self.nodes.len() as NodeId - 1)
    }

    fn split(&mut self, choices: &[NodeId]) -> Result<NodeId, PatternError> {
        if let [only] = choices {
            return Ok(*only);
        }
        let first = self.targets.len() as u32;
        self.targets.extend_from_slice(choices);
        self.push(Node::Split { first, len: choices.len() as u32 })
    }

    /// Adds a node that marks the border of a group: a split with a single target.
    fn mark(&mut self, mark: Mark, next: NodeId) -> Result<NodeId, PatternError> {
        let first = self.targets.len() as u32;
        self.targets.push(next);
        let id = self.push(Node::Split { first, len: 1 })?;
        self.marks.push((id, mark));
        Ok(id)
    }

    /// Adds a split between `exit` and a body that [`close`](Self::close) sets later.
    fn fork(&mut self, greedy: bool, exit: NodeId) -> Result<NodeId, PatternError> {
        let fork = self.push(Node::Split { first: self.targets.len() as u32, len: 2 })?;
        self.targets.extend(if greedy { [fork, exit] } else { [exit, fork] });
        Ok(fork)
    }

    /// Sets the body of a fork.
    fn close(&mut self, fork: NodeId, body: NodeId) {
        if let Some(Node::Split { first, len }) = self.nodes.get(fork as usize).copied() {
            let targets = self.targets.get_mut(first as usize..first as usize + len as usize);
            targets.into_iter().flatten().filter(|target| **target == fork).for_each(|target| *target = body);
        }
    }

    fn set(&mut self, ranges: impl IntoIterator<Item = (char, char)>, next: NodeId) -> Result<NodeId, PatternError> {
        let mut ranges = ranges.into_iter().peekable();
        let Some((low, high)) = ranges.next() else { return self.split(&[]) };
        if low == high && ranges.peek().is_none() {
            return self.push(Node::Char { c: low, next });
        }
        let set = self.sets.add(CharSet::new(std::iter::once((low, high)).chain(ranges)));
        self.push(Node::Set { set, next })
    }

    /// Compiles `hir`, followed by `next`, and returns its first node. Recurses to the nesting depth, which the parser bounds.
    fn expression(&mut self, hir: &Hir, next: NodeId) -> Result<NodeId, PatternError> {
        match hir.kind() {
            HirKind::Empty => Ok(next),
            HirKind::Literal(literal) => {
                let text = std::str::from_utf8(&literal.0).map_err(|_| PatternError::NeverMatches)?;
                text.chars().rev().try_fold(next, |next, c| self.push(Node::Char { c, next }))
            }
            HirKind::Class(Class::Unicode(class)) => {
                let address = std::ptr::from_ref(class).addr();
                if let Some(set) = self.added.get(&address) {
                    return self.push(Node::Set { set: *set, next });
                }
                let node = self.set(class.iter().map(|r| (r.start(), r.end())), next)?;
                if let Some(Node::Set { set, .. }) = self.nodes.get(node as usize) {
                    self.added.insert(address, *set);
                }
                Ok(node)
            }
            HirKind::Class(Class::Bytes(class)) => {
                // In a pattern that must match text, the parser accepts only ASCII here.
                self.set(class.iter().map(|r| (char::from(r.start()), char::from(r.end()))), next)
            }
            HirKind::Look(look) => self.push(Node::Look { look: Assertion::Look(*look), next }),
            HirKind::Capture(capture) => {
                let Some(slot) = self.groups.iter().position(|index| *index == capture.index) else {
                    return self.expression(&capture.sub, next);
                };
                let end = self.mark(Mark { group: slot, is_end: true }, next)?;
                let body = self.expression(&capture.sub, end)?;
                self.mark(Mark { group: slot, is_end: false }, body)
            }
            HirKind::Concat(parts) => parts.iter().rev().try_fold(next, |next, part| self.expression(part, next)),
            HirKind::Alternation(choices) => {
                let entries: Result<Vec<NodeId>, _> = choices.iter().map(|hir| self.expression(hir, next)).collect();
                self.split(&entries?)
            }
            HirKind::Repetition(repetition) => self.repetition(repetition, next),
        }
    }

    fn repetition(&mut self, repetition: &Repetition, next: NodeId) -> Result<NodeId, PatternError> {
        let Repetition { min, max, greedy, ref sub } = *repetition;
        if sub.properties().maximum_len() == Some(0) && sub.properties().look_set().is_empty() {
            return Ok(next); // matches only the empty string, however often it repeats
        }
        let mut entry = next;
        let mut copies = min;
        match max {
            Some(max) => {
                for _ in min..max {
                    let body = self.expression(sub, entry)?;
                    entry = self.split(&if greedy { [body, next] } else { [next, body] })?;
                }
            }
            None => {
                let fork = self.fork(greedy, next)?;
                let body = self.expression(sub, fork)?;
                self.close(fork, body);
                entry = fork;
                if min > 0 {
                    copies -= 1;
                    entry = body;
                } else if sub.properties().minimum_len() == Some(0) {
                    // Like the regex crate: `x*` is compiled as `(x+)?` if x may be empty, to keep the order of preference.
                    entry = self.split(&if greedy { [body, next] } else { [next, body] })?;
                }
            }
        }
        (0..copies).try_fold(entry, |entry, _| self.expression(sub, entry))
    }

    /// Builds the program, with its nodes in the order that [`Program`] promises.
    fn finish(self, start: NodeId, shortest: usize, longest: Option<usize>) -> Program {
        let order = self.order(start);
        let mut places = vec![0; self.nodes.len()];
        for (place, id) in order.iter().enumerate() {
            if let Some(slot) = places.get_mut(*id as usize) {
                *slot = place as NodeId;
            }
        }
        let place = |id: NodeId| places.get(id as usize).copied().unwrap_or(0);
        let nodes = order.iter().filter_map(|id| self.nodes.get(*id as usize)).map(|node| match *node {
            Node::Char { c, next } => Node::Char { c, next: place(next) },
            Node::Set { set, next } => Node::Set { set, next: place(next) },
            Node::Look { look, next } => Node::Look { look, next: place(next) },
            split_or_match => split_or_match,
        });
        let mut marks: Vec<(NodeId, Mark)> = self.marks.iter().map(|(id, mark)| (place(*id), *mark)).collect();
        marks.sort_unstable_by_key(|(id, _)| *id);
        let mut program = Program {
            nodes: nodes.collect(),
            marks: marks.into(),
            groups: self.groups.len(),
            targets: self.targets.iter().map(|id| place(*id)).collect(),
            start: place(start),
            first: FirstChars::default(),
            shortest,
            longest,
            literals: None,
            chains: Box::default(),
            has_rare_literal: false,
            group_offset: 0,
        };
        program.first = first_chars(&program, self.sets);
        program
    }

    /// Returns the nodes in reverse postorder of a depth-first search along the edges that read nothing, so that such edges
    /// lead forward.
    fn order(&self, start: NodeId) -> Vec<NodeId> {
        let mut order: Vec<NodeId> = Vec::with_capacity(self.nodes.len());
        let mut visited = vec![false; self.nodes.len()];
        let roots = std::iter::once(start).chain(self.nodes.iter().filter_map(|node| match node {
            Node::Char { next, .. } | Node::Set { next, .. } => Some(*next),
            _ => None,
        }));
        // Nodes on the path from the root, each with the number of its edges that have been followed.
        let mut path: Vec<(NodeId, usize)> = Vec::new();
        for root in roots {
            path.push((root, 0));
            while let Some((id, edge)) = path.pop() {
                if edge == 0 {
                    match visited.get_mut(id as usize) {
                        Some(visited) if !*visited => *visited = true,
                        _ => continue,
                    }
                }
                match self.empty_edge(id, edge) {
                    Some(next) => path.extend([(id, edge + 1), (next, 0)]),
                    None => order.push(id),
                }
            }
        }
        order.reverse();
        order
    }

    /// Returns the target of an edge that reads nothing.
    fn empty_edge(&self, id: NodeId, edge: usize) -> Option<NodeId> {
        match *self.nodes.get(id as usize)? {
            Node::Split { first, len } if edge < len as usize => self.targets.get(first as usize + edge).copied(),
            Node::Look { next, .. } if edge == 0 => Some(next),
            _ => None,
        }
    }
}

fn first_chars(program: &Program, sets: &CharSetsBuilder) -> FirstChars {
    let (mut ascii, mut wide) = (0u128, false);
    program.reach(program.start, &mut Vec::new(), |_, node| match node {
        Node::Char { c, .. } if c.is_ascii() => ascii |= 1 << c as u32,
        Node::Char { .. } => wide = true,
        Node::Set { set, .. } => {
            if let Some(set) = sets.get(set) {
                ascii |= set.ascii();
                wide |= set.has_wide();
            }
        }
        Node::Look { .. } | Node::Split { .. } | Node::Match => {}
    });
    FirstChars { ascii: [ascii as u64, (ascii >> 64) as u64], wide }
}
