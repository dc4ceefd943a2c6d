//! Ollama's native chat and completions.
//!
//! Source: Ollama documentation, "API" ("Generate a chat completion", "Generate a completion"). Responses are streamed
//! unless a request disables it, as one JSON object per line; the last line has `done` and the token counts.

use super::{ApiError, DeltaMembers, DialectSpec, Indexed};
use crate::dialect::path::Pattern;
use crate::{Error, Framing, StreamState, escape_into};

mod finish;
pub(super) mod names;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(super) const CHAT: DialectSpec = DialectSpec {
    name: "ollama.chat",
    paths: &[Pattern::common("api/chat")],
    form: None,
    request: request::read,
    response: response::read,
    chunk: response::read,
    json_stream: Some(Framing::JsonLines),
    is_free: false,
    is_unmetered: false,
    names_model: true,
    error_body,
    error_event,
    finish_events: Some(finish::events),
    stream_id: None,
    textless: &[],
    plain: &[],
    in_blocks: false,
    repeated_members: &[],
    delta_members: DeltaMembers {
        top: &["model", "created_at"],
        inner: &["role"],
        null: &[],
        indexed: Indexed { choices: "", calls: "" },
    },
};

pub(super) const GENERATE: DialectSpec =
    DialectSpec { name: "ollama.generate", paths: &[Pattern::common("api/generate")], ..CHAT };

type Result<T> = std::result::Result<T, Error>;

/// Appends an error body.
fn error_body(error: &ApiError<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"error\":\"");
    escape_into(error.message, out);
    out.extend_from_slice(b"\"}");
}

/// Appends the error body as a line.
fn error_event(error: &ApiError<'_>, _state: &StreamState, out: &mut Vec<u8>) -> &'static str {
    error_body(error, out);
    ""
}
