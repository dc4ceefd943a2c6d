//! Limits on one stream, as an operator configures them.

use serde::Deserialize;

use crate::{ParseLimits, PathPrefix};

/// Policy for a call that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnUnscannable {
    /// Refuse it: 400, 413 or 415 for a request, 502 for a response that must not leave unread (prompt-inspector).
    #[default]
    Refuse,
    /// Let it pass unchanged; `tollgate.unscanned` and a metric report it.
    Pass,
}

/// Bounds on what one stream may make a filter read. The configuration of every filter and `tollgate.yaml` have them under `limits`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct StreamLimits {
    /// Largest request body, in bytes; larger ones get 413. Keep it below Envoy's own limit
    /// (`per_connection_buffer_limit_bytes`), whose 413 does not speak the caller's dialect. Default: 8 MiB.
    pub max_request_bytes: usize,
    /// Largest response that is read as a whole (JSON), in bytes, not counting base64 data, lists of numbers and repetitions of
    /// the request. Usage is read from larger ones too, unless they are compressed and a rule may change them. Default: 8 MiB.
    pub max_response_bytes: usize,
    /// Largest event of a streamed response, in bytes, not counting base64 data, lists of numbers and repetitions of the
    /// request. Usage is read from larger ones too, except in binary streams (Bedrock). Default: `max_response_bytes`, since
    /// the last event of some APIs repeats the whole response.
    #[cfg_attr(feature = "schema", schemars(with = "usize"))]
    pub max_event_bytes: Option<usize>,
    /// Bytes that the streams of one worker may hold together: request bodies that are not complete or wait for a service, and
    /// responses that are held or copied. A request beyond seven eighths of it gets 503 with `retry-after`; a response beyond it is
    /// treated as one above `max_response_bytes`. Filters of one virtual machine share the count. Default: 256 MiB.
    pub max_held_bytes: usize,
    /// Policy for a call that cannot be read. Default: `refuse`.
    pub on_unscannable: OnUnscannable,
    /// Policy for a response without text (speech), where a filter must read responses before they pass. If refused, the
    /// client gets 502. Default: `pass`, since the spoken words are those of the request, which was read;
    /// `tollgate.unscanned` and a metric report it.
    pub on_textless_answer: OnUnscannable,
    /// Policy for a request with a body on a path that is not a known LLM API. If refused, it gets 404. Default: `pass`,
    /// since a listener may serve other things too; `tollgate.unscanned` and a metric report it. Routes that match
    /// `x-tollgate-route` keep such requests from a provider in any case.
    pub on_unknown_path: OnUnscannable,
    /// Policy for a request on a path of an LLM API that is known and not read (docs/paths.md), or that is below the prefix of
    /// such an API and in no table. If refused, it gets 404. Default: `refuse`; if it passes, no rule, count or budget
    /// applies, and `tollgate.unscanned` and a metric report it.
    pub on_unread_path: OnUnscannable,
    /// Prefixes below which LLM APIs are: `/llm`. Paths below others are not read and are left to `on_unknown_path`, so set them
    /// where a listener serves other things whose paths look like those of LLM APIs. Default: none, and docs/paths.md
    /// has the rule.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub paths: Vec<PathPrefix>,
}

/// Default of `max_request_bytes` and `max_response_bytes`: 8 MiB. Coding agents send their whole conversation with each
/// turn: 560 KB in the median and 3.5 MB at the 99th percentile, and documents and pictures on top. `tollgate render` derives Envoy's limits from it.
const BODY_BYTES: usize = 8 << 20;

impl Default for StreamLimits {
    fn default() -> StreamLimits {
        StreamLimits {
            max_request_bytes: BODY_BYTES,
            max_response_bytes: BODY_BYTES,
            max_event_bytes: None,
            max_held_bytes: 256 << 20,
            on_unscannable: OnUnscannable::Refuse,
            on_textless_answer: OnUnscannable::Pass,
            on_unknown_path: OnUnscannable::Pass,
            on_unread_path: OnUnscannable::Refuse,
            paths: Vec::new(),
        }
    }
}

impl StreamLimits {
    /// Returns the largest event of a streamed response.
    #[must_use]
    pub fn event_bytes(&self) -> usize {
        self.max_event_bytes.unwrap_or(self.max_response_bytes)
    }

    /// Returns the bounds for the parsers of this crate.
    #[must_use]
    pub fn for_parser(&self) -> ParseLimits {
        ParseLimits {
            max_bytes: self.max_request_bytes.max(self.max_response_bytes),
            max_event_bytes: self.event_bytes(),
            ..ParseLimits::default()
        }
    }
}
