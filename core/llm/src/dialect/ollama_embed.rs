//! Ollama's native embeddings (documentation, "API": "Generate Embeddings", and the older "Generate Embedding").

use super::{DeltaMembers, DialectSpec, ollama};
use crate::dialect::path::Pattern;

pub(super) mod names;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(super) const SPEC: DialectSpec = DialectSpec {
    name: "ollama.embed",
    paths: &[Pattern::common("api/embed"), Pattern::common("api/embeddings")],
    request: request::read,
    response: response::read,
    chunk: response::read,
    json_stream: None,
    delta_members: DeltaMembers::NONE,
    finish_events: None,
    ..ollama::CHAT
};
