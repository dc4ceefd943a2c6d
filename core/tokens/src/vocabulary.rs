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
//! | 9 to 16 bytes | 15 bytes: the last of them, and what of the hash of all bucket and slot do not say | 18 bits of rank, 15 and 15 of spine |
//! | more | the bytes, in a common string | rank, length, where it is split |
//!
//! and small hashed filters that say which lengths of tokens there may be with a beginning, and between which
//! characters no token reaches.

pub(crate) mod file;
pub(crate) mod hash;

use crate::swar;

/// A vocabulary.
pub(crate) struct Vocabulary<'a> {
    /// What tells it from others: 1 to 15.
    pub(crate) number: u8,
    /// Ranks of the single bytes.
    bytes: &'a [u8; 256],
    /// Of every bucket the displacement, and a filter of the keys that may be in it.
    short_buckets: &'a [[u8; 2]],
    /// What of the hash bucket and slot do not say (6), fact (4).
    short_entries: &'a [[u8; 10]],
    short_shift: u32,
    middle_buckets: &'a [[u8; 2]],
    /// The bytes from the ninth on (8), what of the hash bucket and slot do not say (7), fact (6).
    middle_entries: &'a [[u8; 21]],
    middle_shift: u32,
    long_buckets: &'a [[u8; 2]],
    /// Where the bytes are (3), how many (1), rank (3), length of the left part (1).
    long_entries: &'a [[u8; 8]],
    long_strings: &'a [u8],
    long_shift: u32,
    /// Of pairs of ASCII characters the rank (2), and the levels below which no token takes the right one to the left (1), or
    /// the left one to the right (1), alone.
    ascii_pairs: &'a [[u8; 4]],
    /// By the first four bytes: bit `n - 4` for tokens of `n` bytes, 4 to 8.
    prefix4: &'a [u8],
    /// By the first eight bytes: bit `n - 9` for tokens of `n` bytes, 9 to 16.
    prefix8: &'a [u8],
    /// By the first sixteen bytes: where in `prefix16_lengths` the lengths of longer tokens are.
    prefix16: &'a [[u8; 2]],
    /// Lists of lengths, longest first, each with a byte of the hash of the last eight bytes, ended by a zero.
    prefix16_lengths: &'a [[u8; 2]],
    /// Bits by number of a character below U+10000 that is not ASCII: whether it is a token.
    char_tokens: &'a [u8],
    /// Bits by number of a character of three bytes: whether its first two are merged for certain, whatever is around it.
    char_prefixes: &'a [u8],
    /// Bits by pair of characters that stand next to each other in a token.
    char_pairs: &'a [u8],
    /// Bits by last byte of a character and first byte of the next, where a token reaches from one into the other
    /// and does not hold both whole.
    byte_crossings: &'a [u8],
    /// By the last two bytes: bytes of the longest token that ends with them.
    suffix2: &'a [u8],
    /// Bytes of the longest token.
    max_token_len: usize,
    /// How many tokens merging never makes: only a whole piece can be one of these.
    unreachable: u32,
    /// Ids by rank; empty where these are the same.
    ids: &'a [[u8; 4]],
}

/// `o200k_base`.
pub(crate) static O200K_BASE: Vocabulary<'static> = include!(concat!(env!("OUT_DIR"), "/o200k_base.rs"));
/// `cl100k_base`.
#[cfg(feature = "cl100k_base")]
pub(crate) static CL100K_BASE: Vocabulary<'static> = include!(concat!(env!("OUT_DIR"), "/cl100k_base.rs"));
/// `p50k_base`.
#[cfg(feature = "p50k_base")]
pub(crate) static P50K_BASE: Vocabulary<'static> = include!(concat!(env!("OUT_DIR"), "/p50k_base.rs"));
/// `r50k_base`.
#[cfg(feature = "r50k_base")]
pub(crate) static R50K_BASE: Vocabulary<'static> = include!(concat!(env!("OUT_DIR"), "/r50k_base.rs"));

/// [`O200K_BASE`] as a type: what is made for it knows where its tables are, and how long.
#[derive(Clone, Copy)]
pub(crate) struct O200k;

impl std::ops::Deref for O200k {
    type Target = Vocabulary<'static>;

    #[inline(always)]
    fn deref(&self) -> &Vocabulary<'static> {
        &O200K_BASE
    }
}

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

impl Token {
    /// Whether merging makes it.
    pub(crate) fn is_reachable(&self) -> bool {
        self.len == 1 || !matches!(self.spine, Spine::Lengths { left: 0, .. } | Spine::Split(0))
    }
}

/// Two ASCII characters that stand next to each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    /// Rank of the token that they are, or [`hash::NO_PAIR`], or [`hash::LARGE_PAIR`].
    pub(crate) rank: u16,
    /// No token of a lower [level](hash::level) takes the second one to the first and what is before it.
    pub(crate) left: u8,
    /// No token of a lower level takes the first one to the second and what is behind it.
    pub(crate) right: u8,
}

// === impl Vocabulary ===

impl Vocabulary<'_> {
    /// Whether the `len` bytes at `at` are a token; `first` is the word at `at`.
    #[inline(always)]
    pub(crate) fn has(&self, text: &[u8], at: usize, len: usize, first: u64) -> bool {
        match len {
            ..=1 => true,
            2..=8 => self.short(hash::key(first, len)).is_some(),
            9..=16 => self.middle(first, hash::key(swar::load(text, at + 8), len - 8)).is_some(),
            _ => self.may_be_long(text, at, first, len) && self.long(text, at, len).is_some(),
        }
    }

    /// Whether the first `len` bytes of a word, one to eight, are a token. Nothing depends on a branch, so that several can be
    /// looked up at the same time.
    #[inline(always)]
    pub(crate) fn has_short(&self, word: u64, len: usize) -> bool {
        let hash = hash::of_word(hash::key(word, len));
        let [pilot, filter] = self.short_buckets.get(hash.bucket(self.short_shift)).copied().unwrap_or_default();
        let (slot, rest) = hash.place(pilot, self.short_entries.len() as u32);
        // What is not in the bucket reads an entry that is in the cache.
        let may = usize::from(filter >> hash.filter(self.short_shift) & 1);
        let [a, b, c, d, e, f, ..] = self.short_entries.get(slot * may).copied().unwrap_or_default();
        let differs =
            (u32::from_le_bytes([a, b, c, d]) ^ hash.low) | (u32::from(u16::from_le_bytes([e, f])) ^ rest >> 16);
        (differs == 0) & (may == 1) | (len == 1)
    }

    /// Whether the first `len` bytes of two words, nine or more, are a token of up to sixteen; likewise.
    #[inline(always)]
    pub(crate) fn has_middle(&self, first: u64, second: u64, len: usize) -> bool {
        let second = hash::key(second, len - 8);
        let hash = hash::of_words(first, second);
        let [pilot, filter] = self.middle_buckets.get(hash.bucket(self.middle_shift)).copied().unwrap_or_default();
        let (slot, rest) = hash.place(pilot, self.middle_entries.len() as u32);
        // What is not in the bucket reads an entry that is in the cache.
        let may = usize::from(filter >> hash.filter(self.middle_shift) & 1) & usize::from(len <= 16);
        let entry = self.middle_entries.get(slot * may).copied().unwrap_or_default();
        let [word @ .., _, _, _, _, _, _, _, _, _, _, _, _, _] = entry;
        let [_, _, _, _, _, _, _, _, a, b, c, d, x, y, z, ..] = entry;
        let differs = (u64::from_le_bytes(word) ^ second)
            | u64::from(u32::from_le_bytes([a, b, c, d]) ^ hash.low)
            | u64::from(u32::from_le_bytes([x, y, z, 0]) ^ rest >> 8);
        (differs == 0) & (may == 1)
    }

    /// The rank of the token that the `len` bytes at `at` are.
    #[inline]
    pub(crate) fn rank(&self, text: &[u8], at: usize, len: usize) -> Option<u32> {
        let first = swar::load(text, at);
        match len {
            ..=1 => self.byte(first),
            2..=8 => Some(self.short_rank(hash::key(first, len))).filter(|rank| *rank <= RANK),
            9..=16 => Some(self.middle(first, hash::key(swar::load(text, at + 8), len - 8))? as u32 & RANK),
            _ if self.may_be_long(text, at, first, len) => Some(self.long(text, at, len)?.0),
            _ => None,
        }
    }

    /// The token that the `len` bytes at `at` are.
    #[inline]
    pub(crate) fn token(&self, text: &[u8], at: usize, len: usize) -> Option<Token> {
        let first = swar::load(text, at);
        match len {
            ..=1 => Some(Token { len: 1, rank: self.byte(first)?, spine: Spine::Lengths { left: 0, right: 0 } }),
            2..=8 => Some(short_token(self.short(hash::key(first, len))?, len)),
            9..=16 => Some(middle_token(self.middle(first, hash::key(swar::load(text, at + 8), len - 8))?, len)),
            _ => {
                let (rank, split) = self.long(text, at, len)?;
                Some(Token { len, rank, spine: Spine::Split(split) })
            }
        }
    }

    /// The longest token at `at` that is no longer than `most`, which is at least 1.
    #[inline]
    pub(crate) fn longest(&self, text: &[u8], at: usize, most: usize) -> Option<Token> {
        let first = swar::load(text, at);
        if most > 8 {
            if most > 16
                && let Some(token) = self.longest_long(text, at, most, first)
            {
                return Some(token);
            }
            let may = self.prefix8.get(hash::of_eight(first, bits(self.prefix8))).copied().unwrap_or_default();
            let mut may = u32::from(may) & (0xFF >> (16_usize.saturating_sub(most)));
            if may != 0 {
                let second = swar::load(text, at + 8);
                while let Some(highest) = may.checked_ilog2() {
                    let len = 9 + highest as usize;
                    if let Some(fact) = self.middle(first, hash::key(second, len - 8)) {
                        return Some(middle_token(fact, len));
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
                if let Some(fact) = self.short(hash::key(first, len)) {
                    return Some(short_token(fact, len));
                }
                may &= !(1 << highest);
            }
        }
        for len in [3, 2] {
            if most >= len
                && let Some(fact) = self.short(hash::key(first, len))
            {
                return Some(short_token(fact, len));
            }
        }
        Some(Token { len: 1, rank: self.byte(first)?, spine: Spine::Lengths { left: 0, right: 0 } })
    }

    #[inline(never)]
    fn longest_long(&self, text: &[u8], at: usize, most: usize, first: u64) -> Option<Token> {
        let may = |entry: &&[u8; 2]| usize::from(entry[0]) <= most && ends_so(text, at, **entry);
        self.long_lengths(text, at, first).filter(may).find_map(|[len, _]| {
            let len = usize::from(*len);
            let (rank, split) = self.long(text, at, len)?;
            Some(Token { len, rank, spine: Spine::Split(split) })
        })
    }

    /// Whether there may be a token of `len` bytes, more than sixteen, at `at`.
    #[inline]
    fn may_be_long(&self, text: &[u8], at: usize, first: u64, len: usize) -> bool {
        /// Entries that are looked at: more than that, of a run, take longer than looking the token up.
        const MOST: usize = 8;
        if text.get(at..at + len).is_none_or(|token| self.max_len_ending(token) < len) {
            return false;
        }
        let mut entries = self.long_lengths(text, at, first);
        let is_it = |entry: &[u8; 2]| usize::from(entry[0]) == len && ends_so(text, at, *entry);
        entries.by_ref().take(MOST).any(is_it) || entries.next().is_some()
    }

    /// Lengths of the tokens of more than sixteen bytes, the longest first, that may begin at `at`.
    #[inline(always)]
    fn long_lengths(&self, text: &[u8], at: usize, first: u64) -> impl Iterator<Item = &[u8; 2]> {
        let prefix = hash::chain(hash::chain(0, first), swar::load(text, at + 8));
        let entry = self.prefix16.get((prefix >> (64 - bits(self.prefix16))) as usize).copied().unwrap_or_default();
        let lengths = self.prefix16_lengths.get(usize::from(u16::from_le_bytes(entry))..).unwrap_or_default();
        lengths.iter().take_while(|entry| entry[0] != 0)
    }

    /// The next shorter token on the spine of `token`, which ends at `end`: the right part that merging made it from.
    #[inline]
    pub(crate) fn right_part(&self, text: &[u8], end: usize, token: &Token) -> Option<Token> {
        match token.spine {
            Spine::Lengths { right, .. } => {
                let len = shorter(right, token.len)?;
                Some(Token { len, rank: self.rank(text, end - len, len)?, spine: token.spine })
            }
            Spine::Split(0) => None,
            Spine::Split(left) => {
                let len = token.len.checked_sub(usize::from(left))?;
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
            Spine::Split(0) => None,
            Spine::Split(left) => self.token(text, at, usize::from(left)),
        }
    }

    /// Whether no token at all reaches from one character, as a word, into the next. Both are three or four bytes of
    /// UTF-8; `last` and `first` are the bytes that meet.
    #[inline(always)]
    pub(crate) fn is_char_boundary(&self, left: u32, right: u32, last: u8, first: u8) -> bool {
        !bit(self.char_pairs, hash::of_pair(left, right, bits(self.char_pairs) + 3)) && self.crosses_whole_chars(last, first)
    }

    /// Whether a character of `width` bytes, more than one, with which `word` begins is a token.
    #[inline(always)]
    pub(crate) fn is_char_token(&self, word: u64, width: usize) -> bool {
        let six = |byte: u32| (word >> (8 * byte)) as usize & 0x3F;
        match width {
            2 => bit(self.char_tokens, (word as usize & 0x1F) << 6 | six(1)),
            3 => bit(self.char_tokens, (word as usize & 0xF) << 12 | six(1) << 6 | six(2)),
            // Facts above the rank are those of the spine.
            _ => self.short(hash::key(word, width)).is_some_and(|fact| fact > RANK),
        }
    }

    /// Whether the first two bytes of a character of three, with which `word` begins, are merged before anything else may
    /// take one of them.
    #[inline(always)]
    pub(crate) fn merges_char_prefix(&self, word: u64) -> bool {
        let six = |byte: u32| (word >> (8 * byte)) as usize & 0x3F;
        let number = (word as usize & 0xF) << 12 | six(1) << 6 | six(2);
        self.char_prefixes.get(number / 8).is_some_and(|byte| byte >> (number % 8) & 1 == 1)
    }

    /// Whether merging makes the token that the `len` bytes at `at` are, if they are one.
    #[inline(always)]
    pub(crate) fn merges(&self, text: &[u8], at: usize, len: usize) -> bool {
        self.unreachable == 0 || self.token(text, at, len).is_some_and(|token| token.is_reachable())
    }

    /// Whether a token that reaches from one character into the next always holds both whole. `last` and `first` are
    /// the bytes that meet.
    #[inline(always)]
    pub(crate) fn crosses_whole_chars(&self, last: u8, first: u8) -> bool {
        !bit(self.byte_crossings, usize::from(last) << 8 | usize::from(first))
    }

    /// The id of the token of that rank.
    pub(crate) fn id(&self, rank: u32) -> u32 {
        self.ids.get(rank as usize).map_or(rank, |id| u32::from_le_bytes(*id))
    }

    /// Whether merging makes every token.
    pub(crate) fn all_reachable(&self) -> bool {
        self.unreachable == 0
    }

    /// At least the bytes of the longest token that `text` ends with.
    #[inline]
    pub(crate) fn max_len_ending(&self, text: &[u8]) -> usize {
        let [.., first, second] = text else { return text.len() };
        let most = self.suffix2.get(hash::of_two(*first, *second, bits(self.suffix2)));
        usize::from(most.copied().unwrap_or_default()).max(1)
    }

    /// Bytes of the longest token.
    pub(crate) fn max_token_len(&self) -> usize {
        self.max_token_len
    }

    #[inline(always)]
    fn byte(&self, first: u64) -> Option<u32> {
        self.bytes.get((first & 0xFF) as usize).map(|rank| u32::from(*rank))
    }

    /// The fact of a token of two to eight bytes, for keys that mostly are one.
    #[inline(always)]
    pub(crate) fn short(&self, key: u64) -> Option<u32> {
        let hash = hash::of_word(key);
        let [pilot, _] = *self.short_buckets.get(hash.bucket(self.short_shift))?;
        let (slot, rest) = hash.place(pilot, self.short_entries.len() as u32);
        let [a, b, c, d, e, f, fact @ ..] = *self.short_entries.get(slot)?;
        let found = u32::from_le_bytes([a, b, c, d]) == hash.low && u32::from(u16::from_le_bytes([e, f])) == rest >> 16;
        found.then_some(u32::from_le_bytes(fact))
    }

    /// The rank of the token that two bytes are; all ones if there is none.
    #[inline(always)]
    pub(crate) fn pair_rank(&self, first: u8, second: u8) -> u32 {
        if (first | second) < 0x80 {
            match self.ascii_pair(first, second).rank {
                hash::NO_PAIR => return u32::MAX,
                hash::LARGE_PAIR => {}
                rank => return u32::from(rank),
            }
        }
        self.short_rank(hash::key(u64::from(first) | u64::from(second) << 8, 2))
    }

    /// What is known of two ASCII characters.
    #[inline(always)]
    pub(crate) fn ascii_pair(&self, first: u8, second: u8) -> Pair {
        let entry = hash::of_ascii(first, second).and_then(|place| self.ascii_pairs.get(place)).copied();
        let [low, high, left, right] = entry.unwrap_or(hash::UNKNOWN_PAIR);
        Pair { rank: u16::from_le_bytes([low, high]), left, right }
    }

    /// The rank of a token of two to eight bytes, for keys that mostly are none, as what comes of two tokens; all ones
    /// if there is none. Nothing depends on a branch, so that several can be looked up at the same time.
    #[inline(always)]
    pub(crate) fn short_rank(&self, key: u64) -> u32 {
        let hash = hash::of_word(key);
        let [pilot, filter] = self.short_buckets.get(hash.bucket(self.short_shift)).copied().unwrap_or_default();
        let (slot, rest) = hash.place(pilot, self.short_entries.len() as u32);
        // What is not in the bucket reads an entry that is in the cache.
        let may = u32::from(filter) >> hash.filter(self.short_shift) & 1;
        let entry = self.short_entries.get(slot * may as usize).copied().unwrap_or_default();
        let [a, b, c, d, e, f, fact @ ..] = entry;
        let differs =
            (u32::from_le_bytes([a, b, c, d]) ^ hash.low) | (u32::from(u16::from_le_bytes([e, f])) ^ rest >> 16);
        let found = u32::from(differs == 0) & may;
        (u32::from_le_bytes(fact) & RANK) | found.wrapping_sub(1)
    }

    /// The rank of the first `len` bytes of two words, nine to sixteen, all ones if they are no token.
    #[inline(never)]
    pub(crate) fn middle_rank(&self, first: u64, second: u64, len: usize) -> u32 {
        self.middle(first, hash::key(second, len - 8)).map_or(u32::MAX, |fact| fact as u32 & RANK)
    }

    /// The fact of a token of nine to sixteen bytes.
    #[inline(always)]
    pub(crate) fn middle(&self, first: u64, second: u64) -> Option<u64> {
        let hash = hash::of_words(first, second);
        let [pilot, filter] = *self.middle_buckets.get(hash.bucket(self.middle_shift))?;
        if filter >> hash.filter(self.middle_shift) & 1 == 0 {
            return None;
        }
        let (slot, rest) = hash.place(pilot, self.middle_entries.len() as u32);
        let entry = self.middle_entries.get(slot)?;
        // With the second word, the hash says the first one too.
        let [key @ .., _, _, _, _, _, _] = *entry;
        let [low @ .., x, y, z] = key;
        let [word @ .., _, _, _, _] = low;
        let [.., l, m, n, o] = low;
        if u64::from_le_bytes(word) != second
            || u32::from_le_bytes([l, m, n, o]) != hash.low
            || u32::from_le_bytes([x, y, z, 0]) != rest >> 8
        {
            return None;
        }
        let [.., a, b, c, d, e, f] = *entry;
        Some(u64::from_le_bytes([a, b, c, d, e, f, 0, 0]))
    }

    /// Rank and length of the left part of a token of more than sixteen bytes.
    #[inline(never)]
    fn long(&self, text: &[u8], at: usize, len: usize) -> Option<(u32, u8)> {
        if len > self.max_token_len {
            return None;
        }
        let bytes = text.get(at..at + len)?;
        let hash = hash::of_long(len, |offset| swar::load(text, at + offset));
        let [pilot, _] = *self.long_buckets.get(hash.bucket(self.long_shift))?;
        let (slot, _) = hash.place(pilot, self.long_entries.len() as u32);
        let [a, b, c, length, d, e, f, split] = *self.long_entries.get(slot)?;
        let start = u32::from_le_bytes([a, b, c, 0]) as usize;
        let same = usize::from(length) == len && self.long_strings.get(start..start + len)? == bytes;
        same.then_some((u32::from_le_bytes([d, e, f, 0]), split))
    }
}

/// The bits of a rank.
pub(crate) const RANK: u32 = 0x3_FFFF;

fn short_token(fact: u32, len: usize) -> Token {
    let spine = Spine::Lengths { left: (fact >> 18 & 0x7F) as u16, right: (fact >> 25) as u16 };
    Token { len, rank: fact & RANK, spine }
}

fn middle_token(fact: u64, len: usize) -> Token {
    let spine = Spine::Lengths { left: (fact >> 18 & 0x7FFF) as u16, right: (fact >> 33) as u16 };
    Token { len, rank: fact as u32 & RANK, spine }
}

/// Whether the text at `at` ends, at the length of an entry, as a token does that the entry stands for.
#[inline(always)]
fn ends_so(text: &[u8], at: usize, [len, end]: [u8; 2]) -> bool {
    hash::of_eight(swar::load(text, at + usize::from(len) - 8), 8) == usize::from(end)
}

#[inline(always)]
fn bit(table: &[u8], at: usize) -> bool {
    table.get(at / 8).is_none_or(|byte| byte >> (at % 8) & 1 == 1)
}

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
            #[cfg(feature = "cl100k_base")]
            (&CL100K_BASE, tiktoken_rs::cl100k_base_singleton(), 100_256),
            #[cfg(feature = "p50k_base")]
            (&P50K_BASE, tiktoken_rs::p50k_base_singleton(), 50_281),
            #[cfg(feature = "r50k_base")]
            (&R50K_BASE, tiktoken_rs::r50k_base_singleton(), 50_256),
        ] {
            for rank in 0..size {
                let mut text = bpe.decode_bytes(&[rank]).unwrap();
                if text == b"<|endoftext|>" {
                    // A rank of `p50k_base` that is no token of text.
                    assert_eq!(vocabulary.token(&text, 0, text.len()), None);
                    continue;
                }
                let len = text.len();
                // Whatever follows does not matter.
                for after in ["", "a", " and so on"] {
                    text.truncate(len);
                    text.extend_from_slice(after.as_bytes());
                    let token = vocabulary.token(&text, 0, len).unwrap();
                    assert_eq!((token.rank, token.len), (rank, len));
                    assert!(vocabulary.has(&text, 0, len, swar::load(&text, 0)));
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
