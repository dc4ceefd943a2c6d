//! Assertions between two characters: `^`, `$`, `\b`, `\B` and their variants.

use regex_syntax::hir::Look;

/// Returns `true` if `look` holds between `before` and `after`; `None` stands for the edge of the text.
///
/// Every assertion of the rule language depends only on the two adjacent characters. A stream therefore has to wait for
/// exactly one more character.
pub(crate) fn holds(look: Look, before: Option<char>, after: Option<char>) -> bool {
    let ascii = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    match look {
        Look::Start => before.is_none(),
        Look::End => after.is_none(),
        Look::StartLF => matches!(before, None | Some('\n')),
        Look::EndLF => matches!(after, None | Some('\n')),
        Look::StartCRLF => match before {
            None | Some('\n') => true,
            Some('\r') => after != Some('\n'),
            Some(_) => false,
        },
        Look::EndCRLF => match after {
            None | Some('\r') => true,
            Some('\n') => before != Some('\r'),
            Some(_) => false,
        },
        Look::WordAscii => ascii(before) != ascii(after),
        Look::WordAsciiNegate => ascii(before) == ascii(after),
        Look::WordUnicode => word(before) != word(after),
        Look::WordUnicodeNegate => word(before) == word(after),
        Look::WordStartAscii => !ascii(before) && ascii(after),
        Look::WordEndAscii => ascii(before) && !ascii(after),
        Look::WordStartUnicode => !word(before) && word(after),
        Look::WordEndUnicode => word(before) && !word(after),
        Look::WordStartHalfAscii => !ascii(before),
        Look::WordEndHalfAscii => !ascii(after),
        Look::WordStartHalfUnicode => !word(before),
        Look::WordEndHalfUnicode => !word(after),
    }
}

/// Returns `true` if `c` is a word character as defined by Unicode (UTS 18, annex C).
fn word(c: Option<char>) -> bool {
    match c {
        None => false,
        Some(c) if c.is_ascii() => c.is_ascii_alphanumeric() || c == '_',
        Some(c) => {
            let is_word = regex_syntax::try_is_word_character(c);
            debug_assert!(is_word.is_ok(), "the feature `unicode-perl` links the tables");
            is_word.unwrap_or(false)
        }
    }
}
