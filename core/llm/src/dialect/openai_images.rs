//! OpenAI's images (API reference, "Images"): made from a prompt, or from a prompt and other images.
//!
//! New images are asked for in JSON. What edits images comes as a form with the images in it, of which the model, the
//! number and the stream flag are read; or in JSON, too, with the images at other places. An answer holds images in
//! base64, or where they are, and the prompt as a model revised it.

use super::{DeltaMembers, DialectSpec, openai_chat};
use crate::dialect::path::Pattern;

mod names;
mod request;
pub(super) mod response;
#[cfg(test)]
mod tests;

pub(super) const GENERATIONS: DialectSpec = DialectSpec {
    name: "openai.images",
    paths: &[Pattern::new("images/generations"), Pattern::new("deployments/{model}/images/generations")],
    names: names::NAMES,
    request: request::read,
    response: response::read,
    chunk: response::read,
    delta_members: DeltaMembers::NONE,
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
