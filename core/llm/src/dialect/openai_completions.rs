//! OpenAI's legacy completions (API reference, "Completions"), which many compatible servers still offer.

use super::openai_chat::{self, response};
use super::{DeltaMembers, DialectSpec};
use crate::dialect::path::Pattern;

pub(super) mod names;
mod request;
#[cfg(test)]
mod tests;

pub(super) const SPEC: DialectSpec = DialectSpec {
    name: "openai.completions",
    paths: &[
        Pattern::ambiguous("completions"),
        Pattern::new("deployments/{model}/completions"),
        Pattern::new("engines/{model}/completions"),
    ],
    request: request::read,
    finish_events: Some(openai_chat::finish_text),
    response: |reader, builder| response::read(reader, builder, "text"),
    chunk: |reader, builder| response::read(reader, builder, "text"),
    delta_members: DeltaMembers { inner: &["index"], ..openai_chat::SPEC.delta_members },
    ..openai_chat::SPEC
};
