//! Amazon Bedrock's token counting (API reference, "CountTokens").

use super::{DeltaMembers, DialectSpec, bedrock_converse};
use crate::dialect::path::Pattern;

pub(super) mod names;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(super) const SPEC: DialectSpec = DialectSpec {
    name: "bedrock.count_tokens",
    paths: &[Pattern::new("model/{model...}/count-tokens")],
    request: request::read,
    response: response::read,
    chunk: response::read,
    is_free: true,
    delta_members: DeltaMembers::NONE,
    finish_events: None,
    ..bedrock_converse::SPEC
};
