//! Cohere's chat, version 2.
//!
//! Source: Cohere API reference ("Chat", "Chat with Streaming", v2). A response consists of blocks that start and stop
//! independently; each has its own [`Channel::choice`](crate::Channel). Usage is taken from `billed_units`: `tokens`
//! includes tokens that Cohere itself adds to a prompt.

use super::{ApiError, DeltaMembers, DialectSpec, Indexed};
use crate::dialect::path::Pattern;
use crate::{Error, StreamState, escape_into};

mod finish;
pub(super) mod names;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(super) use response::billed;

pub(super) const SPEC: DialectSpec = DialectSpec {
    name: "cohere.chat",
    paths: &[Pattern::new("v2/chat")],
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

type Result<T> = std::result::Result<T, Error>;

/// Appends an error body ("Errors"), which has only a message.
fn error_body(error: &ApiError<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"message\":\"");
    escape_into(error.message, out);
    out.extend_from_slice(b"\"}");
}

/// Appends the error body as the data of an event without a name, for calls that a server streams although the API has
/// no streams for them.
pub(super) fn unnamed_error_event(error: &ApiError<'_>, _state: &StreamState, out: &mut Vec<u8>) -> &'static str {
    error_body(error, out);
    ""
}

/// Appends the data of a `message-end` event with the error in place of the usage.
fn error_event(error: &ApiError<'_>, _state: &StreamState, out: &mut Vec<u8>) -> &'static str {
    out.extend_from_slice(b"{\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"ERROR\",\"error\":\"");
    escape_into(error.message, out);
    out.extend_from_slice(b"\"}}");
    "message-end"
}
