//! Member names and discriminator values of the API.
//!
//! Source: Cohere API reference, "Chat" (v1 and v2).

use crate::dialect::known_names::KnownNames;

/// Member names and discriminator values that the API defines.
pub(in crate::dialect) const NAMES: KnownNames = KnownNames {
    keys: &[
        "chat_history",
        "citation_options",
        "content",
        "data",
        "documents",
        "enabled",
        "frequency_penalty",
        "id",
        "logprobs",
        "max_tokens",
        "message",
        "messages",
        "mode",
        "model",
        "preamble",
        "presence_penalty",
        "priority",
        "raw_prompting",
        "response_format",
        "role",
        "safety_mode",
        "seed",
        "stop_sequences",
        "stream",
        "strict_tools",
        "temperature",
        "thinking",
        "token_budget",
        "tool_calls",
        "tool_choice",
        "tool_plan",
        "tools",
    ],
    kinds: &["document", "function", "image_url", "json_object", "text", "tool"],
};
