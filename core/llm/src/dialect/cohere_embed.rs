//! Cohere's embeddings (API reference, "Embed", v1 and v2).

use super::{DeltaMembers, DialectSpec, cohere_chat};
use crate::dialect::path::Pattern;

pub(super) mod names;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(super) const SPEC: DialectSpec = DialectSpec {
    name: "cohere.embed",
    paths: &[Pattern::new("v1/embed"), Pattern::new("v2/embed")],
    request: request::read,
    response: response::read,
    chunk: response::read,
    error_event: cohere_chat::unnamed_error_event,
    finish_events: None,
    delta_members: DeltaMembers::NONE,
    ..cohere_chat::SPEC
};
