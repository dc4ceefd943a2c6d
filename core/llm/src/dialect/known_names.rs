//! The words that the API itself chooses.
//!
//! A name of a member is a text like any other (a prompt can be hidden in the keys of `metadata`), unless it is one of
//! the API's own: these say nothing. The same holds for the values of discriminators such as `type`. Where names are the
//! client's by definition (below `properties` of a JSON Schema) the list is not asked.

use crate::Str;

mod providers;

/// Names of members in the APIs' requests and in JSON Schema, sorted.
///
/// Sources: OpenAI API reference, "Create chat completion"; JSON Schema 2020-12, core and validation vocabularies.
const KEYS: [&str; 221] = [
    "$anchor",
    "$comment",
    "$defs",
    "$id",
    "$ref",
    "$schema",
    "action",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "allowed_domains",
    "allowed_tools",
    "annotations",
    "anthropic_beta",
    "anthropic_version",
    "anyOf",
    "approximate",
    "arguments",
    "audio",
    "authorization_token",
    "background",
    "best_of",
    "blocked_domains",
    "budget_tokens",
    "cache_control",
    "call_id",
    "chat_template_kwargs",
    "citations",
    "cited_text",
    "city",
    "connector_id",
    "const",
    "container",
    "contains",
    "content",
    "context",
    "context_management",
    "conversation",
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
    "dimensions",
    "disable_parallel_tool_use",
    "display_height_px",
    "display_width_px",
    "document_index",
    "document_title",
    "echo",
    "effort",
    "else",
    "encoding_format",
    "encrypted_content",
    "end_block_index",
    "end_char_index",
    "end_page_number",
    "enum",
    "examples",
    "exclude",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "expires_at",
    "file",
    "file_data",
    "file_id",
    "file_ids",
    "file_url",
    "filename",
    "filters",
    "format",
    "frequency_penalty",
    "function",
    "function_call",
    "functions",
    "generate_summary",
    "grammar",
    "guided_json",
    "headers",
    "id",
    "if",
    "image_url",
    "include",
    "include_obfuscation",
    "include_usage",
    "index",
    "input",
    "input_audio",
    "input_fidelity",
    "input_image_mask",
    "input_schema",
    "instructions",
    "is_error",
    "items",
    "json_schema",
    "logit_bias",
    "logprobs",
    "maxItems",
    "maxLength",
    "maxProperties",
    "max_completion_tokens",
    "max_num_results",
    "max_output_tokens",
    "max_tokens",
    "max_tool_calls",
    "max_uses",
    "maximum",
    "mcp_servers",
    "media_type",
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
    "moderation",
    "multipleOf",
    "n",
    "name",
    "not",
    "nullable",
    "obfuscation",
    "oneOf",
    "output",
    "output_compression",
    "output_config",
    "output_format",
    "page_age",
    "parallel_tool_calls",
    "parameters",
    "partial_images",
    "pattern",
    "patternProperties",
    "prediction",
    "prefixItems",
    "presence_penalty",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_retention",
    "properties",
    "propertyNames",
    "quality",
    "queries",
    "query",
    "ranking_options",
    "readOnly",
    "read_only",
    "reasoning",
    "reasoning_content",
    "reasoning_effort",
    "refusal",
    "region",
    "repetition_penalty",
    "require_approval",
    "required",
    "response_format",
    "results",
    "role",
    "safety_identifier",
    "schema",
    "search_context_size",
    "seed",
    "server_label",
    "server_url",
    "service_tier",
    "signature",
    "size",
    "source",
    "start_block_index",
    "start_char_index",
    "start_page_number",
    "status",
    "stop",
    "stop_sequences",
    "store",
    "stream",
    "stream_options",
    "strict",
    "suffix",
    "summary",
    "syntax",
    "system",
    "temperature",
    "text",
    "then",
    "thinking",
    "timezone",
    "title",
    "tool_call_id",
    "tool_calls",
    "tool_choice",
    "tool_names",
    "tool_use_id",
    "tools",
    "top_k",
    "top_logprobs",
    "top_p",
    "truncation",
    "ttl",
    "type",
    "uniqueItems",
    "url",
    "user",
    "user_id",
    "user_location",
    "variables",
    "vector_store_ids",
    "verbosity",
    "voice",
    "web_search_options",
];

/// Values of discriminators, sorted.
const KINDS: [&str; 67] = [
    "adaptive",
    "allowed_tools",
    "any",
    "approximate",
    "array",
    "auto",
    "base64",
    "boolean",
    "code_interpreter",
    "computer_use_preview",
    "content",
    "custom",
    "custom_tool_call",
    "custom_tool_call_output",
    "disabled",
    "document",
    "enabled",
    "ephemeral",
    "file",
    "file_search",
    "file_search_call",
    "function",
    "function_call",
    "function_call_output",
    "grammar",
    "high",
    "image",
    "image_generation",
    "image_generation_call",
    "image_url",
    "input_audio",
    "input_file",
    "input_image",
    "input_text",
    "integer",
    "item_reference",
    "json",
    "json_object",
    "json_schema",
    "low",
    "mcp",
    "message",
    "none",
    "null",
    "number",
    "object",
    "original",
    "output_text",
    "reasoning",
    "reasoning_text",
    "redacted_thinking",
    "refusal",
    "search_result",
    "server_tool_use",
    "string",
    "summary_text",
    "text",
    "thinking",
    "tool",
    "tool_result",
    "tool_use",
    "url",
    "url_citation",
    "video_url",
    "web_search",
    "web_search_call",
    "web_search_preview",
];

/// Whether a name of a member is one of the API's own.
pub(crate) fn is_key(body: &[u8], key: Str) -> bool {
    listed(&KEYS, body, key) || listed(&providers::KEYS, body, key)
}

/// Whether a string says only what its object is: the value of `type`, or of the `detail` of an image, and one of those
/// that the API has.
pub(crate) fn is_kind(body: &[u8], member: Option<Str>, value: Str) -> bool {
    // Most strings are told by their length already.
    (value.escaped || (3..=24).contains(&value.span.len()))
        && member.is_some_and(|member| member.is(body, "type") || member.is(body, "detail"))
        && (listed(&KINDS, body, value) || listed(&providers::KINDS, body, value))
}

/// Whether a text is in a sorted list; does not allocate.
fn listed(list: &[&str], body: &[u8], text: Str) -> bool {
    let found = if text.escaped {
        list.binary_search_by(|word| word.bytes().cmp(text.bytes(body)))
    } else {
        let raw = text.span.of(body);
        let first = raw.first();
        // Most words differ in the first byte, which needs no call to compare.
        list.binary_search_by(|word| word.as_bytes().first().cmp(&first).then_with(|| word.as_bytes().cmp(raw)))
    };
    found.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    #[test]
    fn words_are_found_in_any_spelling_and_others_are_not() {
        for word in KEYS {
            let spelled: String = word.chars().map(|char| format!("\\u{:04x}", char as u32)).collect();
            for (raw, want) in [
                (word.to_owned(), true),
                (spelled, true),
                (format!("{word}!"), false),
                (format!("{word}\\u0000"), false),
                (format!("!{word}"), false),
                (word.to_uppercase(), false),
                (String::new(), false),
            ] {
                let str = Str { span: Span::new(0, raw.len()), escaped: raw.contains('\\') };
                assert_eq!(is_key(raw.as_bytes(), str), want, "{raw}");
            }
        }
    }

    #[test]
    fn lists_are_sorted_and_hold_nothing_twice() {
        assert!(KEYS.is_sorted_by(|a, b| a < b));
        assert!(KINDS.is_sorted_by(|a, b| a < b));
        assert!(providers::KEYS.is_sorted_by(|a, b| a < b) && providers::KINDS.is_sorted_by(|a, b| a < b));
        assert!(providers::KEYS.iter().all(|key| KEYS.binary_search(key).is_err()));
        assert!(KINDS.iter().all(|kind| (3..=24).contains(&kind.len())));
    }
}
