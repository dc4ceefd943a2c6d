//! APIs of the run: paths, models and requests.

use serde_json::{Value, json};
use tollgate_llm::Dialect;

/// API that calls are made to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Api {
    Chat,
    Completions,
    Responses,
    Messages,
    Gemini,
    Bedrock,
    /// InvokeModel of Bedrock, with a body of Anthropic.
    Invoke,
    Cohere,
    Ollama,
    Embeddings,
    Images,
    CountTokens,
}

/// Framing of the documents in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// One JSON document.
    Whole,
    /// Server-sent events.
    Events,
    /// Items of one JSON array.
    Array,
    /// One JSON document per line.
    Lines,
    /// Frames of Amazon's event stream.
    Frames,
}

/// Content of the body of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prompt {
    pub(crate) system: Option<String>,
    pub(crate) user: String,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) choices: Option<u64>,
    pub(crate) tools: Option<Value>,
    /// Number and dimensions of vectors.
    pub(crate) vectors: Option<(u64, u64)>,
}

/// `max_tokens` of requests to APIs that require it.
pub(crate) const DEFAULT_MAX_TOKENS: u64 = 1000;

/// APIs that generate text.
pub(crate) const TEXT: &[Api] = &[
    Api::Chat,
    Api::Completions,
    Api::Responses,
    Api::Messages,
    Api::Gemini,
    Api::Bedrock,
    Api::Invoke,
    Api::Cohere,
    Api::Ollama,
];

impl Api {
    /// Returns the name for reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Api::Chat => "chat",
            Api::Completions => "completions",
            Api::Responses => "Responses",
            Api::Messages => "Messages",
            Api::Gemini => "Gemini",
            Api::Bedrock => "Bedrock",
            Api::Invoke => "InvokeModel",
            Api::Cohere => "Cohere",
            Api::Ollama => "Ollama",
            Api::Embeddings => "embeddings",
            Api::Images => "images",
            Api::CountTokens => "token counting",
        }
    }

    /// Returns the models that are called, by their names in the table of prices.
    pub(crate) fn models(self) -> &'static [&'static str] {
        match self {
            Api::Chat => &["gpt-4o", "gpt-4o-mini", "llama-3.1-8b"],
            Api::Completions | Api::Ollama => &["llama-3.1-8b"],
            Api::Responses => &["gpt-4o", "gpt-4o-mini"],
            Api::Messages | Api::Bedrock | Api::Invoke | Api::CountTokens => &["claude-sonnet-4-5"],
            Api::Gemini => &["gemini-2.5-flash"],
            Api::Cohere => &["command-r"],
            Api::Embeddings => &["text-embedding-3-small"],
            Api::Images => &["gpt-image-1"],
        }
    }

    /// Returns the dialect of `core/llm`, by which prompts are counted.
    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Api::Chat => Dialect::OpenAiChat,
            Api::Completions => Dialect::OpenAiCompletions,
            Api::Responses => Dialect::OpenAiResponses,
            Api::Messages => Dialect::AnthropicMessages,
            Api::Gemini => Dialect::GeminiGenerate,
            Api::Bedrock => Dialect::BedrockConverse,
            Api::Invoke => Dialect::BedrockInvoke,
            Api::Cohere => Dialect::CohereChat,
            Api::Ollama => Dialect::OllamaChat,
            Api::Embeddings => Dialect::OpenAiEmbeddings,
            Api::Images => Dialect::OpenAiImages,
            Api::CountTokens => Dialect::AnthropicCountTokens,
        }
    }

    /// Returns `true` if the API reports tokens that were read from a cache.
    pub(crate) fn reports_cached(self) -> bool {
        matches!(self, Api::Chat | Api::Completions | Api::Responses | Api::Messages | Api::Gemini | Api::Bedrock)
    }

    /// Returns `true` if the API reports tokens that were written to a cache.
    pub(crate) fn reports_written(self) -> bool {
        matches!(self, Api::Messages | Api::Bedrock)
    }

    /// Returns `true` if the API reports tokens of reasoning.
    pub(crate) fn reports_reasoning(self) -> bool {
        matches!(self, Api::Chat | Api::Completions | Api::Responses | Api::Gemini)
    }

    /// Returns the path and query of a call, and the format of its response. Gemini streams as an `array` or as events.
    pub(crate) fn path(self, model: &str, streamed: bool, array: bool) -> (String, Format) {
        let events = if streamed { Format::Events } else { Format::Whole };
        match self {
            Api::Chat => ("/v1/chat/completions".into(), events),
            Api::Completions => ("/v1/completions".into(), events),
            Api::Responses => ("/v1/responses".into(), events),
            Api::Messages => ("/v1/messages".into(), events),
            Api::Gemini if !streamed => (format!("/v1beta/models/{model}:generateContent"), Format::Whole),
            Api::Gemini if array => (format!("/v1beta/models/{model}:streamGenerateContent"), Format::Array),
            Api::Gemini => (format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"), Format::Events),
            Api::Bedrock if streamed => (format!("/model/{model}/converse-stream"), Format::Frames),
            Api::Bedrock => (format!("/model/{model}/converse"), Format::Whole),
            Api::Invoke if streamed => (format!("/model/{model}/invoke-with-response-stream"), Format::Frames),
            Api::Invoke => (format!("/model/{model}/invoke"), Format::Whole),
            Api::Cohere => ("/v2/chat".into(), events),
            Api::Ollama if streamed => ("/api/chat".into(), Format::Lines),
            Api::Ollama => ("/api/chat".into(), Format::Whole),
            Api::Embeddings => ("/v1/embeddings".into(), Format::Whole),
            Api::Images => ("/v1/images/generations".into(), Format::Whole),
            Api::CountTokens => ("/v1/messages/count_tokens".into(), Format::Whole),
        }
    }

    /// Returns the number of events before the first delta of a text, for one choice and no reasoning.
    pub(crate) fn events_before_text(self) -> u64 {
        match self {
            Api::Chat | Api::Bedrock => 1,
            Api::Responses => 4,
            Api::Messages | Api::Invoke => 3,
            Api::Cohere => 2,
            _ => 0,
        }
    }

    /// Returns the body of a request.
    pub(crate) fn body(self, model: &str, prompt: &Prompt, streamed: bool) -> Value {
        let user = prompt.user.as_str();
        let system = prompt.system.as_deref();
        let roles = || {
            let system = system.map(|text| json!({"role": "system", "content": text}));
            system.into_iter().chain([json!({"role": "user", "content": user})]).collect::<Vec<_>>()
        };
        let mut body = match self {
            Api::Chat | Api::Cohere | Api::Ollama => json!({"model": model, "messages": roles(), "stream": streamed}),
            Api::Completions => json!({"model": model, "prompt": user, "stream": streamed}),
            Api::Responses => json!({"model": model, "input": user, "stream": streamed}),
            Api::Messages => json!({
                "model": model, "messages": [{"role": "user", "content": user}], "stream": streamed,
                "max_tokens": prompt.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS),
            }),
            Api::Invoke => json!({
                "anthropic_version": "bedrock-2023-05-31", "messages": [{"role": "user", "content": user}],
                "max_tokens": prompt.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS),
            }),
            Api::CountTokens => json!({"model": model, "messages": [{"role": "user", "content": user}]}),
            Api::Gemini => json!({"contents": [{"role": "user", "parts": [{"text": user}]}]}),
            Api::Bedrock => json!({"messages": [{"role": "user", "content": [{"text": user}]}]}),
            Api::Embeddings => {
                let (number, dimensions) = prompt.vectors.unwrap_or((1, 16));
                let inputs: Vec<String> = (0..number).map(|at| format!("{at} {user}")).collect();
                json!({"model": model, "input": inputs, "dimensions": dimensions})
            }
            Api::Images => json!({"model": model, "prompt": user}),
        };
        if let Some(text) = system {
            match self {
                Api::Responses => body["instructions"] = json!(text),
                Api::Messages | Api::Invoke => body["system"] = json!(text),
                Api::Gemini => body["systemInstruction"] = json!({"parts": [{"text": text}]}),
                Api::Bedrock => body["system"] = json!([{"text": text}]),
                _ => {}
            }
        }
        if let Some(max) = prompt.max_tokens {
            match self {
                Api::Chat | Api::Completions | Api::Cohere => body["max_tokens"] = json!(max),
                Api::Responses => body["max_output_tokens"] = json!(max),
                Api::Gemini => body["generationConfig"]["maxOutputTokens"] = json!(max),
                Api::Bedrock => body["inferenceConfig"] = json!({"maxTokens": max}),
                Api::Ollama => body["options"] = json!({"num_predict": max}),
                _ => {}
            }
        }
        if let Some(choices) = prompt.choices {
            match self {
                Api::Gemini => body["generationConfig"]["candidateCount"] = json!(choices),
                _ => body["n"] = json!(choices),
            }
        }
        if let Some(tools) = &prompt.tools {
            body["tools"] = tools.clone();
        }
        body
    }
}
