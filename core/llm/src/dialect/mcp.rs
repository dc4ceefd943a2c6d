//! Model Context Protocol over HTTP: JSON-RPC 2.0 in the transport "Streamable HTTP".
//!
//! Source: Model Context Protocol, revisions 2025-03-26 (with batches), 2025-06-18 and 2025-11-25, "Transports", "Tools",
//! "Resources", "Prompts", "Sampling", "Elicitation", "Tasks"; JSON-RPC 2.0, section 5.1, for error codes.
//!
//! A client posts one message, and the server answers with JSON or with a stream of server-sent events, each of which is one
//! message: responses, notifications, and requests of its own. A `GET` opens such a stream without a request, a `DELETE` ends a
//! session. Every text arrives whole: no text is split over events.

use super::path::Path;
use super::{ApiError, DeltaMembers, DialectSpec};
use crate::dialect::path::Pattern;
use crate::{Error, StreamState, escape_into};

pub(crate) mod listing;
pub(super) mod names;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(super) const SPEC: DialectSpec = DialectSpec {
    name: "mcp",
    paths: &[Pattern::new("mcp")],
    form: None,
    request: request::read,
    response: response::read,
    chunk: response::read,
    json_stream: None,
    // A tool is not a model: no tokens are bought.
    is_free: true,
    is_unmetered: false,
    names_model: false,
    error_body: |error, out| write_error(error, b"null", out),
    error_event,
    finish_events: None,
    stream_id: None,
    textless: &[],
    // Servers accept a notification with 202 and without JSON.
    plain: &["text/plain", ""],
    in_blocks: false,
    repeated_members: &[],
    delta_members: DeltaMembers::NONE,
};

type Result<T> = std::result::Result<T, Error>;

/// Methods that the protocol defines, of both sides, sorted.
const METHODS: [&str; 31] = [
    "completion/complete",
    "elicitation/create",
    "initialize",
    "logging/setLevel",
    "notifications/cancelled",
    "notifications/elicitation/complete",
    "notifications/initialized",
    "notifications/message",
    "notifications/progress",
    "notifications/prompts/list_changed",
    "notifications/resources/list_changed",
    "notifications/resources/updated",
    "notifications/roots/list_changed",
    "notifications/tasks/status",
    "notifications/tools/list_changed",
    "ping",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/read",
    "resources/subscribe",
    "resources/templates/list",
    "resources/unsubscribe",
    "roots/list",
    "sampling/createMessage",
    "tasks/cancel",
    "tasks/get",
    "tasks/list",
    "tasks/result",
    "tools/call",
    "tools/list",
];

/// Returns `true` if the protocol defines a method.
pub(crate) fn is_method(method: &str) -> bool {
    METHODS.contains(&method)
}

/// Returns `true` if a request without a body belongs to the transport: `GET` opens a stream, `DELETE` ends a session.
pub(super) fn is_bodiless(method: &[u8]) -> bool {
    [&b"GET"[..], b"DELETE"].iter().any(|known| method.eq_ignore_ascii_case(known))
}

/// Returns `true` for a bodiless request on a path of the transport.
pub(super) fn is_session(method: &[u8], path: &Path<'_>) -> bool {
    is_bodiless(method) && SPEC.paths.iter().any(|pattern| pattern.matches(path).is_some())
}

/// Appends a message with an error. Codes that JSON-RPC defines are used for what they mean; the others are in the range for
/// servers, where -32000, -32001, -32002 and -32042 have a meaning in SDKs or in the protocol.
pub(crate) fn write_error(error: &ApiError<'_>, id: &[u8], out: &mut Vec<u8>) {
    let code = match (error.status, error.code) {
        (_, Some("unknown_method")) => "-32601",
        (_, Some("tool_not_allowed" | "unknown_server")) => "-32602",
        (_, Some("rate_limit_exceeded" | "insufficient_quota")) => "-32029",
        (400, None) => "-32700",
        (413 | 415, _) => "-32600",
        (401, _) => "-32011",
        (402 | 429, _) => "-32029",
        (500.., _) => "-32603",
        _ => "-32010",
    };
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    out.extend_from_slice(id);
    out.extend_from_slice(b",\"error\":{\"code\":");
    out.extend_from_slice(code.as_bytes());
    out.extend_from_slice(b",\"message\":\"");
    escape_into(error.message, out);
    out.extend_from_slice(b"\",\"data\":{\"type\":\"");
    escape_into(error.kind, out);
    if let Some(code) = error.code {
        out.extend_from_slice(b"\",\"code\":\"");
        escape_into(code, out);
    }
    out.extend_from_slice(b"\",\"status\":");
    out.extend_from_slice(error.status.to_string().as_bytes());
    out.extend_from_slice(b"}}}");
}

/// Appends the answer to the calls of the request as the data of an event.
fn error_event(error: &ApiError<'_>, state: &StreamState, out: &mut Vec<u8>) -> &'static str {
    match state.calls() {
        Some(calls) => calls.write(error, out),
        None => write_error(error, b"null", out),
    }
    "message"
}
