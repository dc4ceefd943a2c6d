//! The two tokens of variable length: strings and numbers.
//!
//! Nearly all bytes of LLM traffic are inside strings, so these are skipped many bytes at a time up to the next
//! significant byte: quote, backslash, control character. There are two implementations: SIMD instructions of
//! WebAssembly (`blocks`, `simd`), which is the one that ships, and SWAR on words of eight bytes (`swar`) for other
//! targets.

use crate::json::escape::{self, Escape, EscapeError};
use crate::{Error, ErrorKind, Span, Str};

#[cfg(any(test, all(target_arch = "wasm32", target_feature = "simd128")))]
mod blocks;
#[cfg(any(test, all(target_arch = "wasm32", target_feature = "simd128")))]
mod simd;
#[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
mod swar;
#[cfg(any(test, all(target_arch = "wasm32", target_feature = "simd128")))]
mod utf8;

/// Direction of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// To the upstream: spellings that receivers disagree about are refused.
    Request,
    /// To the client, from servers that are not strict. Lone surrogates pass: servers that split their deltas by UTF-16
    /// units send them, and clients join them again. So do raw control characters in strings, `NaN`, `Infinity` and
    /// `-Infinity` (Python's `json`), a byte order mark before the value, and members of the same name, all of whose values
    /// are read.
    Response,
}

/// Scans the string whose opening quote is the byte before `start`.
#[inline]
pub(crate) fn string(body: &[u8], start: usize, side: Side) -> Result<Str, Error> {
    let inside = inside(body, start, side)?;
    let span = Span::new(start, inside.end);
    if inside.suspect
        && let Err(error) = std::str::from_utf8(span.of(body))
    {
        return Err(Error::new(ErrorKind::InvalidUtf8, start + error.valid_up_to()));
    }
    Ok(Str { span, escaped: inside.escaped })
}

/// Result of scanning the inside of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Inside {
    /// Offset of the closing quote.
    end: usize,
    /// `true` if the string contains an escape.
    escaped: bool,
    /// `true` if the scan does not guarantee that the string is UTF-8.
    suspect: bool,
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
fn inside(body: &[u8], start: usize, side: Side) -> Result<Inside, Error> {
    blocks::inside::<simd::Vector>(body, start, side)
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
use swar::inside;

/// Returns the length in bytes of the escape at `at`, which is a backslash.
#[inline]
fn escape_at(body: &[u8], at: usize, side: Side) -> Result<usize, Error> {
    match escape::read(body.get(at..).unwrap_or_default()) {
        Ok((Escape::LoneSurrogate, _)) if side == Side::Request => Err(Error::new(ErrorKind::LoneSurrogate, at)),
        Ok((_, len)) => Ok(len),
        Err(EscapeError::Truncated) => Err(Error::new(ErrorKind::UnexpectedEnd, body.len())),
        Err(EscapeError::Invalid) => Err(Error::new(ErrorKind::InvalidEscape, at)),
    }
}

/// Scans the number at `start`, which is a digit or a minus.
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

/// Scans a value that is no number (`NaN`, `Infinity`, `-Infinity`), as Python's `json` writes it; `None` if there is none.
#[cold]
pub(crate) fn not_a_number(body: &[u8], start: usize) -> Option<Span> {
    let rest = body.get(start..)?;
    let found = [&b"NaN"[..], b"Infinity", b"-Infinity"].into_iter().find(|word| rest.starts_with(word))?;
    Some(Span::new(start, start + found.len()))
}

/// Returns the value of a valid number that is a whole number of 0 or more (`7`, `7.0`); `None` for others and for
/// exponents. Values too large for the type count as `u64::MAX`.
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
    fn whole_numbers_are_read() {
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
}
