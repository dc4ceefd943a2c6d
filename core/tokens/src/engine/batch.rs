//! Batched counting: looks up many pieces of a text at once.
//!
//! Processed one by one, each piece stalls the processor twice: for its end and for its lookup. Here the pre-tokenizer
//! gives all piece ends of a window at once, and the cache lookups are independent of each other, so that neither
//! branch mispredictions nor lookup latencies add up. Pieces that are not cached (a tenth) are collected and looked up
//! in batches in the same way.

use super::Piece;
use crate::piece_cache::{Key, PieceCache};
use crate::pretokenizer::{Pattern, WINDOW};
use crate::swar;
use crate::vocabulary::Vocabulary;

/// Backoff of batching: pieces are taken singly for a while where windows yield few of them.
#[derive(Default)]
struct Backoff {
    /// Number of pieces to take singly before the next attempt.
    wait: u32,
    /// Previous backoff length.
    last: u32,
}

impl Backoff {
    /// Returns `true` if a window should be tried now.
    #[inline(always)]
    fn is_due(&mut self) -> bool {
        let is_due = self.wait == 0;
        self.wait = self.wait.saturating_sub(1);
        is_due
    }

    /// Records the number of pieces that a window yielded.
    #[inline(always)]
    fn record(&mut self, pieces: u32) {
        /// Maximum backoff length in pieces.
        const MOST: u32 = 15;
        self.last = if pieces > 1 { 0 } else { (2 * self.last + 1).min(MOST) };
        self.wait = if pieces == 0 { self.last } else { 0 };
    }
}

/// Minimum number of uncached pieces that are looked up together.
const BATCH: usize = 16;
/// Capacity of the list: `BATCH - 1` pending pieces plus those of a window.
const CAPACITY: usize = 80;

/// Batched counter of a text.
pub(super) struct Batch<'a, 'v> {
    vocabulary: &'a Vocabulary<'v>,
    text: &'a [u8],
    backoff: Backoff,
    /// Pieces that are not cached, not counted yet.
    uncached: List<Piece>,
}

/// List of up to [`CAPACITY`] items.
struct List<T> {
    items: [T; CAPACITY],
    count: usize,
}

impl<T: Copy> List<T> {
    fn new(empty: T) -> List<T> {
        List { items: [empty; CAPACITY], count: 0 }
    }

    /// Appends an item if `is_in`, without a branch.
    #[inline(always)]
    fn push_if(&mut self, is_in: bool, item: T) {
        if let Some(place) = self.items.get_mut(self.count) {
            *place = item;
        }
        self.count += usize::from(is_in);
    }

    fn as_slice(&self) -> &[T] {
        self.items.get(..self.count).unwrap_or_default()
    }
}

impl<'a, 'v> Batch<'a, 'v> {
    pub(super) fn new(vocabulary: &'a Vocabulary<'v>, text: &'a [u8]) -> Batch<'a, 'v> {
        Batch { vocabulary, text, backoff: Backoff::default(), uncached: List::new(Piece::default()) }
    }

    /// Counts the pieces of the window at `at` and returns the end of the last of them, or `at` if there are none.
    #[inline(always)]
    pub(super) fn next<P: Pattern>(&mut self, at: usize, total: &mut u64) -> usize {
        if !self.backoff.is_due() {
            return at;
        }
        let rest = self.text.get(at..).unwrap_or_default();
        match rest.first_chunk() {
            Some(window) => self.window::<P>(at, window, total),
            None => self.final_window::<P>(at, total),
        }
    }

    /// Counts the window of the text's last bytes, padded.
    #[inline(never)]
    fn final_window<P: Pattern>(&mut self, at: usize, total: &mut u64) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        // 0xFF occurs in no text.
        let mut window = [0xFF; WINDOW];
        for (to, from) in window.iter_mut().zip(rest) {
            *to = *from;
        }
        self.window::<P>(at, &window, total)
    }

    #[inline(never)] // Compiled once per pattern, as [`Pattern::ends`] is.
    fn window<P: Pattern>(&mut self, at: usize, window: &[u8; WINDOW], total: &mut u64) -> usize {
        let ends = P::ends(self.text, at, window);
        self.backoff.record(ends.count_ones());
        let List { items, count } = &mut self.uncached;
        let counted = PieceCache::with(self.vocabulary, |cache| {
            let (mut sum, mut start, mut remaining, mut uncached) = (0, 0, ends, *count);
            while remaining != 0 {
                let end = remaining.trailing_zeros() as usize;
                remaining &= remaining - 1;
                let known = cache.get(key(window, start, end));
                sum += known;
                // [`List::push_if`] with the count in a local variable.
                if let Some(place) = items.get_mut(uncached) {
                    *place = Piece { start: at + start, end: at + end };
                }
                uncached += usize::from(known == 0);
                start = end;
            }
            *count = uncached;
            (sum, start)
        });
        let Some((sum, bytes)) = counted else { return at };
        *total += sum;
        if self.uncached.count >= BATCH {
            self.flush(total);
        }
        at + bytes
    }

    /// Counts the pending pieces.
    #[inline(never)]
    pub(super) fn flush(&mut self, total: &mut u64) {
        let (vocabulary, text, pieces) = (self.vocabulary, self.text, self.uncached.as_slice());
        PieceCache::with(vocabulary, |cache| {
            // Indices of the pieces for each table, and of those that are in neither.
            let (mut short, mut longer, mut unmatched) = (List::new(0_u8), List::new(0_u8), List::new(0_u8));
            for (index, piece) in pieces.iter().enumerate() {
                short.push_if(piece.len() <= 8, index as u8);
                longer.push_if(piece.len() > 8, index as u8);
            }
            let piece = |index: u8| {
                debug_assert!(usize::from(index) < pieces.len());
                pieces.get(usize::from(index)).copied().unwrap_or_default()
            };
            for &index in short.as_slice() {
                let piece = piece(index);
                let (first, second) = (swar::load(text, piece.start), swar::load(text, piece.start + 8));
                let found = vocabulary.has_short(first, piece.len());
                // A stored count of 0 reads as not cached.
                cache.set(Key::of(first, second, piece.len()), u64::from(found));
                unmatched.push_if(!found, index);
            }
            for &index in longer.as_slice() {
                let piece = piece(index);
                let (first, second) = (swar::load(text, piece.start), swar::load(text, piece.start + 8));
                let found = vocabulary.has_middle(first, second, piece.len());
                cache.set(Key::of(first, second, piece.len()), u64::from(found));
                unmatched.push_if(!found, index);
            }
            *total += (pieces.len() - unmatched.count) as u64;
            for &index in unmatched.as_slice() {
                *total += super::count_uncached(vocabulary, text, piece(index), &cache);
            }
        });
        self.uncached.count = 0;
    }
}

/// Returns the cache key of a piece of the window.
#[inline(always)]
fn key(window: &[u8; WINDOW], start: usize, end: usize) -> Key {
    let word =
        |at: usize| window.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u64::from_le_bytes(*word));
    Key::of(word(start & 63), word((start & 63) + 8), end.wrapping_sub(start))
}
