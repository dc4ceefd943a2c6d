//! Questions to eight bytes at once. An answer has the high bit of every byte for which it is yes.

use super::HIGH_BITS;

/// One in every byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// Which bytes are from `low` to `high`, both ASCII.
#[inline(always)]
fn within(word: u64, low: u8, high: u8) -> u64 {
    let seven = word & !HIGH_BITS;
    let from_low = seven + (0x80 - u64::from(low)) * ONES;
    let above_high = seven + (0x7F - u64::from(high)) * ONES;
    from_low & !above_high & !word & HIGH_BITS
}

/// ASCII letters.
#[inline(always)]
pub(crate) fn letters(word: u64) -> u64 {
    within(word | (0x20 * ONES), b'a', b'z')
}

/// Of letters, the lower-case ones.
#[inline(always)]
pub(crate) fn lower(word: u64, letters: u64) -> u64 {
    letters & (word << 2)
}

/// Digits.
#[inline(always)]
pub(crate) fn digits(word: u64) -> u64 {
    within(word, b'0', b'9')
}

/// ASCII white space: `[\t-\r ]`.
#[inline(always)]
pub(crate) fn spaces(word: u64) -> u64 {
    within(word, b'\t', b'\r') | blanks(word)
}

/// U+0020.
#[inline(always)]
pub(crate) fn blanks(word: u64) -> u64 {
    within(word, b' ', b' ')
}

/// `'`
#[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
#[inline(always)]
pub(crate) fn apostrophes(word: u64) -> u64 {
    within(word, b'\'', b'\'')
}

/// What is not ASCII.
#[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
#[inline(always)]
pub(crate) fn wide(word: u64) -> u64 {
    word & HIGH_BITS
}

/// CR and LF.
#[inline(always)]
pub(crate) fn line_ends(word: u64) -> u64 {
    within(word, b'\n', b'\n') | within(word, b'\r', b'\r')
}

/// ASCII that is neither letter nor digit nor white space.
#[inline(always)]
pub(crate) fn symbols(word: u64) -> u64 {
    !(word | letters(word) | digits(word) | spaces(word)) & HIGH_BITS
}

/// The answer for the first `count` bytes only, which are at most seven.
#[inline(always)]
pub(crate) fn first(answer: u64, count: usize) -> u64 {
    answer & ((1 << (8 * count)) - 1)
}

/// An answer as eight bits, that of the first byte lowest.
#[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
#[inline(always)]
pub(crate) fn gathered(answer: u64) -> u64 {
    answer.wrapping_mul(0x0002_0408_1020_4081) >> 56
}

/// How many bytes there are up to the last that answers yes.
#[inline(always)]
pub(crate) fn up_to_last(answer: u64) -> usize {
    8 - answer.leading_zeros() as usize / 8
}

/// How many bytes from the first on answer yes.
#[inline(always)]
pub(crate) fn leading(answer: u64) -> usize {
    (!answer & HIGH_BITS).trailing_zeros() as usize / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_answered_for_in_every_place() {
        for byte in 0..=255_u8 {
            for place in 0..8 {
                for filler in [0, b'a', b'Z', b'9', 0x7F, 0x80, 0xFF] {
                    let mut bytes = [filler; 8];
                    bytes[place] = byte;
                    let word = u64::from_le_bytes(bytes);
                    let expected =
                        |is: fn(&u8) -> bool| u64::from_le_bytes(bytes.map(|byte| if is(&byte) { 0x80 } else { 0 }));
                    assert_eq!(letters(word), expected(u8::is_ascii_alphabetic));
                    assert_eq!(lower(word, letters(word)), expected(u8::is_ascii_lowercase));
                    assert_eq!(digits(word), expected(u8::is_ascii_digit));
                    assert_eq!(spaces(word), expected(|b| b.is_ascii_whitespace() || *b == 0xB));
                    assert_eq!(line_ends(word), expected(|b| matches!(b, b'\n' | b'\r')));
                    let symbol = |b: &u8| b.is_ascii_punctuation() || (b.is_ascii_control() && !(9..=13).contains(b));
                    assert_eq!(symbols(word), expected(symbol));
                }
            }
        }
        assert_eq!(up_to_last(first(HIGH_BITS, 3)), 3);
        assert_eq!(up_to_last(0x80), 1);
        assert_eq!(up_to_last(0), 0);
        assert_eq!(leading(0), 0);
        assert_eq!(leading(0x8080), 2);
        assert_eq!(leading(HIGH_BITS), 8);
    }
}
