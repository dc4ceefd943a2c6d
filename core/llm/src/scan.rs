//! The two tokens that have a length: strings and numbers.
//!
//! Nearly all bytes of LLM traffic are the insides of strings, so these are skipped eight at a time (in blocks of 32, so
//! that the compiler can use vector registers) up to the next byte that means something: quote, backslash, control
//! character. Whether a byte outside of ASCII was met is noted on the way; only strings that have one are read again, to
//! check that they are UTF-8.

use crate::escape::{self, Bad, Unit};
use crate::{Error, ErrorKind, Span, Str};

/// Which way a body goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// To the upstream: what receivers disagree about is refused.
    Request,
    /// To the client. Halves of surrogate pairs pass: servers that cut their deltas by UTF-16 units send them, and
    /// clients put them together again.
    Answer,
}

/// The string whose opening quote is the byte before `start`.
pub(crate) fn string(body: &[u8], start: usize, side: Side) -> Result<Str, Error> {
    let mut at = start;
    let mut escaped = false;
    let mut ascii = true;
    loop {
        let (stop, plain) = special(body, at);
        ascii &= plain;
        match body.get(stop) {
            Some(b'"') => {
                at = stop;
                break;
            }
            Some(b'\\') => {
                escaped = true;
                match escape::read(body.get(stop..).unwrap_or_default()) {
                    Ok((Unit::Lone, _)) if side == Side::Request => {
                        return Err(Error::new(ErrorKind::LoneSurrogate, stop));
                    }
                    Ok((_, len)) => at = stop + len,
                    Err(Bad::Cut) => return Err(Error::new(ErrorKind::UnexpectedEnd, body.len())),
                    Err(Bad::Invalid) => return Err(Error::new(ErrorKind::InvalidEscape, stop)),
                }
            }
            Some(_) => return Err(Error::new(ErrorKind::ControlCharacter, stop)),
            None => return Err(Error::new(ErrorKind::UnexpectedEnd, body.len())),
        }
    }
    let span = Span::new(start, at);
    if !ascii && let Err(error) = std::str::from_utf8(span.of(body)) {
        return Err(Error::new(ErrorKind::InvalidUtf8, start + error.valid_up_to()));
    }
    Ok(Str { span, escaped })
}

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGH: u64 = u64::from_le_bytes([0x80; 8]);

/// The offset, from `from` on, of the first byte that is not plain inside a string (the end of the body if there is
/// none), and whether all bytes before it are ASCII.
fn special(body: &[u8], from: usize) -> (usize, bool) {
    let rest = body.get(from..).unwrap_or_default();
    let (words, tail) = rest.as_chunks::<8>();
    // Text full of escapes has one in nearly every word: blocks pay only where none came for a while.
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

/// Joins the bits of all bytes up to the first that is not plain to `high`; the offset of that byte is the error.
#[inline]
fn plain_words(words: &[[u8; 8]], mut high: u64) -> Result<u64, (usize, u64)> {
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let marks = stops(word);
        if marks != 0 {
            // The lowest mark is true; those above it may come from the borrow of a subtraction.
            let bit = marks.trailing_zeros() & !7;
            return Err((at * 8 + (bit / 8) as usize, high | word & ((1 << bit) - 1)));
        }
        high |= word;
    }
    Ok(high)
}

/// The high bit of each byte that is a quote, a backslash or a control character; exact up to the lowest one.
fn stops(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let marks = (quote.wrapping_sub(ONES) & !quote)
        | (backslash.wrapping_sub(ONES) & !backslash)
        | (word.wrapping_sub(ONES * 0x20) & !word);
    marks & HIGH
}

/// The number at `start`, which is a digit or a minus.
pub(crate) fn number(body: &[u8], start: usize) -> Result<Span, Error> {
    let mut at = start;
    let byte = |at: usize| body.get(at).copied();
    let digits = |from: usize| {
        let len = body.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
        if len > 0 {
            return Ok(from + len);
        }
        let kind = if from < body.len() { ErrorKind::InvalidNumber } else { ErrorKind::UnexpectedEnd };
        Err(Error::new(kind, from))
    };
    if byte(at) == Some(b'-') {
        at += 1;
    }
    let first = at;
    at = digits(at)?;
    if byte(first) == Some(b'0') && at > first + 1 {
        return Err(Error::new(ErrorKind::InvalidNumber, first));
    }
    if byte(at) == Some(b'.') {
        at = digits(at + 1)?;
    }
    if matches!(byte(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(byte(at), Some(b'+' | b'-')) {
            at += 1;
        }
        at = digits(at)?;
    }
    Ok(Span::new(start, at))
}

/// The value of a valid number that is a whole number of 0 or more (`7`, `7.0`); `None` for others and for exponents.
/// Too large for the type counts as `u64::MAX`.
pub(crate) fn whole(body: &[u8], number: Span) -> Option<u64> {
    let mut parts = number.of(body).split(|byte| *byte == b'.');
    let digits = parts.next()?;
    if parts.next().is_some_and(|fraction| fraction.iter().any(|byte| *byte != b'0')) {
        return None;
    }
    digits.iter().try_fold(0u64, |value, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        Some(value.saturating_mul(10).saturating_add(u64::from(digit)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slow(body: &[u8], from: usize) -> (usize, bool) {
        let len = body[from..].iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)).count();
        (from + len, body[from..from + len].is_ascii())
    }

    #[test]
    fn every_byte_at_every_place_of_a_word() {
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

    #[test]
    fn numbers_of_rfc_8259() {
        use ErrorKind::{InvalidNumber, UnexpectedEnd};
        for (text, want) in [
            ("0", Ok(1)),
            ("-0", Ok(2)),
            ("10,", Ok(2)),
            ("1.50]", Ok(4)),
            ("1e5", Ok(3)),
            ("1E+05 ", Ok(5)),
            ("1.0e-7", Ok(6)),
            ("01", Err(InvalidNumber)),
            ("-01", Err(InvalidNumber)),
            ("00", Err(InvalidNumber)),
            ("-", Err(UnexpectedEnd)),
            ("-x", Err(InvalidNumber)),
            ("1.", Err(UnexpectedEnd)),
            ("1.x", Err(InvalidNumber)),
            ("1e", Err(UnexpectedEnd)),
            ("1e+ ", Err(InvalidNumber)),
        ] {
            let got = number(text.as_bytes(), 0).map(|span| span.end).map_err(|error| error.kind);
            assert_eq!(got, want, "{text}");
        }
    }

    #[test]
    fn whole_numbers() {
        for (text, want) in [
            ("0", Some(0)),
            ("16", Some(16)),
            ("16.0", Some(16)),
            ("16.00", Some(16)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", Some(u64::MAX)),
            ("99999999999999999999999999", Some(u64::MAX)),
            ("16.5", None),
            ("-1", None),
            ("-0", None),
            ("1e3", None),
            ("1.0e3", None),
        ] {
            assert_eq!(whole(text.as_bytes(), Span::new(0, text.len())), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_fast_way_is_the_slow_way(body in prop::collection::vec(prop_oneof![8 => 0x20u8..0x7f, 1 => any::<u8>()], 0..200), from in 0usize..200) {
            let from = from.min(body.len());
            prop_assert_eq!(special(&body, from), slow(&body, from));
        }
    }
}
