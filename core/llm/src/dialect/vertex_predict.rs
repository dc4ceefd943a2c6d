//! Vertex AI's `predict`: embeddings, images, and other models with dedicated endpoints.
//!
//! Source: Vertex AI reference ("Method: endpoints.predict", "Text embeddings API", "Multimodal embeddings API",
//! "Imagen API"). A request has instances and parameters, a response has predictions. Their contents depend on the
//! model, so every string in them is a text.

use super::{DeltaMembers, DialectSpec, gemini};
use crate::dialect::path::Pattern;

pub(super) mod names;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(super) const SPEC: DialectSpec = DialectSpec {
    name: "vertex.predict",
    paths: &[Pattern::new("models/{model}:predict"), Pattern::new("endpoints/{model}:predict")],
    request: request::read,
    response: response::read,
    chunk: response::read,
    json_stream: None,
    delta_members: DeltaMembers::NONE,
    finish_events: None,
    ..gemini::GENERATE
};
