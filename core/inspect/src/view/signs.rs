//! Signs that a text has more to show than what it says: found in one pass, before any view is derived.

/// Signs found in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signs(u8);

/// Character outside of ASCII.
const NON_ASCII: u8 = 1;
/// White space other than a single space.
const SPACE: u8 = 2;
/// Control character.
const CONTROL: u8 = 4;

impl Signs {
    /// Finds the signs in a text.
    pub(super) fn of(text: &str) -> Signs {
        let mut signs = 0;
        let mut previous = 0;
        for byte in text.bytes() {
            signs |= match byte {
                0x80.. => NON_ASCII,
                b'\t'..=b'\r' => SPACE,
                0..0x20 | 0x7f => CONTROL,
                b' ' if previous == b' ' => SPACE,
                _ => 0,
            };
            previous = byte;
        }
        Signs(signs)
    }

    /// Returns `true` if a character is not ASCII.
    pub(super) fn has_non_ascii(self) -> bool {
        self.0 & NON_ASCII != 0
    }

    /// Returns `true` if folding changes no more than white space.
    pub(super) fn is_plain(self) -> bool {
        self.0 & (NON_ASCII | CONTROL) == 0
    }

    /// Returns `true` if folding changes nothing.
    pub(super) fn is_folded(self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_texts() {
        for (text, non_ascii, is_plain, is_folded) in [
            ("Ordinary text, 100 %.", false, true, true),
            ("two  spaces", false, true, false),
            ("two\nlines", false, true, false),
            ("\u{8}", false, false, false),
            ("é", true, false, false),
            ("", false, true, true),
        ] {
            let signs = Signs::of(text);
            let found = (signs.has_non_ascii(), signs.is_plain(), signs.is_folded());
            assert_eq!(found, (non_ascii, is_plain, is_folded), "{text:?}");
        }
    }
}
