//! Scans the inside of a string in words of eight bytes (SWAR), in blocks of 32 that a compiler can put into vector
//! registers.
//!
//! The scan only notes whether it met a non-ASCII byte; strings that contain one are validated as UTF-8 afterwards.

use super::{Inside, Side, escape_at};
use crate::{Error, ErrorKind};

/// Scans the inside of a string that starts at `start`.
pub(super) fn inside(body: &[u8], start: usize, side: Side) -> Result<Inside, Error> {
    let mut at = start;
    let mut escaped = false;
    let mut ascii = true;
    loop {
        let (stop, plain) = special(body, at);
        ascii &= plain;
        match body.get(stop) {
            Some(b'"') => return Ok(Inside { end: stop, escaped, suspect: !ascii }),
            Some(b'\\') => {
                escaped = true;
                at = stop + escape_at(body, stop, side)?;
            }
            Some(_) if side == Side::Response => at = stop + 1,
            Some(_) => return Err(Error::new(ErrorKind::ControlCharacter, stop)),
            None => return Err(Error::new(ErrorKind::UnexpectedEnd, body.len())),
        }
    }
}

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGH: u64 = u64::from_le_bytes([0x80; 8]);

/// Returns the offset, from `from` on, of the first significant byte inside a string (the end of the body if there is
/// none), and whether all bytes before it are ASCII.
fn special(body: &[u8], from: usize) -> (usize, bool) {
    let rest = body.get(from..).unwrap_or_default();
    let (words, tail) = rest.as_chunks::<8>();
    // Text full of escapes has one in nearly every word: larger blocks pay off only after some words without one.
    let (near, far) = words.split_at_checked(8).unwrap_or((words, &[]));
    let mut high = match plain_words(near, 0) {
        Ok(bits) => bits,
        Err((offset, bits)) => return (from + offset, bits & HIGH == 0),
    };
    let (blocks, _) = far.as_chunks::<4>();
    let mut skipped = 0;
    for block in blocks {
        let block = block.map(u64::from_le_bytes);
        if block.iter().fold(0, |marks, word| marks | stops(*word)) != 0 {
            break;
        }
        high |= block.iter().fold(0, |bits, word| bits | word);
        skipped += block.len();
    }
    let left = far.get(skipped..).unwrap_or_default();
    let at = from + (near.len() + skipped) * 8;
    match plain_words(left, high) {
        Err((offset, bits)) => (at + offset, bits & HIGH == 0),
        Ok(bits) => {
            let len = tail.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(tail.len());
            (at + left.len() * 8 + len, bits & HIGH == 0 && tail.get(..len).unwrap_or_default().is_ascii())
        }
    }
}

/// Merges the bits of all bytes up to the first significant one into `high`; fails with the offset of that byte.
#[inline]
fn plain_words(words: &[[u8; 8]], mut high: u64) -> Result<u64, (usize, u64)> {
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let marks = stops(word);
        if marks != 0 {
            // The lowest mark is exact; those above it may result from the borrow of a subtraction.
            let bit = marks.trailing_zeros() & !7;
            return Err((at * 8 + (bit / 8) as usize, high | word & ((1 << bit) - 1)));
        }
        high |= word;
    }
    Ok(high)
}

/// Marks the high bit of each byte that is a quote, a backslash or a control character; exact up to the lowest one.
fn stops(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let marks = (quote.wrapping_sub(ONES) & !quote)
        | (backslash.wrapping_sub(ONES) & !backslash)
        | (word.wrapping_sub(ONES * 0x20) & !word);
    marks & HIGH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slow(body: &[u8], from: usize) -> (usize, bool) {
        let len = body[from..].iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)).count();
        (from + len, body[from..from + len].is_ascii())
    }

    #[test]
    fn every_byte_at_every_position_of_a_word() {
        for byte in 0..=255u8 {
            for next in [b'a', b'!', b'#', b'[', b']', 0x1f, 0x20, 0x21, 0x7f, 0x80, 0xff, b'"', b'\\'] {
                for at in 0..40 {
                    let mut body = vec![b'a'; 45];
                    body[at] = byte;
                    body[at + 1] = next;
                    for from in [0, 1, 7] {
                        assert_eq!(special(&body, from), slow(&body, from), "{byte} {next} at {at}");
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn swar_matches_a_bytewise_scan(body in prop::collection::vec(prop_oneof![8 => 0x20u8..0x7f, 1 => any::<u8>()], 0..200), from in 0usize..200) {
            let from = from.min(body.len());
            prop_assert_eq!(special(&body, from), slow(&body, from));
        }
    }
}
