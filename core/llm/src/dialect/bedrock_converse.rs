//! Amazon Bedrock: Converse and InvokeModel, whole and streamed, and counting the tokens of either.
//!
//! Formats are those of the Amazon Bedrock API reference ("Converse", "ConverseStream", "InvokeModel",
//! "InvokeModelWithResponseStream", "CountTokens", "ContentBlock", "TokenUsage") and of its user guide ("Inference request parameters
//! and response fields for foundation models"). The model stands in the path, and so does whether the answer is
//! streamed: in binary frames, whose names say what their payloads are.
//!
//! An answer of Converse is made of blocks that begin and end by themselves; each is a
//! [`Channel::choice`](crate::Channel) of its own. What goes through InvokeModel is in the format of the model's maker,
//! which the body shows: `invoke` tells which.

use super::{ApiError, DeltaMembers, DialectSpec, Indexed};
use crate::dialect::path::Pattern;
use crate::{Error, StreamState, escape_into};

mod names;
pub(super) mod request;
pub(super) mod response;
#[cfg(test)]
mod tests;

pub(super) const SPEC: DialectSpec = DialectSpec {
    name: "bedrock.converse",
    paths: &[Pattern::new("model/{model...}/converse"), Pattern::stream("model/{model...}/converse-stream")],
    names: names::NAMES,
    form: None,
    request: request::read,
    response: response::read,
    chunk: response::event,
    is_end: |_| false,
    json_stream: None,
    is_free: false,
    error_body,
    error_event,
    stream_id: None,
    textless: &[],
    plain: &[],
    in_blocks: true,
    delta_members: DeltaMembers {
        top: &["contentBlockIndex"],
        inner: &[],
        null: &[],
        indexed: Indexed { choices: "", calls: "" },
    },
};

type Result<T> = std::result::Result<T, Error>;

/// "Common errors": what SDKs tell an error by, here in the body, since a header is not at hand.
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

/// "ConverseStreamOutput": one of the exceptions that a stream may have.
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
