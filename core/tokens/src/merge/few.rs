//! Merging a few symbols, as the definition says.

use crate::vocabulary::{Vocabulary, hash};
use crate::word;

/// How many symbols a piece may have: positions and ranks of so many fit into a few registers and cache lines, and
/// with more of them looking for the lowest rank would take longer than what is looked for.
const MOST: usize = 24;
/// The slots for them; a power of two, so that an index is in bounds once it is masked.
const SLOTS: usize = 32;
/// What stands for a pair that is no token.
const NONE: u32 = u32::MAX;

/// The symbols of a piece.
struct Symbols<'a> {
    vocabulary: &'a Vocabulary,
    text: &'a [u8],
    start: usize,
    /// Where the symbols began before any merge, from `start` on; after the last of them the end.
    offsets: [u8; SLOTS],
    /// A bit for every symbol that is still one, and for the end.
    live: u32,
    /// Of the pair that each symbol begins: rank, times 32, plus the number of the symbol.
    pairs: [u32; SLOTS],
}

/// Merges `text[start..end]`, which is at most 255 bytes long: the number of tokens left, whose lengths are put into
/// `trail`; or `None` if it has too many symbols.
#[inline]
pub(crate) fn few(
    vocabulary: &Vocabulary,
    text: &[u8],
    (start, end): (usize, usize),
    trail: &mut [u8],
) -> Option<usize> {
    let mut symbols = Symbols { vocabulary, text, start, offsets: [0; SLOTS], live: 0, pairs: [NONE; SLOTS] };
    let count = symbols.read(end)?;
    for number in 0..count - 1 {
        symbols.first_pair(number);
    }
    loop {
        let lowest = symbols.pairs.iter().take(count - 1).copied().min().unwrap_or(NONE);
        if lowest >= NONE - 31 {
            break;
        }
        let left = lowest as usize & (SLOTS - 1);
        let right = symbols.next(left);
        symbols.live &= !(1 << right);
        symbols.set(right, NONE);
        let after = symbols.next(left);
        if after == count {
            symbols.set(left, NONE);
        } else {
            symbols.pair(left, symbols.next(after));
        }
        let before = symbols.live & ((1 << left) - 1);
        if let Some(before) = before.checked_ilog2() {
            symbols.pair(before as usize, after);
        }
    }
    let mut tokens = 0;
    let mut at = 0;
    while at < count {
        let next = symbols.next(at);
        if let Some(place) = trail.get_mut(tokens) {
            *place = (symbols.offset(next) - symbols.offset(at)) as u8;
        }
        tokens += 1;
        at = next;
    }
    Some(tokens)
}

impl Symbols<'_> {
    /// Cuts the piece into symbols: bytes, but characters where nothing can come of their bytes before the character
    /// is whole.
    #[inline(always)]
    fn read(&mut self, end: usize) -> Option<usize> {
        let mut count = 0;
        let mut at = self.start;
        while at < end {
            if count == MOST {
                return None;
            }
            if let Some(offset) = self.offsets.get_mut(count) {
                *offset = (at - self.start) as u8;
            }
            count += 1;
            at += self.character(at, end);
        }
        if let Some(offset) = self.offsets.get_mut(count) {
            *offset = (end - self.start) as u8;
        }
        self.live = (1 << (count + 1)) - 1;
        Some(count)
    }

    /// The length of the symbol at `at`.
    #[inline(always)]
    fn character(&self, at: usize, end: usize) -> usize {
        let byte = |at: usize| self.text.get(at).copied().unwrap_or_default();
        let width = match byte(at) {
            ..0xC0 => return 1,
            0xC0..0xE0 => 2,
            0xE0..0xF0 => 3,
            0xF0.. => 4,
        };
        let next = at + width;
        let whole = (at == self.start || self.vocabulary.meet_whole(byte(at - 1), byte(at)))
            && (next >= end || self.vocabulary.meet_whole(byte(next - 1), byte(next)))
            && self.vocabulary.short(hash::key(word::at(self.text, at), width)).is_some();
        if whole { width } else { 1 }
    }

    /// The first symbol after `number`, or the end.
    #[inline(always)]
    fn next(&self, number: usize) -> usize {
        number + 1 + (self.live >> (number + 1)).trailing_zeros() as usize
    }

    #[inline(always)]
    fn offset(&self, number: usize) -> usize {
        usize::from(self.offsets.get(number & (SLOTS - 1)).copied().unwrap_or_default())
    }

    /// Looks up the pair that `number` begins, before any merge.
    #[inline(always)]
    fn first_pair(&mut self, number: usize) {
        let from = self.offset(number);
        if self.offset(number + 2) - from > 2 {
            return self.pair(number, number + 2);
        }
        if let Some([first, second]) = self.text.get(self.start + from..).and_then(|text| text.first_chunk()) {
            self.set(number, packed(self.vocabulary.pair_rank(*first, *second), number));
        }
    }

    /// Looks up the pair that `number` begins and that ends where `after` begins.
    #[inline(always)]
    fn pair(&mut self, number: usize, after: usize) {
        let (from, to) = (self.offset(number), self.offset(after));
        let (at, len) = (self.start + from, to - from);
        let rank = if len <= 8 {
            self.vocabulary.short_rank(hash::key(word::at(self.text, at), len))
        } else {
            self.vocabulary.rank(self.text, at, len).unwrap_or(NONE)
        };
        self.set(number, packed(rank, number));
    }

    #[inline(always)]
    fn set(&mut self, number: usize, pair: u32) {
        if let Some(place) = self.pairs.get_mut(number & (SLOTS - 1)) {
            *place = pair;
        }
    }
}

/// A rank and the number of a symbol. What is no rank stays more than any.
#[inline(always)]
fn packed(rank: u32, number: usize) -> u32 {
    (rank << 5) | number as u32
}
