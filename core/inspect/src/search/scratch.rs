//! Single step of a search over one character, and the working memory that steps share.

use super::active_states::ActiveStates;
use super::chain_progress::ChainProgress;
use super::groups::Groups;
use super::meter::Meter;
use super::start_set::StartSet;
use super::window_filter::WindowFilters;
use crate::condition::Conditions;
use crate::pattern::assertion;
use crate::pattern::char_set::CharSets;
use crate::pattern::program::{Node, NodeId, Program, read};

/// Pattern of a search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'p> {
    pub(crate) program: &'p Program,
    pub(crate) sets: &'p CharSets,
    pub(crate) starts: StartSet,
    /// Conditions on a match; `None` if every match counts.
    pub(crate) conditions: Option<&'p Conditions>,
}

/// Position between two characters at which a step is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Boundary {
    pub(crate) at: u64,
    pub(crate) before: Option<char>,
    /// Next character; `None` at the end of the text.
    pub(crate) after: Option<char>,
}

/// Working memory of steps, reused by all searches and as large as the largest program requires. Holds no state between
/// steps.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Number of the step, which distinguishes its entries from those of earlier steps.
    step: u32,
    /// Per node: the last step that reached it.
    reached: Vec<u32>,
    /// Per node: its start set in this step.
    sets: Vec<u64>,
    /// Per node, one bit: reached, but its edges have not been followed.
    pending: Vec<u64>,
    /// Per node: the last step that put it into `next`, and its index there.
    arrived: Vec<(u32, u32)>,
    /// Active states after this step.
    next: ActiveStates,
    carried: Vec<u64>,
    stack: Vec<NodeId>,
    /// Active states of finished searches, for reuse: in a stream, many searches begin and end with every word.
    spare: Vec<ActiveStates>,
    /// Counts the nodes visited, the measure of time spent.
    pub(crate) meter: Meter,
    /// Memory for groups and conditions of matches.
    pub(crate) groups: Groups,
    pub(crate) chains: ChainProgress,
    /// Filters of the windows of complete texts.
    pub(super) filters: WindowFilters,
}

/// Maximum number of active states kept for reuse.
const MAX_SPARE: usize = 64;

impl Scratch {
    /// Returns empty active states.
    pub(crate) fn take_states(&mut self) -> ActiveStates {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes back active states that are no longer used.
    pub(crate) fn reuse(&mut self, mut states: ActiveStates) {
        if self.spare.len() < MAX_SPARE {
            states.clear();
            self.spare.push(states);
        }
    }

    /// Starts a new step.
    fn begin(&mut self, target: &Target<'_>) {
        let nodes = target.program.len();
        if self.reached.len() < nodes {
            self.reached.resize(nodes, 0);
            self.arrived.resize(nodes, (0, 0));
            self.pending.resize(nodes.div_ceil(64), 0);
        }
        let words = nodes * target.starts.width();
        if self.sets.len() < words {
            self.sets.resize(words, 0);
        }
        self.step = self.step.wrapping_add(1);
        if self.step == 0 {
            self.reached.fill(0);
            self.arrived.fill((0, 0));
            self.step = 1;
        }
        self.next.clear();
    }

    /// Takes one step of the search for the leftmost start: advances `states`, and a match that starts here if `seed` is
    /// set, over the next character. Returns the earliest start of the matches that end here.
    pub(crate) fn advance(
        &mut self,
        target: &Target<'_>,
        boundary: Boundary,
        states: &mut ActiveStates,
        seed: bool,
    ) -> Option<u64> {
        let Target { program, sets, starts, .. } = *target;
        if starts == StartSet::Earliest {
            return self.advance_earliest(target, boundary, states, seed);
        }
        self.begin(target);
        let width = starts.width();
        // A visit copies the start set.
        let work = 1 + width as u64 / 16;
        let mut carried = std::mem::take(&mut self.carried);
        let mut first_pending = usize::MAX;
        for (node, set) in states.nodes.iter().zip(states.sets.chunks(width)) {
            first_pending = first_pending.min(self.reach(starts, *node, set));
        }
        if seed {
            carried.resize(width, 0);
            starts.set_single(&mut carried, boundary.at);
            first_pending = first_pending.min(self.reach(starts, program.start(), &carried));
        }
        let mut found: Option<u64> = None;
        let mut word = first_pending;
        while let Some(pending) = self.pending.get_mut(word) {
            if *pending == 0 {
                word += 1;
                continue;
            }
            let id = (word * 64) as NodeId + pending.trailing_zeros();
            *pending &= *pending - 1;
            self.meter.add(work);
            carried.clear();
            carried.extend_from_slice(self.set(id, width));
            match program.node(id) {
                Node::Split { first, len } => {
                    for next in program.targets(first, len) {
                        word = word.min(self.reach(starts, *next, &carried));
                    }
                }
                Node::Look { look, next } => {
                    if assertion::holds(look, boundary.before, boundary.after) {
                        word = word.min(self.reach(starts, next, &carried));
                    }
                }
                Node::Match => {
                    if let Some(start) = starts.earliest(&carried, boundary.at) {
                        found = Some(found.map_or(start, |found| found.min(start)));
                    }
                }
                node => {
                    if let Some(next) = boundary.after.and_then(|c| read(node, c, sets)) {
                        self.arrive(starts, next, &carried);
                    }
                }
            }
        }
        self.carried = carried;
        std::mem::swap(states, &mut self.next);
        found
    }

    /// Adds `set` to a node in this step. Returns the word of `pending` that has to be visited again.
    fn reach(&mut self, starts: StartSet, id: NodeId, set: &[u64]) -> usize {
        let width = starts.width();
        let at = id as usize;
        let (Some(reached), Some(own)) = (self.reached.get_mut(at), self.sets.get_mut(at * width..(at + 1) * width))
        else {
            return usize::MAX;
        };
        if *reached == self.step {
            if !starts.join(own, set) {
                return usize::MAX;
            }
        } else {
            *reached = self.step;
            own.copy_from_slice(set);
        }
        let word = at / 64;
        if let Some(pending) = self.pending.get_mut(word) {
            *pending |= 1 << (at % 64);
        }
        word
    }

    /// Returns the start set of a node in this step.
    fn set(&self, id: NodeId, width: usize) -> &[u64] {
        let at = id as usize;
        self.sets.get(at * width..(at + 1) * width).unwrap_or(&[])
    }

    /// Adds `set` to a node in the next active states.
    fn arrive(&mut self, starts: StartSet, id: NodeId, set: &[u64]) {
        let width = starts.width();
        let Some((step, index)) = self.arrived.get_mut(id as usize) else { return };
        if *step == self.step {
            let index = *index as usize;
            if let Some(own) = self.next.sets.get_mut(index * width..(index + 1) * width) {
                starts.join(own, set);
            }
        } else {
            (*step, *index) = (self.step, self.next.nodes.len() as u32);
            self.next.nodes.push(id);
            self.next.sets.extend_from_slice(set);
        }
    }

    /// Takes a step like [`advance`](Self::advance) for start sets that are the earliest start, as those of most searches are.
    fn advance_earliest(
        &mut self,
        target: &Target<'_>,
        boundary: Boundary,
        states: &mut ActiveStates,
        seed: bool,
    ) -> Option<u64> {
        let Target { program, sets, .. } = *target;
        self.begin(target);
        let Scratch { step, reached, sets: starts, pending, arrived, next: arriving, meter, .. } = self;
        let mut marks = EarliestStarts { step: *step, reached, starts, pending, last: 0 };
        let mut word = usize::MAX;
        for (node, start) in states.nodes.iter().zip(&states.sets) {
            word = word.min(marks.reach(*node, *start));
        }
        if seed {
            word = word.min(marks.reach(program.start(), boundary.at));
        }
        let mut found: Option<u64> = None;
        let mut visited = 0;
        // Other programs have more nodes than this one may reach.
        while word <= marks.last
            && let Some(bits) = marks.pending.get_mut(word)
        {
            if *bits == 0 {
                word += 1;
                continue;
            }
            let id = (word * 64) as NodeId + bits.trailing_zeros();
            *bits &= *bits - 1;
            visited += 1;
            let start = marks.starts.get(id as usize).copied().unwrap_or(boundary.at);
            match program.node(id) {
                Node::Split { first, len } => {
                    for next in program.targets(first, len) {
                        word = word.min(marks.reach(*next, start));
                    }
                }
                Node::Look { look, next } => {
                    if assertion::holds(look, boundary.before, boundary.after) {
                        word = word.min(marks.reach(next, start));
                    }
                }
                Node::Match => found = Some(found.map_or(start, |found| found.min(start))),
                node => {
                    let next = boundary.after.and_then(|c| read(node, c, sets));
                    let Some((next, (arrived, index))) =
                        next.and_then(|next| Some((next, arrived.get_mut(next as usize)?)))
                    else {
                        continue;
                    };
                    if *arrived == *step {
                        if let Some(own) = arriving.sets.get_mut(*index as usize) {
                            *own = (*own).min(start);
                        }
                    } else {
                        (*arrived, *index) = (*step, arriving.nodes.len() as u32);
                        arriving.nodes.push(next);
                        arriving.sets.push(start);
                    }
                }
            }
        }
        meter.add(visited);
        std::mem::swap(states, arriving);
        found
    }

    /// Takes one step of the search for the end of a match with a known start: advances `states`, which are in order of
    /// preference, over the next character. Returns `true` if the match may end here; less preferred states are then
    /// dropped.
    pub(crate) fn resolve(&mut self, target: &Target<'_>, boundary: Boundary, states: &mut ActiveStates) -> bool {
        let Target { program, sets, .. } = *target;
        self.begin(target);
        let mut ends = false;
        'states: for &node in &states.nodes {
            self.stack.push(node);
            while let Some(id) = self.stack.pop() {
                self.meter.add(1);
                match self.reached.get_mut(id as usize) {
                    Some(reached) if *reached != self.step => *reached = self.step,
                    _ => continue,
                }
                match program.node(id) {
                    Node::Split { first, len } => self.stack.extend(program.targets(first, len).iter().rev()),
                    Node::Look { look, next } => {
                        if assertion::holds(look, boundary.before, boundary.after) {
                            self.stack.push(next);
                        }
                    }
                    Node::Match => {
                        ends = true;
                        self.stack.clear();
                        break 'states;
                    }
                    node => {
                        if let Some(next) = boundary.after.and_then(|c| read(node, c, sets))
                            && let Some((step, _)) = self.arrived.get_mut(next as usize)
                            && *step != self.step
                        {
                            *step = self.step;
                            self.next.nodes.push(next);
                        }
                    }
                }
            }
        }
        std::mem::swap(states, &mut self.next);
        ends
    }
}

/// Nodes reached in a step, each with the earliest start of its matches.
struct EarliestStarts<'s> {
    step: u32,
    reached: &'s mut [u32],
    starts: &'s mut [u64],
    pending: &'s mut [u64],
    /// Last word of `pending` that was set.
    last: usize,
}

impl EarliestStarts<'_> {
    /// Adds a start to a node in this step. Returns the word of `pending` that has to be visited again.
    #[inline]
    fn reach(&mut self, id: NodeId, start: u64) -> usize {
        let at = id as usize;
        let (Some(reached), Some(own)) = (self.reached.get_mut(at), self.starts.get_mut(at)) else {
            return usize::MAX;
        };
        if *reached == self.step && *own <= start {
            return usize::MAX;
        }
        (*reached, *own) = (self.step, start);
        if let Some(pending) = self.pending.get_mut(at / 64) {
            *pending |= 1 << (at % 64);
        }
        self.last = self.last.max(at / 64);
        at / 64
    }
}
