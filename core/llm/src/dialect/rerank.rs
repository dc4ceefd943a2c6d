//! Reranking of documents by their relevance to a query: Cohere's API (API reference, "Rerank", v1 and v2), which Jina,
//! vLLM and others implement as well.

use super::{DeltaMembers, DialectSpec, cohere_chat};
use crate::dialect::path::Pattern;

pub(super) mod names;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(super) const SPEC: DialectSpec = DialectSpec {
    name: "rerank",
    paths: &[Pattern::ambiguous("rerank")],
    request: request::read,
    response: response::read,
    chunk: response::read,
    finish_events: None,
    delta_members: DeltaMembers::NONE,
    error_event: cohere_chat::unnamed_error_event,
    ..cohere_chat::SPEC
};
