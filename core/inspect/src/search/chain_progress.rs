//! Progress of chains in a text: which of their literals have been found, and where.

use crate::pattern::chain::Chain;

/// Layout of the progress of all chains: a slot for each step but the last of each chain.
#[derive(Debug)]
pub(crate) struct ChainSlots {
    count: u32,
    max_match_bytes: usize,
}

/// Step of a chain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChainStep {
    /// Slot of the step before, and the largest distance in bytes from the start of its literal to the end of this one.
    after: Option<(u32, usize)>,
    /// Effect of a literal of this step.
    then: Then,
}

#[derive(Clone, Copy, Debug)]
enum Then {
    /// Its position is noted in this slot.
    Note(u32),
    /// The chain is complete: a match begins at most so many bytes in front of the literal.
    Search { lead: usize },
}

impl ChainSlots {
    /// Creates the layout without chains. Matches have at most `max_match_bytes` bytes.
    pub(super) fn new(max_match_bytes: usize) -> ChainSlots {
        ChainSlots { count: 0, max_match_bytes }
    }

    /// Adds a chain and returns its steps.
    pub(super) fn add(&mut self, chain: &Chain) -> Vec<ChainStep> {
        let mut before = None;
        let mut steps = Vec::with_capacity(chain.steps.len());
        for (at, step) in chain.steps.iter().enumerate() {
            let gap = step.gap.unwrap_or(self.max_match_bytes).min(self.max_match_bytes);
            let then = if at + 1 == chain.steps.len() {
                Then::Search { lead: chain.lead.unwrap_or(self.max_match_bytes).min(self.max_match_bytes) }
            } else {
                self.count += 1;
                Then::Note(self.count - 1)
            };
            steps.push(ChainStep { after: before.map(|slot| (slot, gap)), then });
            before = match then {
                Then::Note(slot) => Some(slot),
                Then::Search { .. } => None,
            };
        }
        steps
    }
}

/// Progress of all chains in a text.
#[derive(Debug, Default)]
pub(crate) struct ChainProgress {
    /// For each slot: one more than the position of the last literal that continued its chain, counted over all texts; 0: none.
    found: Vec<u64>,
    /// Position of the start of the current text.
    base: u64,
    /// Position of the start of the next text. No literal of a text before is near enough to continue a chain there.
    next: u64,
}

impl ChainProgress {
    /// Begins a text of `len` bytes.
    pub(crate) fn begin(&mut self, slots: &ChainSlots, len: usize) {
        // What the slots contain of a text before, also of other chains, is too far away to continue a chain.
        if self.found.len() < slots.count as usize {
            self.found.resize(slots.count as usize, 0);
        }
        self.base = self.next;
        self.next += len as u64 + slots.max_match_bytes as u64 + 1;
    }

    /// Reads a literal at `start..end`. The literals of a text are read in the order of their starts. Returns how far in front of
    /// the literal a match may begin, if its chain is complete.
    pub(crate) fn read(&mut self, step: ChainStep, start: usize, end: usize) -> Option<usize> {
        if let Some((slot, gap)) = step.after {
            let before = self.found.get(slot as usize).copied().unwrap_or(0).checked_sub(1)?;
            if (self.base + end as u64).saturating_sub(before) > gap as u64 {
                return None;
            }
        }
        match step.then {
            Then::Note(slot) => {
                if let Some(found) = self.found.get_mut(slot as usize) {
                    *found = (*found).max(self.base + start as u64 + 1);
                }
                None
            }
            Then::Search { lead } => Some(lead),
        }
    }
}
