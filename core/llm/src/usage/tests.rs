//! Shapes of usage, by provider: names, places and ways of counting.

use super::Usage;
use crate::{Chunk, Dialect, ParseLimits, Response, ServiceTier};

/// Parses a whole response and returns its usage.
fn usage_of(dialect: Dialect, body: &str) -> Usage {
    let response = Response::parse(dialect, body.as_bytes(), &ParseLimits::default());
    response.unwrap_or_else(|error| panic!("{error}: {body}")).usage.unwrap_or_else(|| panic!("no usage: {body}"))
}

/// Returns `[input, cached, cache_write, output, reasoning, total]`.
fn numbers(usage: &Usage) -> [u64; 6] {
    [usage.input, usage.cached, usage.cache_write(), usage.output, usage.reasoning, usage.total]
}

#[test]
fn chat_usage_is_read_in_every_spelling_and_place() {
    for (body, want) in [
        // Cache writes (OpenAI).
        (
            r#"{"usage":{"prompt_tokens":100,"completion_tokens":10,"total_tokens":110,"prompt_tokens_details":{"cached_tokens":10,"cache_write_tokens":80}}}"#,
            [100, 10, 80, 10, 0, 110],
        ),
        // Anthropic's names beside OpenAI's: the prompt includes the cache (LiteLLM).
        (
            r#"{"usage":{"prompt_tokens":100,"completion_tokens":10,"total_tokens":110,"cache_read_input_tokens":10,"cache_creation_input_tokens":80}}"#,
            [100, 10, 80, 10, 0, 110],
        ),
        // The total says that it does not.
        (
            r#"{"usage":{"prompt_tokens":10,"completion_tokens":10,"total_tokens":110,"cache_read_input_tokens":90,"cache_creation_input_tokens":0}}"#,
            [100, 90, 0, 10, 0, 110],
        ),
        // Lifetimes in the details (LiteLLM).
        (
            r#"{"usage":{"prompt_tokens":100,"completion_tokens":10,"prompt_tokens_details":{"cache_creation_token_details":{"ephemeral_5m_input_tokens":30,"ephemeral_1h_input_tokens":50}}}}"#,
            [100, 0, 80, 10, 0, 110],
        ),
        (r#"{"usage":{"prompt_tokens":100,"completion_tokens":10,"cached_tokens":90}}"#, [100, 90, 0, 10, 0, 110]),
        (r#"{"usage":{"prompt_tokens":100,"completion_tokens":10,"num_cached_tokens":90}}"#, [100, 90, 0, 10, 0, 110]),
        (
            r#"{"usage":{"prompt_cache_hit_tokens":90,"prompt_cache_miss_tokens":10,"completion_tokens":10}}"#,
            [100, 90, 0, 10, 0, 110],
        ),
        (
            r#"{"usage":{"prompt_tokens":100,"completion_tokens":10,"prompt_token_details":{"cached_tokens":90}}}"#,
            [100, 90, 0, 10, 0, 110],
        ),
        // Reasoning beside the completion (xAI), and beside the details (SGLang).
        (
            r#"{"usage":{"prompt_tokens":100,"completion_tokens":10,"total_tokens":150,"completion_tokens_details":{"reasoning_tokens":40}}}"#,
            [100, 0, 0, 50, 40, 150],
        ),
        (
            r#"{"usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,"reasoning_tokens":40}}"#,
            [100, 0, 0, 50, 40, 150],
        ),
        // Anthropic's and Responses' names on the chat path.
        (r#"{"usage":{"input_tokens":100,"output_tokens":10,"total_tokens":110}}"#, [100, 0, 0, 10, 0, 110]),
        // Other places.
        (
            r#"{"choices":[{"index":0,"usage":{"prompt_tokens":100,"completion_tokens":10,"cached_tokens":90}}]}"#,
            [100, 90, 0, 10, 0, 110],
        ),
        (r#"{"x_groq":{"id":"r","usage":{"prompt_tokens":100,"completion_tokens":10}}}"#, [100, 0, 0, 10, 0, 110]),
        (r#"{"timings":{"prompt_n":10,"cache_n":90,"predicted_n":10}}"#, [100, 90, 0, 10, 0, 110]),
        // The usage counts before the timings of the engine.
        (
            r#"{"timings":{"prompt_n":10,"cache_n":90,"predicted_n":9},"usage":{"prompt_tokens":101,"completion_tokens":8}}"#,
            [101, 0, 0, 8, 0, 109],
        ),
        // The escapes of a name are decoded.
        (r#"{"usage":{"prompt\u005ftokens":100,"completion_tokens":10}}"#, [100, 0, 0, 10, 0, 110]),
    ] {
        assert_eq!(numbers(&usage_of(Dialect::OpenAiChat, body)), want, "{body}");
    }
}

#[test]
fn usage_of_other_apis_is_read() {
    use Dialect::*;
    for (dialect, body, want) in [
        (
            OpenAiResponses,
            r#"{"usage":{"input_tokens":100,"output_tokens":10,"total_tokens":110,"input_tokens_details":{"cached_tokens":10,"cache_write_tokens":80},"output_tokens_details":{"reasoning_tokens":4}}}"#,
            [100, 10, 80, 10, 4, 110],
        ),
        (
            AnthropicMessages,
            r#"{"usage":{"input_tokens":20,"output_tokens":100,"output_tokens_details":{"thinking_tokens":70}}}"#,
            [20, 0, 0, 100, 70, 120],
        ),
        (
            AnthropicMessages,
            r#"{"usage":{"input_tokens":20,"output_tokens":1,"cache_read_input_tokens":null,"cache_creation":{"ephemeral_1h_input_tokens":50}}}"#,
            [70, 0, 50, 1, 0, 71],
        ),
        (
            GeminiGenerate,
            r#"{"usageMetadata":{"promptTokenCount":100,"candidatesTokenCount":10,"thoughtsTokenCount":5,"toolUsePromptTokenCount":7,"cachedContentTokenCount":90,"totalTokenCount":122}}"#,
            [107, 90, 0, 15, 5, 122],
        ),
        (
            BedrockConverse,
            r#"{"output":{},"usage":{"inputTokens":10,"outputTokens":5,"totalTokens":15,"cacheReadInputTokens":90,"cacheWriteInputTokens":3}}"#,
            [103, 90, 3, 5, 0, 108],
        ),
        (
            BedrockInvoke,
            r#"{"generation":"a","prompt_token_count":10,"generation_token_count":5}"#,
            [10, 0, 0, 5, 0, 15],
        ),
        (
            BedrockInvoke,
            r#"{"text":"a","meta":{"billed_units":{"input_tokens":10,"output_tokens":5}}}"#,
            [10, 0, 0, 5, 0, 15],
        ),
        (
            CohereChat,
            r#"{"message":{},"usage":{"billed_units":{"input_tokens":10,"output_tokens":5},"tokens":{"input_tokens":70,"output_tokens":6}}}"#,
            [10, 0, 0, 5, 0, 15],
        ),
        (CohereEmbed, r#"{"meta":{"billed_units":{"image_tokens":1000}}}"#, [1000, 0, 0, 0, 0, 1000]),
        (
            OllamaChat,
            r#"{"done":true,"prompt_eval_count":100,"prompt_eval_cached_count":90,"eval_count":5}"#,
            [100, 90, 0, 5, 0, 105],
        ),
        (OllamaEmbed, r#"{"embeddings":[[0.5]],"prompt_eval_count":8}"#, [8, 0, 0, 0, 0, 8]),
        (OpenAiEmbeddings, r#"{"usage":{"total_tokens":800}}"#, [800, 0, 0, 0, 0, 800]),
        (OpenAiEmbeddings, r#"{"usage":{"input_tokens":800,"total_tokens":800}}"#, [800, 0, 0, 0, 0, 800]),
        (
            OpenAiEmbeddings,
            r#"{"usage":{"text_tokens":3,"image_pixels":100000,"total_tokens":800}}"#,
            [800, 0, 0, 0, 0, 800],
        ),
        (GeminiEmbed, r#"{"usageMetadata":{"totalTokenCount":8}}"#, [8, 0, 0, 0, 0, 8]),
        (Rerank, r#"{"usage":{"total_tokens":9}}"#, [9, 0, 0, 0, 0, 9]),
    ] {
        assert_eq!(numbers(&usage_of(dialect, body)), want, "{body}");
    }
}

#[test]
fn modalities_and_other_units_are_read() {
    for (dialect, body, want) in [
        (
            Dialect::OpenAiChat,
            r#"{"usage":{"prompt_tokens":70,"completion_tokens":600,"prompt_tokens_details":{"audio_tokens":20,"image_tokens":30,"video_tokens":10},"completion_tokens_details":{"audio_tokens":500,"image_tokens":50}}}"#,
            Usage {
                input: 70,
                audio_input: 20,
                image_input: 30,
                video_input: 10,
                output: 600,
                audio_output: 500,
                image_output: 50,
                total: 670,
                ..Usage::default()
            },
        ),
        (
            Dialect::GeminiGenerate,
            r#"{"usageMetadata":{"promptTokenCount":100,"candidatesTokenCount":1000,"totalTokenCount":1100,"promptTokensDetails":[{"modality":"TEXT","tokenCount":10},{"modality":"VIDEO","tokenCount":80},{"modality":"AUDIO","tokenCount":10}],"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":1000}],"cacheTokensDetails":[{"modality":"AUDIO","tokenCount":5}]}}"#,
            Usage {
                input: 100,
                cached_audio: 5,
                video_input: 80,
                audio_input: 10,
                output: 1000,
                image_output: 1000,
                total: 1100,
                ..Usage::default()
            },
        ),
        (
            Dialect::OpenAiTranscriptions,
            r#"{"text":"a","usage":{"type":"duration","seconds":12.5}}"#,
            Usage { audio_input_ms: 12_500, ..Usage::default() },
        ),
        (
            Dialect::OpenAiTranscriptions,
            r#"{"text":"a","usage":{"type":"tokens","input_tokens":140,"input_token_details":{"text_tokens":0,"audio_tokens":140},"output_tokens":45,"total_tokens":185}}"#,
            Usage { input: 140, audio_input: 140, output: 45, total: 185, ..Usage::default() },
        ),
        (
            Dialect::AnthropicMessages,
            r#"{"usage":{"input_tokens":5,"output_tokens":6,"server_tool_use":{"web_search_requests":3}}}"#,
            Usage { input: 5, output: 6, web_searches: 3, total: 11, ..Usage::default() },
        ),
        (
            Dialect::OpenAiResponses,
            r#"{"tool_usage":{"image_gen":{"input_tokens":0},"web_search":{"num_requests":2}},"usage":{"input_tokens":5,"output_tokens":6}}"#,
            Usage { input: 5, output: 6, web_searches: 2, total: 11, ..Usage::default() },
        ),
        // Items that search, in place of a number; items that read a page are not billed.
        (
            Dialect::OpenAiResponses,
            r#"{"output":[{"type":"web_search_call","action":{"type":"search","query":"a"}},{"action":{"type":"open_page","url":"u"},"type":"web_search_call"},{"type":"web_search_call","action":{"type":"find_in_page"}},{"type":"web_search_call","status":"completed"},{"type":"computer_call","action":{"type":"click"}}],"usage":{"input_tokens":5,"output_tokens":6}}"#,
            Usage { input: 5, output: 6, web_searches: 2, total: 11, ..Usage::default() },
        ),
        (
            Dialect::OpenAiResponses,
            r#"{"output":[{"type":"web_search_call","action":{"type":"search"}}],"tool_usage":{"web_search":{"num_requests":3}},"usage":{"input_tokens":5,"output_tokens":6}}"#,
            Usage { input: 5, output: 6, web_searches: 3, total: 11, ..Usage::default() },
        ),
        (
            Dialect::GeminiGenerate,
            r#"{"candidates":[{"groundingMetadata":{"webSearchQueries":["a","b"]}},{"groundingMetadata":{"webSearchQueries":["c"]}}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":6}}"#,
            Usage { input: 5, output: 6, web_searches: 3, total: 11, ..Usage::default() },
        ),
        (
            Dialect::OpenAiChat,
            r#"{"choices":[{"message":{"content":"a","annotations":[{"type":"url_citation"},{"type":"url_citation"}]}}],"usage":{"prompt_tokens":5,"completion_tokens":6}}"#,
            Usage { input: 5, output: 6, web_searches: 1, total: 11, ..Usage::default() },
        ),
        (
            Dialect::OpenAiChat,
            r#"{"choices":[{"message":{"content":"a","annotations":[{"type":"file_citation"}]}}],"usage":{"prompt_tokens":5,"completion_tokens":6,"num_sources_used":4}}"#,
            Usage { input: 5, output: 6, web_searches: 4, total: 11, ..Usage::default() },
        ),
        (
            Dialect::OpenAiChat,
            r#"{"usage":{"prompt_tokens":7,"completion_tokens":35,"total_tokens":42,"citation_tokens":306,"num_search_queries":15}}"#,
            Usage { input: 7, output: 35, citations: 306, web_searches: 15, total: 42, ..Usage::default() },
        ),
        // The duration of Whisper's verbose format.
        (
            Dialect::OpenAiTranscriptions,
            r#"{"task":"transcribe","language":"english","duration":8.47,"text":"a"}"#,
            Usage { audio_input_ms: 8_470, ..Usage::default() },
        ),
        (
            Dialect::OpenAiTranscriptions,
            r#"{"duration":8.47,"text":"a","usage":{"type":"tokens","input_tokens":140,"output_tokens":45}}"#,
            Usage { input: 140, output: 45, total: 185, ..Usage::default() },
        ),
        // Cached tokens by modality.
        (
            Dialect::OpenAiChat,
            r#"{"usage":{"input_tokens":100,"output_tokens":6,"input_token_details":{"audio_tokens":60,"cached_tokens":50,"cached_tokens_details":{"text_tokens":10,"audio_tokens":40,"image_tokens":0}}}}"#,
            Usage {
                input: 100,
                cached: 50,
                cached_audio: 40,
                audio_input: 60,
                output: 6,
                total: 106,
                ..Usage::default()
            },
        ),
        // Each choice has its own usage.
        (
            Dialect::OpenAiChat,
            r#"{"choices":[{"index":0,"usage":{"prompt_tokens":10,"completion_tokens":3,"total_tokens":13}},{"index":1,"usage":{"prompt_tokens":10,"completion_tokens":1,"total_tokens":11}}]}"#,
            Usage { input: 10, output: 4, total: 14, ..Usage::default() },
        ),
        (
            Dialect::OpenAiChat,
            r#"{"choices":[{"index":0,"usage":{"prompt_tokens":10,"completion_tokens":3}},{"index":1,"usage":{"prompt_tokens":10,"completion_tokens":1}}],"usage":{"prompt_tokens":10,"completion_tokens":5}}"#,
            Usage { input: 10, output: 5, total: 15, ..Usage::default() },
        ),
        (
            Dialect::Rerank,
            r#"{"results":[],"meta":{"billed_units":{"search_units":2}}}"#,
            Usage { search_units: 2, ..Usage::default() },
        ),
    ] {
        assert_eq!(usage_of(dialect, body), want, "{body}");
    }
}

#[test]
fn iterations_are_summed() {
    for (usage, want, models) in [
        (
            r#"{"input_tokens":200,"output_tokens":10,"iterations":[{"type":"compaction","input_tokens":50000,"output_tokens":400},{"type":"message","input_tokens":200,"output_tokens":10}]}"#,
            [50_200, 0, 0, 410, 0, 50_610],
            vec![],
        ),
        (
            r#"{"input_tokens":180,"output_tokens":8,"iterations":[{"type":"compaction","input_tokens":100,"output_tokens":83,"cache_read_input_tokens":50000,"cache_creation_input_tokens":7,"cache_creation":{"ephemeral_1h_input_tokens":7}},{"type":"message","input_tokens":180,"output_tokens":8}]}"#,
            [50_287, 50_000, 7, 91, 0, 50_378],
            vec![],
        ),
        // An advisor is another model.
        (
            r#"{"input_tokens":2400,"output_tokens":120,"iterations":[{"type":"message","input_tokens":1150,"output_tokens":60},{"type":"advisor_message","model":"claude-opus-4-7","input_tokens":2500,"output_tokens":22},{"type":"message","input_tokens":1250,"output_tokens":60}]}"#,
            [4900, 0, 0, 142, 0, 5042],
            vec![("claude-opus-4-7", 2500)],
        ),
        // Several turns of a model are one entry, however its name is escaped.
        (
            r#"{"iterations":[{"type":"message","model":"own","input_tokens":1,"output_tokens":5},{"type":"message","model":"own","input_tokens":2,"output_tokens":5},{"type":"message","model":"own","input_tokens":3,"output_tokens":5},{"type":"message","model":"own","input_tokens":4,"output_tokens":5},{"type":"advisor_message","model":"b","input_tokens":10,"output_tokens":5},{"type":"message","model":"own","input_tokens":5,"output_tokens":5},{"type":"advisor_message","model":"\u0062","input_tokens":20,"output_tokens":5}]}"#,
            [45, 0, 0, 35, 0, 80],
            vec![("own", 15), ("b", 30)],
        ),
        // Further models than the maximum count as the response's own.
        (
            r#"{"iterations":[{"model":"a","input_tokens":1,"output_tokens":5},{"model":"b","input_tokens":2,"output_tokens":5},{"model":"c","input_tokens":3,"output_tokens":5},{"model":"d","input_tokens":4,"output_tokens":5},{"model":"e","input_tokens":10,"output_tokens":5},{"model":"d","input_tokens":5,"output_tokens":5}]}"#,
            [25, 0, 0, 30, 0, 55],
            vec![("a", 1), ("b", 2), ("c", 3), ("d", 9)],
        ),
        // The attempt that was declined is not billed, unless it had begun to answer.
        (
            r#"{"input_tokens":412,"output_tokens":264,"iterations":[{"type":"message","model":"a","input_tokens":408,"output_tokens":0},{"type":"fallback_message","model":"b","input_tokens":412,"output_tokens":264}]}"#,
            [412, 0, 0, 264, 0, 676],
            vec![("b", 412)],
        ),
        (
            r#"{"input_tokens":412,"output_tokens":264,"iterations":[{"type":"message","model":"a","input_tokens":408,"output_tokens":50},{"type":"fallback_message","model":"b","input_tokens":412,"output_tokens":264}]}"#,
            [820, 0, 0, 314, 0, 1134],
            vec![("a", 408), ("b", 412)],
        ),
        (
            r#"{"iterations":[{"type":"message","input_tokens":408,"output_tokens":1},{"type":"fallback_message","model":"b","input_tokens":412,"output_tokens":0},{"type":"fallback_message","model":"c","input_tokens":420,"output_tokens":9}]}"#,
            [420, 0, 0, 9, 0, 429],
            vec![("c", 420)],
        ),
        (
            r#"{"iterations":[{"type":"message","input_tokens":408,"output_tokens":0,"stop_reason":"refusal"},{"type":"message","input_tokens":420,"output_tokens":9}]}"#,
            [420, 0, 0, 9, 0, 429],
            vec![],
        ),
        // Unknown kinds count.
        (
            r#"{"input_tokens":1,"output_tokens":2,"iterations":[{"type":"new","input_tokens":10,"output_tokens":20},{"type":"message","input_tokens":1,"output_tokens":2}]}"#,
            [11, 0, 0, 22, 0, 33],
            vec![],
        ),
        // Without numbers, the usage itself counts.
        (r#"{"input_tokens":1,"output_tokens":2,"iterations":[]}"#, [1, 0, 0, 2, 0, 3], vec![]),
        (r#"{"input_tokens":1,"output_tokens":2,"iterations":null}"#, [1, 0, 0, 2, 0, 3], vec![]),
        (r#"{"input_tokens":1,"output_tokens":2,"iterations":[{"type":"message"}]}"#, [1, 0, 0, 2, 0, 3], vec![]),
    ] {
        let body = format!(r#"{{"type":"message","content":[],"usage":{usage}}}"#);
        let response = Response::parse(Dialect::AnthropicMessages, body.as_bytes(), &ParseLimits::default()).unwrap();
        assert_eq!(numbers(&response.usage.unwrap()), want, "{usage}");
        let by_model: Vec<(String, u64)> = response
            .by_model
            .iter()
            .map(|(model, usage)| (model.decode(body.as_bytes()).into_owned(), usage.input))
            .collect();
        let models: Vec<(String, u64)> = models.iter().map(|(model, input)| ((*model).to_owned(), *input)).collect();
        assert_eq!(by_model, models, "{usage}");
        assert!(response.texts.is_empty(), "{usage}");
    }
}

#[test]
fn service_tiers_are_read() {
    for (dialect, body, want) in [
        (Dialect::OpenAiChat, r#"{"service_tier":"flex"}"#, Some(ServiceTier::Flex)),
        (Dialect::OpenAiChat, r#"{"service_tier":null}"#, None),
        (Dialect::OpenAiResponses, r#"{"service_tier":"priority"}"#, Some(ServiceTier::Priority)),
        (Dialect::OpenAiResponses, r#"{"service_tier":"auto"}"#, None),
        (Dialect::AnthropicMessages, r#"{"usage":{"service_tier":"batch"}}"#, Some(ServiceTier::Batch)),
        (
            Dialect::AnthropicMessages,
            r#"{"usage":{"speed":"fast","service_tier":"standard"}}"#,
            Some(ServiceTier::Fast),
        ),
        (
            Dialect::AnthropicMessages,
            r#"{"usage":{"service_tier":"standard","speed":"fast"}}"#,
            Some(ServiceTier::Fast),
        ),
        (
            Dialect::AnthropicMessages,
            r#"{"usage":{"service_tier":"batch","speed":"standard"}}"#,
            Some(ServiceTier::Batch),
        ),
        (Dialect::GeminiGenerate, r#"{"usageMetadata":{"trafficType":"ON_DEMAND"}}"#, Some(ServiceTier::Default)),
        (Dialect::BedrockConverse, r#"{"serviceTier":{"type":"reserved"}}"#, Some(ServiceTier::Other)),
    ] {
        let response = Response::parse(dialect, body.as_bytes(), &ParseLimits::default()).unwrap();
        assert_eq!(response.service_tier, want, "{body}");
    }
}

#[test]
fn metrics_of_bedrock_fill_in_what_the_model_does_not_report() {
    let metrics =
        r#""amazon-bedrock-invocationMetrics":{"inputTokenCount":3,"outputTokenCount":2,"cacheReadInputTokenCount":4}"#;
    for (event, want) in [
        (format!(r#"{{"type":"message_stop",{metrics}}}"#), [7, 4, 0, 2, 0, 9]),
        (format!(r#"{{"choices":[],{metrics}}}"#), [7, 4, 0, 2, 0, 9]),
        (format!(r#"{{"outputText":"a",{metrics},"inputTextTokenCount":5}}"#), [5, 0, 0, 2, 0, 7]),
    ] {
        let chunk = Chunk::parse(Dialect::BedrockInvoke, event.as_bytes(), &ParseLimits::default()).unwrap().unwrap();
        assert_eq!(numbers(&chunk.usage.unwrap().usage()), want, "{event}");
    }
}

#[test]
fn unknown_strings_in_a_usage_are_texts_and_known_values_are_not() {
    let body = r#"{"usage":{"prompt_tokens":1,"type":"tokens","note":"n","prompt_tokens_details":{"k":["v"]}}}"#;
    let response = Response::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
    let texts: Vec<_> = response.texts.iter().map(|text| text.str.decode(body.as_bytes())).collect();
    assert_eq!(texts, ["note", "n", "k", "v"]);
}

#[test]
fn quoted_numbers_are_numbers() {
    for (usage, want, texts) in [
        (
            r#"{"prompt_tokens":"1000","completion_tokens":"200","total_tokens":"1200","prompt_tokens_details":{"cached_tokens":"300"}}"#,
            [1000, 300, 0, 200, 0, 1200],
            vec![],
        ),
        (r#"{"prompt_tokens":"10.0","completion_tokens":2}"#, [10, 0, 0, 2, 0, 12], vec![]),
        // Other strings are texts.
        (
            r#"{"prompt_tokens":10,"completion_tokens":"two","total_tokens":"12","cached_tokens":"","reasoning_tokens":".0"}"#,
            [10, 0, 0, 2, 0, 12],
            vec!["two", ".0"],
        ),
        (
            r#"{"prompt_tokens":"-10","completion_tokens":2,"cached_tokens":"1 0"}"#,
            [0, 0, 0, 2, 0, 2],
            vec!["-10", "1 0"],
        ),
    ] {
        let body = format!(r#"{{"usage":{usage}}}"#);
        let response = Response::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
        assert_eq!(numbers(&response.usage.unwrap()), want, "{usage}");
        let found: Vec<_> = response.texts.iter().map(|text| text.str.decode(body.as_bytes())).collect();
        assert_eq!(found.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>(), texts, "{usage}");
    }
}

#[test]
fn errors_in_a_choice_are_errors() {
    for (choice, want) in [
        (r#"{"finish_reason":"error","message":{"content":""}}"#, true),
        (r#"{"error":{"code":502},"message":{"content":""}}"#, true),
        (r#"{"error":null,"finish_reason":"stop"}"#, false),
    ] {
        let body = format!(r#"{{"choices":[{choice}]}}"#);
        let response = Response::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
        assert_eq!(response.is_error, want, "{choice}");
    }
}
