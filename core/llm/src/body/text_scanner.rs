//! Texts of a JSON response that is too large to be held.
//!
//! A response with a picture of some megabytes does not fit into any buffer, but its texts do. A [`TextScanner`] reads it
//! while it passes and hands out every text as soon as it is complete, between the bytes around it, so that a text can be
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
//!             JsonPiece::Text { str, literal, .. } => {
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
use crate::body::data::{is_base64, is_data};
use crate::dialect::{known_names, opaque, response_names};
use crate::json::scan::{self, Side};

/// Members whose strings are base64 data in some API: pictures, sound, documents, signatures.
const DATA_MEMBERS: [&str; 7] =
    ["b64_json", "data", "encrypted_content", "partial_image_b64", "result", "signature", "thoughtSignature"];
/// Members whose strings may be `data:` URLs.
const URL_MEMBERS: [&str; 2] = ["image_url", "url"];
/// Members with enumerations, and the values of these besides [discriminators](known_names::is_kind_value). Any other string
/// of such a member is a text: arguments of a tool may have members of these names.
const KIND_MEMBERS: [&str; 9] =
    ["finishReason", "finish_reason", "media_type", "mimeType", "mime_type", "object", "role", "status", "type"];
const KINDS: [&str; 20] = [
    "MAX_TOKENS",
    "SAFETY",
    "STOP",
    "assistant",
    "chat.completion",
    "completed",
    "content_filter",
    "end_turn",
    "failed",
    "function_call",
    "in_progress",
    "incomplete",
    "length",
    "list",
    "model",
    "response",
    "stop",
    "tool_calls",
    "tool_use",
    "user",
];
/// Members with log probabilities: they repeat the texts in small pieces.
const LOGPROBS_MEMBERS: [&str; 3] = ["logprobs", "logprobsResult", "logprobs_result"];
/// Length from which the string of a member for data is data, if it looks like base64.
const MIN_DATA_BYTES: usize = 256;
/// Longest name of a member that is compared with the names above.
const MAX_NAME_BYTES: usize = 32;
/// Maximum nesting depth: one bit each.
const MAX_DEPTH: u32 = 64;

/// Reason why a scan stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextScanError<E> {
    /// A string is longer than the limit.
    #[error("a string of the response is larger than the limit")]
    TooLarge,
    /// The response is not JSON, is too deep, or a string that began like base64 is none.
    #[error("the response is not well-formed")]
    Malformed,
    /// The response has log probabilities, which repeat its texts in small pieces.
    #[error("the response repeats its texts in log probabilities")]
    Logprobs,
    /// The callback failed.
    #[error("{0}")]
    Callback(E),
}

/// Piece of a JSON text.
#[derive(Clone, Copy, Debug)]
pub enum JsonPiece<'a> {
    /// Bytes outside of texts: punctuation, numbers, names of members, enumerations, data.
    Other(&'a [u8]),
    /// Text.
    Text {
        /// String in `literal`.
        str: Str,
        /// Literal with its quotes.
        literal: &'a [u8],
        /// `true` if clients send the string back as it is, so that it must not be changed.
        is_opaque: bool,
    },
}

/// Splits JSON that arrives in pieces into texts and the bytes around them.
#[derive(Clone, Debug)]
pub struct TextScanner {
    max_text_bytes: usize,
    state: State,
    /// Current string with its opening quote.
    held: Vec<u8>,
    /// Name of the last member, if it is short.
    name: Vec<u8>,
    structure: Structure,
    /// Number of bytes of the last push that a scan that stopped has not read.
    unread: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Between,
    String {
        is_escaped: bool,
        /// `true` if the member may hold data.
        may_be_data: bool,
    },
    /// In base64 data.
    Data {
        is_escaped: bool,
    },
}

impl TextScanner {
    /// Returns the bytes of the current string that are held.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.held.len()
    }

    /// Creates the scanner of a response, whose strings may have `max_text_bytes`.
    #[must_use]
    pub fn new(max_text_bytes: usize) -> TextScanner {
        TextScanner {
            max_text_bytes,
            state: State::Between,
            held: Vec::new(),
            name: Vec::new(),
            structure: Structure::default(),
            unread: 0,
        }
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
                State::Data { is_escaped } => self.data(is_escaped, rest, &mut each),
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
        // The state changes only with bytes that are handed out.
        let mut next = self.structure;
        for byte in before {
            next.word = next.word.read(*byte).ok_or(TextScanError::Malformed)?;
            if byte.is_ascii_whitespace() {
                continue;
            }
            let empty_list = self.check_value(&next, *byte)?;
            next.read(*byte).ok_or(TextScanError::Malformed)?;
            next.empty_list = empty_list;
        }
        if !quote.is_empty() {
            self.check_value(&next, b'"')?;
            next.word = next.word.read(b'"').ok_or(TextScanError::Malformed)?;
        }
        if !before.is_empty() {
            each(JsonPiece::Other(before)).map_err(TextScanError::Callback)?;
        }
        self.structure = next;
        if quote.is_empty() {
            return Ok(len);
        }
        let is_member = self.structure.last == b':';
        let may_be_data = is_member && (is_listed(&DATA_MEMBERS, &self.name) || is_listed(&URL_MEMBERS, &self.name));
        self.held.push(b'"');
        self.state = State::String { is_escaped: false, may_be_data };
        Ok(len + 1)
    }

    /// Refuses log probabilities by their first byte, unless they are null or an empty list. Returns the depth of a list
    /// of them that begins with the byte.
    fn check_value<E>(&self, next: &Structure, byte: u8) -> Result<Option<u32>, TextScanError<E>> {
        if next.empty_list == Some(next.depth) {
            return if byte == b']' { Ok(None) } else { Err(TextScanError::Logprobs) };
        }
        if next.last != b':' || !is_listed(&LOGPROBS_MEMBERS, &self.name) {
            return Ok(None);
        }
        match byte {
            b'n' => Ok(None),
            b'[' => Ok(Some(next.depth + 1)),
            _ => Err(TextScanError::Logprobs),
        }
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
        let missing = (MIN_DATA_BYTES + 1).saturating_sub(self.held.len());
        let len = if may_be_data { len.min(missing) } else { len };
        let read = rest.get(..len).unwrap_or_default();
        self.held.extend_from_slice(read);
        let ends = !is_escaped && read.ends_with(b"\"");
        let starts_escape = !is_escaped && read.ends_with(b"\\");
        if may_be_data && self.held.len() > MIN_DATA_BYTES && !ends {
            let start = self.held.get(1..).unwrap_or_default();
            if is_data(start) && (start.starts_with(b"data:") || is_listed(&DATA_MEMBERS, &self.name)) {
                each(JsonPiece::Other(&self.held)).map_err(TextScanError::Callback)?;
                self.held.clear();
                self.state = State::Data { is_escaped: starts_escape };
                return Ok(len);
            }
            self.state = State::String { is_escaped: starts_escape, may_be_data: false };
            return Ok(len);
        }
        if self.held.len() > self.max_text_bytes {
            return Err(TextScanError::TooLarge);
        }
        if ends {
            self.end_string(each)?;
        } else {
            self.state = State::String { is_escaped: starts_escape, may_be_data };
        }
        Ok(len)
    }

    /// Hands out the string that is held.
    fn end_string<E>(&mut self, each: &mut impl FnMut(JsonPiece<'_>) -> Result<(), E>) -> Result<(), TextScanError<E>> {
        let str = scan::string(&self.held, 1, Side::Response).map_err(|_| TextScanError::Malformed)?;
        let Structure { objects, last, .. } = self.structure;
        let is_name = objects & 1 == 1 && matches!(last, b'{' | b',');
        let member: &[u8] = if last == b':' { &self.name } else { b"" };
        let is_kind = || is_listed(&KINDS, str.span.of(&self.held)) || known_names::is_kind_value(&self.held, str);
        let is_known_name = is_name && response_names::is_known(&self.held, str);
        let piece = match is_known_name || is_listed(&KIND_MEMBERS, member) && is_kind() {
            true => JsonPiece::Other(&self.held),
            false => {
                JsonPiece::Text { str, literal: &self.held, is_opaque: opaque::is_opaque_in(member, &self.held, str) }
            }
        };
        each(piece).map_err(TextScanError::Callback)?;
        if is_name {
            let name = str.decode(&self.held);
            self.name.clear();
            self.name.extend_from_slice(if name.len() <= MAX_NAME_BYTES { name.as_bytes() } else { b"" });
        }
        self.held.clear();
        self.structure.last = b'"';
        self.state = State::Between;
        Ok(())
    }

    /// Passes base64 data up to its end or its next escape; returns the number of bytes read.
    fn data<E>(
        &mut self,
        is_escaped: bool,
        rest: &[u8],
        each: &mut impl FnMut(JsonPiece<'_>) -> Result<(), E>,
    ) -> Result<usize, TextScanError<E>> {
        // Anything but base64 would leave uninspected.
        let end = rest.iter().position(|byte| !is_base64(*byte));
        let (len, next, ends) = match (is_escaped, end.and_then(|end| Some((end, *rest.get(end)?)))) {
            (true, _) if !rest.starts_with(b"/") => return Err(TextScanError::Malformed),
            (true, _) => (1, State::Data { is_escaped: false }, false),
            (false, None) => (rest.len(), State::Data { is_escaped: false }, false),
            (false, Some((end, b'"'))) => (end + 1, State::Between, true),
            (false, Some((end, b'\\'))) => (end + 1, State::Data { is_escaped: true }, false),
            (false, Some(_)) => return Err(TextScanError::Malformed),
        };
        each(JsonPiece::Other(rest.get(..len).unwrap_or_default())).map_err(TextScanError::Callback)?;
        self.state = next;
        if ends {
            self.structure.last = b'"';
        }
        Ok(len)
    }
}

/// Position in the structure of a JSON text.
#[derive(Clone, Copy, Debug, Default)]
struct Structure {
    /// Number of open objects and arrays.
    depth: u32,
    /// For each of them one bit, the innermost lowest: 1 for an object.
    objects: u64,
    /// Last byte outside of strings that is not white space; a quote after a string.
    last: u8,
    /// Depth of a list of log probabilities that has just begun.
    empty_list: Option<u32>,
    word: Word,
}

/// Number or literal outside of strings: everything else there is punctuation.
#[derive(Clone, Copy, Debug, Default)]
enum Word {
    /// No byte has been read, so that a byte order mark may begin.
    #[default]
    Start,
    None,
    Number,
    /// Beginning of a literal; the remainder is to come.
    Literal(&'static [u8]),
    /// Remainder of a byte order mark.
    Mark(&'static [u8]),
}

impl Word {
    /// Reads a byte outside of strings; `None` if it belongs to no JSON text.
    fn read(self, byte: u8) -> Option<Word> {
        let ends = byte.is_ascii_whitespace() || matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"');
        match self {
            Word::Literal([]) | Word::Number | Word::Start | Word::None if ends => Some(Word::None),
            Word::Start if byte == 0xef => Some(Word::Mark(b"\xbb\xbf")),
            Word::Mark([first, rest @ ..]) if byte == *first => {
                Some(if rest.is_empty() { Word::None } else { Word::Mark(rest) })
            }
            Word::Start | Word::None => match byte {
                b't' => Some(Word::Literal(b"rue")),
                b'f' => Some(Word::Literal(b"alse")),
                b'n' => Some(Word::Literal(b"ull")),
                b'N' => Some(Word::Literal(b"aN")),
                b'I' => Some(Word::Literal(b"nfinity")),
                b'-' | b'0'..=b'9' => Some(Word::Number),
                _ => None,
            },
            // `-Infinity`
            Word::Number if byte == b'I' => Some(Word::Literal(b"nfinity")),
            Word::Number => matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-').then_some(Word::Number),
            Word::Literal([first, rest @ ..]) if byte == *first => Some(Word::Literal(rest)),
            Word::Literal(_) | Word::Mark(_) => None,
        }
    }
}

impl Structure {
    /// Reads a byte outside of strings; `None` if the text is too deep, or closes what is not open.
    fn read(&mut self, byte: u8) -> Option<()> {
        match byte {
            b'{' | b'[' if self.depth == MAX_DEPTH => return None,
            b'{' | b'[' => {
                self.depth += 1;
                self.objects = self.objects << 1 | u64::from(byte == b'{');
            }
            b'}' | b']' => {
                self.depth = self.depth.checked_sub(1)?;
                self.objects >>= 1;
            }
            _ => {}
        }
        self.last = byte;
        Some(())
    }
}

fn is_listed(names: &[&str], name: &[u8]) -> bool {
    names.iter().any(|listed| listed.as_bytes() == name)
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
                    JsonPiece::Text { str, literal, .. } => {
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
        let (long, escaped) = ("word ".repeat(1000), "\\u006d\\u0061".repeat(100));
        for (body, expected) in [
            (
                r#"{"title":"b\"\u00e9","c":["d",{"e":"f"},"g"]}"#.to_owned(),
                Ok(vec!["b\"\u{e9}", "c", "d", "e", "f", "g"]),
            ),
            (format!(r#"{{"data":"{data}\/x","text":"e"}}"#), Ok(vec!["e"])),
            (format!(r#"{{"data" : "data:image/png;base64,{data}","b64_json":"short"}}"#), Ok(vec!["short"])),
            // Other members are texts, whatever they look like; a value that equals a name is no name.
            (format!(r#"{{"content":"{data}"}}"#), Ok(vec![&*data])),
            (format!(r#"{{"url":"data:image/png;base64,{data}","text":"e"}}"#), Ok(vec!["e"])),
            (format!(r#"{{"url":"{data}"}}"#), Ok(vec![&*data])),
            (format!(r#"["data","{data}"]"#), Ok(vec!["data", &data])),
            (format!(r#"{{"a":"data","b":"{data}"}}"#), Ok(vec!["a", "data", "b", &data])),
            (format!(r#"{{"data":" {data}"}}"#), Ok(vec![" iVBOR"])),
            (format!(r#"{{"data":"{escaped}"}}"#), Ok(vec!["mama"])),
            (format!(r#"{{"data":"{data} a text"}}"#), Err(TextScanError::Malformed)),
            (format!(r#"{{"data":"{data}\" a text"}}"#), Err(TextScanError::Malformed)),
            (format!(r#"{{"data":"{data}\n a text"}}"#), Err(TextScanError::Malformed)),
            (r#"{"role":"assistant","type":"text","text":"a"}"#.to_owned(), Ok(vec!["a"])),
            // Members of these names may be arguments of a tool.
            (r#"{"args":{"status":"secret","type":"object"}}"#.to_owned(), Ok(vec!["secret"])),
            (r#"{"logprobs" : null,"text":"a"}"#.to_owned(), Ok(vec!["a"])),
            (r#"{"logprobs" : {"content":[]}}"#.to_owned(), Err(TextScanError::Logprobs)),
            (r#"{"logprobs":"a"}"#.to_owned(), Err(TextScanError::Logprobs)),
            (r#"["logprobs","a"]"#.to_owned(), Ok(vec!["logprobs", "a"])),
            (r#"{"logprobs": [ ],"title":["b"]}"#.to_owned(), Ok(vec!["b"])),
            (r#"{"logprobs":[{"token":"a"}]}"#.to_owned(), Err(TextScanError::Logprobs)),
            (r#"{"logprobs":["a"]}"#.to_owned(), Err(TextScanError::Logprobs)),
            (r#"{"logprobsResult":{"a":1}}"#.to_owned(), Err(TextScanError::Logprobs)),
            (format!(r#"{{"signature":"{data}","thoughtSignature":"short"}}"#), Ok(vec!["short"])),
            (format!(r#"{{"content":"{long}"}}"#), Err(TextScanError::TooLarge)),
            ("{\"title\":\"\u{1}\n\"}".to_owned(), Ok(vec!["\u{1}\n"])),
            ("\u{feff}{\"url\":NaN,\"url\":\"b\",\"url\":[-Infinity,\"c\"]}".to_owned(), Ok(vec!["b", "c"])),
            (r#"{"title":"a","url":[true,false , null,-1.5e+3,0]}"#.to_owned(), Ok(vec!["a"])),
            ("call me at noon".to_owned(), Err(TextScanError::Malformed)),
            (r#"{"title":"a"} done"#.to_owned(), Err(TextScanError::Malformed)),
            (r#"{"title":nul }"#.to_owned(), Err(TextScanError::Malformed)),
            (r#"{"title":tru"e"}"#.to_owned(), Err(TextScanError::Malformed)),
            (r#"{"title":1,secret}"#.to_owned(), Err(TextScanError::Malformed)),
            ("{\u{feff}}".to_owned(), Err(TextScanError::Malformed)),
            ("[".repeat(65), Err(TextScanError::Malformed)),
            ("]".to_owned(), Err(TextScanError::Malformed)),
        ] {
            for size in [1, 3, 100, body.len()] {
                let found = scan(body.as_bytes(), size, 4000);
                if let Ok((texts, all)) = &found {
                    assert_eq!(all, body.as_bytes(), "{size}");
                    let expected = expected.clone().unwrap_or_else(|error| panic!("{error:?} {body}"));
                    assert_eq!(texts.len(), expected.len(), "{size}: {texts:.100?}");
                    assert!(
                        texts.iter().zip(expected).all(|(text, start)| text.starts_with(start)),
                        "{size}: {texts:.100?}"
                    );
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
                        JsonPiece::Other(bytes) | JsonPiece::Text { literal: bytes, .. } => all.extend_from_slice(bytes),
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
