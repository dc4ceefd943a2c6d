//! The pattern of `cl100k_base`.
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

use super::class::{self, Class, Set};
use super::{Pattern, lanes, runs, short};
use crate::word;

/// The pattern.
pub(crate) struct Cl100k;

impl Pattern for Cl100k {
    #[inline(always)]
    fn next(text: &[u8], at: usize, word: u64) -> usize {
        let letters = lanes::letters(word);
        let first = word as u8;
        let prefix = usize::from(letters & 0x80 == 0);
        if letters >> (8 * prefix) & 0x80 == 0 || matches!(first, b'\r' | b'\n' | b'0'..=b'9' | 0x80..) {
            if first != b'\''
                && let Some(len) = short::piece(word, |byte| matches!(byte, b'\r' | b'\n'))
            {
                return at + len;
            }
            return general(text, at);
        }
        if first == b'\'' {
            return general(text, at);
        }
        let mut end = prefix + lanes::leading(letters >> (8 * prefix));
        let mut after = (word >> (8 * (end & 7))) as u8;
        while end.is_multiple_of(8) {
            let word = word::at(text, at + end);
            let more = lanes::leading(lanes::letters(word));
            after = (word >> (8 * (more & 7))) as u8;
            end += more;
            if more == 0 {
                break;
            }
        }
        if after < 0x80 { at + end } else { general(text, at) }
    }
}

/// The end of the piece at `at`, for any text.
#[inline(never)]
fn general(text: &[u8], at: usize) -> usize {
    let contraction = runs::contraction(text, at);
    if contraction > 0 {
        return at + contraction;
    }
    let Some((first, second)) = class::at(text, at) else { return at };
    if first.is_letter() {
        return runs::of(text, second, Set::LETTER);
    }
    if first == Class::NUMBER {
        return runs::number(text, second);
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
    let all = runs::of(text, at, Set::SPACE);
    if all == text.len() { all } else { runs::space(text, at) }
}
