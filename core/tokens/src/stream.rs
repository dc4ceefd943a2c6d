//! Counting a text that arrives in pieces.

use crate::Encoding;

/// Counts a text that arrives in pieces, cut anywhere, even inside a character.
///
/// After every push the count is that of the whole text so far, as [`Encoding::count`] would give it; an unfinished
/// character at the end is not counted yet.
#[derive(Clone, Debug)]
pub struct StreamCounter {
    encoding: Encoding,
    bytes: Vec<u8>,
}

impl StreamCounter {
    /// A counter of an empty text.
    #[must_use]
    pub fn new(encoding: Encoding) -> StreamCounter {
        StreamCounter { encoding, bytes: Vec::new() }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// How many tokens the text so far is.
    #[must_use]
    pub fn count(&self) -> u64 {
        let text = match std::str::from_utf8(&self.bytes) {
            Ok(text) => text,
            Err(error) => {
                self.bytes.get(..error.valid_up_to()).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
            }
        };
        self.encoding.count(text)
    }
}
