//! Prefilter: finds quickly where in a text a rule without literals may match.

use super::meter::Meter;
use crate::pattern::assertion::{Before, may_hold};
use crate::pattern::char_classes::{CharClass, CharClasses};
use crate::pattern::char_set::CharSets;
use crate::pattern::program::{Node, NodeId, Program, read};
use crate::search::starters::may_start;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Maximum memory of the automaton of a prefilter in bytes. When it is used up, the automaton is rebuilt from scratch.
const MAX_BYTES: usize = 2 << 20;
/// Work of building a state beside the nodes that it visits.
const STATE_WORK: u64 = 32;

/// Rules of a direction without literals in one automaton, without match starts.
///
/// It finds the positions at which a match may end; most texts have none. Exact searches are needed only there. It is a
/// deterministic automaton over the [`CharClasses`] of the rules, whose states are built when a text first needs them. A
/// state knows the character before it, so assertions on ASCII words and on lines are exact: a rule that begins with `\b`
/// begins only at the border of a word. Other assertions are taken to hold.
#[derive(Debug)]
pub(crate) struct Prefilter {
    char_classes: Arc<CharClasses>,
    /// Number of the first node of each program in the numbering of all nodes, ascending.
    bases: Box<[u32]>,
    /// First node of each program.
    starts: Box<[NodeId]>,
    /// For each byte, a bit for each kind of character before: set if a match may begin with a character that begins with the byte.
    begins: Box<[u8; 0x100]>,
    /// For each byte, the bit of the kind of the character that ends with it.
    kinds: Box<[u8; 0x100]>,
    /// Number of nodes of all programs.
    nodes: usize,
}

/// Identity of a state: its nodes, whose edges that read nothing have not been followed, its hits, and the character before.
type Key = (Box<[NodeId]>, Box<[u32]>, Before);

/// States built so far.
#[derive(Debug)]
pub(crate) struct StateCache {
    /// Next state for each state and character class: 0 if unknown, else the state plus one, with [`HIT`] set if matches
    /// may end before this character, and [`IDLE`] if none is in progress behind it.
    next: Vec<u32>,
    /// For each state, the ends of its nodes in `nodes` and of its hits in `hits`; they begin at the ends of the previous
    /// state.
    ends: Vec<(u32, u32)>,
    nodes: Vec<NodeId>,
    /// Indices of the programs whose matches may end before the character that leads to a state.
    hits: Vec<u32>,
    befores: Vec<Before>,
    by_key: BTreeMap<Key, u32>,
    /// For each kind of character before: the state in which no match is in progress.
    idle: [Option<u32>; Before::ALL.len()],
    /// For each kind of character before and class: the nodes of matches that begin with this character.
    seeds: Vec<Option<Box<[NodeId]>>>,
    /// Programs whose matches may end at the end of the text.
    last_hits: Vec<u32>,
    /// Maximum memory in bytes.
    pub(crate) max_bytes: usize,
    /// For each node, the number of the last build that reached it.
    marks: Vec<u32>,
    /// Number of the current build.
    build: u32,
    pending: Vec<NodeId>,
}

/// Returns the bit of a kind of character before.
fn bit(before: Before) -> u8 {
    1 << before as u8
}

/// Flag of a transition to a state with hits, and of one to a state in which no match is in progress.
const HIT: u32 = 1 << 31;
const IDLE: u32 = 1 << 30;

/// Returns the state that a known transition leads to.
fn state_of(transition: u32) -> usize {
    (transition & !(HIT | IDLE)) as usize - 1
}

impl Default for StateCache {
    fn default() -> StateCache {
        StateCache {
            next: Vec::new(),
            ends: Vec::new(),
            nodes: Vec::new(),
            hits: Vec::new(),
            befores: Vec::new(),
            by_key: BTreeMap::new(),
            idle: Default::default(),
            seeds: Vec::new(),
            last_hits: Vec::new(),
            max_bytes: MAX_BYTES,
            marks: Vec::new(),
            build: 0,
            pending: Vec::new(),
        }
    }
}

/// Position of the prefilter in a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrefilterScan {
    state: usize,
    at: usize,
    /// Position at which it ends.
    until: usize,
    is_at_end: bool,
}

impl Prefilter {
    /// Creates the prefilter of `programs`.
    pub(crate) fn new(programs: &[&Program], sets: &CharSets, char_classes: Arc<CharClasses>) -> Prefilter {
        let (mut bases, mut starts, mut nodes) = (Vec::new(), Vec::new(), 0);
        for program in programs {
            bases.push(nodes as u32);
            starts.push(nodes as u32 + program.start());
            nodes += program.len();
        }
        let may_begin = |before: Before, byte: u8| match byte {
            0x80..0xc0 => false, // continues a character
            0xc0.. => programs.iter().any(|program| program.can_start_with('\u{80}')),
            byte => programs.iter().any(|program| may_start(program, before, char::from(byte), sets)),
        };
        let (mut begins, mut kinds) = (Box::new([0; 0x100]), Box::new([0; 0x100]));
        for (byte, (begins, kind)) in (0..=u8::MAX).zip(begins.iter_mut().zip(kinds.iter_mut())) {
            let befores = Before::ALL.into_iter().filter(|before| may_begin(*before, byte));
            *begins = befores.fold(0, |bits, before| bits | bit(before));
            *kind = bit(Before::of_byte(byte));
        }
        Prefilter { char_classes, bases: bases.into(), starts: starts.into(), begins, kinds, nodes }
    }

    /// Returns the first index of `text` at or after `from` at which a match may begin, or its length. `before` is the kind of the
    /// character before `from`.
    fn skip(&self, text: &[u8], from: usize, before: Before) -> usize {
        let Some(rest) = text.get(from..) else { return from };
        let mut before = bit(before);
        let begin = rest.iter().position(|&byte| {
            let begins = self.begins.get(usize::from(byte)).copied().unwrap_or_default();
            let begins = begins & before != 0;
            before = self.kinds.get(usize::from(byte)).copied().unwrap_or_default();
            begins
        });
        begin.map_or(text.len(), |at| from + at)
    }

    /// Returns `true` if there are no programs.
    pub(crate) fn is_empty(&self) -> bool {
        self.bases.is_empty()
    }

    /// Begins to read a range of `text`. Matches that begin in front of it are not seen.
    pub(crate) fn begin(&self, cache: &mut StateCache, text: &str, range: Range<usize>) -> PrefilterScan {
        if cache.ends.is_empty() {
            cache.reset(self);
        }
        let before = text.get(..range.start).and_then(|before| before.chars().next_back());
        let state = cache.idle_state(self, Before::of(before));
        PrefilterScan { state, at: range.start, until: range.end.min(text.len()), is_at_end: false }
    }

    /// Reads on to the next position at which a match may end, and returns it; `None` at the end of the text. No match of a
    /// program ends at another position. Stops early if the meter is exceeded. The [`hits`](StateCache::hits) are those of
    /// this position.
    pub(crate) fn run(
        &self,
        scan: &mut PrefilterScan,
        cache: &mut StateCache,
        programs: &Programs<'_>,
        text: &str,
        meter: &mut Meter,
    ) -> Option<usize> {
        let classes = self.char_classes.len();
        let bytes = text.as_bytes().get(..scan.until).unwrap_or_default();
        let (mut at, mut state, mut is_idle) = (scan.at, scan.state, cache.is_idle(scan.state));
        loop {
            if is_idle {
                let begin = self.skip(bytes, at, cache.before(state));
                if begin > at {
                    let before = bytes.get(begin - 1).map_or(Before::Edge, |byte| Before::of_byte(*byte));
                    (at, state) = (begin, cache.idle_state(self, before));
                }
            }
            let Some(&byte) = bytes.get(at) else { break };
            let (class, len) = if byte < 0x80 {
                (self.char_classes.ascii(byte), 1)
            } else {
                let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else { break };
                (self.char_classes.wide(c), c.len_utf8())
            };
            let mut next = cache.next.get(state * classes + usize::from(class)).copied().unwrap_or(0);
            if next == 0 {
                if meter.is_exceeded() {
                    return None;
                }
                next = self.step(cache, programs, state, class, meter);
            }
            let before = at;
            at += len;
            (state, is_idle) = (state_of(next), next & IDLE != 0);
            if next & HIT != 0 {
                (scan.at, scan.state) = (at, state);
                return Some(before);
            }
        }
        (scan.at, scan.state) = (at, state);
        if scan.is_at_end || scan.until < text.len() {
            return None;
        }
        scan.is_at_end = true;
        let mut hits = std::mem::take(&mut cache.last_hits);
        hits.clear();
        self.follow(cache, programs, (Origin::State(scan.state), None), meter, &mut Vec::new(), &mut hits);
        cache.last_hits = hits;
        (!cache.last_hits.is_empty()).then_some(text.len())
    }

    /// Builds the state that follows `state` over `class`.
    fn step(
        &self,
        cache: &mut StateCache,
        programs: &Programs<'_>,
        state: usize,
        class: CharClass,
        meter: &mut Meter,
    ) -> u32 {
        let c = self.char_classes.sample(class);
        let before = cache.before(state);
        let (mut nodes, mut hits) = (Vec::new(), Vec::new());
        meter.add(STATE_WORK);
        let seed = before as usize * self.char_classes.len() + usize::from(class);
        let seeds = match cache.seeds.get(seed) {
            Some(Some(seeds)) => seeds.clone(),
            _ => {
                self.follow(cache, programs, (Origin::Starts(before), Some(c)), meter, &mut nodes, &mut hits);
                let seeds: Box<[NodeId]> = std::mem::take(&mut nodes).into();
                cache.seeds.resize(Before::ALL.len() * self.char_classes.len(), None);
                if let Some(slot) = cache.seeds.get_mut(seed) {
                    *slot = Some(seeds.clone());
                }
                seeds
            }
        };
        self.follow(cache, programs, (Origin::State(state), Some(c)), meter, &mut nodes, &mut hits);
        nodes.extend_from_slice(&seeds);
        nodes.sort_unstable();
        nodes.dedup();
        hits.sort_unstable();
        hits.dedup();
        let key = (nodes.into_boxed_slice(), hits.into_boxed_slice(), Before::of(Some(c)));
        if let Some(&next) = cache.by_key.get(&key) {
            cache.link(self, state, class, next);
            return next;
        }
        let full = cache.bytes(self) > cache.max_bytes;
        if full {
            cache.reset(self); // this also removes `state`
        }
        let next = cache.push(self, key);
        if !full {
            cache.link(self, state, class, next);
        }
        next
    }

    /// Follows all edges from `origin` over the character `c`, or the end of the text. Adds the nodes behind it to `nodes`,
    /// and the programs whose matches may end in front of it to `hits`.
    fn follow(
        &self,
        cache: &mut StateCache,
        programs: &Programs<'_>,
        (origin, c): (Origin, Option<char>),
        meter: &mut Meter,
        nodes: &mut Vec<NodeId>,
        hits: &mut Vec<u32>,
    ) {
        cache.build = cache.build.wrapping_add(1);
        if cache.build == 0 {
            cache.marks.fill(0);
            cache.build = 1;
        }
        let mut pending = std::mem::take(&mut cache.pending);
        let before = match origin {
            Origin::State(state) => {
                pending.extend_from_slice(cache.nodes(state));
                cache.before(state)
            }
            Origin::Starts(before) => {
                pending.extend_from_slice(&self.starts);
                before
            }
        };
        while let Some(id) = pending.pop() {
            match cache.marks.get_mut(id as usize) {
                Some(mark) if *mark != cache.build => *mark = cache.build,
                _ => continue,
            }
            meter.add(1);
            let index = self.index_of(id);
            let Some((program, base)) = self.program_of(id, programs) else { continue };
            match program.node(id - base) {
                Node::Split { first, len } => {
                    pending.extend(program.targets(first, len).iter().map(|next| base + next));
                }
                Node::Look { look, next } => {
                    if may_hold(look, before, c) {
                        pending.push(base + next);
                    }
                }
                Node::Match => hits.push(index as u32),
                node => nodes.extend(c.and_then(|c| read(node, c, programs.sets)).map(|next| base + next)),
            }
        }
        cache.pending = pending;
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

/// Nodes that a step begins at.
#[derive(Clone, Copy, Debug)]
enum Origin {
    State(usize),
    /// First nodes of all programs, behind a character of this kind.
    Starts(Before),
}

impl StateCache {
    /// Returns the programs whose matches may end at the position at which [`Prefilter::run`] has stopped.
    pub(crate) fn hits(&self, scan: &PrefilterScan) -> &[u32] {
        if scan.is_at_end { &self.last_hits } else { self.hits_of(scan.state) }
    }

    /// Returns the kind of the character before a state.
    fn before(&self, state: usize) -> Before {
        self.befores.get(state).copied().unwrap_or_default()
    }

    /// Returns `true` if no match is in progress in a state.
    fn is_idle(&self, state: usize) -> bool {
        self.idle.get(self.before(state) as usize).is_some_and(|idle| *idle == Some(state as u32))
    }

    /// Returns the state in which no match is in progress, behind a character of this kind.
    fn idle_state(&mut self, prefilter: &Prefilter, before: Before) -> usize {
        match self.idle.get(before as usize) {
            Some(Some(state)) => *state as usize,
            _ => state_of(self.push(prefilter, (Box::default(), Box::default(), before))),
        }
    }

    /// Removes all states except the initial one, in which no match is in progress.
    fn reset(&mut self, prefilter: &Prefilter) {
        self.next.clear();
        self.ends.clear();
        self.nodes.clear();
        self.hits.clear();
        self.befores.clear();
        self.idle = Default::default();
        self.by_key.clear();
        self.marks.resize(prefilter.nodes, 0);
        self.push(prefilter, (Box::default(), Box::default(), Before::Edge));
    }

    /// Adds a state and returns the transition to it.
    fn push(&mut self, prefilter: &Prefilter, key: Key) -> u32 {
        let state = self.ends.len() as u32;
        self.next.resize(self.next.len() + prefilter.char_classes.len(), 0);
        self.nodes.extend_from_slice(&key.0);
        self.hits.extend_from_slice(&key.1);
        self.befores.push(key.2);
        let is_idle = key.0.is_empty() && key.1.is_empty();
        if let Some(idle) = self.idle.get_mut(key.2 as usize).filter(|_| is_idle) {
            *idle = Some(state);
        }
        self.ends.push((self.nodes.len() as u32, self.hits.len() as u32));
        let next = (state + 1) | if key.1.is_empty() { 0 } else { HIT } | if is_idle { IDLE } else { 0 };
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
    fn hits_of(&self, state: usize) -> &[u32] {
        let begin = state.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |(_, hits)| *hits);
        let end = self.ends.get(state).map_or(0, |(_, hits)| *hits);
        self.hits.get(begin as usize..end as usize).unwrap_or(&[])
    }
}
