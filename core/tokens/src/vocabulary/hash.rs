//! Hash functions of the tables. The build script, which fills the tables, includes this file.

/// Odd multiplier, so that multiplication is invertible: 2^64 divided by the golden ratio.
pub(crate) const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// Multiplier that distinguishes the second word of a key from the first.
pub(crate) const SECOND: u64 = 0xd6e8_feb8_6659_fd93;
/// Multiplier that spreads the 256 displacements of a bucket over the slots.
const DISPLACE: u32 = 0x9e37_79b1;

/// Returns a string of at most eight bytes as one number: little-endian, padded with 0xFF, a byte that occurs in no
/// text. `word` holds at least `len` bytes of the string, followed by anything.
#[inline(always)]
pub(crate) fn key(word: u64, len: usize) -> u64 {
    if len >= 8 { word } else { word | (u64::MAX << (8 * len)) }
}

/// Returns [`key`] for one to eight bytes.
#[inline(always)]
pub(crate) fn short_key(word: u64, len: usize) -> u64 {
    word | (u64::MAX << 8) << ((8 * len.wrapping_sub(1)) & 63)
}

/// Hash of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hash {
    /// Selects the bucket.
    pub(crate) low: u32,
    /// Selects the slot, after displacement.
    pub(crate) high: u32,
}

/// Returns the hash of a one-word key. It is invertible, so no two keys share it.
#[inline(always)]
pub(crate) fn of_word(key: u64) -> Hash {
    let product = key.wrapping_mul(SPREAD);
    let high = (product >> 32) as u32;
    Hash { low: product as u32 ^ high, high }
}

/// Returns the hash of a two-word key.
#[inline(always)]
pub(crate) fn of_words(first: u64, second: u64) -> Hash {
    of_word(first ^ second.wrapping_mul(SECOND).rotate_right(29))
}

/// Inverse of [`SPREAD`] modulo 2^64.
#[allow(dead_code, reason = "the build script only fills the tables")]
const SPREAD_INVERSE: u64 = {
    // Newton's method doubles the correct bits in each step; an odd number is its own inverse modulo 8.
    let mut inverse = SPREAD;
    let mut step = 0;
    while step < 5 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(SPREAD.wrapping_mul(inverse)));
        step += 1;
    }
    inverse
};

/// Returns the key of a one-word hash: the inverse of [`of_word`].
#[allow(dead_code, reason = "the build script only fills the tables")]
pub(crate) fn word(hash: Hash) -> u64 {
    let product = u64::from(hash.high) << 32 | u64::from(hash.low ^ hash.high);
    product.wrapping_mul(SPREAD_INVERSE)
}

/// Returns the first word of a two-word key, given its second: the inverse of [`of_words`].
#[allow(dead_code, reason = "the build script only fills the tables")]
pub(crate) fn first_word(hash: Hash, second: u64) -> u64 {
    word(hash) ^ second.wrapping_mul(SECOND).rotate_right(29)
}

/// Returns the upper half of the hash that [`Hash::place`] puts into `slot` of `slots` with that remainder, of which the
/// lowest `unknown` bits are not known. `None` if there is none.
#[allow(dead_code, reason = "the build script only fills the tables")]
pub(crate) fn high(pilot: u8, (slot, slots): (usize, u32), remainder: u32, unknown: u32) -> Option<u32> {
    let least = (slot as u64) << 32 | u64::from(remainder);
    let displaced = least.div_ceil(u64::from(slots.max(1)));
    let product = displaced * u64::from(slots);
    (product >> unknown == least >> unknown).then_some(displaced as u32 ^ u32::from(pilot).wrapping_mul(DISPLACE))
}

/// Returns the hash of a string of `len` bytes, more than eight; `word` returns the eight bytes at an offset.
#[inline(always)]
pub(crate) fn of_long(len: usize, word: impl Fn(usize) -> u64) -> Hash {
    // A sum, so that the steps are independent.
    let step = |number: usize| chain((number as u64).wrapping_mul(SECOND), word(8 * number));
    let words = (0..len / 8).map(step).fold(len as u64, u64::wrapping_add);
    of_word(words.wrapping_add(chain(SECOND >> 1, word(len - 8))))
}

/// Combines a hash state with the next word.
#[inline(always)]
pub(crate) fn chain(state: u64, word: u64) -> u64 {
    let product = (state ^ word).wrapping_mul(SPREAD);
    product ^ (product >> 32)
}

impl Hash {
    /// Returns the bucket, of `1 << (32 - shift)`.
    #[inline(always)]
    pub(crate) fn bucket(self, shift: u32) -> usize {
        (self.low >> shift) as usize
    }

    /// Returns the key's bit in the eight-bit filter of its bucket.
    #[inline(always)]
    pub(crate) fn filter(self, shift: u32) -> u32 {
        self.low >> (shift - 3) & 7
    }

    /// Returns the slot, of `slots`, with the bucket displaced by `pilot`, and the remainder: its upper `n` bits, with
    /// the slot and the `low` half, identify the key if there are at least 2^(32 - n) slots.
    #[inline(always)]
    pub(crate) fn place(self, pilot: u8, slots: u32) -> (usize, u32) {
        let displaced = self.high ^ u32::from(pilot).wrapping_mul(DISPLACE);
        let product = u64::from(displaced) * u64::from(slots);
        ((product >> 32) as usize, product as u32)
    }
}

/// Returns the entry, of `1 << bits`, of the first four bytes of a word in a hashed filter.
#[inline(always)]
pub(crate) fn of_four(word: u64, bits: u32) -> usize {
    ((word as u32).wrapping_mul(DISPLACE) >> (32 - bits)) as usize
}

/// Returns the entry, of `1 << bits`, of two bytes in a hashed filter.
#[inline(always)]
pub(crate) fn of_two(first: u8, second: u8, bits: u32) -> usize {
    let pair = u32::from(first) << 8 | u32::from(second);
    (pair.wrapping_mul(DISPLACE) >> (32 - bits)) as usize
}

/// Returns the entry, of `1 << bits`, of a pair of numbers below 2^32 in a hashed filter.
#[inline(always)]
pub(crate) fn of_pair(left: u32, right: u32, bits: u32) -> usize {
    let pair = (u64::from(left) << 32) | u64::from(right);
    (of_word(pair ^ (pair >> 29)).high >> (32 - bits)) as usize
}

/// Returns the entry, of `1 << bits`, of a word in a hashed filter.
#[inline(always)]
pub(crate) fn of_eight(word: u64, bits: u32) -> usize {
    (of_word(word).high >> (32 - bits)) as usize
}

/// Number of ASCII classes in the pair table: the printable characters, the blank, tab and line ends one each, and one
/// for all others.
pub(crate) const ASCII: usize = 99;

/// Class of each ASCII character.
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

/// Returns the index of a pair of ASCII characters; `None` if one of them has no class of its own.
#[inline(always)]
pub(crate) fn of_ascii(first: u8, second: u8) -> Option<usize> {
    let number =
        |byte: u8| ASCII_NUMBERS.get(usize::from(byte & 0x7F)).map_or(ASCII - 1, |number| usize::from(*number));
    let (first, second) = (number(first), number(second));
    (first < ASCII - 1 && second < ASCII - 1).then_some(first * ASCII + second)
}

/// Marker for an ASCII pair that is not a token.
pub(crate) const NO_PAIR: u16 = 0xFFFF;
/// Marker for a rank that does not fit and must be looked up.
pub(crate) const LARGE_PAIR: u16 = 0xFFFE;

/// Entry of an unknown pair: its rank must be looked up, and any token may take its characters.
pub(crate) const UNKNOWN_PAIR: [u8; 4] = {
    let [low, high] = LARGE_PAIR.to_le_bytes();
    [low, high, 0, 0]
};

/// Returns the level of a rank: eight bits that preserve order, so that a higher level implies a higher rank.
#[inline(always)]
pub(crate) fn level(rank: u16) -> u8 {
    // The five highest bits, and the number of bits below them.
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
