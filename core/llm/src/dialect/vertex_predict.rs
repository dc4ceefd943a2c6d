//! Vertex AI's `predict`: embeddings, images and whatever else has an endpoint there.
//!
//! Formats are those of the Vertex AI reference ("Method: endpoints.predict", "Text embeddings API", "Multimodal embeddings
//! API", "Imagen API"). A request is a list of instances and parameters, an answer a list of predictions; what is in these
//! is the model's own, so every string in them is read.

use super::{DeltaMembers, DialectSpec, gemini};
use crate::dialect::path::Pattern;

mod names;
mod request;
pub(super) mod response;
#[cfg(test)]
mod tests;

pub(super) const SPEC: DialectSpec = DialectSpec {
    name: "vertex.predict",
    paths: &[Pattern::new("models/{model}:predict"), Pattern::new("endpoints/{model}:predict")],
    names: names::NAMES,
    request: request::read,
    response: response::read,
    chunk: response::read,
    json_stream: None,
    delta_members: DeltaMembers::NONE,
    ..gemini::GENERATE
};
