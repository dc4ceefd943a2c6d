//! OpenAI Responses.
//!
//! Formats are those of the OpenAI API reference, "Responses" (create, the object, "Streaming events").
//!
//! An answer is a list of items (messages, reasoning, calls of tools), and a message is a list of parts. What a stream
//! says in `delta` events it says again in the `done` event of the part, of the item, and of the whole response
//! ([`Part::Whole`](crate::Part)): whoever edits the pieces must edit these, too. A text of a stream belongs to
//! an item and a part of it; both make one [`Channel::choice`](crate::Channel).

use super::openai_chat::error as openai_error;
use super::{ApiError, DeltaMembers, DialectSpec, Indexed};
use crate::dialect::path::Pattern;
use crate::json::reader::{Reader, Scratch, Value};
use crate::json::scan::Side;
use crate::{Error, ParseLimits, StreamState, escape_into};

mod event;
mod names;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(super) const RESPONSES: DialectSpec = DialectSpec {
    name: "openai.responses",
    paths: &[Pattern::new("responses")],
    names: names::NAMES,
    form: None,
    request: request::read,
    response: response::read,
    chunk: event::read,
    is_end: |data| data.trim_ascii() == b"[DONE]",
    json_stream: None,
    is_free: false,
    error_body: openai_error::body,
    error_event,
    stream_id: Some(stream_id),
    textless: &[],
    plain: &[],
    in_blocks: true,
    delta_members: DeltaMembers {
        top: &["type", "item_id", "output_index", "content_index", "summary_index", "sequence_number"],
        inner: &[],
        null: &[],
        indexed: Indexed { choices: "", calls: "" },
    },
};

/// Counting the tokens of a prompt.
pub(super) const INPUT_TOKENS: DialectSpec = DialectSpec {
    name: "openai.input_tokens",
    paths: &[Pattern::new("responses/input_tokens")],
    is_free: true,
    ..RESPONSES
};

type Result<T> = std::result::Result<T, Error>;

/// The name of the response, from the event that says that it was created.
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

/// `response.failed`: the response, as far as the gateway knows one. A failed response has a code of a small set; what is
/// not in it is said in the message.
fn error_event(error: &ApiError<'_>, state: &StreamState, out: &mut Vec<u8>) -> &'static str {
    let code = match error.status {
        429 => "rate_limit_exceeded",
        500.. => "server_error",
        _ => "invalid_prompt",
    };
    out.extend_from_slice(b"{\"type\":\"response.failed\",\"sequence_number\":0,\"response\":{\"id\":\"");
    escape_into(state.id(), out);
    out.extend_from_slice(b"\",\"object\":\"response\",\"created_at\":0,\"status\":\"failed\",\"error\":{\"code\":");
    openai_error::text_or_null(Some(error.code.unwrap_or(code)), out);
    out.extend_from_slice(b",\"message\":");
    openai_error::text_or_null(Some(error.message), out);
    out.extend_from_slice(
        b"},\"incomplete_details\":null,\"instructions\":null,\"model\":\"\",\"output\":[],\"parallel_tool_calls\":false,\
          \"tool_choice\":\"none\",\"tools\":[],\"usage\":null,\"metadata\":{}}}",
    );
    "response.failed"
}
