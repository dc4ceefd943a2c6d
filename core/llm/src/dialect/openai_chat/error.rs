//! Error format of OpenAI's APIs (API reference, "Error codes").

use crate::ApiError;
use crate::{StreamState, escape_into};

/// Appends an error body.
pub(in crate::dialect) fn body(error: &ApiError<'_>, out: &mut Vec<u8>) {
    let members = [
        ("{\"error\":{\"message\":", Some(error.message)),
        (",\"type\":", Some(error.kind)),
        (",\"param\":", error.param),
        (",\"code\":", error.code),
    ];
    for (key, text) in members {
        out.extend_from_slice(key.as_bytes());
        text_or_null(text, out);
    }
    out.extend_from_slice(b"}}");
}

/// Appends the error body as the data of an event without a name.
pub(in crate::dialect) fn event(error: &ApiError<'_>, _state: &StreamState, out: &mut Vec<u8>) -> &'static str {
    body(error, out);
    ""
}

/// Appends a JSON string, or `null`.
pub(in crate::dialect) fn text_or_null(text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        None => out.extend_from_slice(b"null"),
        Some(text) => {
            out.push(b'"');
            escape_into(text, out);
            out.push(b'"');
        }
    }
}
