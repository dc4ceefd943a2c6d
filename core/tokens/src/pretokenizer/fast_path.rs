//! Fast path for pieces of digits, symbols and white space that end within one word.

use crate::swar::ascii;

/// Returns the length of the piece at the start of `word`; `None` if it has letters, is not ASCII, or does not end
/// within the word together with its lookahead. `DIGITS` is the maximum number of digits in a piece; `after`
/// returns `true` for bytes that may follow symbols.
#[inline(always)]
pub(super) fn piece<const DIGITS: usize>(word: u64, after: impl Fn(u8) -> bool) -> Option<usize> {
    let byte = |n: usize| (word >> (8 * n)) as u8;
    let is_plain = |n: usize| n < 8 && byte(n) < 0x80;
    match byte(0) {
        b'0'..=b'9' => {
            let digits = ascii::leading(ascii::digits(word)).min(DIGITS);
            (digits == DIGITS || is_plain(digits)).then_some(digits)
        }
        b'\t'..=b'\r' | b' ' => {
            let spaces = ascii::leading(ascii::spaces(word));
            if !is_plain(spaces) {
                return None;
            }
            let lines = ascii::first(ascii::line_ends(word), spaces);
            if lines != 0 {
                return Some(ascii::up_to_last(lines));
            }
            if spaces > 1 {
                return Some(spaces - 1);
            }
            if byte(0) == b' ' && !byte(1).is_ascii_digit() { symbols(word, 1, after) } else { Some(1) }
        }
        ..0x80 => symbols(word, 0, after),
        _ => None,
    }
}

/// Returns the end of the symbols from `start` on, at least one, and of the bytes that may follow them.
#[inline(always)]
fn symbols(word: u64, start: usize, after: impl Fn(u8) -> bool) -> Option<usize> {
    let byte = |n: usize| (word >> (8 * n)) as u8;
    let mut end = start + ascii::leading(ascii::symbols(word) >> (8 * start));
    while end < 8 && after(byte(end)) {
        end += 1;
    }
    (end < 8 && byte(end) < 0x80).then_some(end)
}
