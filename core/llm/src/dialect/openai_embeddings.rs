//! OpenAI's embeddings and moderations (API reference, "Embeddings", "Moderations"): texts go in, and numbers come out.

use super::{Echo, Row, openai_chat};
use crate::dialect::path::Pattern;

mod request;
pub(super) mod response;
#[cfg(test)]
mod tests;

pub(super) const EMBEDDINGS: Row = Row {
    name: "openai.embeddings",
    paths: &[Pattern::new("embeddings"), Pattern::new("deployments/{model}/embeddings")],
    request: request::read,
    response: response::read,
    chunk: response::read,
    echo: Echo::NONE,
    ..openai_chat::ROW
};

/// Nobody charges for them.
pub(super) const MODERATIONS: Row =
    Row { name: "openai.moderations", paths: &[Pattern::new("moderations")], is_free: true, ..EMBEDDINGS };
