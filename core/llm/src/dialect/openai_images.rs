//! OpenAI's images (API reference, "Images"): generations, edits and variations.
//!
//! Generations are requested in JSON. Edits and variations are sent as forms with the images, of which the model, the
//! number of images, the stream flag and the prompt are read; or as JSON with references to images. A response has
//! images in base64 or as URLs, and the prompt as revised by a model.

use super::{DeltaMembers, DialectSpec, openai_chat};
use crate::dialect::path::Pattern;

pub(super) mod names;
mod request;
pub(super) mod response;
#[cfg(test)]
mod tests;

pub(super) const GENERATIONS: DialectSpec = DialectSpec {
    name: "openai.images",
    paths: &[Pattern::new("images/generations"), Pattern::new("deployments/{model}/images/generations")],
    request: request::read,
    response: response::read,
    chunk: response::read,
    delta_members: DeltaMembers::NONE,
    finish_events: None,
    ..openai_chat::SPEC
};

pub(super) const EDITS: DialectSpec = DialectSpec {
    name: "openai.image_edits",
    paths: &[
        Pattern::new("images/edits"),
        Pattern::new("deployments/{model}/images/edits"),
        Pattern::new("images/variations"),
    ],
    form: Some(&["model", "n", "stream", "prompt"]),
    ..GENERATIONS
};
