//! Merges a short piece as BPE is defined.

use std::ops::Deref;

use crate::swar;
use crate::vocabulary::{Pair, Vocabulary, hash};

/// Maximum number of symbols: positions and ranks of this many fit into a few registers and cache lines, and with more
/// of them finding the lowest rank would take longer than the lookups.
const MOST: usize = 24;
/// Number of slots; a power of two, so that a masked index is in bounds.
const SLOTS: usize = 32;
/// Offsets of the symbols if each is one byte.
const NUMBERS: [u8; SLOTS] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
    31,
];
/// Packed rank of a pair that is not a token.
const NONE: u32 = u32::MAX;

/// Symbols of a piece. With `ASCII`, all of the piece is ASCII: every byte is a symbol, and its offset is its number.
struct Symbols<'a, V, const ASCII: bool> {
    vocabulary: V,
    text: &'a [u8],
    start: usize,
    /// Offset of each initial symbol from `start`, followed by the end of the last.
    offsets: [u8; SLOTS],
    /// Bit set of the symbols that have not been merged into their left neighbour, and of the end.
    live: u32,
    /// For the pair that starts at each symbol: rank times 32, plus the number of the symbol.
    pairs: [u32; SLOTS],
}

/// Merges `text[start..end]`, at least one byte, or its first [`MOST`] symbols.
#[inline]
pub(crate) fn merge_short<'v, V: Deref<Target = Vocabulary<'v>>>(
    vocabulary: V,
    text: &[u8],
    piece: (usize, usize),
) -> ShortMerge {
    merge::<_, false, false>(vocabulary, text, piece)
}

/// Merges a piece that is ASCII; see [`merge_short`].
#[inline]
pub(crate) fn merge_short_ascii<'v, V: Deref<Target = Vocabulary<'v>>>(
    vocabulary: V,
    text: &[u8],
    piece: (usize, usize),
) -> ShortMerge {
    merge::<_, false, true>(vocabulary, text, piece)
}

/// Guesses the merge result of a prefix of `text[start..end]`. Runs of sixteen or eight equal bytes are initial symbols
/// if they are a token, so that more of a long run is seen.
#[inline]
pub(crate) fn guess_prefix(vocabulary: &Vocabulary<'_>, text: &[u8], piece: (usize, usize)) -> ShortMerge {
    merge::<_, true, false>(vocabulary, text, piece)
}

/// Merges with blocks of equal bytes (`BLOCKS`) or for ASCII only (`ASCII`).
#[inline(always)]
fn merge<'v, V: Deref<Target = Vocabulary<'v>>, const BLOCKS: bool, const ASCII: bool>(
    vocabulary: V,
    text: &[u8],
    (start, end): (usize, usize),
) -> ShortMerge {
    let mut symbols =
        Symbols::<V, ASCII> { vocabulary, text, start, offsets: [0; SLOTS], live: 0, pairs: [NONE; SLOTS] };
    let (count, read, is_guess) = if ASCII { symbols.bytes(end) } else { symbols.read::<BLOCKS>(end) };
    loop {
        let lowest = symbols.lowest(count - 1);
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
    ShortMerge { offsets: symbols.offsets, live: symbols.live, is_all: read == end, is_guess }
}

/// Merge result of a short piece.
pub(crate) struct ShortMerge {
    offsets: [u8; SLOTS],
    live: u32,
    /// `true` if it covers the whole piece.
    pub(crate) is_all: bool,
    /// `true` if actual merging may give another result.
    pub(crate) is_guess: bool,
}

impl ShortMerge {
    /// Returns the number of tokens.
    #[inline(always)]
    pub(crate) fn count(&self) -> usize {
        self.live.count_ones() as usize - 1
    }

    /// Returns the token lengths.
    pub(crate) fn lengths(&self) -> impl Iterator<Item = usize> {
        let ends = |live: u32| {
            let offset = self.offsets.get(live.trailing_zeros() as usize);
            offset.map_or(0, |offset| usize::from(*offset))
        };
        let mut live = self.live;
        (0..self.count()).map(move |_| {
            let start = ends(live);
            live &= live - 1;
            ends(live) - start
        })
    }
}

impl<'v, V: Deref<Target = Vocabulary<'v>>, const ASCII: bool> Symbols<'_, V, ASCII> {
    /// Splits the piece into initial symbols and looks up their pairs. A symbol is a byte, or a character whose bytes
    /// can only be merged with each other first. Returns the number of symbols, the end of the last, and whether there
    /// are blocks.
    #[inline(always)]
    fn read<const BLOCKS: bool>(&mut self, end: usize) -> (usize, usize, bool) {
        let (mut count, mut at) = (0, self.start);
        let mut is_guess = false;
        // A word of equal bytes, and the block length that applies to it.
        let mut block = (0, 1);
        // Offsets are stored as `u8`.
        let limit = if BLOCKS { end.min(self.start + 0xFF - BLOCK) } else { end };
        // Word and byte length of the previous symbol.
        let (mut before, mut bytes) = (0, 0);
        while at < limit && count < MOST {
            let word = swar::load(self.text, at);
            let len = match word as u8 {
                ..0x80 if BLOCKS && word == (word & 0x7F).wrapping_mul(0x0101_0101_0101_0101) => {
                    if block.0 != word {
                        block = (word, self.block_of(word));
                    }
                    let is_there = at + block.1 <= end && (block.1 <= 8 || word == swar::load(self.text, at + 8));
                    let len = if is_there { block.1 } else { 1 };
                    is_guess |= len > 1;
                    len
                }
                ..0xC0 => 1,
                0xC0..0xE0 => self.first_symbol::<2>(word, at, end),
                0xE0..0xF0 => self.first_symbol::<3>(word, at, end),
                0xF0.. => self.first_symbol::<4>(word, at, end),
            };
            at += len;
            if let Some(offset) = self.offsets.get_mut(count + 1) {
                *offset = (at - self.start) as u8;
            }
            if count > 0 {
                let rank = match bytes + len {
                    2 => self.vocabulary.pair_rank(before as u8, (before >> 8) as u8),
                    both if !BLOCKS || both <= 8 => self.vocabulary.short_rank(hash::short_key(before, both)),
                    _ => self.rank(count - 1, count + 1),
                };
                self.set(count - 1, packed(rank, count - 1));
            }
            (before, bytes) = (word, len);
            count += 1;
        }
        self.live = (1 << (count + 1)) - 1;
        (count, at, is_guess)
    }

    /// Returns the length of a block of the equal bytes of `word`: sixteen or eight if these are a token, else one.
    #[inline(never)]
    fn block_of(&self, word: u64) -> usize {
        match word {
            _ if self.vocabulary.has_middle(word, word, BLOCK) => BLOCK,
            _ if self.vocabulary.has_short(word, 8) => 8,
            _ => 1,
        }
    }

    /// Returns the byte length of the first initial symbol of a character of `WIDTH` bytes at `at`; `word` starts with
    /// it.
    #[inline(always)]
    fn first_symbol<const WIDTH: usize>(&self, word: u64, at: usize, end: usize) -> usize {
        let is_whole = |last: u8, first: u8| self.vocabulary.crosses_whole_chars(last, first);
        let before = self.text.get(at.wrapping_sub(1)).copied().unwrap_or_default();
        let behind = (word >> (8 * (WIDTH - 1))) as u16;
        let left = at == self.start || is_whole(before, word as u8);
        let right = at + WIDTH >= end || is_whole(behind as u8, (behind >> 8) as u8);
        match WIDTH {
            _ if left && right && self.vocabulary.is_char_token(word, WIDTH) => WIDTH,
            3 if self.vocabulary.merges_char_prefix(word) => 2,
            // The remaining bytes are symbols of their own.
            _ => 1,
        }
    }

    /// Initializes the symbols of an ASCII piece; see [`Self::read`].
    #[inline(always)]
    fn bytes(&mut self, end: usize) -> (usize, usize, bool) {
        let count = (end - self.start).min(MOST);
        self.offsets = NUMBERS;
        self.live = (1 << (count + 1)) - 1;
        self.merge_certain_pairs(count);
        (count, self.start + count, false)
    }

    /// Looks up the pairs of bytes, and applies the merges that are certain.
    ///
    /// If no token of lower rank takes one byte of a pair from the other (see [`Pair`](crate::vocabulary::Pair)), both
    /// bytes remain single symbols until the pair's turn. So the pair can be merged at once. No token of lower rank can
    /// arise from this merge, since such a token would have to take one of the two bytes alone.
    #[inline(always)]
    fn merge_certain_pairs(&mut self, count: usize) {
        /// A missing pair takes nothing.
        const NOTHING: Pair = Pair { rank: hash::NO_PAIR, left: u8::MAX, right: u8::MAX };
        let (vocabulary, text) = (&self.vocabulary, self.text.get(self.start..).unwrap_or_default());
        let pair = |number: usize| match text.get(number..).and_then(|rest| rest.first_chunk()) {
            Some([first, second]) if number + 1 < count => vocabulary.ascii_pair(*first, *second),
            _ => NOTHING,
        };
        let (mut before, mut certain, mut large) = (NOTHING, 0_u32, 0_u32);
        let mut own = pair(0);
        for number in 0..count - 1 {
            let behind = pair(number + 1);
            let level = hash::level(own.rank);
            let is_certain = (own.rank < hash::LARGE_PAIR) & (level < before.left) & (level < behind.right);
            certain |= u32::from(is_certain) << number;
            large |= u32::from(own.rank == hash::LARGE_PAIR) << number;
            let rank = if own.rank == hash::NO_PAIR { NONE } else { packed(u32::from(own.rank), number) };
            if let Some(place) = self.pairs.get_mut(number) {
                *place = rank;
            }
            (before, own) = (own, behind);
        }
        let mut merged = certain << 1;
        self.live &= !merged;
        // Symbols that a merge produced, and those whose rank is not known yet.
        let mut others = (certain | certain >> 1 | large) & self.live;
        while merged != 0 {
            self.set(merged.trailing_zeros() as usize, NONE);
            merged &= merged - 1;
        }
        while others != 0 {
            let number = others.trailing_zeros() as usize;
            others &= others - 1;
            let after = self.next(number);
            if after < count {
                self.pair(number, self.next(after));
            } else {
                self.set(number, NONE);
            }
        }
    }

    /// Returns the lowest of the first `count` pairs.
    #[inline(always)]
    fn lowest(&self, count: usize) -> u32 {
        // The slots after the last pair hold [`NONE`].
        let groups = self.pairs.as_chunks::<8>().0.iter().take(count.div_ceil(8));
        groups.fold(NONE, |lowest, &[a, b, c, d, e, f, g, h]| {
            let (first, second) = (a.min(b).min(c.min(d)), e.min(f).min(g.min(h)));
            lowest.min(first.min(second))
        })
    }

    /// Returns the first symbol after `number`, or the end.
    #[inline(always)]
    fn next(&self, number: usize) -> usize {
        number + 1 + (self.live >> (number + 1)).trailing_zeros() as usize
    }

    /// Returns the offset of a symbol from the start of the piece.
    #[inline(always)]
    fn offset(&self, number: usize) -> usize {
        if ASCII {
            return number;
        }
        usize::from(self.offsets.get(number & (SLOTS - 1)).copied().unwrap_or_default())
    }

    /// Looks up the pair that starts at symbol `number` and ends at symbol `after`.
    #[inline(always)]
    fn pair(&mut self, number: usize, after: usize) {
        let rank = self.rank(number, after);
        self.set(number, packed(rank, number));
    }

    /// Returns the rank of the pair that starts at symbol `number` and ends at symbol `after`.
    #[inline(always)]
    fn rank(&self, number: usize, after: usize) -> u32 {
        let (from, to) = (self.offset(number), self.offset(after));
        let (at, len) = (self.start + from, to - from);
        match len {
            ..=8 => self.vocabulary.short_rank(hash::short_key(swar::load(self.text, at), len)),
            9..=16 => self.vocabulary.middle_rank(swar::load(self.text, at), swar::load(self.text, at + 8), len),
            _ => self.vocabulary.rank(self.text, at, len).unwrap_or(NONE),
        }
    }

    /// Stores a packed pair.
    #[inline(always)]
    fn set(&mut self, number: usize, pair: u32) {
        if let Some(place) = self.pairs.get_mut(number & (SLOTS - 1)) {
            *place = pair;
        }
    }
}

/// Maximum byte length of a block.
const BLOCK: usize = 16;

/// Packs a rank and the number of a symbol. A missing rank stays greater than any other.
#[inline(always)]
fn packed(rank: u32, number: usize) -> u32 {
    (rank << 5) | number as u32
}
