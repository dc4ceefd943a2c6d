//! OpenAI's legacy completions (API reference, "Completions"), which many compatible servers still have.

use super::openai_chat::{self, response};
use super::{Echo, Row};
use crate::dialect::path::Pattern;

mod request;
#[cfg(test)]
mod tests;

pub(super) const ROW: Row = Row {
    name: "openai.completions",
    paths: &[Pattern::new("completions"), Pattern::new("deployments/{model}/completions")],
    request: request::read,
    response: |reader, sketch| response::read(reader, sketch, "text"),
    chunk: |reader, sketch| response::read(reader, sketch, "text"),
    echo: Echo { inner: &["index"], ..openai_chat::ROW.echo },
    ..openai_chat::ROW
};
