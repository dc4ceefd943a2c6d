//! Assertions between two characters: `^`, `$`, `\b`, `\B` and their variants.

use super::script::Script;
use regex_syntax::hir::Look;

/// Assertion between two characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assertion {
    /// Assertion of a regular expression.
    Look(Look),
    /// The character before does not continue a keyword that begins in this script.
    KeywordStart(Script),
    /// The character after does not continue a keyword that ends in this script.
    KeywordEnd(Script),
}

/// Kind of the character in front of a position, as far as assertions on ASCII words and lines distinguish characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Before {
    /// Start of the text.
    #[default]
    Edge,
    LineFeed,
    CarriageReturn,
    /// ASCII letter, digit or `_`.
    Word,
    Other,
}

impl Before {
    /// All kinds, in order.
    pub(crate) const ALL: [Before; 5] =
        [Before::Edge, Before::LineFeed, Before::CarriageReturn, Before::Word, Before::Other];

    /// Returns the kind of a character; `None` is the start of the text.
    pub(crate) fn of(c: Option<char>) -> Before {
        match c {
            None => Before::Edge,
            Some('\n') => Before::LineFeed,
            Some('\r') => Before::CarriageReturn,
            Some('_') => Before::Word,
            Some(c) if c.is_ascii_alphanumeric() => Before::Word,
            Some(_) => Before::Other,
        }
    }

    /// Returns the kind of a character by its last byte.
    pub(crate) fn of_byte(byte: u8) -> Before {
        Before::of(Some(char::from(byte)))
    }

    /// Returns a character of this kind.
    fn sample(self) -> Option<char> {
        match self {
            Before::Edge => None,
            Before::LineFeed => Some('\n'),
            Before::CarriageReturn => Some('\r'),
            Before::Word => Some('a'),
            Before::Other => Some('-'),
        }
    }
}

/// Returns `true` if an assertion holds behind a character of this kind, or if it depends on more than the kind.
pub(crate) fn may_hold(assertion: Assertion, before: Before, after: Option<char>) -> bool {
    match assertion {
        Assertion::KeywordStart(_) | Assertion::KeywordEnd(_) => true,
        Assertion::Look(
            Look::WordUnicode
            | Look::WordUnicodeNegate
            | Look::WordStartUnicode
            | Look::WordEndUnicode
            | Look::WordStartHalfUnicode
            | Look::WordEndHalfUnicode,
        ) => true,
        assertion => holds(assertion, before.sample(), after),
    }
}

/// Returns `true` if `assertion` holds between `before` and `after`; `None` stands for the edge of the text.
///
/// Every assertion of the rule language depends only on the two adjacent characters. A stream therefore has to wait for
/// exactly one more character.
pub(crate) fn holds(assertion: Assertion, before: Option<char>, after: Option<char>) -> bool {
    match assertion {
        Assertion::Look(look) => look_holds(look, before, after),
        Assertion::KeywordStart(script) => !continues(script, before),
        Assertion::KeywordEnd(script) => !continues(script, after),
    }
}

/// Returns `true` if a character beside a keyword continues its word: a word character of the same script. A digit or `_`
/// continues every word, a character of a script that does not separate words continues none.
fn continues(script: Script, neighbor: Option<char>) -> bool {
    let is_same = |c: char| match (script, Script::of(c)) {
        (Script::Unspaced, _) | (_, Script::Unspaced) => false,
        (Script::Latin, neighbor) => neighbor == Script::Latin,
        (Script::Other, neighbor) => neighbor == Script::Other || !c.is_alphabetic(),
    };
    word(neighbor) && neighbor.is_some_and(is_same)
}

fn look_holds(look: Look, before: Option<char>, after: Option<char>) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_word_characters_of_the_same_script_continue_a_keyword() {
        for (script, continuing, others) in [
            (Script::Latin, "aZ9_é\u{301}", "-жא漢ไ한 "),
            (Script::Other, "жא한9_", "aé漢ไ- "),
            (Script::Unspaced, "", "漢a9_ж-"),
        ] {
            for c in continuing.chars() {
                assert!(continues(script, Some(c)), "{script:?} {c}");
            }
            for c in others.chars() {
                assert!(!continues(script, Some(c)), "{script:?} {c}");
            }
            assert!(!continues(script, None));
        }
    }
}
