//! Amazon Bedrock's InvokeModel and InvokeModelWithResponseStream: bodies in the format of the model's vendor.
//!
//! Source: Amazon Bedrock API reference ("InvokeModel", "InvokeModelWithResponseStream") and user guide ("Inference
//! request parameters and response fields for foundation models"). The members of a body determine its format, see
//! `format`.

use super::{DeltaMembers, DialectSpec, Indexed, bedrock_converse};
use crate::dialect::path::Pattern;

mod format;
pub(super) mod names;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(crate) use format::{Format as InvokeFormat, request_format};

pub(super) const SPEC: DialectSpec = DialectSpec {
    name: "bedrock.invoke",
    paths: &[Pattern::new("model/{model...}/invoke"), Pattern::stream("model/{model...}/invoke-with-response-stream")],
    request: request::read,
    response: response::read,
    chunk: response::event,
    delta_members: DeltaMembers {
        top: &["type", "index"],
        inner: &["type", "contentBlockIndex"],
        null: &[],
        indexed: Indexed { choices: "choices", calls: "tool_calls" },
    },
    finish_events: None,
    ..bedrock_converse::SPEC
};
