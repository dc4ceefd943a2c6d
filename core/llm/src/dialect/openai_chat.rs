//! OpenAI chat completions.
//!
//! Source: OpenAI API reference, "Chat completions" (create, the object, the chunk object). Additions of compatible
//! servers: `reasoning_content` (DeepSeek, vLLM), `reasoning` and `reasoning_details` (OpenRouter, vLLM),
//! `thinking_blocks` (LiteLLM), `prompt_cache_hit_tokens` (DeepSeek), content of deltas as an array of parts (Mistral).

use super::{DeltaMembers, DialectSpec, Indexed};
use crate::Error;
use crate::dialect::path::Pattern;

pub(crate) mod api_version;
pub(super) mod error;
mod finish;
pub(super) mod names;
pub(super) mod request;
pub(super) mod response;
pub(super) mod stream_options;
#[cfg(test)]
mod tests;

pub(super) use finish::text_events as finish_text;

pub(super) const SPEC: DialectSpec = DialectSpec {
    name: "openai.chat",
    paths: &[
        Pattern::new("chat/completions"),
        Pattern::new("deployments/{model}/chat/completions"),
        // Mistral: agents, and the completion of code between a `prompt` and a `suffix`. Responses are those of chat.
        Pattern::new("v1/agents/completions"),
        Pattern::new("v1/fim/completions"),
    ],
    form: None,
    request: request::read,
    response: |reader, builder| response::read(reader, builder, "message"),
    chunk: |reader, builder| response::read(reader, builder, "delta"),
    json_stream: None,
    is_free: false,
    is_unmetered: false,
    names_model: true,
    error_body: error::body,
    error_event: error::event,
    finish_events: Some(finish::events),
    stream_id: None,
    textless: &[],
    plain: &[],
    in_blocks: false,
    repeated_members: &[],
    // API reference, "The chat completion chunk object".
    delta_members: DeltaMembers {
        top: &["id", "object", "created", "model", "system_fingerprint", "service_tier"],
        inner: &["index", "type"],
        null: &["finish_reason"],
        indexed: Indexed { choices: "choices", calls: "tool_calls" },
    },
};

type Result<T> = std::result::Result<T, Error>;
