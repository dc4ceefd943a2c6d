//! Division of a released text into its pieces.

use std::collections::VecDeque;

/// Positions at which a released text is divided, and the lengths that the output had where the text reached them.
///
/// A replacement belongs to the piece in which the replaced text begins or, if its extent is not known in time, to a later one.
#[derive(Clone, Debug, Default)]
pub(super) struct Cuts {
    /// Positions that the released text has not reached, ascending.
    ahead: VecDeque<u64>,
    /// Lengths of the output.
    reached: Vec<usize>,
}

impl Cuts {
    /// Adds a position behind all others.
    pub(super) fn add(&mut self, position: u64) {
        debug_assert!(self.ahead.back().is_none_or(|last| *last <= position), "pieces follow each other");
        self.ahead.push_back(position);
    }

    /// Records that the text from `from` to `to` is appended to an output of `len` bytes as it is.
    pub(super) fn reach(&mut self, to: u64, len: usize, from: u64) {
        while let Some(position) = self.ahead.front().copied().filter(|position| *position <= to) {
            self.ahead.pop_front();
            self.reached.push(len + position.saturating_sub(from) as usize);
        }
    }

    /// Records that an output of `len` bytes has the text up to `to`. If a match `is_open`, its replacement follows, in the piece that
    /// was added last.
    pub(super) fn pass(&mut self, to: u64, len: usize, is_open: bool) {
        while self.ahead.len() > usize::from(is_open) && self.ahead.front().is_some_and(|position| *position <= to) {
            self.ahead.pop_front();
            self.reached.push(len);
        }
    }

    /// Records that the output of `len` bytes has all of the text.
    pub(super) fn reach_all(&mut self, len: usize) {
        self.reached.extend(self.ahead.drain(..).map(|_| len));
    }

    /// Returns the lengths that were recorded since the last call.
    pub(super) fn take(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.reached)
    }
}
