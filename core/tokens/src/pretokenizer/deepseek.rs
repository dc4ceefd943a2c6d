//! Patterns of DeepSeek V3 and R1, applied in sequence: each splits the parts that the previous ones did not match.
//!
//! ```text
//! 1.  \p{N}{1,3}
//! 2.  [一-龥぀-ゟ゠-ヿ]+
//! 3.  [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+
//!     [^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+
//!      ?[\p{P}\p{S}]+[\r\n]*
//!     \s*[\r\n]+
//!     \s+(?!\S)
//!     \s+
//! ```
//!
//! For the third pattern, the text ends at a number or at a Chinese or Japanese character of the second pattern.
//! Characters that none of its alternatives matches (e.g. a zero-width space) form a piece up to the next match.

use super::Pattern;
use super::class::{self, Class, Set};

/// Pattern of DeepSeek.
pub(crate) struct DeepSeek;

impl Pattern for DeepSeek {
    fn next(text: &[u8], at: usize, _: u64) -> usize {
        match class::at(text, at) {
            Some((Class::NUMBER, second)) => super::runs::number(text, second, 3),
            Some(_) if is_cjk(text, at) => {
                let mut end = at;
                while let Some((_, next)) = class::at(text, end)
                    && is_cjk(text, end)
                {
                    end = next;
                }
                end
            }
            Some((class, second)) => third(text, at, class, second),
            None => at,
        }
    }
}

/// Returns `true` if a character of the second pattern is at `at`: U+4E00 to U+9FA5, U+3040 to U+30FF.
fn is_cjk(text: &[u8], at: usize) -> bool {
    match text.get(at..).unwrap_or_default() {
        [0xE3, 0x81..=0x83, ..] | [0xE4, 0xB8..=0xBF, ..] | [0xE5..=0xE8, ..] | [0xE9, ..=0xBD, ..] => true,
        [0xE9, 0xBE, last, ..] => *last <= 0xA5,
        _ => false,
    }
}

/// Returns the class of the character at `at` and the start of the next one, within the text as the third pattern sees
/// it.
fn visible(text: &[u8], at: usize) -> Option<(Class, usize)> {
    class::at(text, at).filter(|(class, _)| *class != Class::NUMBER && !is_cjk(text, at))
}

/// Returns the end of the run of characters of `set` at `at`.
fn run(text: &[u8], mut at: usize, set: Set) -> usize {
    while let Some((class, next)) = visible(text, at)
        && class.is_in(set)
    {
        at = next;
    }
    at
}

/// Returns the end of the third pattern's piece at `at`.
fn third(text: &[u8], at: usize, class: Class, second: usize) -> usize {
    let letters = text.get(second..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    if letters > 0 && text.get(at).is_some_and(u8::is_ascii_punctuation) {
        return second + letters;
    }
    if let Some(end) = word(text, at, class, second) {
        return end;
    }
    let signs = if text.get(at) == Some(&b' ') { second } else { at };
    let end = run(text, signs, Set::SIGN);
    if end > signs {
        let after = text.get(end..).unwrap_or_default();
        return end + after.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    }
    if class.is_space() {
        return space(text, at);
    }
    // No alternative matches the character.
    let mut end = second;
    while let Some((class, next)) = visible(text, end)
        && class == Class::OTHER
        && word(text, end, class, next).is_none()
    {
        end = next;
    }
    end
}

/// Matches `[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+` at `at` and returns its end.
fn word(text: &[u8], at: usize, class: Class, second: usize) -> Option<usize> {
    let start = if class.is_in(Set::WORD) {
        at
    } else if class.is_in(Set::FORMAT) {
        second
    } else {
        return None;
    };
    Some(run(text, start, Set::WORD)).filter(|end| *end > start)
}

/// Returns the end of `\s*[\r\n]+|\s+(?!\S)|\s+`, with at least one `\s` at `start`.
fn space(text: &[u8], start: usize) -> usize {
    let (mut at, mut last, mut line) = (start, start, None);
    loop {
        match visible(text, at) {
            Some((class, next)) if class.is_space() => {
                if class == Class::LINE_END {
                    line = Some(next);
                }
                (last, at) = (at, next);
            }
            Some(_) => return line.unwrap_or(if last > start { last } else { at }),
            None => return line.unwrap_or(at),
        }
    }
}
