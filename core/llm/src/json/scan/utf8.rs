//! UTF-8 validation, sixteen bytes at a time.
//!
//! Errors between two adjacent bytes show in their first twelve bits, and each kind of error is a set of upper nibbles
//! of the first byte, one of its lower nibbles and one of upper nibbles of the second. Three tables of sixteen entries
//! with a bit per kind of error therefore find all of them at once; the remaining check is whether third and fourth
//! bytes are where they must be. (John Keiser and Daniel Lemire, "Validating UTF-8 in less than one instruction per
//! byte", 2021. Well-formed sequences: Unicode 15, table 3-7.)

use super::simd::Lanes;

/// The first byte begins a character and the second does not continue it.
const SHORT: u8 = 1;
/// The second byte continues a character that has not begun.
const STRAY: u8 = 2;
/// Overlong: two bytes instead of one (c0 and c1).
const LONG_2: u8 = 4;
/// Overlong: three bytes instead of two (e0, then less than a0).
const LONG_3: u8 = 8;
/// Surrogate: ed, then a0 or more.
const SURROGATE: u8 = 16;
/// Above U+10FFFF: f4 or more, then 90 or more.
const LARGE: u8 = 32;
/// Overlong: four bytes instead of three, or above U+10FFFF: f0, or f5 or more, then less than 90.
const LONG_4: u8 = 64;
/// Both bytes continue a character: valid for its third and fourth byte, invalid elsewhere.
const ON: u8 = 128;

/// Errors that are possible with any lower nibble of the first byte.
const ANY: u8 = SHORT | STRAY | ON;

/// Possible errors by upper nibble of the first byte.
const FIRST_UPPER: [u8; 16] = [
    STRAY,
    STRAY,
    STRAY,
    STRAY,
    STRAY,
    STRAY,
    STRAY,
    STRAY,
    ON,
    ON,
    ON,
    ON,
    SHORT | LONG_2,
    SHORT,
    SHORT | LONG_3 | SURROGATE,
    SHORT | LARGE | LONG_4,
];

/// Possible errors by lower nibble of the first byte.
const FIRST_LOWER: [u8; 16] = [
    ANY | LONG_2 | LONG_3 | LONG_4,
    ANY | LONG_2,
    ANY,
    ANY,
    ANY | LARGE,
    ANY | LARGE | LONG_4,
    ANY | LARGE | LONG_4,
    ANY | LARGE | LONG_4,
    ANY | LARGE | LONG_4,
    ANY | LARGE | LONG_4,
    ANY | LARGE | LONG_4,
    ANY | LARGE | LONG_4,
    ANY | LARGE | LONG_4,
    ANY | LARGE | LONG_4 | SURROGATE,
    ANY | LARGE | LONG_4,
    ANY | LARGE | LONG_4,
];

/// Possible errors by upper nibble of the second byte.
const SECOND_UPPER: [u8; 16] = [
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    STRAY | ON | LONG_2 | LONG_3 | LONG_4,
    STRAY | ON | LONG_2 | LONG_3 | LARGE,
    STRAY | ON | LONG_2 | SURROGATE | LARGE,
    STRAY | ON | LONG_2 | SURROGATE | LARGE,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
];

/// Validation state of a text that arrives in pieces of sixteen bytes.
#[derive(Clone, Copy)]
pub(super) struct Utf8<L> {
    wrong: L,
    before: L,
    /// `true` if the last piece may end inside a character.
    open: bool,
}

impl<L: Lanes> Utf8<L> {
    #[inline(always)]
    pub(super) fn new() -> Utf8<L> {
        Utf8 { wrong: L::all(0), before: L::all(0), open: false }
    }

    /// Returns `true` if the last piece may end inside a character, so that the next one must not be skipped.
    #[inline(always)]
    pub(super) fn open(&self) -> bool {
        self.open
    }

    /// Validates the next piece. ASCII pieces may be skipped while nothing is [`open`](Utf8::open).
    #[inline(always)]
    pub(super) fn push(&mut self, piece: L) {
        // `before` is stale after skipped pieces, but the check does not depend on it then.
        let before = self.before;
        let first = piece.earlier::<1>(before);
        let low = first & L::all(0x0f);
        let pairs =
            first.upper().look_up(&FIRST_UPPER) & low.look_up(&FIRST_LOWER) & piece.upper().look_up(&SECOND_UPPER);
        // The high bit is set where a character of three bytes began two bytes before, or one of four bytes three
        // before.
        let third = piece.earlier::<2>(before).minus(L::all(0xe0 - 0x80));
        let fourth = piece.earlier::<3>(before).minus(L::all(0xf0 - 0x80));
        self.wrong = self.wrong | (((third | fourth) & L::all(0x80)) ^ pairs);
        self.before = piece;
        self.open = piece.bits() & 0xe000 != 0;
    }

    /// Returns `true` if all of it was UTF-8, provided that the last piece does not end inside a character.
    #[inline(always)]
    pub(super) fn valid(&self) -> bool {
        !self.wrong.any()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::simd::Bytes;
    use super::*;

    /// Validates a text, skipping ASCII pieces where that is allowed.
    fn valid(text: &[u8]) -> bool {
        let mut utf8 = Utf8::<Bytes>::new();
        let padded = [text, &[0; 16]].concat();
        for piece in padded.as_chunks::<16>().0 {
            if utf8.open() || !piece.is_ascii() {
                utf8.push(Bytes::load(piece));
            }
        }
        if padded.len() % 16 != 0 {
            let mut last = [0; 16];
            last[..padded.len() % 16].copy_from_slice(padded.as_chunks::<16>().1);
            utf8.push(Bytes::load(&last));
        }
        utf8.valid()
    }

    fn as_the_standard_library(bytes: [u8; 4]) {
        // In one piece, and across the border of two.
        for at in [0, 14] {
            let text = [&b"0123456789abcd"[..at], &bytes, b"."].concat();
            assert_eq!(valid(&text), std::str::from_utf8(&text).is_ok(), "{bytes:x?} at {at}");
        }
    }

    #[test]
    fn every_byte_pair_is_validated_as_by_the_standard_library() {
        for first in 0x7f..=255 {
            for second in 0x7f..=255 {
                as_the_standard_library([first, second, b'a', b'a']);
                as_the_standard_library([first, second, 0x80, 0xbf]);
            }
            for second in [0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc2, 0xf0] {
                for third in [0x7f, 0x80, 0xbf, 0xc2] {
                    for fourth in [0x7f, 0x80, 0xbf, 0xc2] {
                        as_the_standard_library([first, second, third, fourth]);
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn validates_like_the_standard_library(text: String, damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3), cut in 0usize..20) {
            let mut bytes = text.into_bytes();
            for (at, byte) in damage {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
            }
            bytes.truncate(bytes.len().saturating_sub(cut));
            prop_assert_eq!(valid(&bytes), std::str::from_utf8(&bytes).is_ok());
        }
    }
}
