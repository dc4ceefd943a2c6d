//! Amazon Bedrock's Converse and ConverseStream.
//!
//! Source: Amazon Bedrock API reference ("Converse", "ConverseStream", "ContentBlock", "TokenUsage"). The path contains
//! the model and selects streaming: messages of the AWS event stream, whose event names identify the payloads.
//!
//! A response consists of blocks that start and stop independently; each has its own
//! [`Channel::choice`](crate::Channel).

use super::{ApiError, DeltaMembers, DialectSpec, Indexed};
use crate::dialect::path::Pattern;
use crate::{Error, StreamState, escape_into};

mod finish;
pub(super) mod names;
pub(super) mod request;
pub(super) mod response;
#[cfg(test)]
mod tests;

pub(super) const SPEC: DialectSpec = DialectSpec {
    name: "bedrock.converse",
    paths: &[Pattern::new("model/{model...}/converse"), Pattern::stream("model/{model...}/converse-stream")],
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
        top: &["contentBlockIndex"],
        inner: &[],
        null: &[],
        indexed: Indexed { choices: "", calls: "" },
    },
};

type Result<T> = std::result::Result<T, Error>;

/// Appends an error body ("Common errors"). SDKs identify an error by its name in a header or, as here, in `__type`.
fn error_body(error: &ApiError<'_>, out: &mut Vec<u8>) {
    let name = match error.status {
        401 | 403 => "AccessDeniedException",
        402 => "ServiceQuotaExceededException",
        404 => "ResourceNotFoundException",
        408 | 504 => "ModelTimeoutException",
        429 => "ThrottlingException",
        503 | 529 => "ServiceUnavailableException",
        500.. => "InternalServerException",
        _ => "ValidationException",
    };
    out.extend_from_slice(b"{\"__type\":\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\",\"message\":\"");
    escape_into(error.message, out);
    out.extend_from_slice(b"\"}");
}

/// Appends the data of an exception that a stream may contain ("ConverseStreamOutput").
fn error_event(error: &ApiError<'_>, _state: &StreamState, out: &mut Vec<u8>) -> &'static str {
    out.extend_from_slice(b"{\"message\":\"");
    escape_into(error.message, out);
    out.extend_from_slice(b"\"}");
    match error.status {
        429 => "throttlingException",
        503 | 529 => "serviceUnavailableException",
        500.. => "internalServerException",
        _ => "validationException",
    }
}
