//! ASCII classes of eight bytes at once. The result has the high bit of every matching byte set.

use super::HIGH_BITS;

/// The value 1 in every byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// Returns the bytes from `low` to `high`, both ASCII.
#[inline(always)]
fn within(word: u64, low: u8, high: u8) -> u64 {
    let seven = word & !HIGH_BITS;
    let from_low = seven + (0x80 - u64::from(low)) * ONES;
    let above_high = seven + (0x7F - u64::from(high)) * ONES;
    from_low & !above_high & !word & HIGH_BITS
}

/// Returns the ASCII letters.
#[inline(always)]
pub(crate) fn letters(word: u64) -> u64 {
    within(word | (0x20 * ONES), b'a', b'z')
}

/// Returns the lower-case ones of the ASCII `letters`.
#[inline(always)]
pub(crate) fn lower(word: u64, letters: u64) -> u64 {
    letters & (word << 2)
}

/// Returns the ASCII digits.
#[inline(always)]
pub(crate) fn digits(word: u64) -> u64 {
    within(word, b'0', b'9')
}

/// Returns the ASCII white space: `[\t-\r ]`.
#[inline(always)]
pub(crate) fn spaces(word: u64) -> u64 {
    within(word, b'\t', b'\r') | blanks(word)
}

/// Returns the blanks, U+0020.
#[inline(always)]
pub(crate) fn blanks(word: u64) -> u64 {
    within(word, b' ', b' ')
}

/// Returns the apostrophes.
#[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
#[inline(always)]
pub(crate) fn apostrophes(word: u64) -> u64 {
    within(word, b'\'', b'\'')
}

/// Returns the bytes that are not ASCII.
#[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
#[inline(always)]
pub(crate) fn wide(word: u64) -> u64 {
    word & HIGH_BITS
}

/// Returns CR and LF.
#[inline(always)]
pub(crate) fn line_ends(word: u64) -> u64 {
    within(word, b'\n', b'\n') | within(word, b'\r', b'\r')
}

/// Returns the ASCII characters that are neither letter nor digit nor white space.
#[inline(always)]
pub(crate) fn symbols(word: u64) -> u64 {
    !(word | letters(word) | digits(word) | spaces(word)) & HIGH_BITS
}

/// Keeps the first `count` bytes of a mask, at most seven.
#[inline(always)]
pub(crate) fn first(mask: u64, count: usize) -> u64 {
    mask & ((1 << (8 * count)) - 1)
}

/// Packs a mask into eight bits, the first byte's lowest.
#[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
#[inline(always)]
pub(crate) fn packed(mask: u64) -> u64 {
    mask.wrapping_mul(0x0002_0408_1020_4081) >> 56
}

/// Returns the number of bytes up to and including the last match.
#[inline(always)]
pub(crate) fn up_to_last(mask: u64) -> usize {
    8 - mask.leading_zeros() as usize / 8
}

/// Returns the number of leading bytes that match.
#[inline(always)]
pub(crate) fn leading(mask: u64) -> usize {
    (!mask & HIGH_BITS).trailing_zeros() as usize / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_classified_at_every_position() {
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
