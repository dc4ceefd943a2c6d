//! From a regular expression or a list of keywords to a [`Program`].

use super::class::{CharClass, ClassId, ClassesBuilder};
use super::keywords::Trie;
use super::program::{Node, NodeId, Program};
use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};
use regex_syntax::{Error as SyntaxError, ParserBuilder};
use std::collections::BTreeMap;

/// Nodes one rule may have. A node is 12 bytes; the rules of the packs we know have fewer than 500.
pub(crate) const MAX_NODES: usize = 16 * 1024;
/// Groups within groups in one expression; the compiler recurses as deep.
const MAX_NESTING: u32 = 64;

/// Why a pattern cannot be a rule. Says where in the pattern, never what stands there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// The expression is not one.
    #[error("{problem} (at byte {offset} of the expression)")]
    Syntax {
        /// What is wrong, in the words of the regular expression parser.
        problem: String,
        /// Where, in bytes.
        offset: usize,
    },
    /// It matches where there is nothing, so it would match everywhere.
    #[error("it can match the empty string")]
    MatchesEmpty,
    /// No text matches it.
    #[error("no text can ever match it")]
    NeverMatches,
    /// Its shortest match is longer than `max_match_bytes`.
    #[error("its shortest match has {shortest} bytes, more than max_match_bytes ({max})")]
    TooLong {
        /// Bytes of the shortest match.
        shortest: usize,
        /// The policy's `max_match_bytes`.
        max: usize,
    },
    /// Compiled, it would take too much memory.
    #[error("it is too large: repetitions such as {{1,1000}} multiply, and may be the cause")]
    TooLarge,
}

/// Compiles a regular expression in the syntax of the `regex` crate (Unicode on).
pub(crate) fn regex(expression: &str, classes: &mut ClassesBuilder) -> Result<Program, PatternError> {
    let hir = ParserBuilder::new().nest_limit(MAX_NESTING).build().parse(expression).map_err(syntax_error)?;
    let shortest = match hir.properties().minimum_len() {
        None => return Err(PatternError::NeverMatches),
        Some(0) => return Err(PatternError::MatchesEmpty),
        Some(shortest) => shortest,
    };
    let longest = hir.properties().maximum_len();
    let mut compiler = Compiler::new(classes);
    let end = compiler.push(Node::Match)?;
    let start = compiler.expression(&hir, end)?;
    Ok(compiler.finish(start, shortest, longest))
}

/// Compiles a list of keywords: any of them, the longest where several begin at one place.
///
/// `word`: neither the character before a match nor the one after it may be a word character.
pub(crate) fn keywords(trie: &Trie, word: bool, classes: &mut ClassesBuilder) -> Result<Program, PatternError> {
    let mut compiler = Compiler::new(classes);
    let mut end = compiler.push(Node::Match)?;
    if word {
        end = compiler.push(Node::Look { look: Look::WordEndHalfUnicode, next: end })?;
    }
    // Children stand after their parents in the trie: backwards, every child has its node before its parent asks.
    let mut entries = vec![end; trie.len()];
    for (at, branch) in trie.branches().enumerate().rev() {
        let mut choices = Vec::with_capacity(branch.children.len() + 1);
        for (class, child) in &branch.children {
            let next = entries.get(*child).copied().unwrap_or(end);
            choices.push(compiler.class(class.iter().copied(), next)?);
        }
        if branch.ends {
            choices.push(end);
        }
        let entry = compiler.split(&choices)?;
        if let Some(slot) = entries.get_mut(at) {
            *slot = entry;
        }
    }
    let mut start = entries.first().copied().unwrap_or(end);
    if word {
        start = compiler.push(Node::Look { look: Look::WordStartHalfUnicode, next: start })?;
    }
    Ok(compiler.finish(start, trie.shortest(), Some(trie.longest())))
}

fn syntax_error(error: SyntaxError) -> PatternError {
    // `kind` and not the error itself: the error would print the expression.
    let (problem, offset) = match &error {
        SyntaxError::Parse(error) => (error.kind().to_string(), error.span().start.offset),
        SyntaxError::Translate(error) => (error.kind().to_string(), error.span().start.offset),
        _ => ("not a regular expression".to_owned(), 0),
    };
    PatternError::Syntax { problem, offset }
}

/// Builds nodes from the end of the pattern to its beginning: what follows is always known.
struct Compiler<'c> {
    nodes: Vec<Node>,
    targets: Vec<NodeId>,
    classes: &'c mut ClassesBuilder,
    /// Classes of the expression that have their place already, by the address of their part of it: a repetition
    /// compiles its part once for every copy.
    placed: BTreeMap<usize, ClassId>,
}

impl<'c> Compiler<'c> {
    fn new(classes: &'c mut ClassesBuilder) -> Compiler<'c> {
        Compiler { nodes: Vec::new(), targets: Vec::new(), classes, placed: BTreeMap::new() }
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

    /// A split whose preferred way is not known yet.
    fn fork(&mut self, greedy: bool, exit: NodeId) -> Result<NodeId, PatternError> {
        let fork = self.push(Node::Split { first: self.targets.len() as u32, len: 2 })?;
        self.targets.extend(if greedy { [fork, exit] } else { [exit, fork] });
        Ok(fork)
    }

    /// Sends the open way of a fork to `body`.
    fn close(&mut self, fork: NodeId, body: NodeId) {
        if let Some(Node::Split { first, len }) = self.nodes.get(fork as usize).copied() {
            let ways = self.targets.get_mut(first as usize..first as usize + len as usize);
            ways.into_iter().flatten().filter(|way| **way == fork).for_each(|way| *way = body);
        }
    }

    fn class(&mut self, ranges: impl IntoIterator<Item = (char, char)>, next: NodeId) -> Result<NodeId, PatternError> {
        let mut ranges = ranges.into_iter().peekable();
        let Some((low, high)) = ranges.next() else { return self.split(&[]) };
        if low == high && ranges.peek().is_none() {
            return self.push(Node::Char { c: low, next });
        }
        let class: ClassId = self.classes.place(CharClass::new(std::iter::once((low, high)).chain(ranges)));
        self.push(Node::Class { class, next })
    }

    /// The entry of `hir` when `next` follows it. Recurses as deep as groups nest, which the parser bounds.
    fn expression(&mut self, hir: &Hir, next: NodeId) -> Result<NodeId, PatternError> {
        match hir.kind() {
            HirKind::Empty => Ok(next),
            HirKind::Literal(literal) => {
                let text = std::str::from_utf8(&literal.0).map_err(|_| PatternError::NeverMatches)?;
                text.chars().rev().try_fold(next, |next, c| self.push(Node::Char { c, next }))
            }
            HirKind::Class(Class::Unicode(class)) => {
                let address = std::ptr::from_ref(class).addr();
                if let Some(class) = self.placed.get(&address) {
                    return self.push(Node::Class { class: *class, next });
                }
                let node = self.class(class.iter().map(|r| (r.start(), r.end())), next)?;
                if let Some(Node::Class { class, .. }) = self.nodes.get(node as usize) {
                    self.placed.insert(address, *class);
                }
                Ok(node)
            }
            HirKind::Class(Class::Bytes(class)) => {
                // The parser lets only ASCII through in a pattern that must match text.
                self.class(class.iter().map(|r| (char::from(r.start()), char::from(r.end()))), next)
            }
            HirKind::Look(look) => self.push(Node::Look { look: *look, next }),
            HirKind::Capture(capture) => self.expression(&capture.sub, next),
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
            return Ok(next); // nothing, however often
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
                    // As the regex crate does: `x*` is `(x+)?` where x may be empty, or its order of preference breaks.
                    entry = self.split(&if greedy { [body, next] } else { [next, body] })?;
                }
            }
        }
        (0..copies).try_fold(entry, |entry, _| self.expression(sub, entry))
    }

    /// Puts the nodes into the order that [`Program`] promises.
    fn finish(self, start: NodeId, shortest: usize, longest: Option<usize>) -> Program {
        let Compiler { nodes, targets, classes, placed: _ } = self;
        let ways = |id: NodeId| -> (&[NodeId], Option<NodeId>) {
            match nodes.get(id as usize) {
                Some(Node::Split { first, len }) => {
                    (targets.get(*first as usize..*first as usize + *len as usize).unwrap_or(&[]), None)
                }
                Some(Node::Look { next, .. }) => (&[], Some(*next)),
                _ => (&[], None),
            }
        };
        // Depth first over the edges that read nothing; a node is done after all it leads to. Done last stands first.
        let mut done: Vec<NodeId> = Vec::with_capacity(nodes.len());
        let mut seen = vec![false; nodes.len()];
        let roots = std::iter::once(start).chain(nodes.iter().filter_map(|node| match node {
            Node::Char { next, .. } | Node::Class { next, .. } => Some(*next),
            _ => None,
        }));
        let mut open: Vec<(NodeId, usize)> = Vec::new();
        for root in roots {
            open.push((root, 0));
            while let Some((id, way)) = open.pop() {
                if way == 0 {
                    match seen.get_mut(id as usize) {
                        Some(seen) if !*seen => *seen = true,
                        _ => continue,
                    }
                }
                let (choices, only) = ways(id);
                match choices.get(way).copied().or(only.filter(|_| way == 0)) {
                    Some(next) => open.extend([(id, way + 1), (next, 0)]),
                    None => done.push(id),
                }
            }
        }
        let mut places = vec![0; nodes.len()];
        for (place, id) in done.iter().rev().enumerate() {
            if let Some(slot) = places.get_mut(*id as usize) {
                *slot = place as NodeId;
            }
        }
        let place = |id: NodeId| places.get(id as usize).copied().unwrap_or(0);
        let ordered = done.iter().rev().filter_map(|id| nodes.get(*id as usize)).map(|node| match *node {
            Node::Char { c, next } => Node::Char { c, next: place(next) },
            Node::Class { class, next } => Node::Class { class, next: place(next) },
            Node::Look { look, next } => Node::Look { look, next: place(next) },
            split_or_match => split_or_match,
        });
        let mut program = Program {
            nodes: ordered.collect(),
            targets: targets.iter().map(|id| place(*id)).collect(),
            start: place(start),
            first_ascii: [0; 2],
            first_wide: false,
            shortest,
            longest,
        };
        let (mut ascii, mut wide) = (0u128, false);
        program.reach(program.start, &mut Vec::new(), |_, node| match node {
            Node::Char { c, .. } if c.is_ascii() => ascii |= 1 << c as u32,
            Node::Char { .. } => wide = true,
            Node::Class { class, .. } => {
                if let Some(class) = classes.get(class) {
                    ascii |= class.ascii();
                    wide |= class.has_wide();
                }
            }
            Node::Look { .. } | Node::Split { .. } | Node::Match => {}
        });
        program.first_ascii = [ascii as u64, (ascii >> 64) as u64];
        program.first_wide = wide;
        program
    }
}
