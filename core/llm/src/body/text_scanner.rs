//! Texts of a JSON response that is too large to be held.
//!
//! A response with a picture of some megabytes does not fit into any buffer, but its texts do. A [`TextScanner`] reads it
//! while it passes and hands out every string as soon as it is complete, between the bytes around it, so that a text can be
//! judged and replaced before it leaves. Base64 data of members that hold data (`b64_json`, `inlineData.data`) is not held.
//!
//! ```
//! use tollgate_llm::{JsonPiece, TextScanner};
//!
//! let mut scanner = TextScanner::new(1024);
//! let mut out = Vec::new();
//! for piece in [&br#"{"data":"iVBOR"#[..], br#"w0KGgo","text":"a se"#, br#"cret"}"#] {
//!     scanner.push(piece, |piece| {
//!         match piece {
//!             JsonPiece::Other(bytes) => out.extend_from_slice(bytes),
//!             JsonPiece::String(str, literal) => {
//!                 let text = str.decode(literal).replace("secret", "word");
//!                 out.extend_from_slice(format!("\"{text}\"").as_bytes());
//!             }
//!         }
//!         Ok::<(), ()>(())
//!     })?;
//! }
//! assert_eq!(out, br#"{"data":"iVBORw0KGgo","text":"a word"}"#);
//! # Ok::<(), tollgate_llm::TextScanError<()>>(())
//! ```

use crate::Str;
use crate::body::condenser::is_data;
use crate::json::scan::{self, Side};

/// Members whose strings are base64 data in some API: pictures, sound, documents.
const DATA_MEMBERS: [&str; 7] = ["b64", "b64_json", "base64", "bytes", "data", "partial_image_b64", "result"];
/// Length from which the string of such a member is data, if it looks like base64.
const MIN_DATA_BYTES: usize = 256;
/// Longest name of a member that is compared with the names above.
const MAX_NAME_BYTES: usize = 32;

/// Reason why a scan stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextScanError<E> {
    /// A string is longer than the limit.
    #[error("a string of the response is larger than the limit")]
    TooLarge,
    /// The response is not JSON, or a string that looked like base64 is none.
    #[error("the response is not well-formed")]
    Malformed,
    /// The callback failed.
    #[error("{0}")]
    Callback(E),
}

/// Piece of a JSON text.
#[derive(Clone, Copy, Debug)]
pub enum JsonPiece<'a> {
    /// Bytes outside of strings, or data.
    Other(&'a [u8]),
    /// String, and the literal that it refers to, quotes included.
    String(Str, &'a [u8]),
}

/// Splits JSON that arrives in pieces into strings and the bytes around them.
#[derive(Clone, Debug)]
pub struct TextScanner {
    max_text_bytes: usize,
    state: State,
    /// Current string with its opening quote.
    held: Vec<u8>,
    /// Last short string, which is the name of a member if a colon follows.
    name: Vec<u8>,
    /// Last byte outside of strings that is not white space.
    last: u8,
    /// Number of bytes of the last push that a scan that stopped has not read.
    unread: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Between,
    String {
        is_escaped: bool,
        may_be_data: bool,
    },
    /// In base64 data.
    Data,
}

impl TextScanner {
    /// Creates the scanner of a response, whose strings may have `max_text_bytes`.
    #[must_use]
    pub fn new(max_text_bytes: usize) -> TextScanner {
        TextScanner { max_text_bytes, state: State::Between, held: Vec::new(), name: Vec::new(), last: 0, unread: 0 }
    }

    /// Reads the next bytes and calls `each` for every piece, in order.
    ///
    /// # Errors
    /// See [`TextScanError`]. No further bytes may be read then.
    pub fn push<E>(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(JsonPiece<'_>) -> Result<(), E>,
    ) -> Result<(), TextScanError<E>> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let held = self.held.len();
            let step = match self.state {
                State::Between => self.between(rest, &mut each),
                State::String { is_escaped, may_be_data } => self.string(is_escaped, may_be_data, rest, &mut each),
                State::Data => self.data(rest, &mut each),
            };
            // Where a scan stops, the held string has the bytes that were read last.
            let read = step.as_ref().map_or_else(|_| self.held.len().saturating_sub(held), |read| *read);
            rest = rest.get(read..).unwrap_or_default();
            if let Err(error) = step {
                self.unread = rest.len();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Returns what a scan that stopped has not handed out of the response: a string as far as it was held, and the rest of
    /// `bytes`, which are those of the last push.
    #[must_use]
    pub fn remainder<'a>(&'a self, bytes: &'a [u8]) -> [&'a [u8]; 2] {
        [&self.held, bytes.get(bytes.len().saturating_sub(self.unread)..).unwrap_or_default()]
    }

    /// Returns `true` if the response may end here, as far as its strings are concerned.
    #[must_use]
    pub fn is_between_strings(&self) -> bool {
        matches!(self.state, State::Between)
    }

    /// Passes bytes up to the next string; returns the number of bytes read.
    fn between<E>(
        &mut self,
        rest: &[u8],
        each: &mut impl FnMut(JsonPiece<'_>) -> Result<(), E>,
    ) -> Result<usize, TextScanError<E>> {
        let len = memchr::memchr(b'"', rest).unwrap_or(rest.len());
        let (before, quote) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        if let Some(last) = before.iter().rfind(|byte| !byte.is_ascii_whitespace()) {
            self.last = *last;
        }
        if !before.is_empty() {
            each(JsonPiece::Other(before)).map_err(TextScanError::Callback)?;
        }
        if quote.is_empty() {
            return Ok(len);
        }
        let may_be_data = self.last == b':' && DATA_MEMBERS.iter().any(|name| name.as_bytes() == self.name);
        self.held.push(b'"');
        self.state = State::String { is_escaped: false, may_be_data };
        Ok(len + 1)
    }

    /// Reads a string up to its end or its next escape; returns the number of bytes read.
    fn string<E>(
        &mut self,
        is_escaped: bool,
        may_be_data: bool,
        rest: &[u8],
        each: &mut impl FnMut(JsonPiece<'_>) -> Result<(), E>,
    ) -> Result<usize, TextScanError<E>> {
        let len = if is_escaped { 1 } else { memchr::memchr2(b'"', b'\\', rest).map_or(rest.len(), |at| at + 1) };
        // The decision on data falls at the same byte, however the response is split.
        let len = if may_be_data { len.min((MIN_DATA_BYTES + 1).saturating_sub(self.held.len())) } else { len };
        let read = rest.get(..len).unwrap_or_default();
        // In data, the only escape is that of a slash.
        let is_base64 = |byte: &u8| is_data(*byte) || *byte == b'\\' || *byte == b'"';
        let may_be_data = may_be_data && read.iter().all(is_base64);
        self.held.extend_from_slice(read);
        if may_be_data && self.held.len() > MIN_DATA_BYTES {
            let ends = !is_escaped && read.ends_with(b"\"");
            each(JsonPiece::Other(&self.held)).map_err(TextScanError::Callback)?;
            self.end_string(!ends);
            return Ok(len);
        }
        if self.held.len() > self.max_text_bytes {
            return Err(TextScanError::TooLarge);
        }
        match read.last() {
            Some(b'"') if !is_escaped => {
                let str = scan::string(&self.held, 1, Side::Response).map_err(|_| TextScanError::Malformed)?;
                each(JsonPiece::String(str, &self.held)).map_err(TextScanError::Callback)?;
                let text = str.span.of(&self.held);
                self.name.clear();
                self.name.extend_from_slice(if text.len() <= MAX_NAME_BYTES { text } else { b"" });
                self.end_string(false);
            }
            last => {
                let is_escaped = !is_escaped && last == Some(&b'\\');
                self.state = State::String { is_escaped, may_be_data };
            }
        }
        Ok(len)
    }

    fn end_string(&mut self, is_data: bool) {
        self.held.clear();
        self.last = b'"';
        self.state = if is_data { State::Data } else { State::Between };
    }

    /// Passes base64 data; returns the number of bytes read.
    fn data<E>(
        &mut self,
        rest: &[u8],
        each: &mut impl FnMut(JsonPiece<'_>) -> Result<(), E>,
    ) -> Result<usize, TextScanError<E>> {
        let len = memchr::memchr(b'"', rest).unwrap_or(rest.len());
        let (data, quote) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        // A text behind something that looks like data would leave unread.
        if !data.iter().all(|byte| is_data(*byte) || *byte == b'\\') {
            return Err(TextScanError::Malformed);
        }
        let end = len + usize::from(!quote.is_empty());
        each(JsonPiece::Other(rest.get(..end).unwrap_or_default())).map_err(TextScanError::Callback)?;
        if !quote.is_empty() {
            self.state = State::Between;
        }
        Ok(end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the strings, and everything joined.
    fn scan(body: &[u8], size: usize, max: usize) -> Result<(Vec<String>, Vec<u8>), TextScanError<()>> {
        let (mut scanner, mut texts, mut all) = (TextScanner::new(max), Vec::new(), Vec::new());
        for piece in body.chunks(size.max(1)) {
            scanner.push(piece, |piece| {
                match piece {
                    JsonPiece::Other(bytes) => all.extend_from_slice(bytes),
                    JsonPiece::String(str, literal) => {
                        texts.push(str.decode(literal).into_owned());
                        all.extend_from_slice(literal);
                    }
                }
                Ok::<(), ()>(())
            })?;
        }
        Ok((texts, all))
    }

    #[test]
    fn strings_are_handed_out_and_data_passes() {
        let data = "iVBORw0KGgo".repeat(100);
        let spaced = format!("{data} a text");
        for (body, expected) in [
            (r#"{"a":"b\"\u00e9","c":["d"]}"#.to_owned(), Ok(vec!["a", "b\"\u{e9}", "c", "d"])),
            (format!(r#"{{"data":"{data}\/x","text":"e"}}"#), Ok(vec!["data", "text", "e"])),
            (format!(r#"{{"data" : "{data}","b64_json":"short"}}"#), Ok(vec!["data", "b64_json", "short"])),
            // Other members are texts, whatever they look like; a value that equals a name is no name.
            (format!(r#"{{"content":"{data}"}}"#), Ok(vec!["content", &data])),
            (format!(r#"["data","{data}"]"#), Ok(vec!["data", &data])),
            (format!(r#"{{"data":"{spaced}"}}"#), Err(TextScanError::Malformed)),
            (format!(r#"{{"data":" {data}"}}"#), Ok(vec!["data"])),
            (format!(r#"{{"content":"{}"}}"#, "word ".repeat(1000)), Err(TextScanError::TooLarge)),
            ("{\"a\":\"\u{1}\"}".to_owned(), Err(TextScanError::Malformed)),
        ] {
            for size in [1, 3, 100, body.len()] {
                let found = scan(body.as_bytes(), size, 4000);
                if let Ok((texts, all)) = &found {
                    assert_eq!(all, body.as_bytes(), "{size}");
                    let expected = expected.clone().unwrap_or_else(|error| panic!("{error:?} {body}"));
                    assert_eq!(texts.iter().take(expected.len()).collect::<Vec<_>>(), expected, "{size}");
                } else {
                    assert_eq!(found.err(), expected.clone().err(), "{size} {body:.60}");
                }
            }
        }
    }

    proptest! {
        /// A caller that stops at any piece can let the remainder pass.
        #[test]
        fn the_remainder_completes_a_scan_that_stopped(
            body in "(\"data\":\"[A-Za-z ]{0,300}\"|[\\[{,: \"a\\\\\u{1}]){0,12}",
            stop in 0usize..12,
            size in 1usize..400,
        ) {
            let (mut scanner, mut all, mut pieces) = (TextScanner::new(200), Vec::new(), 0);
            let mut rest = body.as_bytes();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(size.min(rest.len()));
                let result = scanner.push(piece, |piece| {
                    pieces += 1;
                    if pieces > stop {
                        return Err(());
                    }
                    match piece {
                        JsonPiece::Other(bytes) | JsonPiece::String(_, bytes) => all.extend_from_slice(bytes),
                    }
                    Ok(())
                });
                rest = after;
                if result.is_err() {
                    all.extend(scanner.remainder(piece).concat());
                    all.extend_from_slice(after);
                    prop_assert_eq!(&all, body.as_bytes());
                    return Ok(());
                }
            }
            prop_assert!(body.as_bytes().starts_with(&all));
        }
    }

    proptest! {
        #[test]
        fn every_byte_is_handed_out_in_any_pieces(body: Vec<u8>, size in 1usize..9) {
            let whole = scan(&body, body.len(), 100);
            if let Ok((_, all)) = &whole {
                prop_assert!(body.starts_with(all));
            }
            prop_assert_eq!(scan(&body, size, 100).map(|(texts, _)| texts), whole.map(|(texts, _)| texts));
        }
    }
}
