//! Patterns that start a new piece where lower case turns into upper case: those of `o200k_base` (also used by Llama 4)
//! and of Mistral's Tekken.
//!
//! ```text
//! [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//! [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//! \p{N}{1,3}
//!  ?[^\s\p{L}\p{N}]+[\r\n/]*
//! \s*[\r\n]+
//! \s+(?!\S)
//! \s+
//! ```
//!
//! Tekken has no contractions, and every digit is a piece.

use super::class::{self, Class, Set};
use super::{BoundaryRules, Pattern, WINDOW, fast_path, runs, window};
use crate::swar::{self, ascii};

/// Pattern with at most `DIGITS` digits per piece, and with or without contractions.
pub(crate) struct Cased<const DIGITS: usize, const CONTRACTIONS: bool>;

impl<const DIGITS: usize, const CONTRACTIONS: bool> Pattern for Cased<DIGITS, CONTRACTIONS> {
    const RULES: Option<BoundaryRules> = Some(BoundaryRules {
        cased: true,
        any_prefix: true,
        numbers: false,
        contractions: CONTRACTIONS,
        after_signs: b"\r\n/",
        line_ends: true,
        whole_end: false,
    });

    #[inline(always)]
    fn ends(text: &[u8], at: usize, window: &[u8; WINDOW]) -> u64 {
        window::ends::<true, DIGITS, CONTRACTIONS>(text, at, window)
    }

    #[inline(always)]
    fn next(text: &[u8], at: usize, word: u64) -> usize {
        let letters = ascii::letters(word);
        let lower = ascii::lower(word, letters);
        let prefix = usize::from(letters & 0x80 == 0);
        if letters >> (8 * prefix) & 0x80 == 0 || !(prefix == 0 || may_prefix(word as u8)) {
            let short = fast_path::piece::<DIGITS>(word, |byte| matches!(byte, b'\r' | b'\n' | b'/'));
            return short.map_or_else(|| general::<DIGITS, CONTRACTIONS>(text, at), |len| at + len);
        }
        let start = prefix + ascii::leading((letters & !lower) >> (8 * prefix));
        if start == 8 {
            return general::<DIGITS, CONTRACTIONS>(text, at);
        }
        let mut end = start + ascii::leading(lower >> (8 * start));
        let mut after = (word >> (8 * (end & 7))) as u8;
        if end == 8 {
            (end, after) = lower_run(text, at);
        }
        match after {
            b'\'' if CONTRACTIONS => at + end + runs::contraction(text, at + end),
            ..0x80 => at + end,
            _ => general::<DIGITS, CONTRACTIONS>(text, at),
        }
    }
}

/// Returns the end of a run of ASCII lower-case letters that fills the first word, relative to `at`, and the byte after
/// it.
#[inline(always)]
fn lower_run(text: &[u8], at: usize) -> (usize, u8) {
    let mut end = 8;
    loop {
        let word = swar::load(text, at + end);
        let more = ascii::leading(ascii::lower(word, ascii::letters(word)));
        end += more;
        if more < 8 {
            return (end, (word >> (8 * more)) as u8);
        }
    }
}

/// Returns `true` for ASCII characters of `[^\r\n\p{L}\p{N}]`.
#[inline(always)]
fn may_prefix(byte: u8) -> bool {
    !matches!(byte, b'\r' | b'\n' | b'0'..=b'9' | 0x80..)
}

/// Returns the end of the piece at `at`, for any text.
#[inline(never)]
fn general<const DIGITS: usize, const CONTRACTIONS: bool>(text: &[u8], at: usize) -> usize {
    let contraction = |end: usize| if CONTRACTIONS { end + runs::contraction(text, end) } else { end };
    let Some((first, second)) = class::at(text, at) else { return at };
    if first.is_in(Set::PREFIX)
        && let Some(end) = letters(text, second)
    {
        return contraction(end);
    }
    if first.is_letter() || first == Class::MARK {
        let end = letters(text, at).unwrap_or(second);
        return contraction(end);
    }
    if first == Class::NUMBER {
        return runs::number(text, second, DIGITS);
    }
    let symbols = if text.get(at) == Some(&b' ') { second } else { at };
    let end = runs::of(text, symbols, Set::SYMBOL);
    if end > symbols {
        let after = text.get(end..).unwrap_or_default();
        return end + after.iter().take_while(|byte| matches!(byte, b'\r' | b'\n' | b'/')).count();
    }
    runs::space(text, at)
}

/// Matches `[UPPER]*[LOWER]+|[UPPER]+[LOWER]*` at `start` and returns its end.
fn letters(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    // End of the last character of the run that belongs to both sets.
    let mut both = None;
    let follows = loop {
        match class::at(text, at) {
            Some((class, next)) if class.is_in(Set::UPPER) => {
                if class != Class::UPPER {
                    both = Some(next);
                }
                at = next;
            }
            Some((class, _)) => break class,
            None => break Class::OTHER,
        }
    };
    if follows == Class::LOWER {
        return Some(runs::of(text, at, Set::LOWER));
    }
    // The first alternative backtracks over upper-case-only characters; if nothing else remains, the second one
    // matches.
    both.or((at > start).then_some(at))
}
