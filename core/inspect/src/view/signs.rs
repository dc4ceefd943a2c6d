//! Signs that a text has more to show than what it says: found in one pass, before any view is derived.

/// Signs found in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signs(u8);

/// Character outside of ASCII.
const NON_ASCII: u8 = 1;
/// Control character or white space other than a single space.
const IRREGULAR: u8 = 2;

impl Signs {
    /// Finds the signs in a text.
    pub(super) fn of(text: &str) -> Signs {
        let mut signs = 0;
        let mut previous = 0;
        for byte in text.bytes() {
            signs |= match byte {
                0x80.. => NON_ASCII,
                0..0x20 | 0x7f => IRREGULAR,
                b' ' if previous == b' ' => IRREGULAR,
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
        for (text, non_ascii, is_folded) in [
            ("Ordinary text, 100 %.", false, true),
            ("two  spaces", false, false),
            ("two\nlines", false, false),
            ("\u{8}", false, false),
            ("é", true, false),
            ("", false, true),
        ] {
            let signs = Signs::of(text);
            assert_eq!((signs.has_non_ascii(), signs.is_folded()), (non_ascii, is_folded), "{text:?}");
        }
    }
}
