//! OpenAI's embeddings and moderations (API reference, "Embeddings", "Moderations").

use super::{DeltaMembers, DialectSpec, openai_chat};
use crate::dialect::path::Pattern;

pub(super) mod names;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(super) const EMBEDDINGS: DialectSpec = DialectSpec {
    name: "openai.embeddings",
    paths: &[
        Pattern::ambiguous("embeddings"),
        Pattern::new("deployments/{model}/embeddings"),
        Pattern::new("engines/{model}/embeddings"),
        // Voyage.
        Pattern::new("multimodalembeddings"),
        Pattern::new("contextualizedembeddings"),
    ],
    request: request::read,
    response: response::read,
    chunk: response::read,
    delta_members: DeltaMembers::NONE,
    finish_events: None,
    ..openai_chat::SPEC
};

/// Moderations are free of charge.
pub(super) const MODERATIONS: DialectSpec = DialectSpec {
    name: "openai.moderations",
    paths: &[Pattern::ambiguous("moderations")],
    is_free: true,
    ..EMBEDDINGS
};
