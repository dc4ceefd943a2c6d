//! One step of a search, over one character, and the memory that steps share.

use super::starts::Starts;
use crate::pattern::assertion;
use crate::pattern::class::Classes;
use crate::pattern::program::{Node, NodeId, Program, read};

/// What is being searched for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'p> {
    pub(crate) program: &'p Program,
    pub(crate) classes: &'p Classes,
    pub(crate) starts: Starts,
}

/// Where in the text a step is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) at: u64,
    pub(crate) before: Option<char>,
    /// `None`: the text ends here.
    pub(crate) after: Option<char>,
}

/// The nodes a search is at between two characters, before edges that read nothing are followed (which edges those are
/// is told by the next character), each with its set of starts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Front {
    pub(crate) nodes: Vec<NodeId>,
    /// [`Starts::width`] words for each node.
    pub(crate) sets: Vec<u64>,
}

impl Front {
    pub(crate) fn clear(&mut self) {
        self.nodes.clear();
        self.sets.clear();
    }

    /// Takes the places `from..to` out of all sets, and nodes whose set is then empty.
    pub(crate) fn forget(&mut self, starts: Starts, from: u64, to: u64) {
        let width = starts.width();
        let mut kept = 0;
        for at in 0..self.nodes.len() {
            let Some(set) = self.sets.get_mut(at * width..(at + 1) * width) else { break };
            starts.forget(set, from, to);
            if !starts.is_empty(set) {
                self.keep(at, kept, width);
                kept += 1;
            }
        }
        self.nodes.truncate(kept);
        self.sets.truncate(kept * width);
    }

    /// Drops what began at `start` or later.
    pub(crate) fn keep_before(&mut self, starts: Starts, start: u64, at: u64) {
        match starts {
            Starts::Window { .. } => self.forget(starts, start, at + 1),
            Starts::Earliest => {
                let mut kept = 0;
                for node in 0..self.nodes.len() {
                    if self.sets.get(node).is_some_and(|own| *own < start) {
                        self.keep(node, kept, 1);
                        kept += 1;
                    }
                }
                self.nodes.truncate(kept);
                self.sets.truncate(kept);
            }
        }
    }

    fn keep(&mut self, from: usize, to: usize, width: usize) {
        if from == to {
            return;
        }
        self.nodes.swap(from, to);
        self.sets.copy_within(from * width..(from + 1) * width, to * width);
    }

    /// The earliest start of all.
    pub(crate) fn earliest(&self, starts: Starts, at: u64) -> Option<u64> {
        self.sets.chunks(starts.width()).filter_map(|set| starts.earliest(set, at)).min()
    }
}

/// Working memory of steps: as large as the largest program asked for, reused by every search. Holds nothing between
/// steps.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Tells what this step has written from what earlier ones left.
    step: u32,
    /// Per node: the step that reached it.
    reached: Vec<u32>,
    /// Per node: its set in this step.
    sets: Vec<u64>,
    /// Per node, a bit: reached, and not followed yet.
    open: Vec<u64>,
    /// Per node: the step after which the search is there, and its place in the next front.
    ahead: Vec<(u32, u32)>,
    next: Front,
    carried: Vec<u64>,
    stack: Vec<NodeId>,
    /// Fronts that searches have left, for others to fill: in a stream many begin and end with every word.
    spare: Vec<Front>,
    /// Nodes looked at so far: what time is spent on.
    #[cfg(test)]
    pub(crate) work: u64,
}

/// Fronts kept for reuse.
const MAX_SPARE: usize = 64;

impl Scratch {
    /// An empty front.
    pub(crate) fn front(&mut self) -> Front {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes back a front that is not needed any more.
    pub(crate) fn reuse(&mut self, mut front: Front) {
        if self.spare.len() < MAX_SPARE {
            front.clear();
            self.spare.push(front);
        }
    }

    fn begin(&mut self, target: &Target<'_>) {
        let nodes = target.program.len();
        if self.reached.len() < nodes {
            self.reached.resize(nodes, 0);
            self.ahead.resize(nodes, (0, 0));
            self.open.resize(nodes.div_ceil(64), 0);
        }
        let words = nodes * target.starts.width();
        if self.sets.len() < words {
            self.sets.resize(words, 0);
        }
        self.step = self.step.wrapping_add(1);
        if self.step == 0 {
            self.reached.fill(0);
            self.ahead.fill((0, 0));
            self.step = 1;
        }
        self.next.clear();
    }

    /// One step of the search for the leftmost start: follows `front` (and a match that begins here, if `seed`) over
    /// the next character. Returns the earliest start of the matches that end here.
    pub(crate) fn advance(&mut self, target: &Target<'_>, place: Place, front: &mut Front, seed: bool) -> Option<u64> {
        let Target { program, classes, starts } = *target;
        self.begin(target);
        let width = starts.width();
        let mut carried = std::mem::take(&mut self.carried);
        let mut first_open = usize::MAX;
        for (node, set) in front.nodes.iter().zip(front.sets.chunks(width)) {
            first_open = first_open.min(self.reach(starts, *node, set));
        }
        if seed {
            carried.resize(width, 0);
            starts.only(&mut carried, place.at);
            first_open = first_open.min(self.reach(starts, program.start(), &carried));
        }
        let mut found: Option<u64> = None;
        let mut word = first_open;
        while let Some(open) = self.open.get_mut(word) {
            if *open == 0 {
                word += 1;
                continue;
            }
            let id = (word * 64) as NodeId + open.trailing_zeros();
            *open &= *open - 1;
            #[cfg(test)]
            (self.work += 1);
            carried.clear();
            carried.extend_from_slice(self.set(id, width));
            match program.node(id) {
                Node::Split { first, len } => {
                    for next in program.targets(first, len) {
                        word = word.min(self.reach(starts, *next, &carried));
                    }
                }
                Node::Look { look, next } => {
                    if assertion::holds(look, place.before, place.after) {
                        word = word.min(self.reach(starts, next, &carried));
                    }
                }
                Node::Match => {
                    if let Some(start) = starts.earliest(&carried, place.at) {
                        found = Some(found.map_or(start, |found| found.min(start)));
                    }
                }
                node => {
                    if let Some(next) = place.after.and_then(|c| read(node, c, classes)) {
                        self.arrive(starts, next, &carried);
                    }
                }
            }
        }
        self.carried = carried;
        std::mem::swap(front, &mut self.next);
        found
    }

    /// Adds `set` to a node of this step; the word of `open` that has to be looked at again.
    fn reach(&mut self, starts: Starts, id: NodeId, set: &[u64]) -> usize {
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
        if let Some(open) = self.open.get_mut(word) {
            *open |= 1 << (at % 64);
        }
        word
    }

    fn set(&self, id: NodeId, width: usize) -> &[u64] {
        let at = id as usize;
        self.sets.get(at * width..(at + 1) * width).unwrap_or(&[])
    }

    /// Adds `set` to a node of the next front.
    fn arrive(&mut self, starts: Starts, id: NodeId, set: &[u64]) {
        let width = starts.width();
        let Some((step, place)) = self.ahead.get_mut(id as usize) else { return };
        if *step == self.step {
            let place = *place as usize;
            if let Some(own) = self.next.sets.get_mut(place * width..(place + 1) * width) {
                starts.join(own, set);
            }
        } else {
            (*step, *place) = (self.step, self.next.nodes.len() as u32);
            self.next.nodes.push(id);
            self.next.sets.extend_from_slice(set);
        }
    }

    /// One step of the search for the end of the match whose start is known: follows `front`, which stands in order of
    /// preference, over the next character. Whether the match may end here (what is less preferred is then dropped).
    pub(crate) fn resolve(&mut self, target: &Target<'_>, place: Place, front: &mut Front) -> bool {
        let Target { program, classes, .. } = *target;
        self.begin(target);
        let mut ends = false;
        'front: for &node in &front.nodes {
            self.stack.push(node);
            while let Some(id) = self.stack.pop() {
                #[cfg(test)]
                (self.work += 1);
                match self.reached.get_mut(id as usize) {
                    Some(reached) if *reached != self.step => *reached = self.step,
                    _ => continue,
                }
                match program.node(id) {
                    Node::Split { first, len } => self.stack.extend(program.targets(first, len).iter().rev()),
                    Node::Look { look, next } => {
                        if assertion::holds(look, place.before, place.after) {
                            self.stack.push(next);
                        }
                    }
                    Node::Match => {
                        ends = true;
                        self.stack.clear();
                        break 'front;
                    }
                    node => {
                        if let Some(next) = place.after.and_then(|c| read(node, c, classes))
                            && let Some((step, _)) = self.ahead.get_mut(next as usize)
                            && *step != self.step
                        {
                            *step = self.step;
                            self.next.nodes.push(next);
                        }
                    }
                }
            }
        }
        std::mem::swap(front, &mut self.next);
        ends
    }
}
