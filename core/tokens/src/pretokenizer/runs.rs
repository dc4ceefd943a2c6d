//! Runs of characters, shared by the patterns.

use super::class::{self, Class, Set};

/// Returns the end of the run of characters of the set at `at`.
#[inline]
pub(super) fn of(text: &[u8], mut at: usize, set: Set) -> usize {
    while let Some((class, next)) = class::at(text, at)
        && class.is_in(set)
    {
        at = next;
    }
    at
}

/// Returns the end of `\p{N}{1,most}`, whose first number ends at `at`.
#[inline]
pub(super) fn number(text: &[u8], mut at: usize, most: usize) -> usize {
    for _ in 1..most {
        match class::at(text, at) {
            Some((Class::NUMBER, next)) => at = next,
            _ => break,
        }
    }
    at
}

/// Returns the end of `\s*[\r\n]+|\s+(?!\S)|\s+`, with at least one `\s` at `start`.
///
/// That is the last line end, if there is one; else the start of the last character, with which the next piece may
/// start; else, if that is the only character or the text ends there, the end of the run.
#[inline]
pub(super) fn space(text: &[u8], start: usize) -> usize {
    let (mut at, mut last, mut line) = (start, start, None);
    loop {
        match class::at(text, at) {
            Some((class, next)) if class.is_space() => {
                if class == Class::LINE_END {
                    line = Some(next);
                }
                last = at;
                at = next;
            }
            Some(_) => return line.unwrap_or(if last > start { last } else { at }),
            None => return line.unwrap_or(at),
        }
    }
}

/// Returns the byte length of `'(?i:[sdmt]|ll|ve|re)` at `at`, 0 without a match.
#[inline]
pub(crate) fn contraction(text: &[u8], at: usize) -> usize {
    let byte = |n: usize| text.get(at + n).copied().unwrap_or_default();
    if byte(0) != b'\'' {
        return 0;
    }
    match (byte(1) | 0x20, byte(2) | 0x20) {
        (b's' | b'd' | b'm' | b't', _) => 2,
        (b'l', b'l') | (b'v' | b'r', b'e') => 3,
        // U+017F, the long s, matches `s` case-insensitively.
        _ if byte(1) == 0xC5 && byte(2) == 0xBF => 3,
        _ => 0,
    }
}
