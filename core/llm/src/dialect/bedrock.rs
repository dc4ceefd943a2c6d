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

use super::{ApiError, Echo, Indexed, Row};
use crate::dialect::path::Pattern;
use crate::{Begun, Error, escape_into};

mod count;
mod invoke;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(super) const CONVERSE: Row = Row {
    name: "bedrock.converse",
    paths: &[Pattern::new("model/{model...}/converse"), Pattern::stream("model/{model...}/converse-stream")],
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
    echo: Echo { top: &["contentBlockIndex"], inner: &[], null: &[], indexed: Indexed { choices: "", calls: "" } },
};

pub(super) const INVOKE: Row = Row {
    name: "bedrock.invoke",
    paths: &[Pattern::new("model/{model...}/invoke"), Pattern::stream("model/{model...}/invoke-with-response-stream")],
    request: invoke::request,
    response: invoke::response,
    chunk: invoke::event,
    is_end: |data| data.trim_ascii() == b"[DONE]",
    echo: Echo {
        top: &["type", "index"],
        inner: &["type", "contentBlockIndex"],
        null: &[],
        indexed: Indexed { choices: "choices", calls: "tool_calls" },
    },
    ..CONVERSE
};

pub(super) const COUNT_TOKENS: Row = Row {
    name: "bedrock.count_tokens",
    paths: &[Pattern::new("model/{model...}/count-tokens")],
    request: count::request,
    response: count::answer,
    chunk: count::answer,
    is_free: true,
    echo: Echo::NONE,
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
fn error_event(error: &ApiError<'_>, _begun: &Begun, out: &mut Vec<u8>) -> &'static str {
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
