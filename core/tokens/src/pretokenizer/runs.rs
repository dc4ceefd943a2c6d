//! What the patterns have in common.

use super::class::{self, Class, Set};

/// The end of the run of characters of the set that begins at `at`.
#[inline]
pub(super) fn of(text: &[u8], mut at: usize, set: Set) -> usize {
    while let Some((class, next)) = class::at(text, at)
        && class.is_in(set)
    {
        at = next;
    }
    at
}

/// `\p{N}{1,most}`, of which the first number is there and ends at `at`.
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

/// `\s*[\r\n]+|\s+(?!\S)|\s+`, where there is at least one `\s` at `start`.
///
/// Up to the last line end, if there is one; else all but the last character, which the next piece may begin with;
/// else, if it is the only one or the end of the text follows, all.
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

/// The length of `'(?i:[sdmt]|ll|ve|re)` at `at`, 0 if it is not there.
#[inline]
pub(crate) fn contraction(text: &[u8], at: usize) -> usize {
    let byte = |n: usize| text.get(at + n).copied().unwrap_or_default();
    if byte(0) != b'\'' {
        return 0;
    }
    match (byte(1) | 0x20, byte(2) | 0x20) {
        (b's' | b'd' | b'm' | b't', _) => 2,
        (b'l', b'l') | (b'v' | b'r', b'e') => 3,
        // U+017F, the long s, is an s to those who do not tell cases apart.
        _ if byte(1) == 0xC5 && byte(2) == 0xBF => 3,
        _ => 0,
    }
}
