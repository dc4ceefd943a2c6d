//! Reranking: Cohere's (API reference, "Rerank", v1 and v2), which Jina, vLLM and others have as well. A query and
//! documents go in, and an order comes out.

use super::{DeltaMembers, DialectSpec, cohere_chat};
use crate::dialect::path::Pattern;

mod names;
mod request;
pub(super) mod response;
#[cfg(test)]
mod tests;

pub(super) const SPEC: DialectSpec = DialectSpec {
    name: "rerank",
    paths: &[Pattern::new("rerank")],
    names: names::NAMES,
    request: request::read,
    response: response::read,
    chunk: response::read,
    delta_members: DeltaMembers::NONE,
    error_event: cohere_chat::error_alone,
    ..cohere_chat::SPEC
};
