//! Errors of OpenAI's APIs (API reference, "Error codes"): one object for all of them.

use crate::ApiError;
use crate::{StreamState, escape_into};

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

/// The body is the data of the event; it has no name.
pub(in crate::dialect) fn event(error: &ApiError<'_>, _state: &StreamState, out: &mut Vec<u8>) -> &'static str {
    body(error, out);
    ""
}

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
