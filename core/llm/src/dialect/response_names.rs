//! Member names of responses that the APIs define, and those of compatible servers, which mix the members of several APIs.
//!
//! Together with the [names of requests](super::known_names), which responses repeat, they tell constants from what a model or
//! an upstream may have written into the name of a member.

use super::known_names;
use crate::Str;

/// Member names, sorted.
#[rustfmt::skip]
static NAMES: &[&str] = &[
    "accepted_prediction_tokens", "acknowledged_safety_checks", "action", "actionReason", "additionalModelResponseFields",
    "amazon-bedrock-guardrailAction", "amazon-bedrock-invocationMetrics", "amazon-bedrock-trace", "annotation",
    "annotation_index", "annotations", "api_version", "applied_edits", "approval_request_id", "approve", "archived_at", "args",
    "arguments", "attributes", "audio", "audio_tokens", "avgLogprobs", "avg_logprob", "b64_json", "background", "base64",
    "best_of_sequences", "billableCharacterCount", "billablePromptCharacterCount", "billed_units", "billing", "binary",
    "blockReason", "blockReasonMessage", "blocked", "boolValue", "bytes", "bytesBase64Encoded", "cache", "cacheDetails",
    "cacheReadInputTokenCount", "cacheReadInputTokens", "cacheTokensDetails", "cacheWriteInputTokenCount",
    "cacheWriteInputTokens", "cache_creation", "cache_creation_input_tokens", "cache_n", "cache_read_input_tokens",
    "cache_write_tokens", "cachedContentTokenCount", "cached_tokens", "call_id", "caller", "cancel_initiated_at",
    "cancelled_at", "candidates", "candidatesTokenCount", "candidatesTokensDetails", "categories", "category",
    "category_applied_input_types", "category_scores", "chat_history", "choices", "chosenCandidates", "citation",
    "citationMetadata", "citationSources", "citations", "citationsContent", "cited_text", "classifications",
    "cleared_input_tokens", "cleared_thinking_turns", "cleared_tool_uses", "code", "codeExecutionResult", "commands",
    "commentary", "completed", "completed_at", "completionReason", "completion_time", "completion_tokens",
    "completion_tokens_details", "completion_window", "compression_ratio", "confidenceScores", "container", "container_id",
    "content", "contentBlockIndex", "contentPolicy", "content_block", "content_filter_offsets", "content_filter_result",
    "content_filter_results", "content_filters", "content_index", "context", "context_management", "contextualGroundingPolicy",
    "conversation", "cost", "cost_details", "createTime", "created", "created_at", "custom_blocklists", "custom_id", "data",
    "date", "debug", "decoded_token", "deleted", "delta", "deployedModelId", "details", "detected", "diff", "documentChar",
    "documentChunk", "documentIndex", "documentPage", "document_index", "document_title", "documents", "domain", "done",
    "done_reason", "draft_n", "draft_n_accepted", "duration", "echo", "effort", "embedding", "embeddings", "encrypted_content",
    "encrypted_index", "end", "endIndex", "end_block_index", "end_char_index", "end_index", "end_page_number", "ended_at",
    "endpoint", "ephemeral_1h_input_tokens", "ephemeral_5m_input_tokens", "error", "error_code", "error_file_id", "errors",
    "eval_count", "eval_duration", "event", "event_type", "executableCode", "executed_tools", "exit_code", "expired_at",
    "expires_at", "failed", "failed_at", "field", "fieldViolations", "fileData", "fileUri", "file_id", "file_type", "filename",
    "filtered", "finalizing_at", "finish", "finishMessage", "finishReason", "finish_reason", "firstByteLatency", "first_id",
    "flagged", "float", "format", "frequency_penalty", "function", "functionCall", "generate_reasoning_summary",
    "generated_text", "generated_tokens", "generation", "generation_id", "generation_settings", "generation_token_count",
    "generations", "googleMapsWidgetContextToken", "googleSearchDynamicRetrievalScore", "groundingAttributions",
    "groundingChunkIndices", "groundingChunks", "groundingMetadata", "groundingSupports", "guarded", "guardrail",
    "guardrailCoverage", "guardrailProcessingLatency", "guardrails", "harassment", "harassment/threatening", "has_more",
    "has_new_line", "hate", "hate/threatening", "hidden_states", "id", "id_slot", "illicit", "illicit/violent",
    "imageSearchQueries", "image_gen", "image_tokens", "images", "in_progress_at", "incomplete_details", "index",
    "inference_geo", "inlineData", "input", "inputAssessment", "inputTextTokenCount", "inputTokenCount", "inputTokens",
    "input_file_id", "input_token_details", "input_tokens", "input_tokens_cost", "input_tokens_details", "instructions", "int8",
    "invocationLatency", "invocationMetrics", "invokedModelId", "is_byok", "is_deprecated", "is_error", "is_experimental",
    "is_file_update", "is_finished", "is_search_required", "item", "item_id", "iterations", "jailbreak", "jsonPath",
    "kv_transfer_params", "language", "last_id", "last_updated", "latency", "latencyMs", "license", "lines", "load_duration",
    "locale", "localizedMessage", "location", "logProbability", "logprob", "logprobs", "logprobsResult", "logs", "maps",
    "matched_stop", "max_model_len", "max_output_tokens", "max_tool_calls", "message", "message_start", "meta", "metadata",
    "metrics", "mimeType", "modality", "model", "modelDisplayName", "modelOutput", "modelStage", "modelStatus", "modelVersion",
    "modelVersionId", "model_id", "moderation", "moderation_details", "msg", "name", "native_finish_reason", "new_lines",
    "new_start", "no_speech_prob", "nullValue", "num_cached_tokens", "num_lines", "num_search_queries", "num_sources_used",
    "numberValue", "nvext", "obfuscation", "object", "object_type", "old_lines", "old_start", "operation", "originalMessage",
    "originalStatusCode", "original_input_tokens", "outcome", "output", "outputAssessment", "outputAssessments", "outputText",
    "outputTokenCount", "outputTokens", "output_file_id", "output_format", "output_index", "output_text",
    "output_token_details", "output_tokens", "output_tokens_cost", "output_tokens_details", "outputs", "overwrittenThreshold",
    "owned_by", "p", "page_age", "parallel_tool_calls", "param", "parent", "part", "partIndex", "partialArgs",
    "partial_image_b64", "partial_image_index", "partial_json", "parts", "path", "payer", "pending_safety_checks",
    "performanceConfig", "permission", "phase", "placeAnswerSources", "placeId", "predicted_ms", "predicted_n",
    "predicted_per_second", "predicted_per_token_ms", "predictions", "prefill", "presence_penalty", "previous_response_id",
    "probability", "probabilityScore", "processed", "processing_status", "profanity", "prompt", "promptFeedback",
    "promptRouter", "promptTokenCount", "promptTokensDetails", "prompt_cache_hit_tokens", "prompt_cache_key",
    "prompt_cache_miss_tokens", "prompt_cache_retention", "prompt_eval_cached_count", "prompt_eval_count",
    "prompt_eval_duration", "prompt_filter_results", "prompt_index", "prompt_logprobs", "prompt_ms", "prompt_n",
    "prompt_per_second", "prompt_per_token_ms", "prompt_progress", "prompt_time", "prompt_token_count", "prompt_token_ids",
    "prompt_tokens", "prompt_tokens_details", "protected_material_code", "protected_material_text", "provider",
    "provider_specific_fields", "publicationDate", "quality", "queries", "query", "queue_time", "raiFilteredCount",
    "raiFilteredReason", "rank", "reason", "reasoning", "reasoningContent", "reasoningText", "reasoning_content",
    "reasoning_details", "reasoning_tokens", "redactedContent", "refusal", "rejected_prediction_tokens", "relevance_score",
    "remote_block_ids", "remote_host", "remote_model", "renderedContent", "request_cost", "request_counts", "request_id",
    "response", "responseId", "responseTokenCount", "responseTokensDetails", "response_id", "response_type", "result",
    "results", "results_url", "retrievalMetadata", "retrievalQueries", "retrievedContext", "retrievedUrl", "retrieved_at",
    "return_code", "reviewSnippets", "revised_prompt", "role", "root", "routed_experts", "safety", "safetyAttributes",
    "safetyRatings", "safety_identifier", "sampleCount", "score", "scores", "sdkBlob", "searchEntryPoint", "search_context",
    "search_context_size", "search_queries", "search_result_index", "search_results", "search_units", "seconds", "seed", "seek",
    "segment", "segments", "self-harm", "self-harm/instructions", "self-harm/intent", "self_harm", "sensitiveInformationPolicy",
    "sequence_number", "server_label", "server_tool_use", "server_url", "serviceTier", "service_tier", "severity",
    "severityScore", "sexual", "sexual/minors", "sglext", "signature", "size", "skill_id", "skills", "slot_id", "snippet",
    "source", "sourceContent", "sources", "speaker", "special", "speed", "start", "startIndex", "start_block_index",
    "start_char_index", "start_index", "start_line", "start_page_number", "statistics", "status", "stderr", "stdout", "stop",
    "stopReason", "stop_details", "stop_reason", "stop_sequence", "stop_type", "stopping_word", "store", "stringValue",
    "summary", "summary_index", "system_fingerprint", "task", "temperature", "text", "textCharacters", "text_content",
    "text_offset", "text_tokens", "thinking", "thinking_blocks", "thinking_tokens", "thought", "thoughtSignature",
    "thoughtsTokenCount", "time_ms", "timing", "timings", "title", "token", "tokenCount", "tokenId", "tokenMetadata",
    "token_count", "token_ids", "token_logprobs", "token_usage", "tokens", "tokens_cached", "tokens_evaluated",
    "tokens_predicted", "toolUse", "toolUseId", "toolUsePromptTokenCount", "toolUsePromptTokens", "toolUsePromptTokensDetails",
    "tool_call_delta", "tool_calls", "tool_choice", "tool_name", "tool_plan", "tool_references", "tool_usage", "tool_use_id",
    "tools", "topCandidates", "top_logprobs", "top_p", "top_tokens", "topicPolicy", "total", "totalBillableCharacters",
    "totalOutputTextTokenCount", "totalTokenCount", "totalTokens", "total_cost", "total_duration", "total_lines", "total_time",
    "total_tokens", "trace", "trafficType", "transcript", "truncated", "truncation", "ttl", "type", "ubinary", "uint8",
    "upstream_inference_completions_cost", "upstream_inference_cost", "upstream_inference_prompt_cost", "uri", "url",
    "urlContextMetadata", "urlMetadata", "urlRetrievalStatus", "url_citation", "usage", "usageMetadata", "usage_breakdown",
    "usage_metadata", "user", "values", "verbosity", "version", "videoMetadata", "video_tokens", "violence", "violence/graphic",
    "warning", "warnings", "web", "webSearchQueries", "web_fetch_requests", "web_search_requests", "weight_version",
    "willContinue", "word", "wordPolicy", "words", "worker_id", "x_groq",
];

/// Returns `true` if an API defines this name for a member of its responses or requests, or if it is the number of an entry: servers
/// list log probabilities by the id of the token.
pub(crate) fn is_known(body: &[u8], name: Str) -> bool {
    let raw = name.span.of(body);
    let is_index = (1..=MAX_DIGITS).contains(&raw.len()) && raw.iter().all(u8::is_ascii_digit);
    is_index || known_names::is_listed(NAMES, body, name) || known_names::is_key(body, name)
}

/// Most digits of a name that is a number: fewer than those of what rules look for.
const MAX_DIGITS: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    #[test]
    fn names_are_sorted() {
        assert!(NAMES.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn known_names_and_small_numbers_are_no_texts() {
        for (name, want) in [
            ("choices", true),
            ("ch\\u006fices", true),
            ("0", true),
            ("1234567", true),
            ("12345678", false),
            ("123456789012", false),
            ("12a", false),
            ("", false),
        ] {
            let str = Str { span: Span::new(0, name.len()), escaped: name.contains('\\') };
            assert_eq!(is_known(name.as_bytes(), str), want, "{name}");
        }
    }
}
