//! Cohere's chat, version 2, and embeddings.
//!
//! Formats are those of the Cohere API reference ("Chat", "Chat with Streaming", v2; "Embed", v1 and v2). An answer is made of blocks that
//! begin and end by themselves; each is a [`Channel::choice`](crate::Channel) of its own. Of the two counts of tokens
//! that an answer says, the one that is billed is taken: `tokens` includes what Cohere itself puts into a prompt.

use super::{ApiError, DeltaMembers, DialectSpec, Indexed};
use crate::dialect::path::Pattern;
use crate::{Error, StreamState, escape_into};

mod names;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(super) use response::billed;

pub(super) const SPEC: DialectSpec = DialectSpec {
    name: "cohere.chat",
    paths: &[Pattern::new("v2/chat")],
    names: names::NAMES,
    form: None,
    request: request::read,
    response: response::read,
    chunk: response::event,
    is_end: |data| data.trim_ascii() == b"[DONE]",
    json_stream: None,
    is_free: false,
    error_body,
    error_event,
    stream_id: None,
    textless: &[],
    plain: &[],
    in_blocks: true,
    delta_members: DeltaMembers {
        top: &["type", "index"],
        inner: &["type"],
        null: &[],
        indexed: Indexed { choices: "", calls: "" },
    },
};

type Result<T> = std::result::Result<T, Error>;

/// "Errors": a message and nothing else.
pub(super) fn error_body(error: &ApiError<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"message\":\"");
    escape_into(error.message, out);
    out.extend_from_slice(b"\"}");
}

/// Of calls that are not streamed: the body, should a server stream all the same.
pub(super) fn error_alone(error: &ApiError<'_>, _state: &StreamState, out: &mut Vec<u8>) -> &'static str {
    error_body(error, out);
    ""
}

/// An event of the kind that ends an answer, with what went wrong in place of usage ("message-end").
fn error_event(error: &ApiError<'_>, _state: &StreamState, out: &mut Vec<u8>) -> &'static str {
    out.extend_from_slice(b"{\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"ERROR\",\"error\":\"");
    escape_into(error.message, out);
    out.extend_from_slice(b"\"}}");
    "message-end"
}
