//! The tokens of an encoding, as tables that are used where they lie.
//!
//! A token is found by its bytes: three perfect hash tables, by length, so that a lookup is one displacement, one
//! entry and one comparison. Besides its rank, which is also its id, a token knows its *spine*: the lengths of those
//! of its prefixes and suffixes that were tokens of their own when merging made it. See [`crate::merge`] for what that
//! is good for.
//!
//! Tables for one vocabulary of 200,000 tokens (made by the build script):
//!
//! | tokens of | key | facts |
//! |---|---|---|
//! | 1 byte | - | rank: 1 byte |
//! | 2 to 8 bytes | 6 bytes: what of the hash, which loses nothing, bucket and slot do not say | 18 bits of rank, 7 and 7 of spine |
//! | 9 to 16 bytes | the bytes | 18 bits of rank, 15 and 15 of spine |
//! | more | the bytes, in a common string | rank, length, where it is split |
//!
//! and small hashed filters that say which lengths of tokens there may be with a beginning, and between which
//! characters no token reaches.

pub(crate) mod hash;

use crate::word;

/// A vocabulary.
pub(crate) struct Vocabulary {
    /// Ranks of the single bytes.
    bytes: &'static [u8; 256],
    short_pilots: &'static [u8],
    short_keys: &'static [[u8; 6]],
    short_facts: &'static [[u8; 4]],
    short_shift: u32,
    middle_pilots: &'static [u8],
    middle_keys: &'static [[u8; 16]],
    middle_facts: &'static [[u8; 6]],
    middle_shift: u32,
    long_pilots: &'static [u8],
    /// Where the bytes are (3), how many (1), rank (3), length of the left part (1).
    long_entries: &'static [[u8; 8]],
    long_strings: &'static [u8],
    long_shift: u32,
    /// By the first four bytes: bit `n - 4` for tokens of `n` bytes, 4 to 8.
    prefix4: &'static [u8],
    /// By the first eight bytes: bit `n - 9` for tokens of `n` bytes, 9 to 16.
    prefix8: &'static [u8],
    /// By the first sixteen bytes: where in `prefix16_lengths` the lengths of longer tokens are.
    prefix16: &'static [[u8; 2]],
    /// Lists of lengths, longest first, ended by a zero.
    prefix16_lengths: &'static [u8],
    /// Bits by pair of characters that stand next to each other in a token.
    pairs: &'static [u8],
    /// Bits by last byte of a character and first byte of the next, where a token holds one of them in part.
    halves: &'static [u8],
    /// Bytes of the longest token.
    longest: usize,
}

/// `o200k_base`.
pub(crate) static O200K_BASE: Vocabulary = include!(concat!(env!("OUT_DIR"), "/o200k_base.rs"));
/// `cl100k_base`.
pub(crate) static CL100K_BASE: Vocabulary = include!(concat!(env!("OUT_DIR"), "/cl100k_base.rs"));

/// A token somewhere in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// Bytes.
    pub(crate) len: usize,
    /// Rank, and id: merges of lower rank come first.
    pub(crate) rank: u32,
    spine: Spine,
}

/// How a token came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spine {
    /// Bit `n - 1` says that the prefix (suffix) of length `n` is on it.
    Lengths { left: u16, right: u16 },
    /// Length of the left part; the rest is to be had by looking up the parts.
    Split(u8),
}

// === impl Vocabulary ===

impl Vocabulary {
    /// Whether the `len` bytes at `at` are a token; `first` is the word at `at`.
    #[inline(always)]
    pub(crate) fn has(&self, text: &[u8], at: usize, len: usize, first: u64) -> bool {
        match len {
            ..=1 => true,
            2..=8 => self.short(hash::key(first, len)).is_some(),
            9..=16 => self.middle(first, hash::key(word::at(text, at + 8), len - 8)).is_some(),
            _ => self.long(text, at, len).is_some(),
        }
    }

    /// The rank of the token that the `len` bytes at `at` are.
    #[inline]
    pub(crate) fn rank(&self, text: &[u8], at: usize, len: usize) -> Option<u32> {
        let first = word::at(text, at);
        match len {
            ..=1 => self.byte(first),
            2..=8 => Some(self.short_fact(self.short(hash::key(first, len))?) & RANK),
            9..=16 => {
                let slot = self.middle(first, hash::key(word::at(text, at + 8), len - 8))?;
                Some(self.middle_fact(slot) as u32 & RANK)
            }
            _ => Some(self.long(text, at, len)?.0),
        }
    }

    /// The token that the `len` bytes at `at` are.
    #[inline]
    pub(crate) fn token(&self, text: &[u8], at: usize, len: usize) -> Option<Token> {
        let first = word::at(text, at);
        match len {
            ..=1 => Some(Token { len: 1, rank: self.byte(first)?, spine: Spine::Lengths { left: 0, right: 0 } }),
            2..=8 => Some(self.short_token(self.short(hash::key(first, len))?, len)),
            9..=16 => {
                let slot = self.middle(first, hash::key(word::at(text, at + 8), len - 8))?;
                Some(self.middle_token(slot, len))
            }
            _ => {
                let (rank, split) = self.long(text, at, len)?;
                Some(Token { len, rank, spine: Spine::Split(split) })
            }
        }
    }

    /// The longest token at `at` that is no longer than `most`, which is at least 1.
    #[inline]
    pub(crate) fn longest(&self, text: &[u8], at: usize, most: usize) -> Option<Token> {
        let first = word::at(text, at);
        if most > 8 {
            if most > 16
                && let Some(token) = self.longest_long(text, at, most, first)
            {
                return Some(token);
            }
            let may = self.prefix8.get(hash::of_eight(first, bits(self.prefix8))).copied().unwrap_or_default();
            let mut may = u32::from(may) & (0xFF >> (16_usize.saturating_sub(most)));
            if may != 0 {
                let second = word::at(text, at + 8);
                while let Some(highest) = may.checked_ilog2() {
                    let len = 9 + highest as usize;
                    if let Some(slot) = self.middle(first, hash::key(second, len - 8)) {
                        return Some(self.middle_token(slot, len));
                    }
                    may &= !(1 << highest);
                }
            }
        }
        if most > 3 {
            let may = self.prefix4.get(hash::of_four(first, bits(self.prefix4))).copied().unwrap_or_default();
            let mut may = u32::from(may) & (0x1F >> (8_usize.saturating_sub(most)));
            while let Some(highest) = may.checked_ilog2() {
                let len = 4 + highest as usize;
                if let Some(slot) = self.short(hash::key(first, len)) {
                    return Some(self.short_token(slot, len));
                }
                may &= !(1 << highest);
            }
        }
        for len in [3, 2] {
            if most >= len
                && let Some(slot) = self.short(hash::key(first, len))
            {
                return Some(self.short_token(slot, len));
            }
        }
        Some(Token { len: 1, rank: self.byte(first)?, spine: Spine::Lengths { left: 0, right: 0 } })
    }

    #[inline(never)]
    fn longest_long(&self, text: &[u8], at: usize, most: usize, first: u64) -> Option<Token> {
        let prefix = hash::chain(hash::chain(0, first), word::at(text, at + 8));
        let entry = self.prefix16.get((prefix >> (64 - bits(self.prefix16))) as usize)?;
        let lengths = self.prefix16_lengths.get(usize::from(u16::from_le_bytes(*entry))..)?;
        lengths
            .iter()
            .map(|len| usize::from(*len))
            .take_while(|len| *len != 0)
            .filter(|len| *len <= most)
            .find_map(|len| self.token(text, at, len))
    }

    /// The next shorter token on the spine of `token`, which ends at `end`: the right part that merging made it from.
    #[inline]
    pub(crate) fn right_part(&self, text: &[u8], end: usize, token: &Token) -> Option<Token> {
        match token.spine {
            Spine::Lengths { right, .. } => {
                let len = shorter(right, token.len)?;
                Some(Token { len, rank: self.rank(text, end - len, len)?, spine: token.spine })
            }
            Spine::Split(left) => {
                let len = token.len - usize::from(left);
                self.token(text, end - len, len)
            }
        }
    }

    /// The next shorter token on the spine of `token`, which begins at `at`: the left part that merging made it from.
    #[inline]
    pub(crate) fn left_part(&self, text: &[u8], at: usize, token: &Token) -> Option<Token> {
        match token.spine {
            Spine::Lengths { left, .. } => {
                let len = shorter(left, token.len)?;
                Some(Token { len, rank: self.rank(text, at, len)?, spine: token.spine })
            }
            Spine::Split(left) => self.token(text, at, usize::from(left)),
        }
    }

    /// Whether no token at all reaches from one character into the next. Both are three or four bytes of UTF-8.
    #[inline(always)]
    pub(crate) fn parts(&self, left: u32, right: u32, last: u8, first: u8) -> bool {
        let bit = |table: &[u8], bit: usize| table.get(bit / 8).copied().unwrap_or(0xFF) >> (bit % 8) & 1 == 1;
        !bit(self.pairs, hash::of_pair(left, right, bits(self.pairs) + 3))
            && !bit(self.halves, usize::from(last & 0x3F) * 128 + usize::from(first & 0x7F))
    }

    /// Bytes of the longest token.
    pub(crate) fn longest_token(&self) -> usize {
        self.longest
    }

    #[inline(always)]
    fn byte(&self, first: u64) -> Option<u32> {
        self.bytes.get((first & 0xFF) as usize).map(|rank| u32::from(*rank))
    }

    /// The slot of a token of two to eight bytes.
    #[inline(always)]
    fn short(&self, key: u64) -> Option<usize> {
        let hash = hash::of_word(key);
        let pilot = *self.short_pilots.get(hash.bucket(self.short_shift))?;
        let (slot, rest) = hash.place(pilot, self.short_keys.len() as u32);
        let [a, b, c, d, e, f] = *self.short_keys.get(slot)?;
        let found = u32::from_le_bytes([a, b, c, d]) == hash.low && u16::from_le_bytes([e, f]) == rest;
        found.then_some(slot)
    }

    #[inline(always)]
    fn short_fact(&self, slot: usize) -> u32 {
        self.short_facts.get(slot).map_or(0, |fact| u32::from_le_bytes(*fact))
    }

    #[inline(always)]
    fn short_token(&self, slot: usize, len: usize) -> Token {
        let fact = self.short_fact(slot);
        let spine = Spine::Lengths { left: (fact >> 18 & 0x7F) as u16, right: (fact >> 25) as u16 };
        Token { len, rank: fact & RANK, spine }
    }

    /// The slot of a token of nine to sixteen bytes.
    #[inline(always)]
    fn middle(&self, first: u64, second: u64) -> Option<usize> {
        let hash = hash::of_words(first, second);
        let pilot = *self.middle_pilots.get(hash.bucket(self.middle_shift))?;
        let (slot, _) = hash.place(pilot, self.middle_keys.len() as u32);
        let key = u128::from_le_bytes(*self.middle_keys.get(slot)?);
        (key as u64 == first && (key >> 64) as u64 == second).then_some(slot)
    }

    #[inline(always)]
    fn middle_fact(&self, slot: usize) -> u64 {
        let [a, b, c, d, e, f] = self.middle_facts.get(slot).copied().unwrap_or_default();
        u64::from_le_bytes([a, b, c, d, e, f, 0, 0])
    }

    #[inline(always)]
    fn middle_token(&self, slot: usize, len: usize) -> Token {
        let fact = self.middle_fact(slot);
        let spine = Spine::Lengths { left: (fact >> 18 & 0x7FFF) as u16, right: (fact >> 33) as u16 };
        Token { len, rank: fact as u32 & RANK, spine }
    }

    /// Rank and length of the left part of a token of more than sixteen bytes.
    #[inline(never)]
    fn long(&self, text: &[u8], at: usize, len: usize) -> Option<(u32, u8)> {
        if len > self.longest {
            return None;
        }
        let bytes = text.get(at..at + len)?;
        let (words, rest) = bytes.as_chunks::<8>();
        let mut state = words.iter().fold(len as u64, |state, word| hash::chain(state, u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            state = hash::chain(state, hash::key(word::at(text, at + len - rest.len()), rest.len()));
        }
        let hash = hash::of_word(state);
        let pilot = *self.long_pilots.get(hash.bucket(self.long_shift))?;
        let (slot, _) = hash.place(pilot, self.long_entries.len() as u32);
        let [a, b, c, length, d, e, f, split] = *self.long_entries.get(slot)?;
        let start = u32::from_le_bytes([a, b, c, 0]) as usize;
        let same = usize::from(length) == len && self.long_strings.get(start..start + len)? == bytes;
        same.then_some((u32::from_le_bytes([d, e, f, 0]), split))
    }
}

/// The bits of a rank.
const RANK: u32 = 0x3_FFFF;

/// The logarithm of the length of a filter.
#[inline(always)]
fn bits<T>(table: &[T]) -> u32 {
    table.len().trailing_zeros()
}

/// The greatest length below `len` on a spine.
#[inline(always)]
fn shorter(lengths: u16, len: usize) -> Option<usize> {
    let below = u32::from(lengths) & ((1 << (len - 1)) - 1);
    Some(below.checked_ilog2()? as usize + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_is_found_with_its_rank_and_parts() {
        for (vocabulary, bpe, size) in [
            (&O200K_BASE, tiktoken_rs::o200k_base_singleton(), 199_998),
            (&CL100K_BASE, tiktoken_rs::cl100k_base_singleton(), 100_256),
        ] {
            for rank in 0..size {
                let mut text = bpe.decode_bytes(&[rank]).unwrap();
                let len = text.len();
                // Whatever follows does not matter.
                for after in ["", "a", " and so on"] {
                    text.truncate(len);
                    text.extend_from_slice(after.as_bytes());
                    let token = vocabulary.token(&text, 0, len).unwrap();
                    assert_eq!((token.rank, token.len), (rank, len));
                    assert!(vocabulary.has(&text, 0, len, word::at(&text, 0)));
                    assert_eq!(vocabulary.longest(&text, 0, len), Some(token));
                    if len > 1 {
                        let left = vocabulary.left_part(&text, 0, &token).unwrap();
                        let right = vocabulary.right_part(&text, len, &token).unwrap();
                        assert_eq!(left.len + right.len, len);
                        assert!(left.rank.max(right.rank) < rank);
                    }
                }
            }
        }
    }
}
