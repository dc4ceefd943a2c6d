//! Merging a few symbols, as the definition says.

use std::ops::Deref;

use crate::vocabulary::{Pair, Vocabulary, hash};
use crate::swar;

/// How many symbols a piece may have: positions and ranks of so many fit into a few registers and cache lines, and
/// with more of them looking for the lowest rank would take longer than what is looked for.
const MOST: usize = 24;
/// The slots for them; a power of two, so that an index is in bounds once it is masked.
const SLOTS: usize = 32;
/// Where they begin if every byte is one.
const NUMBERS: [u8; SLOTS] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
    31,
];
/// What stands for a pair that is no token.
const NONE: u32 = u32::MAX;

/// The symbols of a piece. `ASCII` says that all of it is: every byte is a symbol, and has its number.
struct Symbols<'a, V, const ASCII: bool> {
    vocabulary: V,
    text: &'a [u8],
    start: usize,
    /// Where the symbols began before any merge, from `start` on; after the last of them the end.
    offsets: [u8; SLOTS],
    /// A bit for every symbol that is still one, and for the end.
    live: u32,
    /// Of the pair that each symbol begins: rank, times 32, plus the number of the symbol.
    pairs: [u32; SLOTS],
}

/// Merges `text[start..end]`, which has at least one byte, or what of it the first [`MOST`] symbols are.
#[inline]
pub(crate) fn merge_short<'v, V: Deref<Target = Vocabulary<'v>>>(vocabulary: V, text: &[u8], piece: (usize, usize)) -> ShortMerge {
    merged::<_, false, false>(vocabulary, text, piece)
}

/// The same for a piece that is ASCII.
#[inline]
pub(crate) fn merge_short_ascii<'v, V: Deref<Target = Vocabulary<'v>>>(
    vocabulary: V,
    text: &[u8],
    piece: (usize, usize),
) -> ShortMerge {
    merged::<_, false, true>(vocabulary, text, piece)
}

/// A guess at what merging leaves of the beginning of `text[start..end]`: sixteen or eight equal bytes in a row are one symbol
/// from the beginning, if they are a token, so that more of a long run can be seen.
#[inline]
pub(crate) fn guess_prefix(vocabulary: &Vocabulary<'_>, text: &[u8], piece: (usize, usize)) -> ShortMerge {
    merged::<_, true, false>(vocabulary, text, piece)
}

#[inline(always)]
fn merged<'v, V: Deref<Target = Vocabulary<'v>>, const BLOCKS: bool, const ASCII: bool>(
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

/// What merging left.
pub(crate) struct ShortMerge {
    offsets: [u8; SLOTS],
    live: u32,
    /// Whether that is all of the piece.
    pub(crate) is_all: bool,
    /// Whether merging may leave something else.
    pub(crate) is_guess: bool,
}

impl ShortMerge {
    /// The number of tokens.
    #[inline(always)]
    pub(crate) fn count(&self) -> usize {
        self.live.count_ones() as usize - 1
    }

    /// Their lengths.
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
    /// Cuts the piece into symbols, and looks up their pairs: bytes, but characters where nothing can come of their bytes
    /// before the character is whole. How many there are, where the last ends, and whether there are blocks.
    #[inline(always)]
    fn read<const BLOCKS: bool>(&mut self, end: usize) -> (usize, usize, bool) {
        let (mut count, mut at) = (0, self.start);
        let mut is_guess = false;
        // Eight equal bytes, and of how many of these a block is.
        let mut block = (0, 1);
        // Offsets are bytes.
        let limit = if BLOCKS { end.min(self.start + 0xFF - BLOCK) } else { end };
        // The symbol before: what begins with it, and its bytes.
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

    /// The equal bytes that are a block: sixteen or eight of them, if these are a token, or one. `word` are eight.
    #[inline(never)]
    fn block_of(&self, word: u64) -> usize {
        match word {
            _ if self.vocabulary.has_middle(word, word, BLOCK) => BLOCK,
            _ if self.vocabulary.has_short(word, 8) => 8,
            _ => 1,
        }
    }

    /// How many bytes the first symbol has of a character of `WIDTH` bytes at `at`, with which `word` begins.
    #[inline(always)]
    fn first_symbol<const WIDTH: usize>(&self, word: u64, at: usize, end: usize) -> usize {
        let meets = |last: u8, first: u8| self.vocabulary.crosses_whole_chars(last, first);
        let before = self.text.get(at.wrapping_sub(1)).copied().unwrap_or_default();
        let behind = (word >> (8 * (WIDTH - 1))) as u16;
        let left = at == self.start || meets(before, word as u8);
        let right = at + WIDTH >= end || meets(behind as u8, (behind >> 8) as u8);
        match WIDTH {
            _ if left && right && self.vocabulary.is_char_token(word, WIDTH) => WIDTH,
            3 if self.vocabulary.merges_char_prefix(word) => 2,
            // The others come one by one.
            _ => 1,
        }
    }

    /// The same for a piece of ASCII.
    #[inline(always)]
    fn bytes(&mut self, end: usize) -> (usize, usize, bool) {
        let count = (end - self.start).min(MOST);
        self.offsets = NUMBERS;
        self.live = (1 << (count + 1)) - 1;
        self.sure_pairs(count);
        (count, self.start + count, false)
    }

    /// Looks up the pairs of bytes, and merges those that are merged for certain, whatever comes of what is around them.
    ///
    /// Of two bytes that no token of lower rank takes from each other, see [`Pair`](crate::vocabulary::Pair), each is there
    /// alone until it is their turn. So they can be merged at once: nothing of lower rank comes of it, since that would have
    /// to take one of them alone.
    #[inline(always)]
    fn sure_pairs(&mut self, count: usize) {
        /// Where there is no pair, nothing is taken.
        const NOTHING: Pair = Pair { rank: hash::NO_PAIR, left: u8::MAX, right: u8::MAX };
        let (vocabulary, text) = (&self.vocabulary, self.text.get(self.start..).unwrap_or_default());
        let pair = |number: usize| match text.get(number..).and_then(|rest| rest.first_chunk()) {
            Some([first, second]) if number + 1 < count => vocabulary.ascii_pair(*first, *second),
            _ => NOTHING,
        };
        let (mut before, mut sure, mut large) = (NOTHING, 0_u32, 0_u32);
        let mut own = pair(0);
        for number in 0..count - 1 {
            let behind = pair(number + 1);
            let level = hash::level(own.rank);
            let is_sure = (own.rank < hash::LARGE_PAIR) & (level < before.left) & (level < behind.right);
            sure |= u32::from(is_sure) << number;
            large |= u32::from(own.rank == hash::LARGE_PAIR) << number;
            let rank = if own.rank == hash::NO_PAIR { NONE } else { packed(u32::from(own.rank), number) };
            if let Some(place) = self.pairs.get_mut(number) {
                *place = rank;
            }
            (before, own) = (own, behind);
        }
        let mut gone = sure << 1;
        self.live &= !gone;
        // Those that a merge has made, and those of which the rank is not known yet.
        let mut others = (sure | sure >> 1 | large) & self.live;
        while gone != 0 {
            self.set(gone.trailing_zeros() as usize, NONE);
            gone &= gone - 1;
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

    /// The lowest of the first `count` pairs.
    #[inline(always)]
    fn lowest(&self, count: usize) -> u32 {
        // Behind the last of them are none.
        let groups = self.pairs.as_chunks::<8>().0.iter().take(count.div_ceil(8));
        groups.fold(NONE, |lowest, &[a, b, c, d, e, f, g, h]| {
            let (first, second) = (a.min(b).min(c.min(d)), e.min(f).min(g.min(h)));
            lowest.min(first.min(second))
        })
    }

    /// The first symbol after `number`, or the end.
    #[inline(always)]
    fn next(&self, number: usize) -> usize {
        number + 1 + (self.live >> (number + 1)).trailing_zeros() as usize
    }

    #[inline(always)]
    fn offset(&self, number: usize) -> usize {
        if ASCII {
            return number;
        }
        usize::from(self.offsets.get(number & (SLOTS - 1)).copied().unwrap_or_default())
    }

    /// Looks up the pair that `number` begins and that ends where `after` begins.
    #[inline(always)]
    fn pair(&mut self, number: usize, after: usize) {
        let rank = self.rank(number, after);
        self.set(number, packed(rank, number));
    }

    /// The rank of the pair that `number` begins and that ends where `after` begins.
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

    #[inline(always)]
    fn set(&mut self, number: usize, pair: u32) {
        if let Some(place) = self.pairs.get_mut(number & (SLOTS - 1)) {
            *place = pair;
        }
    }
}

/// Bytes of a block at most.
const BLOCK: usize = 16;

/// A rank and the number of a symbol. What is no rank stays more than any.
#[inline(always)]
fn packed(rank: u32, number: usize) -> u32 {
    (rank << 5) | number as u32
}
