//! Cache of token counts by piece.
//!
//! Words repeat within a text: nine of ten pieces occurred before, among the last few thousand. Two direct-mapped
//! tables of fixed size are queried before the vocabulary. They fit into a near CPU cache, which the vocabulary does
//! not, and they remember the merge results of names and words that are not a token. They never change a count. They
//! store the pieces verbatim, in the memory of the process that holds the texts anyway.

use std::cell::Cell;

use crate::swar;
use crate::vocabulary::{Vocabulary, hash};

/// Number of entries for short pieces, 16 bytes each.
const ENTRIES: usize = 16384;
/// Maximum byte length of a short piece.
const SHORT: usize = 15;
/// Number of entries for longer pieces that are not a token, 32 bytes each.
const LONG_ENTRIES: usize = 2048;
/// Maximum byte length of a longer piece.
const LONG: usize = 31;
/// Maximum count that an entry can store.
const MOST: u64 = 15;
/// Mask of the last word's bits that belong to the piece.
const PIECE: u64 = u64::MAX >> 8;

/// Table of entries. An entry holds the bytes of a piece, padded with 0xFF; its last byte holds the cache id of the
/// vocabulary (4 bits) and the count (4 bits).
type Entries<const WORDS: usize, const COUNT: usize> = [Cell<[u64; WORDS]>; COUNT];

thread_local! {
    static SHORT_PIECES: Entries<2, ENTRIES> = const { [const { Cell::new([0; 2]) }; ENTRIES] };
    static LONG_PIECES: Entries<4, LONG_ENTRIES> = const { [const { Cell::new([0; 4]) }; LONG_ENTRIES] };
}

/// Bytes of a piece of up to fifteen bytes as two words, padded with 0xFF.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    first: u64,
    second: u64,
}

/// Padding of the two words by piece length. Lengths above [`SHORT`] give all ones, which no piece equals.
static PADDING: [[u64; 2]; 64] = {
    let mut all = [[u64::MAX; 2]; 64];
    let mut rest: &mut [[u64; 2]] = &mut all;
    let mut len = 0;
    while let Some((own, longer)) = rest.split_first_mut() {
        *own = padding(len);
        len += 1;
        rest = longer;
    }
    all
};

const fn padding(len: usize) -> [u64; 2] {
    // A shift by 64 would overflow.
    match len {
        ..8 => [u64::MAX << (8 * len), u64::MAX],
        8 => [0, u64::MAX],
        9..=SHORT => [0, u64::MAX << (8 * (len - 8))],
        _ => [u64::MAX; 2],
    }
}

impl Key {
    /// Returns the key of the first `len` bytes of two words. `len` is below 64.
    #[inline(always)]
    pub(crate) fn of(first: u64, second: u64, len: usize) -> Key {
        let [a, b] = PADDING.get(len & 63).copied().unwrap_or_default();
        Key { first: first | a, second: second | b }
    }

    #[inline(always)]
    fn index(self) -> usize {
        let mixed = self.first.wrapping_mul(hash::SPREAD) ^ self.second.wrapping_mul(hash::SECOND);
        (mixed >> (64 - ENTRIES.trailing_zeros())) as usize
    }
}

/// View of the short-piece table for one vocabulary.
pub(crate) struct PieceCache<'a> {
    entries: &'a Entries<2, ENTRIES>,
    /// Complement of the last byte of this vocabulary's entries with a count of 0.
    inverted_tag: u64,
}

impl PieceCache<'_> {
    /// Calls `f` with the cache; `None` for a vocabulary without a cache id, whose entries could not be
    /// distinguished from others.
    #[inline(always)]
    pub(crate) fn with<T>(vocabulary: &Vocabulary<'_>, f: impl FnOnce(PieceCache<'_>) -> T) -> Option<T> {
        let inverted_tag = 0xFF ^ u64::from(vocabulary.cache_id) << 4;
        (vocabulary.cache_id > 0).then(|| SHORT_PIECES.with(|entries| f(PieceCache { entries, inverted_tag })))
    }

    /// Returns the count of a piece; 0 if it is not cached. Branch-free, so that several lookups can overlap.
    #[inline(always)]
    pub(crate) fn get(&self, key: Key) -> u64 {
        let [first, second] = self.entries.get(key.index()).map(Cell::get).unwrap_or_default();
        // The rotation moves the last byte to the front; removing its expected value leaves the count.
        let count = (second ^ key.second).rotate_left(8) ^ self.inverted_tag;
        if (count <= MOST) & (first == key.first) { count } else { 0 }
    }

    /// Stores the count of a piece.
    #[inline(always)]
    pub(crate) fn set(&self, key: Key, count: u64) {
        if count <= MOST
            && key.first != u64::MAX
            && let Some(entry) = self.entries.get(key.index())
        {
            let last = (0xFF ^ self.inverted_tag) | count;
            entry.set([key.first, key.second & PIECE | last << 56]);
        }
    }
}

/// Position and expected contents of the entry of a piece of sixteen bytes or more.
#[derive(Clone, Copy)]
pub(crate) struct LongEntry {
    index: usize,
    /// Bytes of the piece, with the cache id in the last byte and a count of 0.
    words: [u64; 4],
}

impl LongEntry {
    /// Returns the entry of the `len` bytes at `at`; `None` if they cannot be cached.
    #[inline(always)]
    pub(crate) fn of(vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, len: usize) -> Option<LongEntry> {
        if !(SHORT + 1..=LONG).contains(&len) || vocabulary.cache_id == 0 {
            return None;
        }
        let word = |number: usize| hash::key(swar::load(text, at + 8 * number), len.saturating_sub(8 * number));
        let words = [word(0), word(1), word(2), word(3) & PIECE | u64::from(vocabulary.cache_id) << 60];
        let mixed = words.iter().fold(0, |state, word| hash::chain(state, *word));
        Some(LongEntry { index: (mixed >> (64 - LONG_ENTRIES.trailing_zeros())) as usize, words })
    }

    /// Returns the count of the piece if it is cached.
    #[inline(always)]
    pub(crate) fn get(self) -> Option<u64> {
        let [a, b, c, last] = LONG_PIECES.with(|cache| cache.get(self.index).map(Cell::get))?;
        let count = (last >> 56) & MOST;
        ([a, b, c, last & !(MOST << 56)] == self.words).then_some(count)
    }

    /// Stores the count of the piece.
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
