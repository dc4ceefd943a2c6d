//! Names of the members of usage objects.
//!
//! One table holds the names of all providers, because gateways and compatible servers mix them: an object in one
//! provider's shape often has members of another. Of several names of one number in an object the largest value counts;
//! servers send the same value under each, or zero under those that they do not fill in.
//!
//! Sources, by the abbreviations used below:
//! - OpenAI: API reference, `CompletionUsage`, `ResponseUsage`, "Create transcription"
//! - Anthropic: API reference, "Messages" (`usage`), "Prompt caching", "Compaction", "Advisor tool"
//! - Gemini: API reference, `UsageMetadata`; Vertex AI, `GenerateContentResponse`
//! - Bedrock: `TokenUsage`, `CacheDetail`, user guide "Inference request parameters and response fields" (one page by
//!   vendor), `amazon-bedrock-invocationMetrics`
//! - Cohere: API reference, `Usage`, `ApiMeta.billed_units` (versions 1 and 2)
//! - Ollama: API documentation, "Usage"
//! - llama.cpp: server documentation, `timings`
//! - OpenRouter: "Usage accounting"; LiteLLM: `Usage`; vLLM, SGLang, DeepSeek, Moonshot, Mistral, Perplexity, Voyage,
//!   Jina: their API references

/// Number in a usage object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    Input,
    ToolInput,
    /// Input tokens that were not in the cache, beside the cached ones.
    Uncached,
    Cached,
    CachedAudio,
    CachedImage,
    CacheWrite,
    CacheWrite5m,
    CacheWrite1h,
    AudioInput,
    ImageInput,
    VideoInput,
    Output,
    Reasoning,
    AudioOutput,
    ImageOutput,
    VideoOutput,
    Total,
    WebSearches,
    Citations,
    Pages,
    SearchUnits,
}

/// Meaning of a member.
#[derive(Clone, Copy, Debug)]
pub(super) enum Member {
    /// Number.
    Count(Count),
    /// Object with further members.
    Object(&'static [Entry]),
    /// Object whose numbers count where the outer object has none.
    Substitute,
    /// List of input token counts by modality.
    InputModalities,
    /// List of output token counts by modality.
    OutputModalities,
    /// List of cached token counts by modality.
    CachedModalities,
    /// List of token counts by modality of a part that has no price of its own.
    OtherModalities,
    /// List of cache writes by lifetime.
    CacheDetails,
    /// List of the usages of several iterations.
    Iterations,
    /// Duration of the input audio in seconds.
    Seconds,
    ServiceTier,
    /// Speed of the processing, which is priced like a service tier.
    Speed,
    /// Region in which the call was processed.
    Region,
    /// Value of an enumeration, which is not a text.
    Enumeration,
}

/// Member name and its meaning.
pub(super) type Entry = (&'static str, Member);

use Member::{
    CacheDetails, CachedModalities, Count as Is, Enumeration, InputModalities, Iterations, Object, OtherModalities,
    OutputModalities, Seconds, Substitute,
};

/// Members of a usage object, sorted.
pub(super) const USAGE: &[Entry] = &[
    ("billed_units", Object(USAGE_BILLED)),                 // Cohere
    ("cacheDetails", CacheDetails),                         // Bedrock Converse
    ("cacheReadInputTokenCount", Is(Count::Cached)),        // Bedrock Converse (first version), invocation metrics
    ("cacheReadInputTokens", Is(Count::Cached)),            // Bedrock Converse
    ("cacheTokensDetails", CachedModalities),               // Gemini
    ("cacheWriteInputTokenCount", Is(Count::CacheWrite)),   // Bedrock Converse (first version), invocation metrics
    ("cacheWriteInputTokens", Is(Count::CacheWrite)),       // Bedrock Converse
    ("cache_creation", Object(CACHE_CREATION)),             // Anthropic
    ("cache_creation_input_tokens", Is(Count::CacheWrite)), // Anthropic; LiteLLM beside OpenAI's members
    ("cache_n", Is(Count::Cached)),                         // llama.cpp
    ("cache_read_input_tokens", Is(Count::Cached)),         // Anthropic; LiteLLM beside OpenAI's members
    ("cache_read_tokens", Is(Count::Cached)),               // gateways
    ("cache_write_tokens", Is(Count::CacheWrite)),          // gateways
    ("cachedContentTokenCount", Is(Count::Cached)),         // Gemini
    ("cached_input_tokens", Is(Count::Cached)),             // gateways
    ("cached_prompt_tokens", Is(Count::Cached)),            // gateways
    ("cached_tokens", Is(Count::Cached)),                   // Moonshot, Cohere
    ("candidatesTokenCount", Is(Count::Output)),            // Gemini
    ("candidatesTokensDetails", OutputModalities),          // Gemini
    ("citation_tokens", Is(Count::Citations)),              // Perplexity
    ("completion_token_details", Object(OUTPUT_DETAILS)),   // gateways
    ("completion_tokens", Is(Count::Output)),               // OpenAI chat
    ("completion_tokens_details", Object(OUTPUT_DETAILS)),  // OpenAI chat
    ("eval_count", Is(Count::Output)),                      // Ollama
    ("generation_token_count", Is(Count::Output)),          // Bedrock: Meta
    ("image_tokens", Is(Count::ImageInput)),                // multimodal embeddings
    ("inference_geo", Member::Region),                      // Anthropic
    ("inputTextTokenCount", Is(Count::Input)),              // Bedrock: Amazon Titan
    ("inputTokenCount", Is(Count::Input)),                  // Bedrock, invocation metrics
    ("inputTokens", Is(Count::Input)),                      // Bedrock Converse
    ("input_token_count", Is(Count::Input)),                // gateways
    ("input_token_details", Object(INPUT_DETAILS)),         // OpenAI transcriptions, realtime
    ("input_tokens", Is(Count::Input)),                     // OpenAI Responses, Anthropic, Cohere
    ("input_tokens_details", Object(INPUT_DETAILS)),        // OpenAI Responses, images
    ("iterations", Iterations),                             // Anthropic
    ("num_cached_tokens", Is(Count::Cached)),               // vLLM, Mistral
    ("num_search_queries", Is(Count::WebSearches)),         // Perplexity
    ("num_sources_used", Is(Count::WebSearches)),           // xAI, "Live search"
    ("outputTokenCount", Is(Count::Output)),                // Bedrock, invocation metrics
    ("outputTokens", Is(Count::Output)),                    // Bedrock Converse
    ("output_token_count", Is(Count::Output)),              // gateways
    ("output_token_details", Object(OUTPUT_DETAILS)),       // OpenAI realtime
    ("output_tokens", Is(Count::Output)),                   // OpenAI Responses, Anthropic, Cohere
    ("output_tokens_details", Object(OUTPUT_DETAILS)),      // OpenAI Responses, images; Anthropic
    ("pages_processed", Is(Count::Pages)),                  // Mistral OCR
    ("predicted_n", Is(Count::Output)),                     // llama.cpp
    ("promptTokenCount", Is(Count::Input)),                 // Gemini
    ("promptTokensDetails", InputModalities),               // Gemini
    ("prompt_audio_seconds", Seconds),                      // Mistral
    ("prompt_cache_hit_tokens", Is(Count::Cached)),         // DeepSeek
    ("prompt_cache_miss_tokens", Is(Count::Uncached)),      // DeepSeek
    ("prompt_eval_cached_count", Is(Count::Cached)),        // Ollama
    ("prompt_eval_count", Is(Count::Input)),                // Ollama
    ("prompt_n", Is(Count::Input)),                         // llama.cpp
    ("prompt_token_count", Is(Count::Input)),               // Bedrock: Meta
    ("prompt_token_details", Object(INPUT_DETAILS)),        // Mistral
    ("prompt_tokens", Is(Count::Input)),                    // OpenAI chat
    ("prompt_tokens_details", Object(INPUT_DETAILS)),       // OpenAI chat
    ("reasoning_tokens", Is(Count::Reasoning)),             // SGLang, Perplexity
    ("search_context_size", Enumeration),                   // Perplexity
    ("search_units", Is(Count::SearchUnits)),               // Cohere (version 1, meta)
    ("seconds", Seconds),                                   // OpenAI transcriptions
    ("server_tool_use", Object(SERVER_TOOLS)),              // Anthropic
    ("server_tool_use_details", Object(SERVER_TOOLS)),      // OpenRouter
    ("service_tier", Member::ServiceTier),                  // Anthropic
    ("speed", Member::Speed),                               // Anthropic
    ("thinking_tokens", Is(Count::Reasoning)),              // gateways
    ("thoughtsTokenCount", Is(Count::Reasoning)),           // Gemini
    ("tokens", Substitute),                                 // Cohere
    ("toolUsePromptTokenCount", Is(Count::ToolInput)),      // Gemini
    ("toolUsePromptTokensDetails", OtherModalities),        // Gemini
    ("totalOutputTextTokenCount", Is(Count::Output)),       // Bedrock: Amazon Titan, streamed
    ("totalTokenCount", Is(Count::Total)),                  // Gemini
    ("totalTokens", Is(Count::Total)),                      // Bedrock Converse
    ("total_tokens", Is(Count::Total)),                     // OpenAI, Voyage, Jina
    ("trafficType", Member::ServiceTier),                   // Vertex AI
    ("type", Enumeration),                                  // OpenAI transcriptions
];

/// Billed units of Cohere, sorted.
const USAGE_BILLED: &[Entry] = &[
    ("image_tokens", Is(Count::ImageInput)),
    ("input_tokens", Is(Count::Input)),
    ("output_tokens", Is(Count::Output)),
    ("search_units", Is(Count::SearchUnits)),
];

/// Details of the input, sorted.
const INPUT_DETAILS: &[Entry] = &[
    ("audio_tokens", Is(Count::AudioInput)),                  // OpenAI
    ("cache_creation", Object(CACHE_CREATION)),               // gateways
    ("cache_creation_input_tokens", Is(Count::CacheWrite)),   // gateways
    ("cache_creation_token_details", Object(CACHE_CREATION)), // LiteLLM
    ("cache_creation_tokens", Is(Count::CacheWrite)),         // LiteLLM
    ("cache_read_input_tokens", Is(Count::Cached)),           // gateways
    ("cache_read_tokens", Is(Count::Cached)),                 // gateways
    ("cache_write_tokens", Is(Count::CacheWrite)),            // OpenAI, OpenRouter
    ("cached_creation_tokens", Is(Count::CacheWrite)),        // gateways
    ("cached_read_tokens", Is(Count::Cached)),                // Bifrost
    ("cached_tokens", Is(Count::Cached)),                     // OpenAI
    ("cached_tokens_details", Object(CACHED_DETAILS)),        // OpenAI realtime
    ("cached_write_tokens", Is(Count::CacheWrite)),           // Bifrost
    ("image_tokens", Is(Count::ImageInput)),                  // OpenAI images, xAI
    ("video_tokens", Is(Count::VideoInput)),                  // OpenRouter, LiteLLM
];

/// Details of the cached input, sorted.
const CACHED_DETAILS: &[Entry] = &[
    ("audio_tokens", Is(Count::CachedAudio)), // OpenAI realtime
    ("image_tokens", Is(Count::CachedImage)), // OpenAI realtime
];

/// Details of the output, sorted.
const OUTPUT_DETAILS: &[Entry] = &[
    ("audio_tokens", Is(Count::AudioOutput)),   // OpenAI
    ("image_tokens", Is(Count::ImageOutput)),   // OpenAI images, OpenRouter
    ("reasoning_tokens", Is(Count::Reasoning)), // OpenAI
    ("thinking_tokens", Is(Count::Reasoning)),  // Anthropic
    ("video_tokens", Is(Count::VideoOutput)),   // LiteLLM
];

/// Cache writes by lifetime, sorted.
const CACHE_CREATION: &[Entry] = &[
    ("ephemeral_1h_input_tokens", Is(Count::CacheWrite1h)), // Anthropic
    ("ephemeral_5m_input_tokens", Is(Count::CacheWrite5m)), // Anthropic
];

/// Calls of the provider's own tools, sorted.
const SERVER_TOOLS: &[Entry] = &[
    ("web_search_requests", Is(Count::WebSearches)), // Anthropic, OpenRouter
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        for table in [USAGE, USAGE_BILLED, INPUT_DETAILS, CACHED_DETAILS, OUTPUT_DETAILS, CACHE_CREATION, SERVER_TOOLS]
        {
            assert!(table.is_sorted_by(|(a, _), (b, _)| a < b), "{table:?}");
        }
    }
}
