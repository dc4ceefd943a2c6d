//! Anthropic Messages, and token counting for them.
//!
//! Source: Anthropic API reference, "Messages" (create, count tokens, "Streaming messages", "Errors"). Vertex AI serves
//! the same formats under `publishers/anthropic/models/{model}:rawPredict` (Google Cloud, "Use Claude models").
//!
//! A response consists of blocks that start and stop independently; each has its own
//! [`Channel::choice`](crate::Channel). Token counts are running totals; the input excludes cached tokens.

use super::{ApiError, DeltaMembers, DialectSpec, Indexed};
use crate::dialect::path::Pattern;
use crate::{Error, StreamState, escape_into};

mod finish;
pub(super) mod names;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(super) const MESSAGES: DialectSpec = DialectSpec {
    name: "anthropic.messages",
    paths: &[
        Pattern::ambiguous("messages"),
        Pattern::new("publishers/anthropic/models/{model}:rawPredict"),
        Pattern::stream("publishers/anthropic/models/{model}:streamRawPredict"),
    ],
    form: None,
    request: request::read,
    response: response::read,
    chunk: response::event,
    json_stream: None,
    is_free: false,
    is_unmetered: false,
    names_model: true,
    error_body,
    error_event,
    finish_events: Some(finish::events),
    stream_id: None,
    textless: &[],
    plain: &[],
    in_blocks: true,
    repeated_members: &[],
    delta_members: DeltaMembers {
        top: &["type", "index"],
        inner: &["type"],
        null: &[],
        indexed: Indexed { choices: "", calls: "" },
    },
};

pub(super) const COUNT_TOKENS: DialectSpec = DialectSpec {
    name: "anthropic.count_tokens",
    // Vertex AI offers it as a separate model.
    paths: &[
        Pattern::new("messages/count_tokens"),
        Pattern::new("publishers/anthropic/models/count-tokens:rawPredict"),
    ],
    is_free: true,
    ..MESSAGES
};

type Result<T> = std::result::Result<T, Error>;

/// Appends an error body ("Errors"). The status determines the type; there is no parameter and no code.
fn error_body(error: &ApiError<'_>, out: &mut Vec<u8>) {
    let kind = match error.status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    out.extend_from_slice(b"{\"type\":\"error\",\"error\":{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"message\":\"");
    escape_into(error.message, out);
    out.extend_from_slice(b"\"}}");
}

/// Appends the error body as the data of an `error` event.
fn error_event(error: &ApiError<'_>, _state: &StreamState, out: &mut Vec<u8>) -> &'static str {
    error_body(error, out);
    "error"
}
