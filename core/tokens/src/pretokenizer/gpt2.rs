//! Pattern of GPT-2, `r50k_base`, `p50k_base` and every byte-level vocabulary that names no other.
//!
//! ```text
//! '(?:[sdmt]|ll|ve|re)
//!  ?\p{L}+
//!  ?\p{N}+
//!  ?[^\s\p{L}\p{N}]+
//! \s+(?!\S)
//! \s+
//! ```

use super::class::{self, Set};
use super::{BoundaryRules, Pattern, runs};

/// Pattern of GPT-2.
pub(crate) struct Gpt2;

impl Pattern for Gpt2 {
    const RULES: Option<BoundaryRules> = Some(BoundaryRules {
        cased: false,
        any_prefix: false,
        numbers: true,
        contractions: false,
        after_signs: b"",
        line_ends: false,
        whole_end: true,
    });

    fn next(text: &[u8], at: usize, word: u64) -> usize {
        let byte = |n: usize| (word >> (8 * n)) as u8;
        if byte(0) == b'\'' {
            match (byte(1), byte(2)) {
                (b's' | b'd' | b'm' | b't', _) => return at + 2,
                (b'l', b'l') | (b'v' | b'r', b'e') => return at + 3,
                _ => {}
            }
        }
        let start = if byte(0) == b' ' { at + 1 } else { at };
        for set in [Set::LETTER, Set::NUMBER, Set::SYMBOL] {
            let end = runs::of(text, start, set);
            if end > start {
                return end;
            }
        }
        space(text, at)
    }
}

/// Returns the end of `\s+(?!\S)|\s+`, with at least one `\s` at `start`.
fn space(text: &[u8], start: usize) -> usize {
    let (mut at, mut last) = (start, start);
    while let Some((class, next)) = class::at(text, at) {
        if !class.is_space() {
            return if last > start { last } else { at };
        }
        (last, at) = (at, next);
    }
    at
}
