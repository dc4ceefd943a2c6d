//! Classes of characters that are not displayed or that disguise text.

use serde::Deserialize;

/// Default of [`RawCodepoints::min`].
const MIN: u32 = 1;
/// Range of [`RawCodepoints::min`].
pub(crate) const RANGE: (u32, u32) = (1, 64);
/// Maximum length of a match in characters. A longer run has several matches.
const MAX: u32 = 256;

/// Run of characters of certain classes.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawCodepoints {
    /// Classes of the characters.
    pub classes: Vec<CodepointClass>,
    /// Least number of characters in a row, 1 to 64. Default: 1.
    #[serde(default = "RawCodepoints::default_min")]
    pub min: u32,
}

/// Class of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CodepointClass {
    /// Tag characters, U+E0000 to U+E007F, each of which stands for an ASCII character. Flags of regions have up to six.
    Tag,
    /// Embeddings, overrides and isolates that change the direction of text: U+202A to U+202E, U+2066 to U+2069.
    Bidi,
    /// Zero-width spaces and joiners: U+200B to U+200D, U+2060, U+FEFF, U+180E. Persian, Indic scripts and emoji use joiners.
    ZeroWidth,
    /// Variation selectors: U+FE00 to U+FE0F, U+E0100 to U+E01EF. An emoji or a Chinese character has one.
    VariationSelector,
    /// Invisible operators of mathematics: U+2061 to U+2064.
    InvisibleOperator,
    /// Letters that are displayed as nothing or as space: Hangul fillers, the blank Braille pattern.
    Filler,
    /// Control characters other than tab, line feed, carriage return, form feed and escape.
    Control,
    /// Characters for private use, which fonts of icons define.
    PrivateUse,
    /// Combining marks. Words have one or two in a row, and stacks that cover text have more.
    Combining,
}

impl RawCodepoints {
    fn default_min() -> u32 {
        MIN
    }

    /// Returns the regular expression of the run.
    pub(crate) fn regex(&self) -> String {
        let classes: String = self.classes.iter().map(|class| class.members()).collect();
        format!("[{classes}]{{{},{MAX}}}", self.min)
    }
}

impl CodepointClass {
    /// Returns the members as they are written in a class of a regular expression.
    fn members(self) -> &'static str {
        match self {
            CodepointClass::Tag => r"\x{E0000}-\x{E007F}",
            CodepointClass::Bidi => r"\x{202A}-\x{202E}\x{2066}-\x{2069}",
            CodepointClass::ZeroWidth => r"\x{200B}-\x{200D}\x{2060}\x{FEFF}\x{180E}",
            CodepointClass::VariationSelector => r"\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}",
            CodepointClass::InvisibleOperator => r"\x{2061}-\x{2064}",
            CodepointClass::Filler => r"\x{115F}\x{1160}\x{2800}\x{3164}\x{FFA0}",
            CodepointClass::Control => r"\x00-\x08\x0B\x0E-\x1A\x1C-\x1F\x7F-\x{9F}",
            CodepointClass::PrivateUse => r"\x{E000}-\x{F8FF}\x{F0000}-\x{FFFFD}\x{100000}-\x{10FFFD}",
            CodepointClass::Combining => {
                r"\x{0300}-\x{036F}\x{0483}-\x{0489}\x{1AB0}-\x{1AFF}\x{1DC0}-\x{1DFF}\x{20D0}-\x{20FF}\x{FE20}-\x{FE2F}"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Policy, all_matches};

    #[test]
    fn runs_of_a_class_match() {
        for (codepoints, text, expected) in [
            (r#"{"classes": ["tag"], "min": 3}"#, "a\u{e0041}\u{e0042}\u{e0043}b", vec![(1, 13)]),
            (r#"{"classes": ["tag"], "min": 3}"#, "a\u{e0041}\u{e0042}b\u{e0043}", vec![]),
            (r#"{"classes": ["bidi"]}"#, "a\u{202e}b\u{2066}", vec![(1, 4), (5, 8)]),
            (r#"{"classes": ["bidi"]}"#, "\u{200e}\u{200f}", vec![]),
            (r#"{"classes": ["zero_width", "filler"], "min": 2}"#, "\u{200b}\u{3164}x\u{feff}", vec![(0, 6)]),
            (r#"{"classes": ["variation_selector"], "min": 2}"#, "❤\u{fe0f} a\u{fe0f}\u{e0101}", vec![(8, 15)]),
            (r#"{"classes": ["invisible_operator"]}"#, "f\u{2061}x", vec![(1, 4)]),
            (r#"{"classes": ["control"]}"#, "a\tb\r\n\x1b[0m\x08", vec![(9, 10)]),
            (r#"{"classes": ["private_use"], "min": 2}"#, "\u{e000}\u{f0000}", vec![(0, 7)]),
            (r#"{"classes": ["combining"], "min": 3}"#, "e\u{301} z\u{300}\u{301}\u{302}", vec![(5, 11)]),
        ] {
            let rule = format!(r#"{{"id": "a", "match": {{"codepoints": {codepoints}}}, "action": "redact"}}"#);
            let policy = Policy::from_raw(serde_json::from_str(&format!(r#"{{"rules": [{rule}]}}"#)).unwrap()).unwrap();
            let found: Vec<_> = all_matches(&policy, text).unwrap().into_iter().map(|(_, range)| range).collect();
            let found: Vec<_> = found.into_iter().map(|range| (range.start, range.end)).collect();
            assert_eq!(found, expected, "{codepoints}");
        }
    }
}
