//! Knobs: settings that change the behaviour of the mock.
//!
//! Each is a request header (`x-mock-NAME`), and a flag of the program (`--NAME`) that sets the default; [`KNOBS`] lists them.

mod table;
mod value;

use std::time::Duration;

use hyper::HeaderMap;

use self::value::Value;
use crate::usage::Usage;

pub use self::table::{HEADER_PREFIX, KNOBS, Knob};

/// Values of all knobs. The default is an upstream that behaves as OpenAI does.
#[derive(Debug, Clone, PartialEq)]
pub struct Knobs {
    /// Text to generate.
    pub answer: Option<String>,
    /// Text to generate, as deltas.
    pub deltas: Option<Vec<String>>,
    /// Number of words of the default text.
    pub words: Option<usize>,
    /// Characters per delta; one word per delta without it.
    pub delta_chars: Option<usize>,
    /// Tool calls to generate: name and arguments.
    pub tool_calls: Vec<(String, String)>,
    /// Reasoning before the text.
    pub thinking: Option<String>,
    /// Number of choices, in place of the number in the request.
    pub candidates: Option<u32>,
    /// `finish_reason`.
    pub finish: Option<String>,
    /// Model named in the response.
    pub model: Option<String>,
    /// Upper bound of the generation speed of a stream.
    pub tokens_per_second: Option<u64>,
    /// Delay before the response headers.
    pub first_byte: Duration,
    /// Delay before every event but the first.
    pub between_events: Duration,
    /// Events per write, at least 1.
    pub burst: usize,
    /// Bytes per piece, in which writes are divided.
    pub piece_bytes: Option<usize>,
    /// Pause between two pieces.
    pub piece_pause: Duration,
    /// Usage to report instead of the mock's own count.
    pub usage: Option<Usage>,
    /// Place at which a stream reports usage.
    pub usage_at: UsageAt,
    /// Number of events after which a stream ends early.
    pub cut_after: Option<usize>,
    /// Number of bytes after which a body ends early.
    pub cut_after_bytes: Option<usize>,
    /// Kind of the early end.
    pub cut: EarlyEnd,
    /// Status of the error to respond with, 400 to 599.
    pub status: Option<u16>,
    /// `retry-after` header of an error.
    pub retry_after: Option<String>,
    /// `true` to compress the body.
    pub gzip: bool,
    /// `true` to send no body.
    pub empty: bool,
    /// `true` to send a body of known length without content-length.
    pub chunked: bool,
    /// Headers to add: name and value.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Trailers to send: name and value.
    pub trailers: Vec<(String, Vec<u8>)>,
    /// Content-type header, in place of the true one.
    pub content_type: Option<String>,
    /// Line ends of a stream.
    pub line_end: LineEnd,
    /// `true` to send a comment before every event.
    pub comments: bool,
    /// Exact body, in place of the generated one.
    pub body: Option<Vec<u8>>,
    /// Length of the base64 text that replaces `{fill}` in the exact body.
    pub fill: usize,
}

impl Default for Knobs {
    fn default() -> Knobs {
        Knobs {
            answer: None,
            deltas: None,
            words: None,
            delta_chars: None,
            tool_calls: Vec::new(),
            thinking: None,
            candidates: None,
            finish: None,
            model: None,
            tokens_per_second: None,
            first_byte: Duration::ZERO,
            between_events: Duration::ZERO,
            burst: 1,
            piece_bytes: None,
            piece_pause: Duration::ZERO,
            usage: None,
            usage_at: UsageAt::default(),
            cut_after: None,
            cut_after_bytes: None,
            cut: EarlyEnd::default(),
            status: None,
            retry_after: None,
            gzip: false,
            empty: false,
            chunked: false,
            headers: Vec::new(),
            trailers: Vec::new(),
            content_type: None,
            line_end: LineEnd::default(),
            comments: false,
            body: None,
            fill: 0,
        }
    }
}

/// Placeholder in an exact body; see [`Knobs::fill`].
const FILL: &[u8] = b"{fill}";

impl Knobs {
    /// Returns the exact body, if there is one, with its filling.
    pub(crate) fn exact_body(&self) -> Option<Vec<u8>> {
        let body = self.body.as_ref()?;
        let Some(at) = body.windows(FILL.len()).position(|part| part == FILL) else { return Some(body.clone()) };
        let (before, after) = body.split_at(at);
        let mut filled = Vec::with_capacity(body.len() + self.fill);
        filled.extend_from_slice(before);
        filled.extend(b"iVBORw0KGgoAAAANSUhEUgAA".iter().cycle().take(self.fill));
        filled.extend_from_slice(after.get(FILL.len()..).unwrap_or_default());
        Some(filled)
    }

    /// Sets the knob `name` to `value`, as the header or the flag of that name does.
    ///
    /// ```
    /// use tollgate_mock_llm::Knobs;
    /// let mut knobs = Knobs::default();
    /// knobs.set("words", b"200")?;
    /// assert_eq!(knobs.words, Some(200));
    /// assert!(knobs.set("words", b"many").is_err());
    /// # Ok::<(), tollgate_mock_llm::KnobError>(())
    /// ```
    pub fn set(&mut self, name: &str, value: &[u8]) -> Result<(), KnobError> {
        let knob = KNOBS.iter().find(|knob| knob.name == name).ok_or_else(|| KnobError::Unknown(name.to_owned()))?;
        (knob.set)(self, &Value::new(name, value))
    }

    /// Overrides these knobs by those in the headers of a request. The values of a repeatable knob are replaced as a whole.
    pub(crate) fn with_headers(&self, headers: &HeaderMap) -> Result<Knobs, KnobError> {
        let mut knobs = self.clone();
        for name in headers.keys() {
            let Some(knob) = name.as_str().strip_prefix(HEADER_PREFIX) else { continue };
            match knob {
                "tool-call" => knobs.tool_calls.clear(),
                "header" => knobs.headers.clear(),
                "trailer" => knobs.trailers.clear(),
                _ => {}
            }
            for value in headers.get_all(name) {
                knobs.set(knob, value.as_bytes())?;
            }
        }
        Ok(knobs)
    }
}

/// Place at which a stream reports usage. A JSON response always reports it, unless `Never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UsageAt {
    /// In a last chunk without choices if `stream_options.include_usage` requests it; all other chunks then have
    /// `"usage":null`.
    #[default]
    Asked,
    /// In a last chunk without choices, requested or not.
    Always,
    /// Nowhere, requested or not.
    Never,
    /// In the chunks with a `finish_reason`, requested or not.
    Last,
    /// In every chunk, requested or not.
    Every,
}

/// Early end of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EarlyEnd {
    /// Reset of the connection (HTTP/1.1) or of the stream (HTTP/2).
    #[default]
    Reset,
    /// Orderly end of the body, without `[DONE]`.
    Clean,
    /// Error event, then an orderly end, without `[DONE]`.
    Error,
    /// No end: nothing more is sent, and the response stays open until the client disconnects.
    Stall,
}

/// Line ending of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineEnd {
    /// `\n`
    #[default]
    Lf,
    /// `\r\n`
    CrLf,
    /// `\r`
    Cr,
}

impl LineEnd {
    /// Returns the bytes of the line ending.
    pub(crate) fn bytes(self) -> &'static [u8] {
        match self {
            LineEnd::Lf => b"\n",
            LineEnd::CrLf => b"\r\n",
            LineEnd::Cr => b"\r",
        }
    }
}

/// Unknown knob, or a value that a knob does not accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KnobError {
    /// No knob has this name.
    #[error("unknown knob `{0}`")]
    Unknown(String),
    /// The knob does not accept the value.
    #[error("invalid value of knob `{name}`: expected {expected}")]
    Value {
        /// Name of the knob.
        name: String,
        /// Description of the accepted values.
        expected: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_accepted_or_rejected_as_a_value(
            knob in 0..KNOBS.len(),
            value in prop_oneof![proptest::collection::vec(any::<u8>(), 0..24), "[0-9a-z=,%\"\\[\\]{}-]{0,24}".prop_map(String::into_bytes)],
        ) {
            let result = Knobs::default().set(KNOBS[knob].name, &value);
            prop_assert!(!matches!(result, Err(KnobError::Unknown(_))));
        }
    }

    #[test]
    fn every_example_is_valid_and_changes_the_knobs() {
        for knob in KNOBS {
            let mut knobs = Knobs::default();
            knobs.set(knob.name, knob.example.as_bytes()).unwrap();
            // The example of `cut` is the default, since that is the most common value.
            assert!(knobs != Knobs::default() || knob.name == "cut", "{}", knob.name);
        }
    }

    #[test]
    fn an_invalid_value_is_an_error_that_names_the_knob() {
        for (name, value) in [
            ("answer", "%ff"),
            ("answer-base64", "?"),
            ("deltas", "[1]"),
            ("words", "0"),
            ("words", "100001"),
            ("n", "129"),
            ("event-ms", "-1"),
            ("gzip", "yes"),
            ("usage", "1"),
            ("usage", "1,2,3,4,5,6"),
            ("usage", "1,18446744073709551615"),
            ("usage-at", "first"),
            ("status", "200"),
            ("tool-call", "name"),
            ("header", "x a=1"),
            ("trailer", "x-a=%0a"),
            ("body-base64", "*"),
            ("fill", "1e6"),
        ] {
            let error = Knobs::default().set(name, value.as_bytes()).unwrap_err();
            assert!(matches!(&error, KnobError::Value { name: reported, .. } if reported == name), "{name}: {value}");
        }
        assert_eq!(Knobs::default().set("speed", b"1"), Err(KnobError::Unknown("speed".to_owned())));
    }

    #[test]
    fn the_exact_body_is_filled_once() {
        for (body, fill, expected) in [
            ("eyJhIjoie2ZpbGx9In0=", "4", r#"{"a":"iVBO"}"#),
            ("eyJhIjoie2ZpbGx9In0=", "0", r#"{"a":""}"#),
            ("e30=", "4", "{}"),
        ] {
            let mut knobs = Knobs::default();
            knobs.set("body-base64", body.as_bytes()).unwrap();
            knobs.set("fill", fill.as_bytes()).unwrap();
            assert_eq!(knobs.exact_body().as_deref(), Some(expected.as_bytes()), "{body}, {fill}");
        }
        assert_eq!(Knobs::default().exact_body(), None);
    }

    #[test]
    fn headers_override_the_defaults() {
        let mut defaults = Knobs::default();
        defaults.set("words", b"5").unwrap();
        defaults.set("tool-call", b"default={}").unwrap();
        let mut headers = HeaderMap::new();
        headers.append("x-mock-tool-call", "a={}".parse().unwrap());
        headers.append("x-mock-tool-call", "b={}".parse().unwrap());
        headers.insert("x-other", "1".parse().unwrap());
        let knobs = defaults.with_headers(&headers).unwrap();
        assert_eq!(knobs.words, Some(5));
        assert_eq!(knobs.tool_calls, [("a".to_owned(), "{}".to_owned()), ("b".to_owned(), "{}".to_owned())]);
    }
}
