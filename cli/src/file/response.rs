//! Responses of the upstream.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::Headers;

/// Response of the upstream. Without `text`, `sse`, `json`, `body`, `body_base64` and `body_file` it is an ordinary
/// response with the text `ok`, streamed if the request asks for a stream.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Response {
    /// Status. Default: 200.
    pub status: Option<u16>,
    /// Headers in addition to the content-type of the body. `null` removes a header.
    pub headers: Headers,
    /// Text of a chat completion, streamed if the request asks for a stream.
    pub text: Option<String>,
    /// Streamed response.
    pub sse: Option<Sse>,
    /// Body as JSON.
    pub json: Option<Value>,
    /// Exact body as text.
    pub body: Option<String>,
    /// Exact body in base64.
    pub body_base64: Option<String>,
    /// File with the exact body, relative to the folder of the test file.
    pub body_file: Option<PathBuf>,
    /// Model named in the response. Default: the requested model.
    pub model: Option<String>,
    /// Usage reported by a chat completion. Default: none.
    pub usage: Option<Usage>,
    /// Position of the usage in a stream. Default: `asked`.
    pub usage_at: Option<UsageAt>,
    /// Trailers after the body.
    pub trailers: Headers,
    /// The upstream resets the connection after this many bytes of the body.
    pub reset_after: Option<u64>,
    /// The upstream refuses the connection.
    pub refuse: Option<bool>,
}

/// Streamed response.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sse {
    /// Text deltas, one event each.
    pub deltas: Vec<String>,
    /// Raw events instead of `deltas`: a string is written after `data: ` unchanged, any other value as JSON.
    pub events: Option<Vec<Value>>,
    /// Number of choices with the same text, whose events alternate. Default: 1.
    pub choices: Option<u32>,
    /// `true` to send an event with `finish_reason: stop` after the deltas. Default: true.
    pub finish: Option<bool>,
    /// `true` to end the stream with `[DONE]`. Default: true.
    pub done: Option<bool>,
    /// Line ending. Default: `lf`.
    pub line_end: Option<LineEnd>,
    /// `true` to send a comment before every event. Default: false.
    pub comments: Option<bool>,
}

/// Line endings of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineEnd {
    /// Line feed.
    #[default]
    Lf,
    /// Carriage return and line feed.
    Crlf,
    /// Carriage return.
    Cr,
}

impl LineEnd {
    /// Returns the line ending as text.
    pub fn text(self) -> &'static str {
        match self {
            LineEnd::Lf => "\n",
            LineEnd::Crlf => "\r\n",
            LineEnd::Cr => "\r",
        }
    }
}

/// Usage reported by an upstream, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    /// Prompt tokens, including cached ones.
    pub prompt: u64,
    /// Completion tokens, including reasoning.
    pub completion: u64,
    /// Cached part of `prompt`.
    pub cached: u64,
    /// Reasoning part of `completion`.
    pub reasoning: u64,
    /// Total. Default: the sum of `prompt` and `completion`.
    pub total: Option<u64>,
}

/// Position of the usage in a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsageAt {
    /// In a separate event, if the request that reached the upstream asked for it, as providers do.
    #[default]
    Asked,
    /// In a separate event, whether asked for or not.
    Always,
    /// In the event with the `finish_reason`.
    Last,
    /// In every event.
    Every,
}
