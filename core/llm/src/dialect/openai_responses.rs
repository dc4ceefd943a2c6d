//! OpenAI Responses.
//!
//! Source: OpenAI API reference, "Responses" (create, the object, "Streaming events").
//!
//! A response is a list of items (messages, reasoning, tool calls), and a message is a list of parts. A stream repeats
//! the text of its `delta` events in the `done` events of the part, the item and the whole response
//! ([`Part::Whole`](crate::Part)); an edit of the deltas must be made there, too. A streamed text belongs to a part of
//! an item; the indices of both form one [`Channel::choice`](crate::Channel).

use super::openai_chat::error as openai_error;
use super::{ApiError, DeltaMembers, DialectSpec, Indexed};
use crate::dialect::path::Pattern;
use crate::json::reader::{Reader, Scratch, Value};
use crate::json::scan::Side;
use crate::{Error, ParseLimits, StreamState, escape_into};

mod event;
mod finish;
pub(super) mod names;
pub(super) mod request;
mod response;
#[cfg(test)]
mod tests;
mod tools;

pub(super) const RESPONSES: DialectSpec = DialectSpec {
    name: "openai.responses",
    paths: &[Pattern::ambiguous("responses")],
    form: None,
    request: request::read,
    response: response::read,
    chunk: event::read,
    json_stream: None,
    is_free: false,
    is_unmetered: false,
    names_model: true,
    error_body: openai_error::body,
    error_event,
    finish_events: Some(finish::events),
    stream_id: Some(stream_id),
    textless: &[],
    plain: &[],
    in_blocks: true,
    repeated_members: &["instructions", "tools"],
    delta_members: DeltaMembers {
        top: &["type", "item_id", "output_index", "content_index", "summary_index", "sequence_number"],
        inner: &[],
        null: &[],
        indexed: Indexed { choices: "", calls: "" },
    },
};

pub(super) const INPUT_TOKENS: DialectSpec = DialectSpec {
    name: "openai.input_tokens",
    paths: &[Pattern::new("responses/input_tokens")],
    is_free: true,
    ..RESPONSES
};

/// Compaction of a conversation: its request and its response are those of the Responses API. The response has no model.
pub(super) const COMPACT: DialectSpec = DialectSpec {
    name: "openai.compact",
    paths: &[Pattern::new("responses/compact")],
    request: request::read_compaction,
    ..RESPONSES
};

type Result<T> = std::result::Result<T, Error>;

/// Finds the id of the response in the data of the `response.created` event.
fn stream_id(data: &[u8]) -> Option<Box<str>> {
    let (limits, mut scratch) = (ParseLimits::default(), Scratch::default());
    let mut reader = Reader::new(data, &limits, Side::Response, &mut scratch).ok()?;
    reader.value().ok().filter(|value| matches!(value, Value::Object(_)))?;
    for name in ["response", "id"] {
        while let Some((_, found)) = reader.field(&[name]).ok()? {
            match (found == name, reader.value().ok()?) {
                (true, Value::String(id)) if name == "id" => return Some(id.decode(data).into()),
                (true, Value::Object(_)) if name != "id" => break,
                (_, value) => reader.walk(value, |_| Ok(())).ok()?,
            }
        }
    }
    None
}

/// Appends a `response.failed` event with the members of the response that the gateway knows. The API defines few error
/// codes, and clients retry a call that fails with any other code; the message carries the details.
///
/// The event itself has the error as well: OpenAI's SDKs raise an exception for a member `error` of any event. Without it they
/// return the event like any other, and clients that look at the text only take half a response for a complete one.
fn error_event(error: &ApiError<'_>, state: &StreamState, out: &mut Vec<u8>) -> &'static str {
    let code = match (error.code, error.status) {
        // Whatever the status of the rule is.
        (Some("content_policy_violation"), _) => "invalid_prompt",
        (_, 429) => "rate_limit_exceeded",
        (_, 500..) => "server_error",
        _ => "invalid_prompt",
    };
    let members = |out: &mut Vec<u8>| {
        out.extend_from_slice(b"\"error\":{\"code\":");
        openai_error::text_or_null(Some(code), out);
        out.extend_from_slice(b",\"message\":");
        openai_error::text_or_null(Some(error.message), out);
    };
    head("failed", state, out);
    members(out);
    out.extend_from_slice(b"},\"incomplete_details\":null,");
    out.extend_from_slice(TAIL);
    out.push(b',');
    members(out);
    out.extend_from_slice(b",\"type\":");
    openai_error::text_or_null(Some(error.kind), out);
    out.extend_from_slice(b"}}");
    "response.failed"
}

/// Members of a response that the gateway does not know, and the end of the response.
const TAIL: &[u8] =
    b"\"instructions\":null,\"model\":\"\",\"output\":[],\"parallel_tool_calls\":false,\"tool_choice\":\"none\",\
    \"tools\":[],\"usage\":null,\"metadata\":{}}";

/// Appends the beginning of the event that ends a response with a status.
fn head(status: &str, state: &StreamState, out: &mut Vec<u8>) {
    let event = format!(
        "{{\"type\":\"response.{status}\",\"sequence_number\":{},\"response\":{{\"id\":\"",
        state.next_sequence()
    );
    out.extend_from_slice(event.as_bytes());
    escape_into(state.id(), out);
    let members = format!("\",\"object\":\"response\",\"created_at\":0,\"status\":\"{status}\",");
    out.extend_from_slice(members.as_bytes());
}
