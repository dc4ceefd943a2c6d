//! Prefilter: finds quickly where in a text a rule may match.

use crate::pattern::char_classes::{CharClass, CharClasses};
use crate::pattern::char_set::CharSets;
use crate::pattern::program::{Node, NodeId, Program, read};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Maximum memory of the automaton of a prefilter in bytes. When it is used up, the automaton is rebuilt from scratch.
const MAX_BYTES: usize = 1 << 20;
/// Cost of a new state, where every character read earns one. Building a state takes about as long as exact searches take
/// for a few dozen characters. The prefilter therefore gives up on texts that need a new state for almost every character.
const STATE_COST: u32 = 32;
const MAX_CREDIT: u32 = 4096 * STATE_COST;

/// All rules of a direction in one automaton, without assertions and match starts.
///
/// It finds the positions at which a match may end; most texts have none. Exact searches are needed only there. It is a
/// deterministic automaton over the [`CharClasses`] of the rules, whose states are built when a text first needs them.
#[derive(Debug)]
pub(crate) struct Prefilter {
    char_classes: Arc<CharClasses>,
    /// Number of the first node of each program in the numbering of all nodes, ascending.
    bases: Box<[u32]>,
    /// Nodes that read the first character of a match.
    seeds: Box<[NodeId]>,
    /// Number of nodes of all programs.
    nodes: usize,
}

/// Identity of a state: its nodes and its hits.
type Key = (Box<[NodeId]>, Box<[u32]>);

/// States built so far.
#[derive(Debug)]
pub(crate) struct StateCache {
    /// Next state for each state and character class: 0 if unknown, else the state plus one, with [`HIT`] set if matches
    /// may end there.
    next: Vec<u32>,
    /// For each state, the ends of its nodes in `nodes` and of its hits in `hits`; they begin at the ends of the previous
    /// state.
    ends: Vec<(u32, u32)>,
    nodes: Vec<NodeId>,
    /// Indices of the programs whose matches may end in a state.
    hits: Vec<u32>,
    by_key: BTreeMap<Key, u32>,
    /// Maximum memory in bytes.
    pub(crate) max_bytes: usize,
    /// Credit for building states, see [`STATE_COST`].
    pub(crate) credit: u32,
    /// For each node, the number of the last build that reached it.
    marks: Vec<u32>,
    /// Number of the current build.
    build: u32,
    pending: Vec<NodeId>,
}

/// Flag of a transition to a state with hits.
const HIT: u32 = 1 << 31;

impl Default for StateCache {
    fn default() -> StateCache {
        StateCache {
            next: Vec::new(),
            ends: Vec::new(),
            nodes: Vec::new(),
            hits: Vec::new(),
            by_key: BTreeMap::new(),
            max_bytes: MAX_BYTES,
            credit: MAX_CREDIT,
            marks: Vec::new(),
            build: 0,
            pending: Vec::new(),
        }
    }
}

impl Prefilter {
    /// Creates the prefilter of `programs`.
    pub(crate) fn new<'p>(programs: impl Iterator<Item = &'p Program>, char_classes: Arc<CharClasses>) -> Prefilter {
        let (mut bases, mut seeds, mut nodes) = (Vec::new(), Vec::new(), 0);
        for program in programs {
            program.reach(program.start(), &mut Vec::new(), |id, node| {
                if matches!(node, Node::Char { .. } | Node::Set { .. }) {
                    seeds.push(nodes as u32 + id);
                }
            });
            bases.push(nodes as u32);
            nodes += program.len();
        }
        Prefilter { char_classes, bases: bases.into(), seeds: seeds.into(), nodes }
    }

    /// Reads a text and calls `hit` with the index of a program and a byte index of the text wherever a match may end, in
    /// ascending order of positions. No match of a program ends at a position without a hit.
    ///
    /// # Errors
    /// The byte index at which the prefilter has given up. All hits up to and including this position were reported.
    pub(crate) fn read(
        &self,
        cache: &mut StateCache,
        programs: &Programs<'_>,
        text: &str,
        mut hit: impl FnMut(usize, usize),
    ) -> Result<(), usize> {
        let classes = self.char_classes.len();
        let bytes = text.as_bytes();
        let (mut state, mut at) = (0usize, 0usize);
        let earned = u32::try_from(bytes.len()).unwrap_or(MAX_CREDIT).min(MAX_CREDIT);
        cache.credit = cache.credit.saturating_add(earned).min(MAX_CREDIT);
        while let Some(&byte) = bytes.get(at) {
            let (class, len) = if byte < 0x80 {
                (self.char_classes.ascii(byte), 1)
            } else {
                let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else { break };
                (self.char_classes.wide(c), c.len_utf8())
            };
            let mut next = cache.next.get(state * classes + usize::from(class)).copied().unwrap_or(0);
            if next == 0 {
                match self.step(cache, programs, state, class) {
                    Some(built) => next = built,
                    None => return Err(at),
                }
            }
            at += len;
            state = (next & !HIT) as usize - 1;
            if next & HIT != 0 {
                cache.hits(state).iter().for_each(|program| hit(*program as usize, at));
            }
        }
        Ok(())
    }

    /// Builds the state that follows `state` over `class`. Returns `None` if the credit is used up.
    fn step(&self, cache: &mut StateCache, programs: &Programs<'_>, state: usize, class: CharClass) -> Option<u32> {
        cache.credit = cache.credit.checked_sub(STATE_COST)?;
        if cache.ends.is_empty() {
            cache.reset(self);
        }
        let c = self.char_classes.sample(class);
        cache.build = cache.build.wrapping_add(1);
        if cache.build == 0 {
            cache.marks.fill(0);
            cache.build = 1;
        }
        let (mut nodes, mut hits) = (Vec::new(), Vec::new());
        let mut pending = std::mem::take(&mut cache.pending);
        pending.extend(cache.nodes(state).iter().chain(&self.seeds).filter_map(|id| {
            let (program, base) = self.program_of(*id, programs)?;
            Some(base + read(program.node(id - base), c, programs.sets)?)
        }));
        while let Some(id) = pending.pop() {
            match cache.marks.get_mut(id as usize) {
                Some(mark) if *mark != cache.build => *mark = cache.build,
                _ => continue,
            }
            let index = self.index_of(id);
            let Some((program, base)) = self.program_of(id, programs) else { continue };
            match program.node(id - base) {
                Node::Split { first, len } => {
                    pending.extend(program.targets(first, len).iter().map(|next| base + next));
                }
                Node::Look { next, .. } => pending.push(base + next),
                Node::Match => hits.push(index as u32),
                Node::Char { .. } | Node::Set { .. } => nodes.push(id),
            }
        }
        cache.pending = pending;
        nodes.sort_unstable();
        hits.sort_unstable();
        let key = (nodes.into_boxed_slice(), hits.into_boxed_slice());
        if let Some(&next) = cache.by_key.get(&key) {
            cache.link(self, state, class, next);
            return Some(next);
        }
        let full = cache.bytes(self) > cache.max_bytes;
        if full {
            cache.reset(self); // this also removes `state`
        }
        let next = cache.push(self, key);
        if !full {
            cache.link(self, state, class, next);
        }
        Some(next)
    }

    /// Returns the index of the program that a node belongs to.
    fn index_of(&self, id: NodeId) -> usize {
        self.bases.partition_point(|base| *base <= id).saturating_sub(1)
    }

    /// Returns the program that a node belongs to, and the number of its first node.
    fn program_of<'r>(&self, id: NodeId, programs: &Programs<'r>) -> Option<(&'r Program, u32)> {
        let index = self.index_of(id);
        Some((*programs.list.get(index)?, *self.bases.get(index)?))
    }
}

/// Programs of a prefilter, in the order in which they were passed to [`Prefilter::new`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Programs<'r> {
    pub(crate) list: &'r [&'r Program],
    pub(crate) sets: &'r CharSets,
}

impl StateCache {
    /// Removes all states except the initial one, in which no match is in progress.
    fn reset(&mut self, prefilter: &Prefilter) {
        self.next.clear();
        self.ends.clear();
        self.nodes.clear();
        self.hits.clear();
        self.by_key.clear();
        self.marks.resize(prefilter.nodes, 0);
        self.push(prefilter, (Box::default(), Box::default()));
    }

    /// Adds a state and returns the transition to it.
    fn push(&mut self, prefilter: &Prefilter, key: Key) -> u32 {
        let state = self.ends.len() as u32;
        self.next.resize(self.next.len() + prefilter.char_classes.len(), 0);
        self.nodes.extend_from_slice(&key.0);
        self.hits.extend_from_slice(&key.1);
        self.ends.push((self.nodes.len() as u32, self.hits.len() as u32));
        let next = if key.1.is_empty() { state + 1 } else { (state + 1) | HIT };
        self.by_key.insert(key, next);
        next
    }

    /// Stores the transition from `state` over `class`.
    fn link(&mut self, prefilter: &Prefilter, state: usize, class: CharClass, next: u32) {
        if let Some(slot) = self.next.get_mut(state * prefilter.char_classes.len() + usize::from(class)) {
            *slot = next;
        }
    }

    /// Returns the approximate memory of all states in bytes.
    fn bytes(&self, prefilter: &Prefilter) -> usize {
        // Nodes and hits are stored in the list and in the key. A state has its row of transitions and about 100 bytes of
        // bookkeeping.
        let state = prefilter.char_classes.len() * 4 + 100;
        self.ends.len() * state + (self.nodes.len() + self.hits.len()) * 8
    }

    /// Returns the nodes of a state.
    fn nodes(&self, state: usize) -> &[NodeId] {
        let begin = state.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |(nodes, _)| *nodes);
        let end = self.ends.get(state).map_or(0, |(nodes, _)| *nodes);
        self.nodes.get(begin as usize..end as usize).unwrap_or(&[])
    }

    /// Returns the hits of a state.
    fn hits(&self, state: usize) -> &[u32] {
        let begin = state.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |(_, hits)| *hits);
        let end = self.ends.get(state).map_or(0, |(_, hits)| *hits);
        self.hits.get(begin as usize..end as usize).unwrap_or(&[])
    }
}
