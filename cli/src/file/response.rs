//! What the upstream answers.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::Headers;

/// The upstream's answer. Without any of `text`, `sse`, `json`, `body`, `body_base64` and `body_file` it is an ordinary
/// answer of `ok`, streamed if the request asks for that.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Response {
    /// Default: 200.
    pub status: Option<u16>,
    /// Headers over the content-type that goes with the body. `null` takes one away.
    pub headers: Headers,
    /// A chat completion that says this, streamed if the request asks for that.
    pub text: Option<String>,
    /// A streamed answer.
    pub sse: Option<Sse>,
    /// The body as JSON.
    pub json: Option<Value>,
    /// The body as text, to the letter.
    pub body: Option<String>,
    /// The body as octets, in base64.
    pub body_base64: Option<String>,
    /// The body as a file, from the folder of the test file.
    pub body_file: Option<PathBuf>,
    /// The model that the answer names. Default: the one that was asked for.
    pub model: Option<String>,
    /// The usage that a chat completion reports. Default: none.
    pub usage: Option<Usage>,
    /// Where a stream reports it. Default: `asked`.
    pub usage_at: Option<UsageAt>,
    /// Trailers behind the body.
    pub trailers: Headers,
    /// The upstream breaks off after this many bytes of the body.
    pub reset_after: Option<u64>,
    /// The upstream does not take the connection.
    pub refuse: Option<bool>,
}

/// A streamed answer.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sse {
    /// What it says, an event each.
    pub deltas: Vec<String>,
    /// Events as they are: text stands behind `data: ` to the letter, anything else as JSON. In place of `deltas`.
    pub events: Option<Vec<Value>>,
    /// Choices that say the same, their events alternating. Default: 1.
    pub choices: Option<u32>,
    /// Whether an event with `finish_reason: stop` follows the deltas. Default: true.
    pub finish: Option<bool>,
    /// Whether `[DONE]` ends it. Default: true.
    pub done: Option<bool>,
    /// How lines end. Default: `lf`.
    pub line_end: Option<LineEnd>,
    /// Whether a comment stands before every event. Default: false.
    pub comments: Option<bool>,
}

/// How lines of a stream end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineEnd {
    /// `\n`
    #[default]
    Lf,
    /// `\r\n`
    Crlf,
    /// `\r`
    Cr,
}

impl LineEnd {
    /// Its octets.
    pub fn text(self) -> &'static str {
        match self {
            LineEnd::Lf => "\n",
            LineEnd::Crlf => "\r\n",
            LineEnd::Cr => "\r",
        }
    }
}

/// The usage that an upstream reports, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    /// Of the prompt, cached ones included.
    pub prompt: u64,
    /// Of the answer, reasoning included.
    pub completion: u64,
    /// Those of the prompt that were cached.
    pub cached: u64,
    /// Those of the answer that went into reasoning.
    pub reasoning: u64,
    /// Default: `prompt` and `completion` together.
    pub total: Option<u64>,
}

/// Where a stream reports its usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsageAt {
    /// In an event of its own, if the request that reached the upstream asked for it, as providers do.
    #[default]
    Asked,
    /// In an event of its own, asked or not.
    Always,
    /// In the event with the `finish_reason`.
    Last,
    /// In every event.
    Every,
}
