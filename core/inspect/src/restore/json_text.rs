//! Recognition of a text that is JSON, such as a structured output: programs read it, so nothing is restored in it.

/// Beginning of a text, by which JSON is recognized: an object, or a list of objects, lists or strings, also in a fence of markdown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum JsonText {
    /// Nothing but white space.
    #[default]
    Unknown,
    /// "```json".
    Fence,
    /// `{` or `[`.
    Begun(char),
    Json,
    Other,
}

impl JsonText {
    /// Returns `true` if the text is JSON.
    pub(super) fn is_json(self) -> bool {
        self == JsonText::Json
    }

    /// Reads a piece of the text.
    pub(super) fn read(&mut self, piece: &str) {
        let mut chars = piece.chars().filter(|c| !c.is_ascii_whitespace());
        while !matches!(self, JsonText::Json | JsonText::Other) {
            let Some(c) = chars.next() else { return };
            *self = match (*self, c) {
                (JsonText::Unknown | JsonText::Fence, '{' | '[') => JsonText::Begun(c),
                (JsonText::Unknown, '`') => JsonText::Fence,
                (JsonText::Fence, '`' | 'a'..='z' | 'A'..='Z' | '0'..='9') => JsonText::Fence,
                (JsonText::Begun('{'), '"') | (JsonText::Begun('['), '{' | '[' | '"') => JsonText::Json,
                _ => JsonText::Other,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_recognized_by_its_beginning() {
        for (text, want) in [
            ("", false),
            ("{\"a\"", true),
            (" \n{ \"a\"", true),
            ("[{", true),
            ("[[", true),
            ("[\"a\"]", true),
            ("```json\n{\"a\"", true),
            ("```\n[\"a\"]", true),
            ("`a`: {\"a\"", false),
            ("[a](b)", false),
            ("{a}", false),
            ("See {\"a\"", false),
        ] {
            let (mut whole, mut pieces) = (JsonText::default(), JsonText::default());
            whole.read(text);
            text.chars().for_each(|c| pieces.read(c.encode_utf8(&mut [0; 4])));
            assert_eq!((whole.is_json(), pieces), (want, whole), "{text:?}");
        }
    }
}
