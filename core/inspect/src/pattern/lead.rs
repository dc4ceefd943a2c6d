//! Lead of a pattern: the characters that a match begins with, up to the first one that cannot be in the lead.
//!
//! In `[\w.]{1,64}@[a-z.]+`, the lead is a run of `[\w.]` and the gate is `@`: no text without the gate has a match. A
//! search in a stream only needs to know where the current run began, and starts at the gate.

use super::assertion::{self, Assertion};
use super::char_set::{CharSet, CharSets};
use super::program::{Node, NodeId, Program, read};
use std::collections::BTreeSet;

/// Longest lead in characters whose length is known; longer ones count as unbounded.
const MAX_LEN: u32 = 256;

/// Lead of a pattern.
#[derive(Debug)]
pub(crate) struct Lead {
    /// Nodes that read the characters of the lead, one of each kind.
    class: Box<[Node]>,
    /// Nodes that read the character behind the lead, one of each kind. They read no character of `class`.
    gate: Box<[Node]>,
    max_chars: Option<u32>,
    /// Assertion that the lead begins with.
    look: Option<Assertion>,
}

impl Lead {
    /// Returns the lead of a program. `None` if a match may end in the lead, or if the character behind it may also be in it.
    pub(crate) fn of(program: &Program, sets: &CharSets) -> Option<Lead> {
        let mut search = Readers { program, visited: Vec::new() };
        let first = search.after(&BTreeSet::from([program.start()]))?;
        let mut lead = LeadSets { class: distinct(first.iter().copied()), known: Vec::new(), sets };
        // Every node of the lead is visited once.
        let (mut seen, mut pending, mut gate) = (BTreeSet::new(), first, Vec::new());
        while let Some(node) = pending.pop() {
            match lead.overlap(node) {
                Overlap::Partial => return None,
                Overlap::None => gate.push(node),
                Overlap::Inside => {
                    let next = next(node)?;
                    if seen.insert(next) {
                        pending.extend(search.after(&BTreeSet::from([next]))?);
                    }
                }
            }
        }
        let gate = distinct(gate.into_iter());
        if gate.is_empty() {
            return None;
        }
        let mut frontier = BTreeSet::from([program.start()]);
        let mut max_chars = None;
        for len in 0..=MAX_LEN {
            let nodes = search.after(&frontier)?;
            frontier =
                nodes.into_iter().filter(|node| lead.overlap(*node) == Overlap::Inside).filter_map(next).collect();
            if frontier.is_empty() {
                max_chars = Some(len);
                break;
            }
        }
        let look = match program.node(program.start()) {
            Node::Look { look, .. } => Some(look),
            _ => None,
        };
        Some(Lead { class: lead.class, gate, max_chars, look })
    }

    /// Returns `true` if `c` may be in the lead.
    pub(crate) fn has(&self, c: char, sets: &CharSets) -> bool {
        self.class.iter().any(|node| read(*node, c, sets).is_some())
    }

    /// Returns `true` if a match may begin between these characters, as far as the assertion in front of it is concerned.
    pub(crate) fn begins_between(&self, before: Option<char>, after: char) -> bool {
        self.look.is_none_or(|look| assertion::holds(look, before, Some(after)))
    }

    /// Returns `true` if other characters than ASCII may be in the lead or follow it.
    pub(crate) fn has_wide(&self, sets: &CharSets) -> bool {
        self.class.iter().chain(&self.gate).any(|node| match node {
            Node::Char { c, .. } => !c.is_ascii(),
            node => set(*node, sets).is_some_and(CharSet::has_wide),
        })
    }

    /// Returns `true` if the lead begins with an assertion.
    pub(crate) fn has_look(&self) -> bool {
        self.look.is_some()
    }

    /// Returns `true` if `c` may follow the lead.
    pub(crate) fn is_gate(&self, c: char, sets: &CharSets) -> bool {
        self.gate.iter().any(|node| read(*node, c, sets).is_some())
    }

    /// Returns the largest number of characters in a lead; `None` if it is unbounded or very large.
    pub(crate) fn max_chars(&self) -> Option<u32> {
        self.max_chars
    }
}

/// Finds the nodes that read the next character.
struct Readers<'p> {
    program: &'p Program,
    visited: Vec<bool>,
}

impl Readers<'_> {
    /// Returns the nodes that read a character and are reachable from `from`; `None` if a match may end there.
    fn after(&mut self, from: &BTreeSet<NodeId>) -> Option<Vec<Node>> {
        let (mut nodes, mut ends) = (Vec::new(), false);
        for start in from {
            self.program.reach(*start, &mut self.visited, |_, node| match node {
                Node::Char { .. } | Node::Set { .. } => nodes.push(node),
                Node::Match => ends = true,
                Node::Look { .. } | Node::Split { .. } => {}
            });
        }
        (!ends).then_some(nodes)
    }
}

/// Relation of the characters of a node to those of a lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overlap {
    Inside,
    Partial,
    None,
}

/// Characters of a lead, compared with those of other nodes.
struct LeadSets<'s> {
    class: Box<[Node]>,
    /// Relations found before, since a repetition has many nodes with the same characters.
    known: Vec<(Node, Overlap)>,
    sets: &'s CharSets,
}

impl LeadSets<'_> {
    fn overlap(&mut self, node: Node) -> Overlap {
        if let Some((_, overlap)) = self.known.iter().find(|(known, _)| reads_same(*known, node)) {
            return *overlap;
        }
        let LeadSets { class, known, sets } = self;
        let in_class = |c| class.iter().any(|node| read(*node, c, sets).is_some());
        let (mut inside, mut outside) = (false, false);
        // Membership changes at borders only.
        let borders = class.iter().chain([&node]).filter_map(|node| set(*node, sets)).flat_map(CharSet::borders);
        let singles = class.iter().chain([&node]).filter_map(|node| match node {
            Node::Char { c, .. } => Some(*c as u32),
            _ => None,
        });
        let candidates = borders.chain(singles.flat_map(|c| [c, c + 1])).chain([0]).filter_map(char::from_u32);
        for c in candidates.filter(|c| read(node, *c, sets).is_some()) {
            match in_class(c) {
                true => inside = true,
                false => outside = true,
            }
        }
        let overlap = match (inside, outside) {
            (true, true) => Overlap::Partial,
            (true, false) => Overlap::Inside,
            _ => Overlap::None,
        };
        known.push((node, overlap));
        overlap
    }
}

/// Returns `true` if two nodes read the same characters.
fn reads_same(a: Node, b: Node) -> bool {
    match (a, b) {
        (Node::Char { c, .. }, Node::Char { c: other, .. }) => c == other,
        (Node::Set { set, .. }, Node::Set { set: other, .. }) => set == other,
        _ => false,
    }
}

fn set(node: Node, sets: &CharSets) -> Option<&CharSet> {
    if let Node::Set { set, .. } = node { sets.get(set) } else { None }
}

fn next(node: Node) -> Option<NodeId> {
    match node {
        Node::Char { next, .. } | Node::Set { next, .. } => Some(next),
        _ => None,
    }
}

/// Returns one node for each set of characters.
fn distinct(nodes: impl Iterator<Item = Node>) -> Box<[Node]> {
    let mut distinct: Vec<Node> = Vec::new();
    for node in nodes {
        if !distinct.iter().any(|other| reads_same(node, *other)) {
            distinct.push(node);
        }
    }
    distinct.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::char_set::CharSetsBuilder;
    use crate::pattern::compile;

    #[test]
    fn leads_of_patterns() {
        for (pattern, expected) in [
            (r"[a-z.]{1,64}@[a-z]+", Some(("az.", "@", Some(64)))),
            (r"\b[\w.+-]+@\w", Some(("z_+", "@", None))),
            (r"(?i)AKIA[0-9]{4}", Some(("aA", "kK", Some(1)))),
            (r"(AKIA|ASIA)[0-9]{4}", Some(("A", "KS", Some(1)))),
            (r"[a-z]*[0-9]", None), // `[0-9]` may come first: it is in the class, and a match may end behind it
            (r"[a-z]{2}[a-f0-9]", None),
            (r"[a-z]+", None),
            (r"a|ab", None),
            (r"\d{3}-\d{2}", Some(("09", "-", Some(3)))),
            (r"a{300}-", Some(("a", "-", None))),
            (r"(?s).+x", None),
        ] {
            let mut builder = CharSetsBuilder::default();
            let program = compile::regex(pattern, false, &mut builder).unwrap();
            let sets = builder.build();
            let lead = Lead::of(&program, &sets);
            assert_eq!(lead.is_some(), expected.is_some(), "{pattern}: {lead:?}");
            let (Some(lead), Some((class, gate, max_chars))) = (lead, expected) else { continue };
            assert!(class.chars().all(|c| lead.has(c, &sets) && !lead.is_gate(c, &sets)), "{pattern}");
            assert!(gate.chars().all(|c| lead.is_gate(c, &sets) && !lead.has(c, &sets)), "{pattern}");
            assert_eq!(lead.max_chars(), max_chars, "{pattern}");
        }
    }
}
