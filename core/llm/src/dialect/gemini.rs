//! Gemini on the Gemini API and on Vertex AI: content generation, token counting, embeddings.
//!
//! Source: Gemini API reference ("Generating content", "Counting tokens", "Embeddings") and Vertex AI reference
//! ("GenerateContentResponse"). The path contains the model and, after a colon, the method, which also selects
//! streaming: server-sent events with `alt=sse`, otherwise one JSON array. Servers accept two spellings of each member
//! (ProtoJSON), `systemInstruction` and `system_instruction`.
//!
//! Token counts are running totals. The prompt count includes cached tokens but excludes tokens added by tools; the
//! output count excludes reasoning.

use super::{ApiError, DeltaMembers, DialectSpec, Indexed};
use crate::dialect::path::Pattern;
use crate::{Error, Framing, StreamState, escape_into};

mod finish;
pub(super) mod names;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(super) const GENERATE: DialectSpec = DialectSpec {
    name: "gemini.generate",
    paths: &[
        Pattern::new("models/{model}:generateContent"),
        Pattern::stream("models/{model}:streamGenerateContent"),
        Pattern::new("tunedModels/{model}:generateContent"),
        Pattern::stream("tunedModels/{model}:streamGenerateContent"),
        // Vertex AI: endpoints of tuned models.
        Pattern::new("endpoints/{model}:generateContent"),
        Pattern::stream("endpoints/{model}:streamGenerateContent"),
    ],
    request: request::read,
    response: response::read,
    chunk: response::read,
    form: None,
    json_stream: Some(Framing::JsonArray),
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
        top: &[],
        inner: &["index", "role", "thought"],
        null: &[],
        indexed: Indexed { choices: "candidates", calls: "" },
    },
};

pub(super) const COUNT_TOKENS: DialectSpec = DialectSpec {
    name: "gemini.count_tokens",
    paths: &[Pattern::new("models/{model}:countTokens"), Pattern::new("endpoints/{model}:countTokens")],
    json_stream: None,
    is_free: true,
    delta_members: DeltaMembers::NONE,
    ..GENERATE
};

pub(super) const EMBED: DialectSpec = DialectSpec {
    name: "gemini.embed",
    paths: &[Pattern::new("models/{model}:embedContent"), Pattern::new("models/{model}:batchEmbedContents")],
    response: response::read_embedding,
    json_stream: None,
    delta_members: DeltaMembers::NONE,
    finish_events: None,
    ..GENERATE
};

type Result<T> = std::result::Result<T, Error>;

/// Appends an error body (AIP-193): the status as a number and as a name of `google.rpc.Code`.
fn error_body(error: &ApiError<'_>, out: &mut Vec<u8>) {
    let status = match error.status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        502 | 503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    };
    out.extend_from_slice(b"{\"error\":{\"code\":");
    out.extend_from_slice(error.status.to_string().as_bytes());
    out.extend_from_slice(b",\"message\":\"");
    escape_into(error.message, out);
    out.extend_from_slice(b"\",\"status\":\"");
    out.extend_from_slice(status.as_bytes());
    out.extend_from_slice(b"\"}}");
}

/// Appends the error body as the data of an event without a name.
fn error_event(error: &ApiError<'_>, _state: &StreamState, out: &mut Vec<u8>) -> &'static str {
    error_body(error, out);
    ""
}
