//! Counts of pieces, for when they come again.
//!
//! Words repeat within a text: nine of ten pieces have been there before, and are among the last thousands. Two tables of
//! fixed size, in which a piece has one place and drives out what was there, are asked before the vocabulary: they are
//! small enough for a near cache, which the vocabulary is not, and they know of names and words that are no token what
//! merging made of them. They change no count. They hold the pieces as such, in the memory of the process that holds the
//! texts anyway.

use std::cell::Cell;

use crate::vocabulary::{Vocabulary, hash};
use crate::swar;

/// Entries, of 16 bytes each.
const ENTRIES: usize = 16384;
/// The longest piece that one holds.
const SHORT: usize = 15;
/// Entries, of 32 bytes each, for what is longer and no token.
const LONG_ENTRIES: usize = 2048;
/// The longest piece that one of these holds.
const LONG: usize = 31;
/// The greatest count that there is a place for.
const MOST: u64 = 15;
/// The bits of the last word that belong to the piece.
const PIECE: u64 = u64::MAX >> 8;

/// In an entry stand the bytes of a piece, filled up with 0xFF, and in the last byte number of the vocabulary (4 bits) and
/// count (4 bits).
type Entries<const WORDS: usize, const COUNT: usize> = [Cell<[u64; WORDS]>; COUNT];

thread_local! {
    static SHORT_PIECES: Entries<2, ENTRIES> = const { [const { Cell::new([0; 2]) }; ENTRIES] };
    static LONG_PIECES: Entries<4, LONG_ENTRIES> = const { [const { Cell::new([0; 4]) }; LONG_ENTRIES] };
}

/// The bytes of a piece of up to fifteen as two words, filled up with 0xFF.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    first: u64,
    second: u64,
}

/// By length: what fills up the words. For what is too long, all of both, which is no piece.
static FILL: [[u64; 2]; 64] = {
    let mut all = [[u64::MAX; 2]; 64];
    let mut rest: &mut [[u64; 2]] = &mut all;
    let mut len = 0;
    while let Some((own, longer)) = rest.split_first_mut() {
        *own = fill(len);
        len += 1;
        rest = longer;
    }
    all
};

const fn fill(len: usize) -> [u64; 2] {
    // The shifts may be by 64.
    match len {
        ..8 => [u64::MAX << (8 * len), u64::MAX],
        8 => [0, u64::MAX],
        9..=SHORT => [0, u64::MAX << (8 * (len - 8))],
        _ => [u64::MAX; 2],
    }
}

impl Key {
    /// The key of the first `len` bytes of these two words, which are less than 64.
    #[inline(always)]
    pub(crate) fn of(first: u64, second: u64, len: usize) -> Key {
        let [a, b] = FILL.get(len & 63).copied().unwrap_or_default();
        Key { first: first | a, second: second | b }
    }

    #[inline(always)]
    fn index(self) -> usize {
        let mixed = self.first.wrapping_mul(hash::SPREAD) ^ self.second.wrapping_mul(hash::SECOND);
        (mixed >> (64 - ENTRIES.trailing_zeros())) as usize
    }
}

/// The memo of short pieces, for one vocabulary.
pub(crate) struct PieceCache<'a> {
    entries: &'a Entries<2, ENTRIES>,
    /// What the last byte of an entry of this vocabulary is, with a count of 0, if it is turned.
    turned: u64,
}

impl PieceCache<'_> {
    /// Uses the memo; `None` for a vocabulary without a number of its own, which could not be told from others.
    #[inline(always)]
    pub(crate) fn with<T>(vocabulary: &Vocabulary<'_>, f: impl FnOnce(PieceCache<'_>) -> T) -> Option<T> {
        let turned = 0xFF ^ u64::from(vocabulary.number) << 4;
        (vocabulary.number > 0).then(|| SHORT_PIECES.with(|entries| f(PieceCache { entries, turned })))
    }

    /// The count of a piece; 0 if it is not there. Nothing depends on a branch, so that several can be asked for at the same
    /// time.
    #[inline(always)]
    pub(crate) fn get(&self, key: Key) -> u64 {
        let [first, second] = self.entries.get(key.index()).map(Cell::get).unwrap_or_default();
        // The last byte comes first, and what it should be with a count of 0 is taken from it.
        let count = (second ^ key.second).rotate_left(8) ^ self.turned;
        if (count <= MOST) & (first == key.first) { count } else { 0 }
    }

    /// Remembers the count of a piece.
    #[inline(always)]
    pub(crate) fn set(&self, key: Key, count: u64) {
        if count <= MOST
            && key.first != u64::MAX
            && let Some(entry) = self.entries.get(key.index())
        {
            let last = (0xFF ^ self.turned) | count;
            entry.set([key.first, key.second & PIECE | last << 56]);
        }
    }
}

/// The place of a piece of more than fifteen bytes.
#[derive(Clone, Copy)]
pub(crate) struct LongEntry {
    index: usize,
    /// With the number of the vocabulary in the last byte, and a count of 0.
    words: [u64; 4],
}

impl LongEntry {
    /// The place of the `len` bytes at `at`; `None` if they cannot be remembered.
    #[inline(always)]
    pub(crate) fn of(vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, len: usize) -> Option<LongEntry> {
        if !(SHORT + 1..=LONG).contains(&len) || vocabulary.number == 0 {
            return None;
        }
        let word = |number: usize| hash::key(swar::load(text, at + 8 * number), len.saturating_sub(8 * number));
        let words = [word(0), word(1), word(2), word(3) & PIECE | u64::from(vocabulary.number) << 60];
        let mixed = words.iter().fold(0, |state, word| hash::chain(state, *word));
        Some(LongEntry { index: (mixed >> (64 - LONG_ENTRIES.trailing_zeros())) as usize, words })
    }

    /// The count of the piece, if it is remembered.
    #[inline(always)]
    pub(crate) fn get(self) -> Option<u64> {
        let [a, b, c, last] = LONG_PIECES.with(|cache| cache.get(self.index).map(Cell::get))?;
        let count = (last >> 56) & MOST;
        ([a, b, c, last & !(MOST << 56)] == self.words).then_some(count)
    }

    /// Remembers the count of the piece.
    #[inline(always)]
    pub(crate) fn set(self, count: u64) {
        let [a, b, c, last] = self.words;
        LONG_PIECES.with(|cache| {
            if let Some(entry) = cache.get(self.index)
                && count <= MOST
            {
                entry.set([a, b, c, last | count << 56]);
            }
        });
    }
}
