//! Where in a text a rule may match, told quickly.

use crate::pattern::alphabet::{Alphabet, Letter};
use crate::pattern::class::Classes;
use crate::pattern::program::{Node, NodeId, Program, read};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes that the automaton of a screen may take. When they are used up it is forgotten and made anew.
const MAX_BYTES: usize = 1 << 20;
/// What a new state costs and a character earns: a state takes about as long to make as the exact searches take for a
/// few dozen characters. Texts that need a new state at every turn are therefore given up on; others pay for theirs.
const STATE_COST: u32 = 32;
const MAX_CREDIT: u32 = 4096 * STATE_COST;

/// All rules of a direction at once, without their assertions and without starts: it tells where a match may end, and
/// most texts have no such place. Exact searches are needed only there.
///
/// It is a deterministic automaton over the [`Alphabet`] of the rules. Its states are made as texts need them.
#[derive(Debug)]
pub(crate) struct Screen {
    alphabet: Arc<Alphabet>,
    /// The number of the first node of each program among the nodes of all, ascending.
    bases: Box<[u32]>,
    /// The nodes at which a match begins to read.
    seeds: Box<[NodeId]>,
    /// Nodes of all programs.
    nodes: usize,
}

/// What a state is: its nodes and its hits.
type Key = (Box<[NodeId]>, Box<[u32]>);

/// The states made so far.
#[derive(Debug)]
pub(crate) struct States {
    /// For each state and letter the next one: 0 is not known yet, else the state plus one, with [`HIT`] if matches may
    /// end there.
    next: Vec<u32>,
    /// For each state, where its nodes end in `nodes` and its hits in `hits`; they begin where those before end.
    ends: Vec<(u32, u32)>,
    nodes: Vec<NodeId>,
    /// Programs whose matches may end here, by their place.
    hits: Vec<u32>,
    by_nodes: BTreeMap<Key, u32>,
    /// Bytes that states may take.
    pub(crate) max_bytes: usize,
    pub(crate) credit: u32,
    /// Which nodes the state in the making has; a node is marked with the number of the making.
    marks: Vec<u32>,
    making: u32,
    stack: Vec<NodeId>,
}

/// The next state has hits.
const HIT: u32 = 1 << 31;

impl Default for States {
    fn default() -> States {
        States {
            next: Vec::new(),
            ends: Vec::new(),
            nodes: Vec::new(),
            hits: Vec::new(),
            by_nodes: BTreeMap::new(),
            max_bytes: MAX_BYTES,
            credit: MAX_CREDIT,
            marks: Vec::new(),
            making: 0,
            stack: Vec::new(),
        }
    }
}

impl Screen {
    pub(crate) fn new<'p>(programs: impl Iterator<Item = &'p Program>, alphabet: Arc<Alphabet>) -> Screen {
        let (mut bases, mut seeds, mut nodes) = (Vec::new(), Vec::new(), 0);
        for program in programs {
            program.reach(program.start(), &mut Vec::new(), |id, node| {
                if matches!(node, Node::Char { .. } | Node::Class { .. }) {
                    seeds.push(nodes as u32 + id);
                }
            });
            bases.push(nodes as u32);
            nodes += program.len();
        }
        Screen { alphabet, bases: bases.into(), seeds: seeds.into(), nodes }
    }

    /// Reads a text. `hit` gets the place of each program of which a match may end at an index (in bytes) of the text,
    /// in ascending order. No match of a program ends where there is no hit of it. `Err`: given up, all hits up to and
    /// with this index were told.
    pub(crate) fn read(
        &self,
        states: &mut States,
        programs: &Programs<'_>,
        text: &str,
        mut hit: impl FnMut(usize, usize),
    ) -> Result<(), usize> {
        let letters = self.alphabet.len();
        let bytes = text.as_bytes();
        let (mut state, mut at) = (0usize, 0usize);
        let earned = u32::try_from(bytes.len()).unwrap_or(MAX_CREDIT).min(MAX_CREDIT);
        states.credit = states.credit.saturating_add(earned).min(MAX_CREDIT);
        while let Some(&byte) = bytes.get(at) {
            let (letter, len) = if byte < 0x80 {
                (self.alphabet.ascii(byte), 1)
            } else {
                let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else { break };
                (self.alphabet.wide(c), c.len_utf8())
            };
            let mut next = states.next.get(state * letters + usize::from(letter)).copied().unwrap_or(0);
            if next == 0 {
                match self.step(states, programs, state, letter) {
                    Some(made) => next = made,
                    None => return Err(at),
                }
            }
            at += len;
            state = (next & !HIT) as usize - 1;
            if next & HIT != 0 {
                states.hits(state).iter().for_each(|program| hit(*program as usize, at));
            }
        }
        Ok(())
    }

    /// Makes the state that follows `state` over `letter`; `None` if that costs too much.
    fn step(&self, states: &mut States, programs: &Programs<'_>, state: usize, letter: Letter) -> Option<u32> {
        states.credit = states.credit.checked_sub(STATE_COST)?;
        if states.ends.is_empty() {
            states.begin(self);
        }
        let c = self.alphabet.sample(letter);
        states.making = states.making.wrapping_add(1);
        if states.making == 0 {
            states.marks.fill(0);
            states.making = 1;
        }
        let (mut nodes, mut hits) = (Vec::new(), Vec::new());
        let mut open = std::mem::take(&mut states.stack);
        open.extend(states.nodes(state).iter().chain(&self.seeds).filter_map(|id| {
            let (program, base) = self.program_of(*id, programs)?;
            Some(base + read(program.node(id - base), c, programs.classes)?)
        }));
        while let Some(id) = open.pop() {
            match states.marks.get_mut(id as usize) {
                Some(mark) if *mark != states.making => *mark = states.making,
                _ => continue,
            }
            let place = self.place_of(id);
            let Some((program, base)) = self.program_of(id, programs) else { continue };
            match program.node(id - base) {
                Node::Split { first, len } => open.extend(program.targets(first, len).iter().map(|next| base + next)),
                Node::Look { next, .. } => open.push(base + next),
                Node::Match => hits.push(place as u32),
                Node::Char { .. } | Node::Class { .. } => nodes.push(id),
            }
        }
        states.stack = open;
        nodes.sort_unstable();
        hits.sort_unstable();
        let key = (nodes.into_boxed_slice(), hits.into_boxed_slice());
        if let Some(&next) = states.by_nodes.get(&key) {
            states.link(self, state, letter, next);
            return Some(next);
        }
        let full = states.bytes(self) > states.max_bytes;
        if full {
            states.begin(self); // `state` is gone with the rest
        }
        let next = states.push(self, key);
        if !full {
            states.link(self, state, letter, next);
        }
        Some(next)
    }

    fn place_of(&self, id: NodeId) -> usize {
        self.bases.partition_point(|base| *base <= id).saturating_sub(1)
    }

    fn program_of<'r>(&self, id: NodeId, programs: &Programs<'r>) -> Option<(&'r Program, u32)> {
        let place = self.place_of(id);
        Some((*programs.list.get(place)?, *self.bases.get(place)?))
    }
}

/// The programs of a screen, in the order in which it was made of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Programs<'r> {
    pub(crate) list: &'r [&'r Program],
    pub(crate) classes: &'r Classes,
}

impl States {
    /// Forgets all states but the first, which is in the middle of no match.
    fn begin(&mut self, screen: &Screen) {
        self.next.clear();
        self.ends.clear();
        self.nodes.clear();
        self.hits.clear();
        self.by_nodes.clear();
        self.marks.resize(screen.nodes, 0);
        self.push(screen, (Box::default(), Box::default()));
    }

    fn push(&mut self, screen: &Screen, key: Key) -> u32 {
        let state = self.ends.len() as u32;
        self.next.resize(self.next.len() + screen.alphabet.len(), 0);
        self.nodes.extend_from_slice(&key.0);
        self.hits.extend_from_slice(&key.1);
        self.ends.push((self.nodes.len() as u32, self.hits.len() as u32));
        let next = if key.1.is_empty() { state + 1 } else { (state + 1) | HIT };
        self.by_nodes.insert(key, next);
        next
    }

    fn link(&mut self, screen: &Screen, state: usize, letter: Letter, next: u32) {
        if let Some(slot) = self.next.get_mut(state * screen.alphabet.len() + usize::from(letter)) {
            *slot = next;
        }
    }

    fn bytes(&self, screen: &Screen) -> usize {
        // A node and a hit stand in the list and in the key; a state has its row and, about, 100 bytes around it.
        let state = screen.alphabet.len() * 4 + 100;
        self.ends.len() * state + (self.nodes.len() + self.hits.len()) * 8
    }

    fn nodes(&self, state: usize) -> &[NodeId] {
        let begin = state.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |(nodes, _)| *nodes);
        let end = self.ends.get(state).map_or(0, |(nodes, _)| *nodes);
        self.nodes.get(begin as usize..end as usize).unwrap_or(&[])
    }

    fn hits(&self, state: usize) -> &[u32] {
        let begin = state.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |(_, hits)| *hits);
        let end = self.ends.get(state).map_or(0, |(_, hits)| *hits);
        self.hits.get(begin as usize..end as usize).unwrap_or(&[])
    }
}
