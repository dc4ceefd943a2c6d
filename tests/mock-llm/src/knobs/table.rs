//! The table of all knobs: name, documentation and setter.

use std::time::Duration;

use super::value::Value;
use super::{EarlyEnd, KnobError, Knobs, LineEnd, UsageAt};

/// Prefix of the request headers that set knobs.
pub const HEADER_PREFIX: &str = "x-mock-";

/// Description of one knob.
#[derive(Debug)]
pub struct Knob {
    /// Name: the knob is the header `x-mock-NAME` and the flag `--NAME`.
    pub name: &'static str,
    /// Valid value.
    pub example: &'static str,
    /// Line of `--help`.
    pub help: &'static str,
    /// Parses a value and stores it in the knobs.
    pub(super) set: Setter,
}

type Setter = fn(&mut Knobs, &Value<'_>) -> Result<(), KnobError>;

const fn knob(name: &'static str, example: &'static str, help: &'static str, set: Setter) -> Knob {
    Knob { name, example, help, set }
}

/// Builds a setter that stores the parsed value in a field.
macro_rules! assign {
    ($field:ident: $value:ident => $parsed:expr) => {
        |knobs, $value| {
            knobs.$field = $parsed;
            Ok(())
        }
    };
}

/// All knobs.
pub const KNOBS: &[Knob] = &[
    knob(
        "answer",
        "Hello%20there",
        "generate this text (percent-encoded) instead of the default one",
        assign!(answer: value => Some(value.percent_text()?)),
    ),
    knob(
        "answer-base64",
        "SGVsbG8=",
        "generate this text (in base64) instead of the default one",
        assign!(answer: value => Some(value.base64_text()?)),
    ),
    knob(
        "deltas",
        r#"["mail bob@exa","mple.com"]"#,
        "generate the concatenation of these texts; when streamed, each is one delta",
        assign!(deltas: value => Some(value.texts()?)),
    ),
    knob(
        "words",
        "200",
        "generate a text of this many words; when streamed, each is one delta",
        assign!(words: value => Some(value.size(1, 100_000, "a number of words, 1 to 100000")?)),
    ),
    knob(
        "delta-chars",
        "3",
        "split the text into deltas of this many characters (default: one word each)",
        assign!(delta_chars: value => Some(value.size(1, 1 << 20, "a number of characters, at least 1")?)),
    ),
    knob(
        "tool-call",
        r#"get_weather={"city":"Paris"}"#,
        "call a tool, NAME=ARGUMENTS; may be repeated",
        |knobs, value| {
            knobs.tool_calls.push(value.tool_call()?);
            Ok(())
        },
    ),
    knob(
        "thinking",
        "Let%20me%20see.",
        "reasoning before the text (percent-encoded)",
        assign!(thinking: value => Some(value.percent_text()?)),
    ),
    knob(
        "n",
        "2",
        "number of choices, in place of the number in the request",
        assign!(candidates: value => Some(value.number(1, 128, "a number of choices, 1 to 128")? as u32)),
    ),
    knob("finish", "content_filter", "finish_reason of every choice", assign!(finish: value => Some(value.text()?))),
    knob(
        "model",
        "gpt-4o-2024-08-06",
        "model in the response (default: that of the request)",
        assign!(model: value => Some(value.text()?)),
    ),
    knob(
        "tokens-per-second",
        "50",
        "maximum speed of a stream",
        assign!(tokens_per_second: value => Some(value.number(1, 1_000_000, "a speed, 1 to 1000000")?)),
    ),
    knob(
        "first-byte-ms",
        "20",
        "delay before the response headers",
        assign!(first_byte: value => value.milliseconds()?),
    ),
    knob(
        "event-ms",
        "5",
        "delay before every event but the first",
        assign!(between_events: value => value.milliseconds()?),
    ),
    knob(
        "burst",
        "4",
        "number of events per write (default 1)",
        assign!(burst: value => value.size(1, 1 << 20, "a number of events, at least 1")?),
    ),
    knob(
        "piece-bytes",
        "1",
        "write the body in pieces of this many bytes, each flushed separately",
        assign!(piece_bytes: value => Some(value.size(1, 1 << 30, "a number of bytes, at least 1")?)),
    ),
    knob(
        "piece-pause-us",
        "50",
        "pause between these pieces, in microseconds",
        assign!(piece_pause: value => Duration::from_micros(value.number(0, 10_000_000, "microseconds, at most 10000000")?)),
    ),
    knob(
        "usage",
        "10,20,5,0",
        "usage to report: input,output[,cached[,reasoning[,written to the cache]]]",
        assign!(usage: value => Some(value.usage()?)),
    ),
    knob(
        "usage-at",
        "last",
        "chunks with usage: asked (as the API does it), always, never, last (those that finish) or every",
        assign!(usage_at: value => value.one_of(USAGE_AT, "asked, always, never, last or every")?),
    ),
    knob(
        "cut-after",
        "3",
        "end the stream after this many events; 0: after the response headers",
        assign!(cut_after: value => Some(value.size(0, 1 << 30, "a number of events")?)),
    ),
    knob(
        "cut-after-bytes",
        "100",
        "end the body after this many bytes, streamed or not",
        assign!(cut_after_bytes: value => Some(value.size(0, 1 << 30, "a number of bytes")?)),
    ),
    knob(
        "cut",
        "reset",
        "early end: reset (connection or HTTP/2 stream), clean, error (an error event) or stall (no end)",
        assign!(cut: value => value.one_of(CUT, "reset, clean, error or stall")?),
    ),
    knob(
        "status",
        "429",
        "respond with an error of this status",
        assign!(status: value => Some(value.number(400, 599, "an error status, 400 to 599")? as u16)),
    ),
    knob(
        "retry-after",
        "7",
        "retry-after header of an error (default with 429: 1)",
        assign!(retry_after: value => Some(value.text()?)),
    ),
    knob("gzip", "true", "compress the body", assign!(gzip: value => value.flag()?)),
    knob("empty", "true", "respond with 200 and no body", assign!(empty: value => value.flag()?)),
    knob(
        "chunked",
        "true",
        "send a body of known length without content-length",
        assign!(chunked: value => value.flag()?),
    ),
    knob("header", "x-a=1,x-b=caf%E9", "add response headers (percent-encoded)", |knobs, value| {
        knobs.headers.extend(value.pairs()?);
        Ok(())
    }),
    knob(
        "trailer",
        "x-a=1,x-b=2",
        "add response trailers (HTTP/1.1: only if the request has te: trailers)",
        |knobs, value| {
            knobs.trailers.extend(value.pairs()?);
            Ok(())
        },
    ),
    knob(
        "content-type",
        "text/plain",
        "content-type header of the response",
        assign!(content_type: value => Some(value.text()?)),
    ),
    knob(
        "line-end",
        "crlf",
        "line ending of the stream: lf, crlf or cr",
        assign!(line_end: value => value.one_of(LINE_END, "lf, crlf or cr")?),
    ),
    knob(
        "comments",
        "true",
        "send a comment before every event, as keep-alive",
        assign!(comments: value => value.flag()?),
    ),
    knob(
        "body-base64",
        "e30=",
        "send exactly this body, without splitting it into events",
        assign!(body: value => Some(value.base64_bytes()?)),
    ),
    knob(
        "fill",
        "1000000",
        "replace `{fill}` in this exact body by this many characters of base64",
        assign!(fill: value => value.size(0, 1 << 26, "a number of bytes")?),
    ),
];

const USAGE_AT: &[(&str, UsageAt)] = &[
    ("asked", UsageAt::Asked),
    ("always", UsageAt::Always),
    ("never", UsageAt::Never),
    ("last", UsageAt::Last),
    ("every", UsageAt::Every),
];
const CUT: &[(&str, EarlyEnd)] =
    &[("reset", EarlyEnd::Reset), ("clean", EarlyEnd::Clean), ("error", EarlyEnd::Error), ("stall", EarlyEnd::Stall)];
const LINE_END: &[(&str, LineEnd)] = &[("lf", LineEnd::Lf), ("crlf", LineEnd::CrLf), ("cr", LineEnd::Cr)];
