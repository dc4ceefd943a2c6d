//! How strings of bytes become places in the tables. The build script, which fills them, includes this file.

/// Odd, so that multiplying by it loses nothing: 2^64 divided by the golden ratio.
pub(crate) const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// What tells the second word of a key from its first.
pub(crate) const SECOND: u64 = 0xd6e8_feb8_6659_fd93;
/// What spreads the 256 displacements of a bucket over the slots.
const DISPLACE: u32 = 0x9e37_79b1;

/// A string of at most eight bytes as one number: little-endian, the rest filled with 0xFF, a byte that is in no text.
/// `word` holds at least `len` bytes of the string, whatever follows them.
#[inline(always)]
pub(crate) fn key(word: u64, len: usize) -> u64 {
    if len >= 8 { word } else { word | (u64::MAX << (8 * len)) }
}

/// The same for one to eight bytes.
#[inline(always)]
pub(crate) fn short_key(word: u64, len: usize) -> u64 {
    word | (u64::MAX << 8) << ((8 * len.wrapping_sub(1)) & 63)
}

/// A hash of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hash {
    /// Chooses the bucket.
    pub(crate) low: u32,
    /// Chooses, once displaced, the slot.
    pub(crate) high: u32,
}

/// The hash of a one-word key. No two keys have the same: one can be computed back from the other.
#[inline(always)]
pub(crate) fn of_word(key: u64) -> Hash {
    let product = key.wrapping_mul(SPREAD);
    let high = (product >> 32) as u32;
    Hash { low: product as u32 ^ high, high }
}

/// The hash of a two-word key.
#[inline(always)]
pub(crate) fn of_words(first: u64, second: u64) -> Hash {
    of_word(first ^ second.wrapping_mul(SECOND).rotate_right(29))
}

/// The hash of a string of `len` bytes, more than eight, of which `word` gives the eight bytes at an offset.
#[inline(always)]
pub(crate) fn of_long(len: usize, word: impl Fn(usize) -> u64) -> Hash {
    // A sum, so that no step has to wait for another.
    let step = |number: usize| chain((number as u64).wrapping_mul(SECOND), word(8 * number));
    let words = (0..len / 8).map(step).fold(len as u64, u64::wrapping_add);
    of_word(words.wrapping_add(chain(SECOND >> 1, word(len - 8))))
}

/// The hash of what comes of another and the next word.
#[inline(always)]
pub(crate) fn chain(state: u64, word: u64) -> u64 {
    let product = (state ^ word).wrapping_mul(SPREAD);
    product ^ (product >> 32)
}

impl Hash {
    /// The bucket, of `1 << (32 - shift)`.
    #[inline(always)]
    pub(crate) fn bucket(self, shift: u32) -> usize {
        (self.low >> shift) as usize
    }

    /// Which of eight bits of its bucket's filter stands for the key.
    #[inline(always)]
    pub(crate) fn filter(self, shift: u32) -> u32 {
        self.low >> (shift - 3) & 7
    }

    /// The slot, of `slots`, when the bucket is displaced by `pilot`; and the rest, of which the upper `n` bits, with the
    /// slot and the `low` half, tell the key from every other if there are at least 2^(32 - n) slots.
    #[inline(always)]
    pub(crate) fn place(self, pilot: u8, slots: u32) -> (usize, u32) {
        let displaced = self.high ^ u32::from(pilot).wrapping_mul(DISPLACE);
        let product = u64::from(displaced) * u64::from(slots);
        ((product >> 32) as usize, product as u32)
    }
}

/// The entry of a hashed filter of `1 << bits` entries for the first four bytes of a word.
#[inline(always)]
pub(crate) fn of_four(word: u64, bits: u32) -> usize {
    ((word as u32).wrapping_mul(DISPLACE) >> (32 - bits)) as usize
}

/// The entry of a hashed filter of `1 << bits` entries for two bytes.
#[inline(always)]
pub(crate) fn of_two(first: u8, second: u8, bits: u32) -> usize {
    let pair = u32::from(first) << 8 | u32::from(second);
    (pair.wrapping_mul(DISPLACE) >> (32 - bits)) as usize
}

/// The entry of a hashed filter of `1 << bits` entries for a pair of numbers below 2^32.
#[inline(always)]
pub(crate) fn of_pair(left: u32, right: u32, bits: u32) -> usize {
    let pair = (u64::from(left) << 32) | u64::from(right);
    (of_word(pair ^ (pair >> 29)).high >> (32 - bits)) as usize
}

/// The entry of a hashed filter of `1 << bits` entries for a whole word.
#[inline(always)]
pub(crate) fn of_eight(word: u64, bits: u32) -> usize {
    (of_word(word).high >> (32 - bits)) as usize
}

/// Characters of ASCII that are told apart in pairs: those that can be seen, the blank, tab, line ends; and all others as one.
pub(crate) const ASCII: usize = 99;

/// The number of a character of ASCII among these.
static ASCII_NUMBERS: [u8; 128] = {
    const REST: u8 = ASCII as u8 - 1;
    let mut numbers = [REST; 128];
    let mut rest: &mut [u8] = &mut numbers;
    let mut byte = 0_u8;
    while let Some((number, others)) = rest.split_first_mut() {
        *number = match byte {
            b' '..=b'~' => byte - b' ',
            b'\t' => REST - 3,
            b'\n' => REST - 2,
            b'\r' => REST - 1,
            _ => REST,
        };
        byte += 1;
        rest = others;
    }
    numbers
};

/// The place of a pair of characters of ASCII among all; `None` where one of them is not told apart from others.
#[inline(always)]
pub(crate) fn of_ascii(first: u8, second: u8) -> Option<usize> {
    let number =
        |byte: u8| ASCII_NUMBERS.get(usize::from(byte & 0x7F)).map_or(ASCII - 1, |number| usize::from(*number));
    let (first, second) = (number(first), number(second));
    (first < ASCII - 1 && second < ASCII - 1).then_some(first * ASCII + second)
}

/// What stands for the rank of a pair of ASCII characters that is no token.
pub(crate) const NO_PAIR: u16 = 0xFFFF;
/// And for one that is too large.
pub(crate) const LARGE_PAIR: u16 = 0xFFFE;

/// An entry that says nothing: a rank that has to be looked up, and that anything may be taken.
pub(crate) const UNKNOWN_PAIR: [u8; 4] = {
    let [low, high] = LARGE_PAIR.to_le_bytes();
    [low, high, 0, 0]
};

/// A rank as eight bits, which keep the order: of two ranks, that with the higher level is the higher one.
#[inline(always)]
pub(crate) fn level(rank: u16) -> u8 {
    // Five bits from the highest one on, and how many there are below.
    let below = (28 - (u32::from(rank) | 0x10).leading_zeros()) as u8 - 1;
    (below << 4) + (rank >> below) as u8
}

#[cfg(test)]
mod tests {
    #[test]
    fn levels_keep_the_order_of_ranks() {
        for rank in 1..=u16::MAX {
            assert!(super::level(rank) >= super::level(rank - 1), "{rank}");
            assert!(super::level(rank) < 255);
        }
        assert_eq!((super::level(0), super::level(31)), (0, 31));
    }
}
