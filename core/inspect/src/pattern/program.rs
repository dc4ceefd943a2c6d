//! A compiled pattern: a graph whose edges are characters.

use super::class::{ClassId, Classes};
use regex_syntax::hir::Look;

/// The place of a node in its program.
pub(crate) type NodeId = u32;

/// One place a search can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// Goes on at `next` over this character.
    Char { c: char, next: NodeId },
    /// Goes on at `next` over any character of the class.
    Class { class: ClassId, next: NodeId },
    /// Goes on at `next` at once where the assertion holds.
    Look { look: Look, next: NodeId },
    /// Goes on at each of [`Program::targets`] at once, the first preferred.
    Split { first: u32, len: u32 },
    /// The pattern has matched.
    Match,
}

/// A pattern as a graph over characters, not bytes: `\w` is one node instead of some three hundred, so that
/// `[\w.+-]{1,64}@` costs 65 nodes and the tables of its classes are shared by every rule.
///
/// Nodes stand in an order in which every edge that reads nothing leads forwards, save those that close a loop: one
/// walk in ascending order visits all that can be reached without reading.
#[derive(Debug)]
pub(crate) struct Program {
    pub(super) nodes: Box<[Node]>,
    pub(super) targets: Box<[NodeId]>,
    pub(super) start: NodeId,
    /// Characters a match can start with: ASCII as a bitmap.
    pub(super) first_ascii: [u64; 2],
    /// Whether a match can start with a character that is not ASCII.
    pub(super) first_wide: bool,
    /// The shortest match in bytes of UTF-8.
    pub(super) shortest: usize,
    /// The longest match in bytes of UTF-8; `None`: no limit.
    pub(super) longest: Option<usize>,
}

impl Program {
    pub(crate) fn start(&self) -> NodeId {
        self.start
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node, or one that leads nowhere should the id be foreign.
    pub(crate) fn node(&self, id: NodeId) -> Node {
        self.nodes.get(id as usize).copied().unwrap_or(Node::Split { first: 0, len: 0 })
    }

    pub(crate) fn targets(&self, first: u32, len: u32) -> &[NodeId] {
        self.targets.get(first as usize..first as usize + len as usize).unwrap_or(&[])
    }

    pub(crate) fn shortest(&self) -> usize {
        self.shortest
    }

    pub(crate) fn longest(&self) -> Option<usize> {
        self.longest
    }

    /// Whether a match can start with `c` (may say yes where none does, never no where one does).
    pub(crate) fn can_start_with(&self, c: char) -> bool {
        if c.is_ascii() { self.first_ascii_byte(c as u8) } else { self.first_wide }
    }

    fn first_ascii_byte(&self, byte: u8) -> bool {
        let [low, high] = self.first_ascii;
        (if byte < 64 { low } else { high }) >> (byte & 63) & 1 != 0
    }

    /// The first position of `text` at or after `from` at which a match can start, or its length.
    pub(crate) fn skip(&self, text: &str, from: usize) -> usize {
        let rest = text.as_bytes().get(from..).unwrap_or(&[]);
        // Only a leading byte of a character can stop the walk, so the position is always between characters.
        let wanted = |&byte: &u8| {
            if byte < 0x80 { self.first_ascii_byte(byte) } else { self.first_wide && byte >= 0xc0 }
        };
        rest.iter().position(wanted).map_or(text.len(), |at| from + at)
    }

    /// Every node that can be reached from `from` without reading, assertions taken as met.
    pub(crate) fn reach(&self, from: NodeId, seen: &mut Vec<bool>, mut each: impl FnMut(NodeId, Node)) {
        seen.clear();
        seen.resize(self.nodes.len(), false);
        let mut open = vec![from];
        while let Some(id) = open.pop() {
            match seen.get_mut(id as usize) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            let node = self.node(id);
            match node {
                Node::Split { first, len } => open.extend(self.targets(first, len).iter().rev()),
                Node::Look { next, .. } => open.push(next),
                Node::Char { .. } | Node::Class { .. } | Node::Match => {}
            }
            each(id, node);
        }
    }
}

/// Whether `node` reads `c`, and where it leads.
pub(crate) fn read(node: Node, c: char, classes: &Classes) -> Option<NodeId> {
    match node {
        Node::Char { c: own, next } if own == c => Some(next),
        Node::Class { class, next } if classes.contains(class, c) => Some(next),
        _ => None,
    }
}
