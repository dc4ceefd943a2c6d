//! Merging a few symbols, as the definition says.

use crate::vocabulary::{Pair, Vocabulary, hash};
use crate::word;

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
struct Symbols<'a, const ASCII: bool> {
    vocabulary: &'a Vocabulary<'a>,
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
pub(crate) fn few(vocabulary: &Vocabulary<'_>, text: &[u8], piece: (usize, usize)) -> Few {
    merged::<false, false>(vocabulary, text, piece)
}

/// The same for a piece that is ASCII.
#[inline]
pub(crate) fn few_ascii(vocabulary: &Vocabulary<'_>, text: &[u8], piece: (usize, usize)) -> Few {
    merged::<false, true>(vocabulary, text, piece)
}

/// A guess at what merging leaves of the beginning of `text[start..end]`: sixteen equal bytes in a row are one symbol
/// from the beginning, so that more of a long run can be seen.
#[inline]
pub(crate) fn guess(vocabulary: &Vocabulary<'_>, text: &[u8], piece: (usize, usize)) -> Few {
    merged::<true, false>(vocabulary, text, piece)
}

#[inline(always)]
fn merged<const BLOCKS: bool, const ASCII: bool>(
    vocabulary: &Vocabulary<'_>,
    text: &[u8],
    (start, end): (usize, usize),
) -> Few {
    let mut symbols = Symbols::<ASCII> { vocabulary, text, start, offsets: [0; SLOTS], live: 0, pairs: [NONE; SLOTS] };
    let (count, read, is_guess) = if ASCII { symbols.bytes(end) } else { symbols.read::<BLOCKS>(end) };
    if ASCII {
        symbols.sure_pairs(count);
    } else {
        for number in 0..count - 1 {
            symbols.first_pair(number);
        }
    }
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
    Few { offsets: symbols.offsets, live: symbols.live, is_all: read == end, is_guess }
}

/// What merging left.
pub(crate) struct Few {
    offsets: [u8; SLOTS],
    live: u32,
    /// Whether that is all of the piece.
    pub(crate) is_all: bool,
    /// Whether merging may leave something else.
    pub(crate) is_guess: bool,
}

impl Few {
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

impl<const ASCII: bool> Symbols<'_, ASCII> {
    /// Cuts the piece into symbols: bytes, but characters where nothing can come of their bytes before the character
    /// is whole. How many there are, where the last ends, and whether there
    /// are blocks.
    #[inline(always)]
    fn read<const BLOCKS: bool>(&mut self, end: usize) -> (usize, usize, bool) {
        let (mut count, mut at) = (0, self.start);
        let mut is_guess = false;
        // Offsets are bytes.
        let limit = if BLOCKS { end.min(self.start + 0xFF - BLOCK) } else { end };
        while at < limit && count < MOST {
            if let Some(offset) = self.offsets.get_mut(count) {
                *offset = (at - self.start) as u8;
            }
            count += 1;
            let word = word::at(self.text, at);
            at += match word as u8 {
                ..0x80 if BLOCKS && at + BLOCK <= end && is_block(word, word::at(self.text, at + 8)) => {
                    is_guess = true;
                    BLOCK
                }
                ..0xC0 => 1,
                0xC0..0xE0 => self.first_symbol::<2>(word, at, end),
                0xE0..0xF0 => self.first_symbol::<3>(word, at, end),
                0xF0.. => self.first_symbol::<4>(word, at, end),
            };
        }
        if let Some(offset) = self.offsets.get_mut(count) {
            *offset = (at - self.start) as u8;
        }
        self.live = (1 << (count + 1)) - 1;
        (count, at, is_guess)
    }

    /// How many bytes the first symbol has of a character of `WIDTH` bytes at `at`, with which `word` begins.
    #[inline(always)]
    fn first_symbol<const WIDTH: usize>(&self, word: u64, at: usize, end: usize) -> usize {
        let meets = |last: u8, first: u8| self.vocabulary.meet_whole(last, first);
        let before = self.text.get(at.wrapping_sub(1)).copied().unwrap_or_default();
        let behind = (word >> (8 * (WIDTH - 1))) as u16;
        let left = at == self.start || meets(before, word as u8);
        let right = at + WIDTH >= end || meets(behind as u8, (behind >> 8) as u8);
        match WIDTH {
            _ if left && right && self.vocabulary.has_character(word, WIDTH) => WIDTH,
            3 if self.vocabulary.begins_sure(word) => 2,
            // The others come one by one.
            _ => 1,
        }
    }

    /// Cuts a piece of ASCII into its bytes, see [`read`](Self::read).
    #[inline(always)]
    fn bytes(&mut self, end: usize) -> (usize, usize, bool) {
        let count = (end - self.start).min(MOST);
        self.offsets = NUMBERS;
        self.live = (1 << (count + 1)) - 1;
        (count, self.start + count, false)
    }

    /// Merges the pairs of bytes that are merged for certain, whatever comes of what is around them, and looks up those that
    /// there are then.
    ///
    /// Of two bytes that no token of lower rank takes from each other, see [`Pair`](crate::vocabulary::Pair), each is there
    /// alone until it is their turn. So they can be merged at once: nothing of lower rank comes of it, since that would have
    /// to take one of them alone.
    #[inline(always)]
    fn sure_pairs(&mut self, count: usize) {
        /// Where there is no pair, nothing is taken.
        const NOTHING: Pair = Pair { rank: hash::NO_PAIR, left: u8::MAX, right: u8::MAX };
        let pair = |number: usize| {
            let bytes = self.text.get(self.start + number..).and_then(|rest| rest.first_chunk());
            match bytes {
                Some([first, second]) if number + 1 < count => self.vocabulary.ascii_pair(*first, *second),
                _ => NOTHING,
            }
        };
        let (mut before, mut sure) = (NOTHING, 0_u32);
        let mut own = pair(0);
        for number in 0..count - 1 {
            let behind = pair(number + 1);
            let level = hash::level(own.rank);
            let is_sure = (own.rank < hash::LARGE_PAIR) & (level < before.left) & (level < behind.right);
            sure |= u32::from(is_sure) << number;
            (before, own) = (own, behind);
        }
        self.live &= !(sure << 1);
        let mut rest = self.live & ((1 << count) - 1);
        while rest != 0 {
            let number = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let after = self.next(number);
            if after < count {
                match self.next(after) {
                    end if end == number + 2 => self.first_pair(number),
                    end => self.pair(number, end),
                }
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
        let rank = match len {
            ..=8 => self.vocabulary.short_rank(hash::short_key(word::at(self.text, at), len)),
            9..=16 => self.vocabulary.middle_rank(word::at(self.text, at), word::at(self.text, at + 8), len),
            _ => self.vocabulary.rank(self.text, at, len).unwrap_or(NONE),
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

/// Bytes of a block.
const BLOCK: usize = 16;

/// Whether the two words are sixteen equal ASCII characters.
#[inline(always)]
fn is_block(first: u64, second: u64) -> bool {
    first == second && first == (first & 0x7F).wrapping_mul(0x0101_0101_0101_0101)
}

/// A rank and the number of a symbol. What is no rank stays more than any.
#[inline(always)]
fn packed(rank: u32, number: usize) -> u32 {
    (rank << 5) | number as u32
}
