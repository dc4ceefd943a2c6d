//! Classifies sixty-four bytes, one bit per byte and class.
//!
//! Uses the vector instructions of WebAssembly in the shipped modules, and SWAR on eight bytes at a time elsewhere:
//! native vector instructions cannot be called without `unsafe`.

/// Classes of sixty-four bytes; bit `n` of each mask represents the `n`th byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByteClasses {
    /// ASCII letters.
    pub(super) letters: u64,
    /// Lower-case ASCII letters.
    pub(super) lower: u64,
    /// ASCII digits.
    pub(super) digits: u64,
    /// ASCII white space: `[\t-\r ]`.
    pub(super) spaces: u64,
    /// U+0020.
    pub(super) blanks: u64,
    /// CR and LF.
    pub(super) line_ends: u64,
    /// `'`
    pub(super) apostrophes: u64,
    /// Bytes that are not ASCII.
    pub(super) wide: u64,
    /// First bytes of characters that are not ASCII.
    pub(super) leads: u64,
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(super) use simd::of;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub(super) use swar::of;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd {
    use super::ByteClasses;
    use super::vector::Vector;

    /// Classifies a block of bytes.
    #[inline(always)]
    pub(in super::super) fn of(block: &[u8; 64]) -> ByteClasses {
        let mut four = block.as_chunks::<16>().0.iter().map(Vector::load);
        let mut next = || four.next().unwrap_or_else(|| Vector::load(&[0; 16]));
        let four = [next(), next(), next(), next()];
        let bits = |classify: fn(Vector) -> Vector| {
            let [a, b, c, d] = four.map(|sixteen| u64::from(classify(sixteen).bits()));
            a | b << 16 | c << 32 | d << 48
        };
        // Bytes that are not ASCII are negative and fail the signed comparison.
        let letters = bits(|bytes| bytes.with(0x20).plus(0x7F - b'z').above(0x7E - (b'z' - b'a')));
        let wide = bits(|bytes| bytes);
        ByteClasses {
            letters,
            lower: letters & bits(|bytes| bytes.twice().twice()),
            digits: bits(|bytes| bytes.plus(0x7F - b'9').above(0x7E - 9)),
            spaces: bits(|bytes| bytes.plus(0x7F - b'\r').above(0x7E - 4).or(bytes.equal(b' '))),
            blanks: bits(|bytes| bytes.equal(b' ')),
            line_ends: bits(|bytes| bytes.equal(b'\n').or(bytes.equal(b'\r'))),
            apostrophes: bits(|bytes| bytes.equal(b'\'')),
            wide,
            leads: wide & bits(Vector::twice),
        }
    }
}

/// Vector of sixteen bytes. The instructions are safe to call: an engine without them refuses the module.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod vector {
    use core::arch::wasm32::{i8x16_add, i8x16_bitmask, i8x16_eq, i8x16_gt, u8x16_splat, u64x2, v128, v128_or};

    #[derive(Clone, Copy)]
    pub(super) struct Vector(v128);

    impl Vector {
        #[inline(always)]
        pub(super) fn load(bytes: &[u8; 16]) -> Vector {
            // The compiler merges two adjacent words into one load.
            let number = u128::from_le_bytes(*bytes);
            Vector(u64x2(number as u64, (number >> 64) as u64))
        }

        #[inline(always)]
        pub(super) fn with(self, bits: u8) -> Vector {
            Vector(v128_or(self.0, u8x16_splat(bits)))
        }

        #[inline(always)]
        pub(super) fn plus(self, byte: u8) -> Vector {
            Vector(i8x16_add(self.0, u8x16_splat(byte)))
        }

        #[inline(always)]
        pub(super) fn twice(self) -> Vector {
            Vector(i8x16_add(self.0, self.0))
        }

        /// Compares each byte, as a signed number: all ones where it is greater than `byte`.
        #[inline(always)]
        pub(super) fn above(self, byte: u8) -> Vector {
            Vector(i8x16_gt(self.0, u8x16_splat(byte)))
        }

        #[inline(always)]
        pub(super) fn equal(self, byte: u8) -> Vector {
            Vector(i8x16_eq(self.0, u8x16_splat(byte)))
        }

        #[inline(always)]
        pub(super) fn or(self, other: Vector) -> Vector {
            Vector(v128_or(self.0, other.0))
        }

        /// Returns the high bit of each byte, the first byte's lowest.
        #[inline(always)]
        pub(super) fn bits(self) -> u16 {
            i8x16_bitmask(self.0)
        }
    }
}

#[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
mod swar {
    use super::ByteClasses;
    use crate::swar::ascii;

    /// Classifies a block of bytes.
    pub(in super::super) fn of(block: &[u8; 64]) -> ByteClasses {
        let bits = |classify: fn(u64) -> u64| {
            let eights = block.as_chunks::<8>().0.iter().rev();
            eights.fold(0, |bits, eight| bits << 8 | ascii::packed(classify(u64::from_le_bytes(*eight))))
        };
        ByteClasses {
            letters: bits(ascii::letters),
            lower: bits(|word| ascii::lower(word, ascii::letters(word))),
            digits: bits(ascii::digits),
            spaces: bits(ascii::spaces),
            blanks: bits(ascii::blanks),
            line_ends: bits(ascii::line_ends),
            apostrophes: bits(ascii::apostrophes),
            wide: bits(ascii::wide),
            leads: bits(|word| ascii::wide(word) & ascii::wide(word << 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_classified_at_every_position() {
        for byte in 0..=255_u8 {
            for place in 0..64 {
                for filler in [0, b'a', b'9', b' ', 0xC3, 0xFF] {
                    let mut block = [filler; 64];
                    block[place] = byte;
                    let of = |is: fn(&u8) -> bool| {
                        block.iter().rev().fold(0_u64, |bits, byte| bits << 1 | u64::from(is(byte)))
                    };
                    let expected = ByteClasses {
                        letters: of(u8::is_ascii_alphabetic),
                        lower: of(u8::is_ascii_lowercase),
                        digits: of(u8::is_ascii_digit),
                        spaces: of(|byte| matches!(byte, 9..=13 | b' ')),
                        blanks: of(|byte| *byte == b' '),
                        line_ends: of(|byte| matches!(byte, b'\n' | b'\r')),
                        apostrophes: of(|byte| *byte == b'\''),
                        wide: of(|byte| *byte >= 0x80),
                        leads: of(|byte| *byte >= 0xC0),
                    };
                    assert_eq!(super::of(&block), expected, "{byte} at {place} in {filler}");
                    assert_eq!(swar::of(&block), expected, "{byte} at {place} in {filler}");
                }
            }
        }
    }
}
