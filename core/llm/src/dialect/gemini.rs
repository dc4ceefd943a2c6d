//! Gemini: generating content, counting tokens, embedding; on the Gemini API and on Vertex AI.
//!
//! Formats are those of the Gemini API reference ("Generating content", "Counting tokens", "Embeddings") and of the
//! Vertex AI reference ("GenerateContentResponse"). The model stands in the path, with the verb behind a colon, and so
//! does whether the answer is streamed: as server-sent events with `alt=sse`, else as one JSON array. Members have two
//! spellings (ProtoJSON), `systemInstruction` and `system_instruction`; servers take either.
//!
//! Counts of tokens are totals so far. The prompt includes its cached part, but not what tools put into it; the answer
//! does not include what was thought.

use super::{ApiError, DeltaMembers, DialectSpec, Indexed};
use crate::dialect::path::Pattern;
use crate::{Error, Framing, StreamState, escape_into};

mod names;
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
        // Vertex AI: models that were tuned have an endpoint.
        Pattern::new("endpoints/{model}:generateContent"),
        Pattern::stream("endpoints/{model}:streamGenerateContent"),
    ],
    names: names::NAMES,
    request: request::read,
    response: response::read,
    chunk: response::read,
    is_end: |_| false,
    form: None,
    json_stream: Some(Framing::JsonArray),
    is_free: false,
    error_body,
    error_event,
    stream_id: None,
    textless: &[],
    plain: &[],
    in_blocks: false,
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
    json_stream: None,
    delta_members: DeltaMembers::NONE,
    ..GENERATE
};

type Result<T> = std::result::Result<T, Error>;

/// "Error handling" of Google APIs (AIP-193): the status as a number and as one of the names of `google.rpc.Code`.
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

fn error_event(error: &ApiError<'_>, _state: &StreamState, out: &mut Vec<u8>) -> &'static str {
    error_body(error, out);
    ""
}
