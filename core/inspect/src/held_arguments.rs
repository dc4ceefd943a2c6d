//! Arguments of a tool call in a stream, which are JSON in pieces.
//!
//! They are inspected like those of a complete response: as they are and with their strings decoded. Both depend on all of the
//! text, so arguments are held until they are complete. A client cannot call the tool before.

/// Maximum size of the arguments that a stream holds.
pub(crate) const MAX_HELD_BYTES: usize = 1 << 20;

/// Text of a stream, held whole as long as it may be JSON.
#[derive(Debug, Default)]
pub(crate) struct HeldArguments {
    text: String,
    /// First byte that is no white space, once it has come.
    first: Option<u8>,
    /// `true` if text that is not JSON is held, too.
    holds_any: bool,
}

/// Result of adding a piece.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// The piece is held.
    Held,
    /// The complete text.
    Complete(String),
    /// All of the text so far, which is not JSON.
    Other(String),
}

impl HeldArguments {
    /// Creates empty arguments. `holds_any` says whether text that is not JSON is held to its end.
    pub(crate) fn new(holds_any: bool) -> HeldArguments {
        HeldArguments { holds_any, ..HeldArguments::default() }
    }

    /// Returns the number of held bytes.
    pub(crate) fn held(&self) -> usize {
        self.text.len()
    }

    /// Adds a piece. `is_last` marks the end of the text.
    pub(crate) fn add(&mut self, piece: &str, is_last: bool) -> Added {
        self.text.push_str(piece);
        self.first = self.first.or_else(|| piece.trim_ascii_start().bytes().next());
        match self.first {
            None | Some(b'{' | b'[' | b'"') if !is_last => Added::Held,
            _ if self.holds_any && !is_last => Added::Held,
            Some(b'{' | b'[' | b'"') => Added::Complete(self.take()),
            _ => Added::Other(self.take()),
        }
    }

    /// Returns the held text.
    pub(crate) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_held_to_its_end_and_other_text_is_not_held() {
        let complete = |text: &str| Added::Complete(text.to_owned());
        let other = |text: &str| Added::Other(text.to_owned());
        for (pieces, want) in [
            (&["", " ", "{\"a\"", ": 1}", ""][..], complete(" {\"a\": 1}")),
            (&["[", "cut"], complete("[cut")),
            (&["\"a", "b\"", ""], complete("\"ab\"")),
            (&["\n", "get it", ""], other("\nget it")),
            (&["", ""], other("")),
        ] {
            let mut held = HeldArguments::default();
            let mut pieces = pieces.iter().peekable();
            let mut result = Added::Held;
            while let Some(piece) = pieces.next().filter(|_| result == Added::Held) {
                result = held.add(piece, pieces.peek().is_none());
            }
            assert_eq!((result, held.held()), (want, 0));
        }
    }
}
