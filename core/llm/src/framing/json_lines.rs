//! Framer for JSON lines (`application/x-ndjson`), the streaming format of Ollama.
//!
//! The format is that of jsonlines.org and ndjson-spec 1.0.0: one JSON value per line, lines end in LF, white space
//! around a value (the CR of a CRLF) is ignored, lines may be blank. The framer hands out every byte it was fed, blank
//! lines included, so that an unedited stream is forwarded unchanged.
//!
//! ```
//! use tollgate_llm::FrameError;
//! use tollgate_llm::json_lines::JsonLinesFramer;
//!
//! let mut framer = JsonLinesFramer::new(1 << 20);
//! let mut out = Vec::new();
//! for piece in ["{\"a\"", ":1}\r", "\n\n{\"a\":2} \n"] {
//!     framer.push(piece.as_bytes(), |event| {
//!         event.with_data(b"{}", &mut out);
//!         Ok::<_, FrameError<()>>(())
//!     })?;
//! }
//! assert_eq!(out, b"{}\r\n\n{} \n");
//! # Ok::<(), FrameError<FrameError<()>>>(())
//! ```

use std::borrow::Cow;

use crate::framing::large_event::LargeEvents;
use crate::framing::splitter::{Delimiter, FrameError, Malformed, Splitter};

#[cfg(test)]
mod tests;

/// Splits a body into lines, however it is chunked.
#[derive(Clone, Debug)]
pub struct JsonLinesFramer {
    splitter: Splitter<Lines>,
}

impl JsonLinesFramer {
    /// Creates a framer at the start of a body. `max_event_bytes` bounds one line with its terminator, and therefore
    /// the bytes held between pushes.
    #[must_use]
    pub fn new(max_event_bytes: usize) -> JsonLinesFramer {
        JsonLinesFramer { splitter: Splitter::new(Lines, max_event_bytes) }
    }

    /// Chooses the treatment of events above the limit.
    pub(super) fn set_large(&mut self, large: LargeEvents) {
        self.splitter.set_large(large);
    }

    /// Returns the bytes of texts that were left out of condensed events.
    pub(super) fn elided_text(&self) -> u64 {
        self.splitter.elided_text()
    }

    /// Feeds bytes and calls `each` for every completed line, in order. Lines that lie whole inside `bytes` are not
    /// copied.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`], or the error of `each`.
    pub fn push<E>(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(JsonLine<'_>) -> Result<(), E>,
    ) -> Result<(), FrameError<E>> {
        self.splitter.push(bytes, |raw, ()| each(JsonLine { raw }))
    }

    /// Returns the bytes that were not handed out yet: the unfinished line at the end.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.splitter.pending()
    }

    /// Ends the body: hands out the held bytes as a last line, although its LF is missing. The framer is empty
    /// afterwards, ready for another body.
    ///
    /// # Errors
    /// The error of `each`; [`FrameError::TooLarge`] if a push failed with it: the held bytes are dropped then.
    pub fn finish<E>(&mut self, mut each: impl FnMut(JsonLine<'_>) -> Result<(), E>) -> Result<(), FrameError<E>> {
        let result = self.push(&[], &mut each);
        let last = self.splitter.take(Lines);
        result?;
        if last.is_empty() { Ok(()) } else { each(JsonLine { raw: &last }).map_err(FrameError::Callback) }
    }
}

/// Stateless delimiter: a line ends at an LF.
#[derive(Clone, Copy, Debug)]
struct Lines;

impl Delimiter for Lines {
    type Mark = ();

    fn end(&mut self, bytes: &[u8]) -> Result<Option<(usize, ())>, Malformed> {
        Ok(memchr::memchr(b'\n', bytes).map(|at| (at + 1, ())))
    }
}

/// One line with its terminator.
#[derive(Clone, Copy)]
pub struct JsonLine<'a> {
    raw: &'a [u8],
}

impl<'a> JsonLine<'a> {
    pub(super) fn new(raw: &'a [u8]) -> JsonLine<'a> {
        JsonLine { raw }
    }

    /// Returns the original bytes, including the LF.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Returns the value without surrounding white space; `None` for a blank line. Always borrowed.
    #[must_use]
    pub fn data(&self) -> Option<Cow<'a, [u8]>> {
        let data = trim(self.raw);
        if data.is_empty() { None } else { Some(Cow::Borrowed(data)) }
    }

    /// Appends the line with its value replaced; everything else stays byte for byte. `data` must not contain an LF,
    /// which JSON allows only between tokens. A blank line is appended unchanged.
    pub fn with_data(&self, data: &[u8], out: &mut Vec<u8>) {
        let value = trim(self.raw);
        if value.is_empty() {
            out.extend_from_slice(self.raw);
            return;
        }
        let start = self.raw.iter().take_while(|byte| is_space(**byte)).count();
        let (before, after) = self.raw.split_at_checked(start).unwrap_or_default();
        debug_assert!(value.len() <= after.len());
        out.extend_from_slice(before);
        out.extend_from_slice(data);
        out.extend_from_slice(after.get(value.len()..).unwrap_or_default());
    }
}

/// Shows the length only: the data is model output.
impl std::fmt::Debug for JsonLine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JsonLine").field("len", &self.raw.len()).finish_non_exhaustive()
    }
}

/// Returns `true` for white space of JSON (RFC 8259, section 2). No other byte may be trimmed: what is read here must
/// be what the client reads.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn trim(mut line: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = line
        && is_space(*first)
    {
        line = rest;
    }
    while let [rest @ .., last] = line
        && is_space(*last)
    {
        line = rest;
    }
    line
}
