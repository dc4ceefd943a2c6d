//! Ollama's own API: chat, generate and embeddings.
//!
//! Formats are those of the Ollama documentation, "API" ("Generate a chat completion", "Generate a completion", "Generate
//! Embeddings"). Answers to the first two are streamed unless a request says otherwise, as one JSON object on each line, the last of which says `done` and how
//! many tokens there were.

use super::{ApiError, Echo, Indexed, Row};
use crate::dialect::path::Pattern;
use crate::{Begun, Error, Framing, escape_into};

mod embed;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(super) const CHAT: Row = Row {
    name: "ollama.chat",
    paths: &[Pattern::new("api/chat")],
    form: None,
    request: request::read,
    response: response::read,
    chunk: response::read,
    is_end: |_| false,
    json_stream: Some(Framing::JsonLines),
    is_free: false,
    error_body,
    error_event,
    stream_id: None,
    textless: &[],
    plain: &[],
    in_blocks: false,
    echo: Echo {
        top: &["model", "created_at"],
        inner: &["role"],
        null: &[],
        indexed: Indexed { choices: "", calls: "" },
    },
};

pub(super) const GENERATE: Row = Row { name: "ollama.generate", paths: &[Pattern::new("api/generate")], ..CHAT };

pub(super) const EMBED: Row = Row {
    name: "ollama.embed",
    paths: &[Pattern::new("api/embed"), Pattern::new("api/embeddings")],
    request: embed::request,
    response: embed::answer,
    chunk: embed::answer,
    json_stream: None,
    echo: Echo::NONE,
    ..CHAT
};

type Result<T> = std::result::Result<T, Error>;

fn error_body(error: &ApiError<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"error\":\"");
    escape_into(error.message, out);
    out.extend_from_slice(b"\"}");
}

fn error_event(error: &ApiError<'_>, _begun: &Begun, out: &mut Vec<u8>) -> &'static str {
    error_body(error, out);
    ""
}
