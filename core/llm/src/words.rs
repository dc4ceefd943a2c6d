//! The words that the API itself chooses.
//!
//! A name of a member is a text like any other (a prompt can be hidden in the keys of `metadata`), unless it is one of
//! the API's own: these say nothing. The same holds for the values of discriminators such as `type`. Where names are the
//! client's by definition (below `properties` of a JSON Schema) the list is not asked.

use crate::Str;

/// Names of members in the APIs' requests and in JSON Schema, sorted.
///
/// Sources: OpenAI API reference, "Create chat completion"; JSON Schema 2020-12, core and validation vocabularies.
const KEYS: [&str; 139] = [
    "$anchor",
    "$comment",
    "$defs",
    "$id",
    "$ref",
    "$schema",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "allowed_tools",
    "annotations",
    "anyOf",
    "approximate",
    "arguments",
    "audio",
    "best_of",
    "cache_control",
    "chat_template_kwargs",
    "city",
    "const",
    "contains",
    "content",
    "country",
    "custom",
    "data",
    "default",
    "definition",
    "definitions",
    "dependentRequired",
    "dependentSchemas",
    "deprecated",
    "description",
    "detail",
    "echo",
    "else",
    "enum",
    "examples",
    "exclude",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "expires_at",
    "file",
    "file_data",
    "file_id",
    "filename",
    "format",
    "frequency_penalty",
    "function",
    "function_call",
    "functions",
    "grammar",
    "guided_json",
    "id",
    "if",
    "image_url",
    "include_obfuscation",
    "include_usage",
    "index",
    "input",
    "input_audio",
    "items",
    "json_schema",
    "logit_bias",
    "logprobs",
    "maxItems",
    "maxLength",
    "maxProperties",
    "max_completion_tokens",
    "max_tokens",
    "maximum",
    "messages",
    "metadata",
    "minItems",
    "minLength",
    "minProperties",
    "min_p",
    "minimum",
    "modalities",
    "mode",
    "model",
    "multipleOf",
    "n",
    "name",
    "not",
    "nullable",
    "oneOf",
    "parallel_tool_calls",
    "parameters",
    "pattern",
    "patternProperties",
    "prediction",
    "prefixItems",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "properties",
    "propertyNames",
    "readOnly",
    "reasoning",
    "reasoning_content",
    "reasoning_effort",
    "refusal",
    "region",
    "repetition_penalty",
    "required",
    "response_format",
    "role",
    "safety_identifier",
    "schema",
    "search_context_size",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "strict",
    "suffix",
    "syntax",
    "temperature",
    "text",
    "then",
    "timezone",
    "title",
    "tool_call_id",
    "tool_calls",
    "tool_choice",
    "tools",
    "top_k",
    "top_logprobs",
    "top_p",
    "type",
    "uniqueItems",
    "url",
    "user",
    "user_location",
    "verbosity",
    "voice",
    "web_search_options",
];

/// Values of discriminators, sorted.
const KINDS: [&str; 34] = [
    "allowed_tools",
    "approximate",
    "array",
    "auto",
    "boolean",
    "content",
    "custom",
    "disabled",
    "enabled",
    "ephemeral",
    "file",
    "function",
    "grammar",
    "high",
    "image_url",
    "input_audio",
    "integer",
    "json_object",
    "json_schema",
    "low",
    "message",
    "null",
    "number",
    "object",
    "reasoning",
    "refusal",
    "string",
    "summary_text",
    "text",
    "thinking",
    "tool_result",
    "tool_use",
    "url_citation",
    "video_url",
];

/// Whether a name of a member is one of the API's own.
pub(crate) fn is_key(body: &[u8], key: Str) -> bool {
    KEYS.binary_search(&&*key.decode(body)).is_ok()
}

/// Whether a string says only what its object is: the value of `type`, or of the `detail` of an image, and one of those
/// that the API has.
pub(crate) fn is_kind(body: &[u8], member: Option<Str>, value: Str) -> bool {
    // Most strings are told by their length already.
    (value.escaped || (3..=16).contains(&value.span.len()))
        && member.is_some_and(|member| member.is(body, "type") || member.is(body, "detail"))
        && KINDS.binary_search(&&*value.decode(body)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_hold_nothing_twice() {
        assert!(KEYS.is_sorted_by(|a, b| a < b));
        assert!(KINDS.is_sorted_by(|a, b| a < b));
        assert!(KINDS.iter().all(|kind| (3..=16).contains(&kind.len())));
    }
}
