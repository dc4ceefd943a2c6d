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

mod count;
mod invoke;
mod names;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(super) const CONVERSE: DialectSpec = DialectSpec {
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

pub(super) const INVOKE: DialectSpec = DialectSpec {
    name: "bedrock.invoke",
    paths: &[Pattern::new("model/{model...}/invoke"), Pattern::stream("model/{model...}/invoke-with-response-stream")],
    request: invoke::request,
    response: invoke::response,
    chunk: invoke::event,
    is_end: |data| data.trim_ascii() == b"[DONE]",
    delta_members: DeltaMembers {
        top: &["type", "index"],
        inner: &["type", "contentBlockIndex"],
        null: &[],
        indexed: Indexed { choices: "choices", calls: "tool_calls" },
    },
    ..CONVERSE
};

pub(super) const COUNT_TOKENS: DialectSpec = DialectSpec {
    name: "bedrock.count_tokens",
    paths: &[Pattern::new("model/{model...}/count-tokens")],
    request: count::request,
    response: count::answer,
    chunk: count::answer,
    is_free: true,
    delta_members: DeltaMembers::NONE,
    ..CONVERSE
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
