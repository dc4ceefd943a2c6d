//! Patterns that ignore case: that of `cl100k_base`, and those of Llama 3 and Qwen, which derive from it.
//!
//! ```text
//! '(?i:[sdmt]|ll|ve|re)
//! [^\r\n\p{L}\p{N}]?+\p{L}++
//! \p{N}{1,3}+
//!  ?[^\s\p{L}\p{N}]++[\r\n]*+
//! \s++$
//! \s*[\r\n]
//! \s+(?!\S)
//! \s
//! ```
//!
//! The others have `\s*[\r\n]+` and no `\s++$`: white space at the end of the text is also split after its last line
//! end. In Qwen's, every digit is a piece.

use super::class::{self, Class, Set};
use super::{BoundaryRules, Pattern, WINDOW, fast_path, runs, window};
use crate::swar::{self, ascii};

/// Pattern with at most `DIGITS` digits per piece. With `WHOLE_END`, white space at the end of the text is one piece.
pub(crate) struct Uncased<const DIGITS: usize, const WHOLE_END: bool>;

impl<const DIGITS: usize, const WHOLE_END: bool> Pattern for Uncased<DIGITS, WHOLE_END> {
    const RULES: Option<BoundaryRules> = Some(BoundaryRules {
        cased: false,
        any_prefix: true,
        numbers: false,
        contractions: false,
        after_signs: b"\r\n",
        line_ends: true,
        whole_end: WHOLE_END,
    });

    #[inline(always)]
    fn ends(text: &[u8], at: usize, window: &[u8; WINDOW]) -> u64 {
        window::ends::<false, DIGITS, true>(text, at, window)
    }

    #[inline(always)]
    fn next(text: &[u8], at: usize, word: u64) -> usize {
        let letters = ascii::letters(word);
        let first = word as u8;
        let prefix = usize::from(letters & 0x80 == 0);
        if letters >> (8 * prefix) & 0x80 == 0 || matches!(first, b'\r' | b'\n' | b'0'..=b'9' | 0x80..) {
            if first != b'\''
                && let Some(len) = fast_path::piece::<DIGITS>(word, |byte| matches!(byte, b'\r' | b'\n'))
            {
                return at + len;
            }
            return general::<DIGITS, WHOLE_END>(text, at);
        }
        if first == b'\'' {
            return general::<DIGITS, WHOLE_END>(text, at);
        }
        let mut end = prefix + ascii::leading(letters >> (8 * prefix));
        let mut after = (word >> (8 * (end & 7))) as u8;
        while end.is_multiple_of(8) {
            let word = swar::load(text, at + end);
            let more = ascii::leading(ascii::letters(word));
            after = (word >> (8 * (more & 7))) as u8;
            end += more;
            if more == 0 {
                break;
            }
        }
        if after < 0x80 { at + end } else { general::<DIGITS, WHOLE_END>(text, at) }
    }
}

/// Returns the end of the piece at `at`, for any text.
#[inline(never)]
fn general<const DIGITS: usize, const WHOLE_END: bool>(text: &[u8], at: usize) -> usize {
    let contraction = runs::contraction(text, at);
    if contraction > 0 {
        return at + contraction;
    }
    let Some((first, second)) = class::at(text, at) else { return at };
    if first.is_letter() {
        return runs::of(text, second, Set::LETTER);
    }
    if first == Class::NUMBER {
        return runs::number(text, second, DIGITS);
    }
    if first.is_in(Set::PREFIX) {
        let end = runs::of(text, second, Set::LETTER);
        if end > second {
            return end;
        }
    }
    let symbols = if text.get(at) == Some(&b' ') { second } else { at };
    let end = runs::of(text, symbols, Set::SYMBOL);
    if end > symbols {
        let after = text.get(end..).unwrap_or_default();
        return end + after.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    }
    if WHOLE_END && runs::of(text, at, Set::SPACE) == text.len() { text.len() } else { runs::space(text, at) }
}
