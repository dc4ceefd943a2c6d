//! OpenAI chat completions.
//!
//! Formats are those of the OpenAI API reference, "Chat completions" (create, the object, the chunk object), and what
//! compatible servers add: `reasoning_content` (DeepSeek, vLLM), `reasoning` and `reasoning_details` (OpenRouter, vLLM),
//! `thinking_blocks` (LiteLLM), `prompt_cache_hit_tokens` (DeepSeek), content of deltas as an array of parts (Mistral).

use super::{ApiError, Row};
use crate::reader::Value;
use crate::{Error, ErrorKind, escape_into};

mod answer;
mod request;
#[cfg(test)]
mod tests;

pub(super) static ROW: Row = Row {
    name: "openai.chat",
    path: &["chat", "completions"],
    request: request::read,
    response: |reader, sketch| answer::read(reader, sketch, "message"),
    chunk: |reader, sketch| answer::read(reader, sketch, "delta"),
    is_end: |data| data.trim_ascii() == b"[DONE]",
    error_body,
    error_event,
};

type Result<T> = std::result::Result<T, Error>;

fn wrong(field: &'static str, value: Value) -> Error {
    Error::new(ErrorKind::WrongType(field), value.start())
}

fn saturate(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn error_body(error: &ApiError<'_>, out: &mut Vec<u8>) {
    let members = [
        ("{\"error\":{\"message\":", Some(error.message)),
        (",\"type\":", Some(error.kind)),
        (",\"param\":", error.param),
        (",\"code\":", error.code),
    ];
    for (key, text) in members {
        out.extend_from_slice(key.as_bytes());
        match text {
            None => out.extend_from_slice(b"null"),
            Some(text) => {
                out.push(b'"');
                escape_into(text, out);
                out.push(b'"');
            }
        }
    }
    out.extend_from_slice(b"}}");
}

fn error_event(error: &ApiError<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    error_body(error, out);
    out.extend_from_slice(b"\n\n");
}
