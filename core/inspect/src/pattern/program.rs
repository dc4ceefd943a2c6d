//! Compiled pattern: a graph whose edges are characters.

use super::assertion::Assertion;
use super::chain::Chain;
use super::char_set::{CharSetId, CharSets};
use super::literals::Literals;

/// Index of a node in its program.
pub(crate) type NodeId = u32;

/// Node of a program: a state that a search can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// Reads this character and continues at `next`.
    Char { c: char, next: NodeId },
    /// Reads any character of the set and continues at `next`.
    Set { set: CharSetId, next: NodeId },
    /// Continues at `next` if the assertion holds.
    Look { look: Assertion, next: NodeId },
    /// Continues at each of [`Program::targets`], the first one preferred.
    Split { first: u32, len: u32 },
    /// Ends a match.
    Match,
}

/// Border of a group that is to be located in matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Index of the group in the list that the program was compiled with.
    pub(crate) group: usize,
    /// `true` at the end of the group, `false` at its start.
    pub(crate) is_end: bool,
}

/// Pattern as a graph over characters, not bytes: `\w` is one node instead of about three hundred, so that
/// `[\w.+-]{1,64}@` takes 65 nodes and all rules share the tables of their character sets.
///
/// Nodes are ordered so that every edge that reads nothing leads forward, except the edges that close a loop. One pass in
/// ascending order then visits everything that is reachable without reading.
#[derive(Debug)]
pub(crate) struct Program {
    pub(super) nodes: Box<[Node]>,
    pub(super) targets: Box<[NodeId]>,
    pub(super) start: NodeId,
    /// Nodes at the borders of groups, ascending.
    pub(super) marks: Box<[(NodeId, Mark)]>,
    /// Number of groups that have marks.
    pub(super) groups: usize,
    pub(super) first: FirstChars,
    /// Shortest match in bytes of UTF-8.
    pub(super) shortest: usize,
    /// Longest match in bytes of UTF-8; `None` if unbounded.
    pub(super) longest: Option<usize>,
    /// Literals of which every match contains one.
    pub(super) literals: Option<Literals>,
    /// Chains of literals of which every match contains one.
    pub(super) chains: Box<[Chain]>,
    /// `true` if every match contains a rare literal, perhaps too far from its start for a chain.
    pub(super) has_rare_literal: bool,
    /// Smallest distance in bytes from the start of a match to its only marked group, if every match has text in it; else 0.
    pub(super) group_offset: usize,
}

/// Characters with which a match can start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FirstChars {
    /// Bitmap of the ASCII characters.
    pub(super) ascii: [u64; 2],
    /// `true` if a match can start with a non-ASCII character.
    pub(super) wide: bool,
}

impl FirstChars {
    fn ascii(&self, byte: u8) -> bool {
        let [low, high] = self.ascii;
        (if byte < 64 { low } else { high }) >> (byte & 63) & 1 != 0
    }
}

impl Program {
    /// Returns the node at which every match starts.
    pub(crate) fn start(&self) -> NodeId {
        self.start
    }

    /// Returns the number of nodes.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns all nodes.
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Returns a node. An id of another program yields a node without targets.
    pub(crate) fn node(&self, id: NodeId) -> Node {
        debug_assert!((id as usize) < self.nodes.len(), "node {id} of {}", self.nodes.len());
        self.nodes.get(id as usize).copied().unwrap_or(Node::Split { first: 0, len: 0 })
    }

    /// Returns the targets of a [`Node::Split`].
    pub(crate) fn targets(&self, first: u32, len: u32) -> &[NodeId] {
        self.targets.get(first as usize..first as usize + len as usize).unwrap_or(&[])
    }

    /// Returns the border of a group that a node marks. Such a node reads nothing and has a single target; searches for
    /// matches treat it like any other [`Node::Split`].
    pub(crate) fn mark(&self, id: NodeId) -> Option<Mark> {
        let at = self.marks.binary_search_by_key(&id, |(node, _)| *node).ok()?;
        self.marks.get(at).map(|(_, mark)| *mark)
    }

    /// Returns the number of groups whose borders are marked.
    pub(crate) fn groups(&self) -> usize {
        self.groups
    }

    /// Returns the length of the shortest match in bytes.
    pub(crate) fn shortest(&self) -> usize {
        self.shortest
    }

    /// Returns the length of the longest match in bytes, or `None` if unbounded.
    pub(crate) fn longest(&self) -> Option<usize> {
        self.longest
    }

    /// Returns literals of which every match contains one; `None` if there are none that are rare enough.
    pub(crate) fn literals(&self) -> Option<&Literals> {
        self.literals.as_ref()
    }

    /// Returns chains of literals of which every match contains one; none if they are not rare enough.
    pub(crate) fn chains(&self) -> &[Chain] {
        &self.chains
    }

    /// Returns `true` if every match contains a literal of a set that is rare.
    pub(crate) fn has_rare_literal(&self) -> bool {
        self.has_rare_literal || !self.chains.is_empty()
    }

    /// Returns the literals of all chains.
    pub(crate) fn gate_literals(&self) -> impl Iterator<Item = &[u8]> {
        self.chains.iter().flat_map(|chain| &chain.steps).flat_map(|step| &step.list).map(|literal| &**literal)
    }

    /// Returns the smallest distance in bytes from the start of a match to its reported part.
    pub(crate) fn group_offset(&self) -> usize {
        self.group_offset
    }

    /// Returns `true` if a match may start with `c`. May return `true` if none does, but never `false` if one does.
    pub(crate) fn can_start_with(&self, c: char) -> bool {
        if c.is_ascii() { self.first.ascii(c as u8) } else { self.first.wide }
    }

    /// Returns the first position of `text` in `from..to` at which a match can start, or `to`.
    pub(crate) fn skip(&self, text: &str, from: usize, to: usize) -> usize {
        let remaining = text.as_bytes().get(from..to).unwrap_or(&[]);
        // Only the first byte of a character can be a start, so the result is a character boundary.
        let is_start = |&byte: &u8| if byte < 0x80 { self.first.ascii(byte) } else { self.first.wide && byte >= 0xc0 };
        remaining.iter().position(is_start).map_or(to, |at| from + at)
    }

    /// Calls `each` for every node that is reachable from `from` without reading, assuming that all assertions hold.
    pub(crate) fn reach(&self, from: NodeId, visited: &mut Vec<bool>, mut each: impl FnMut(NodeId, Node)) {
        visited.clear();
        visited.resize(self.nodes.len(), false);
        let mut pending = vec![from];
        while let Some(id) = pending.pop() {
            match visited.get_mut(id as usize) {
                Some(visited) if !*visited => *visited = true,
                _ => continue,
            }
            let node = self.node(id);
            match node {
                Node::Split { first, len } => pending.extend(self.targets(first, len).iter().rev()),
                Node::Look { next, .. } => pending.push(next),
                Node::Char { .. } | Node::Set { .. } | Node::Match => {}
            }
            each(id, node);
        }
    }
}

/// Returns the next node if `node` reads `c`.
pub(crate) fn read(node: Node, c: char, sets: &CharSets) -> Option<NodeId> {
    match node {
        Node::Char { c: own, next } if own == c => Some(next),
        Node::Set { set, next } if sets.contains(set, c) => Some(next),
        _ => None,
    }
}
