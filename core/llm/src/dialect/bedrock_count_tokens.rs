//! Amazon Bedrock's token counting (API reference, "CountTokens").

use super::{DeltaMembers, DialectSpec, bedrock_converse};
use crate::dialect::path::Pattern;

mod names;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(super) const SPEC: DialectSpec = DialectSpec {
    name: "bedrock.count_tokens",
    paths: &[Pattern::new("model/{model...}/count-tokens")],
    names: names::NAMES,
    request: request::read,
    response: response::read,
    chunk: response::read,
    is_free: true,
    delta_members: DeltaMembers::NONE,
    ..bedrock_converse::SPEC
};
