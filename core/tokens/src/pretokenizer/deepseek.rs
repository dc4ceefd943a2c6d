//! The patterns of DeepSeek V3 and R1, which are applied one after the other: each cuts what the one before left.
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
//! To the third, a number or a Chinese or Japanese character of the second is the end of the text. What none of its
//! alternatives takes (a zero-width space, say) is a piece up to where one does.

use super::Pattern;
use super::class::{self, Class, Set};

/// The pattern.
pub(crate) struct DeepSeek;

impl Pattern for DeepSeek {
    fn next(text: &[u8], at: usize, _: u64) -> usize {
        match class::at(text, at) {
            Some((Class::NUMBER, second)) => super::runs::number(text, second, 3),
            Some(_) if is_cut(text, at) => {
                let mut end = at;
                while let Some((_, next)) = class::at(text, end)
                    && is_cut(text, end)
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

/// Whether a character of the second pattern is at `at`: U+4E00 to U+9FA5, U+3040 to U+30FF.
fn is_cut(text: &[u8], at: usize) -> bool {
    match text.get(at..).unwrap_or_default() {
        [0xE3, 0x81..=0x83, ..] | [0xE4, 0xB8..=0xBF, ..] | [0xE5..=0xE8, ..] | [0xE9, ..=0xBD, ..] => true,
        [0xE9, 0xBE, last, ..] => *last <= 0xA5,
        _ => false,
    }
}

/// The class of the character at `at` and where the next one begins, as the third pattern sees it.
fn see(text: &[u8], at: usize) -> Option<(Class, usize)> {
    class::at(text, at).filter(|(class, _)| *class != Class::NUMBER && !is_cut(text, at))
}

fn run(text: &[u8], mut at: usize, set: Set) -> usize {
    while let Some((class, next)) = see(text, at)
        && class.is_in(set)
    {
        at = next;
    }
    at
}

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
    // Nothing takes it.
    let mut end = second;
    while let Some((class, next)) = see(text, end)
        && class == Class::OTHER
        && word(text, end, class, next).is_none()
    {
        end = next;
    }
    end
}

/// `[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+` at `at`.
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

/// `\s*[\r\n]+|\s+(?!\S)|\s+`, where there is at least one `\s` at `start`.
fn space(text: &[u8], start: usize) -> usize {
    let (mut at, mut last, mut line) = (start, start, None);
    loop {
        match see(text, at) {
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
