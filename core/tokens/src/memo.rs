//! Counts of pieces that had to be merged, for when they come again.
//!
//! Names, identifiers, words of small languages: what is not in the vocabulary still repeats within a text. A table of
//! fixed size, in which a piece has one place and drives out what was there, is asked before merging. It changes no
//! count. It holds the pieces as such, in the memory of the process that holds the texts anyway.

use std::cell::Cell;

use crate::vocabulary::{Vocabulary, hash};
use crate::word;

/// Entries, of 16 bytes each.
const ENTRIES: usize = 16384;
/// The longest piece that is remembered.
const LONGEST: usize = 15;
/// The bits of the second word that belong to the piece.
const PIECE: u64 = u64::MAX >> 8;

thread_local! {
    /// Fifteen bytes of a piece, filled up with 0xFF; above them number of the vocabulary (4 bits) and count (4 bits).
    static MEMO: [Cell<[u64; 2]>; ENTRIES] = const { [const { Cell::new([0; 2]) }; ENTRIES] };
}

/// The place of a piece.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    index: usize,
    first: u64,
    /// With the number of the vocabulary above, and a count of 0.
    second: u64,
}

impl Place {
    /// The place of the `len` bytes at `at`; `None` if they cannot be remembered.
    #[inline(always)]
    pub(crate) fn of(vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, len: usize) -> Option<Place> {
        // A vocabulary without a number of its own could not be told from others.
        if len > LONGEST || vocabulary.number == 0 {
            return None;
        }
        let first = hash::key(word::at(text, at), len);
        let second = if len > 8 { hash::key(word::at(text, at + 8), len - 8) } else { u64::MAX };
        let index = hash::of_words(first, second).low as usize >> (32 - ENTRIES.trailing_zeros());
        Some(Place { index, first, second: (second & PIECE) | u64::from(vocabulary.number) << 60 })
    }

    /// The count of the piece, if it is remembered.
    #[inline(always)]
    pub(crate) fn get(self) -> Option<u64> {
        let [first, second] = MEMO.with(|memo| memo.get(self.index).map(Cell::get))?;
        let count = (second >> 56) & 0xF;
        (first == self.first && second & !(0xF << 56) == self.second).then_some(count)
    }

    /// Remembers the count of the piece, which is at most fifteen.
    #[inline(always)]
    pub(crate) fn set(self, count: u64) {
        MEMO.with(|memo| {
            if let Some(entry) = memo.get(self.index) {
                entry.set([self.first, self.second | count << 56]);
            }
        });
    }
}
