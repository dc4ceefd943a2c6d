//! What can be asked of the mock besides the request itself: one table of knobs, each a request header (`x-mock-NAME`) and
//! a flag of the program (`--NAME`) that sets the default.

use std::time::Duration;

use hyper::HeaderMap;

use crate::encoding::{base64_decode, percent_decode};

/// The prefix of the header of a knob.
pub const HEADER_PREFIX: &str = "x-mock-";

/// One knob as `--help` shows it.
#[derive(Debug)]
pub struct Knob {
    /// `x-mock-NAME` as a header, `--NAME` as a flag.
    pub name: &'static str,
    /// A value that it takes.
    pub example: &'static str,
    /// What it does.
    pub help: &'static str,
}

/// Every knob there is.
pub const KNOBS: &[Knob] = &[
    knob("answer", "Hello%20there", "answer this text (percent-encoded) instead of the default"),
    knob("answer-base64", "SGVsbG8=", "the same in base64"),
    knob("deltas", r#"["mail bob@exa","mple.com"]"#, "answer these texts joined; streamed, each is one delta"),
    knob("words", "200", "answer a text of exactly so many words; streamed, so many deltas"),
    knob("delta-chars", "3", "cut the answer in deltas of so many characters (default: a word each)"),
    knob("tool-call", r#"get_weather={"city":"Paris"}"#, "call a tool, NAME=ARGUMENTS; may be repeated"),
    knob("thinking", "Let%20me%20see.", "think this aloud before the answer (percent-encoded)"),
    knob("n", "2", "so many choices, whatever the request says"),
    knob("finish", "content_filter", "this finish_reason"),
    knob("model", "gpt-4o-2024-08-06", "this model in the answer (default: the request's)"),
    knob("tokens-per-second", "50", "stream no faster than this"),
    knob("first-byte-ms", "20", "wait before the head of the response"),
    knob("event-ms", "5", "wait before every event but the first"),
    knob("burst", "4", "write so many events at once (default 1)"),
    knob("piece-bytes", "1", "write the body in pieces of so many bytes, each flushed on its own"),
    knob("piece-pause-us", "50", "pause between these pieces, in microseconds"),
    knob("usage", "10,20,5,0", "usage to report: input,output[,cached[,reasoning[,written to the cache]]]"),
    knob(
        "usage-at",
        "last",
        "asked (as the API does it), always, never, last (in the chunks that finish) or every (chunk)",
    ),
    knob("cut-after", "3", "end the stream after so many events; 0: after the head"),
    knob("cut-after-bytes", "100", "end the body after so many bytes, streamed or not"),
    knob(
        "cut",
        "reset",
        "how it ends: reset (of the connection; HTTP/2: of the stream), clean or error (an error event)",
    ),
    knob("status", "429", "answer an error of this status"),
    knob("retry-after", "7", "retry-after of an error (default with 429: 1)"),
    knob("gzip", "true", "compress the body"),
    knob("empty", "true", "answer 200 without a body"),
    knob("chunked", "true", "send a body of known length without content-length"),
    knob("header", "x-a=1,x-b=caf%E9", "add response headers (percent-encoded)"),
    knob("trailer", "x-a=1,x-b=2", "add response trailers (HTTP/1.1: only if the request said te: trailers)"),
    knob("content-type", "text/plain", "this content-type"),
    knob("line-end", "crlf", "line ends of the stream: lf, crlf or cr"),
    knob("comments", "true", "a comment before every event, as keep-alive"),
    knob("body-base64", "e30=", "exactly this body, no event of which the mock knows"),
];

const fn knob(name: &'static str, example: &'static str, help: &'static str) -> Knob {
    Knob { name, example, help }
}

/// All knobs, set. The default is an upstream that behaves as OpenAI does.
#[derive(Debug, Clone, PartialEq)]
pub struct Knobs {
    /// Text of the answer.
    pub answer: Option<String>,
    /// Text of the answer, already cut.
    pub deltas: Option<Vec<String>>,
    /// Length of a made-up answer.
    pub words: Option<usize>,
    /// Characters per delta; `None`: a word per delta.
    pub delta_chars: Option<usize>,
    /// Tools the answer calls: name and arguments.
    pub tool_calls: Vec<(String, String)>,
    /// What the model thinks aloud before it answers.
    pub thinking: Option<String>,
    /// Choices, whatever the request says.
    pub candidates: Option<u32>,
    /// `finish_reason`.
    pub finish: Option<String>,
    /// Model named in the answer.
    pub model: Option<String>,
    /// Upper bound of the speed of a stream.
    pub tokens_per_second: Option<u64>,
    /// Wait before the head of the response.
    pub first_byte: Duration,
    /// Wait before every event but the first.
    pub between_events: Duration,
    /// Events per write, at least 1.
    pub burst: usize,
    /// Bytes per write.
    pub piece_bytes: Option<usize>,
    /// Wait between pieces.
    pub piece_pause: Duration,
    /// Usage to report instead of the mock's own count.
    pub usage: Option<Usage>,
    /// Where usage is reported.
    pub usage_at: UsageAt,
    /// Events after which a stream ends early.
    pub cut_after: Option<usize>,
    /// Bytes after which a body ends early.
    pub cut_after_bytes: Option<usize>,
    /// How it ends early.
    pub cut: Cut,
    /// Status of an error to answer, 400 to 599.
    pub status: Option<u16>,
    /// `retry-after` of an error.
    pub retry_after: Option<String>,
    /// Compress the body.
    pub gzip: bool,
    /// No body.
    pub empty: bool,
    /// No content-length.
    pub chunked: bool,
    /// Headers to add: name and value.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Trailers to send: name and value.
    pub trailers: Vec<(String, Vec<u8>)>,
    /// Content type to claim.
    pub content_type: Option<String>,
    /// Line ends of a stream.
    pub line_end: LineEnd,
    /// A comment before every event.
    pub comments: bool,
    /// Exact body.
    pub body: Option<Vec<u8>>,
}

/// What an answer says it cost. `input` includes `cached` and `written`, `output` includes `reasoning`; an API that counts
/// them apart is told the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// `prompt_tokens`
    pub input: u64,
    /// `completion_tokens`
    pub output: u64,
    /// `prompt_tokens_details.cached_tokens`
    pub cached: u64,
    /// `completion_tokens_details.reasoning_tokens`
    pub reasoning: u64,
    /// Input that was written to a cache, of APIs that charge for it.
    pub written: u64,
}

impl Usage {
    /// Input that came from no cache and went to none.
    pub(crate) fn fresh(self) -> u64 {
        self.input.saturating_sub(self.cached).saturating_sub(self.written)
    }

    /// All of it.
    pub(crate) fn total(self) -> u64 {
        self.input + self.output
    }
}

/// Where a stream reports usage (a JSON answer always does, unless `Never`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UsageAt {
    /// In a last chunk without choices, if `stream_options.include_usage` asks for it; then all others say `"usage":null`.
    #[default]
    Asked,
    /// The same, asked or not.
    Always,
    /// Nowhere, asked or not.
    Never,
    /// In the chunks that carry `finish_reason`, asked or not.
    Last,
    /// In every chunk, asked or not.
    Every,
}

/// How a body ends that ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cut {
    /// HTTP/1.1: the connection is reset; HTTP/2: the stream is.
    #[default]
    Reset,
    /// As if all had been said, without `[DONE]`.
    Clean,
    /// With an error event, without `[DONE]`.
    Error,
}

/// What ends a line of a stream.
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
    pub(crate) fn bytes(self) -> &'static [u8] {
        match self {
            LineEnd::Lf => b"\n",
            LineEnd::CrLf => b"\r\n",
            LineEnd::Cr => b"\r",
        }
    }
}

/// A knob that is none, or was given a value that it does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKnob {
    /// There is no knob of this name.
    #[error("there is no knob `{0}`")]
    Unknown(String),
    /// The value does not fit the knob.
    #[error("knob `{name}` wants {wanted}")]
    Value {
        /// Name of the knob.
        name: String,
        /// What it would take.
        wanted: &'static str,
    },
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
            cut: Cut::default(),
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
        }
    }
}

impl Knobs {
    /// Sets the knob `name` as a header or a flag of that name would.
    ///
    /// ```
    /// use tollgate_mock_llm::Knobs;
    /// let mut knobs = Knobs::default();
    /// knobs.set("words", b"200")?;
    /// assert_eq!(knobs.words, Some(200));
    /// assert!(knobs.set("words", b"many").is_err());
    /// # Ok::<(), tollgate_mock_llm::BadKnob>(())
    /// ```
    pub fn set(&mut self, name: &str, value: &[u8]) -> Result<(), BadKnob> {
        let value = Value { name, bytes: value.trim_ascii() };
        match name {
            "answer" => self.answer = Some(value.percent_text()?),
            "answer-base64" => self.answer = Some(value.base64_text()?),
            "deltas" => self.deltas = Some(value.texts()?),
            "words" => self.words = Some(value.size(1, 100_000, "a number of words, 1 to 100000")?),
            "delta-chars" => self.delta_chars = Some(value.size(1, 1 << 20, "a number of characters, at least 1")?),
            "tool-call" => self.tool_calls.push(value.tool_call()?),
            "thinking" => self.thinking = Some(value.percent_text()?),
            "n" => self.candidates = Some(value.number(1, 128, "a number of choices, 1 to 128")? as u32),
            "finish" => self.finish = Some(value.text()?),
            "model" => self.model = Some(value.text()?),
            "tokens-per-second" => {
                self.tokens_per_second = Some(value.number(1, 1_000_000, "a speed, 1 to 1000000")?);
            }
            "first-byte-ms" => self.first_byte = value.milliseconds()?,
            "event-ms" => self.between_events = value.milliseconds()?,
            "burst" => self.burst = value.size(1, 1 << 20, "a number of events, at least 1")?,
            "piece-bytes" => self.piece_bytes = Some(value.size(1, 1 << 30, "a number of bytes, at least 1")?),
            "piece-pause-us" => {
                let pause = value.number(0, 10_000_000, "microseconds, at most 10000000")?;
                self.piece_pause = Duration::from_micros(pause);
            }
            "usage" => self.usage = Some(value.usage()?),
            "usage-at" => {
                self.usage_at = value.one_of(
                    &[
                        ("asked", UsageAt::Asked),
                        ("always", UsageAt::Always),
                        ("never", UsageAt::Never),
                        ("last", UsageAt::Last),
                        ("every", UsageAt::Every),
                    ],
                    "asked, always, never, last or every",
                )?;
            }
            "cut-after" => self.cut_after = Some(value.size(0, 1 << 30, "a number of events")?),
            "cut-after-bytes" => self.cut_after_bytes = Some(value.size(0, 1 << 30, "a number of bytes")?),
            "cut" => {
                self.cut = value.one_of(
                    &[("reset", Cut::Reset), ("clean", Cut::Clean), ("error", Cut::Error)],
                    "reset, clean or error",
                )?;
            }
            "status" => self.status = Some(value.number(400, 599, "an error status, 400 to 599")? as u16),
            "retry-after" => self.retry_after = Some(value.text()?),
            "gzip" => self.gzip = value.flag()?,
            "empty" => self.empty = value.flag()?,
            "chunked" => self.chunked = value.flag()?,
            "header" => self.headers.extend(value.pairs()?),
            "trailer" => self.trailers.extend(value.pairs()?),
            "content-type" => self.content_type = Some(value.text()?),
            "line-end" => {
                self.line_end = value
                    .one_of(&[("lf", LineEnd::Lf), ("crlf", LineEnd::CrLf), ("cr", LineEnd::Cr)], "lf, crlf or cr")?;
            }
            "comments" => self.comments = value.flag()?,
            "body-base64" => self.body = Some(base64_decode(value.bytes).ok_or(value.bad("base64"))?),
            _ => return Err(BadKnob::Unknown(name.to_owned())),
        }
        Ok(())
    }

    /// These knobs with those of the headers of a request on top. A knob that can be repeated is replaced as a whole.
    pub(crate) fn with_headers(&self, headers: &HeaderMap) -> Result<Knobs, BadKnob> {
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

/// The value of a knob, being read.
struct Value<'a> {
    name: &'a str,
    bytes: &'a [u8],
}

impl Value<'_> {
    fn bad(&self, wanted: &'static str) -> BadKnob {
        BadKnob::Value { name: self.name.to_owned(), wanted }
    }

    fn text(&self) -> Result<String, BadKnob> {
        String::from_utf8(self.bytes.to_vec()).map_err(|_| self.bad("UTF-8 text"))
    }

    fn percent_text(&self) -> Result<String, BadKnob> {
        String::from_utf8(percent_decode(self.bytes)).map_err(|_| self.bad("percent-encoded UTF-8 text"))
    }

    fn base64_text(&self) -> Result<String, BadKnob> {
        let wanted = "UTF-8 text in base64";
        let bytes = base64_decode(self.bytes).ok_or(self.bad(wanted))?;
        String::from_utf8(bytes).map_err(|_| self.bad(wanted))
    }

    fn texts(&self) -> Result<Vec<String>, BadKnob> {
        serde_json::from_slice(self.bytes).map_err(|_| self.bad("a JSON array of strings"))
    }

    fn number(&self, least: u64, most: u64, wanted: &'static str) -> Result<u64, BadKnob> {
        let number = std::str::from_utf8(self.bytes).ok().and_then(|text| text.parse::<u64>().ok());
        number.filter(|number| (least..=most).contains(number)).ok_or(self.bad(wanted))
    }

    fn size(&self, least: u64, most: u64, wanted: &'static str) -> Result<usize, BadKnob> {
        self.number(least, most, wanted).map(|number| number as usize)
    }

    fn milliseconds(&self) -> Result<Duration, BadKnob> {
        self.number(0, 600_000, "milliseconds, at most 600000").map(Duration::from_millis)
    }

    fn flag(&self) -> Result<bool, BadKnob> {
        self.one_of(&[("true", true), ("false", false)], "true or false")
    }

    fn one_of<T: Copy>(&self, choices: &[(&str, T)], wanted: &'static str) -> Result<T, BadKnob> {
        choices.iter().find(|(name, _)| name.as_bytes() == self.bytes).map(|(_, of)| *of).ok_or(self.bad(wanted))
    }

    fn usage(&self) -> Result<Usage, BadKnob> {
        let wanted = "input,output[,cached[,reasoning[,written]]]";
        let mut numbers = [0_u64; 5];
        let mut given = 0;
        for (at, part) in self.bytes.split(|byte| *byte == b',').enumerate() {
            let part = Value { name: self.name, bytes: part.trim_ascii() };
            // No sum of these overflows, and every one of them is exact in a double.
            let number = part.number(0, 1 << 52, wanted)?;
            *numbers.get_mut(at).ok_or(self.bad(wanted))? = number;
            given += 1;
        }
        let [input, output, cached, reasoning, written] = numbers;
        if given < 2 { Err(self.bad(wanted)) } else { Ok(Usage { input, output, cached, reasoning, written }) }
    }

    fn tool_call(&self) -> Result<(String, String), BadKnob> {
        let text = self.text()?;
        let (name, arguments) = text.split_once('=').ok_or(self.bad("NAME=ARGUMENTS"))?;
        Ok((name.to_owned(), arguments.to_owned()))
    }

    fn pairs(&self) -> Result<Vec<(String, Vec<u8>)>, BadKnob> {
        let wanted = "NAME=VALUE[,NAME=VALUE]";
        let text = self.text()?;
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').ok_or(self.bad(wanted))?;
            let value = percent_decode(value.as_bytes());
            let valid = hyper::header::HeaderName::from_bytes(name.as_bytes()).is_ok()
                && hyper::header::HeaderValue::from_bytes(&value).is_ok();
            if valid { Ok((name.to_owned(), value)) } else { Err(self.bad(wanted)) }
        };
        text.split(',').map(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_of_any_bytes_is_taken_or_refused(
            knob in 0..KNOBS.len(),
            value in prop_oneof![proptest::collection::vec(any::<u8>(), 0..24), "[0-9a-z=,%\"\\[\\]{}-]{0,24}".prop_map(String::into_bytes)],
        ) {
            let result = Knobs::default().set(KNOBS[knob].name, &value);
            prop_assert!(!matches!(result, Err(BadKnob::Unknown(_))));
        }
    }

    #[test]
    fn every_knob_takes_its_own_example_and_changes_something() {
        for knob in KNOBS {
            let mut knobs = Knobs::default();
            knobs.set(knob.name, knob.example.as_bytes()).unwrap();
            // The example of `cut` is its default: it says the most common thing.
            assert!(knobs != Knobs::default() || knob.name == "cut", "{}", knob.name);
        }
    }

    #[test]
    fn bad_values_name_the_knob() {
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
        ] {
            let error = Knobs::default().set(name, value.as_bytes()).unwrap_err();
            assert!(matches!(&error, BadKnob::Value { name: named, .. } if named == name), "{name}: {value}");
        }
        assert_eq!(Knobs::default().set("speed", b"1"), Err(BadKnob::Unknown("speed".to_owned())));
    }

    #[test]
    fn headers_lie_over_the_defaults() {
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
