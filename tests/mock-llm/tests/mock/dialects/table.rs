//! Table of the dialects, with the positions of the same output in each.

use serde_json::{Value, json};

/// Endpoint with a request body and the JSON pointers of its response.
pub(crate) struct Dialect {
    pub(crate) path: &'static str,
    /// Builds the body of a request from a prompt.
    pub(crate) body: fn(&str) -> Value,
    /// Pointer of the text.
    pub(crate) text: &'static str,
    /// Pointer and value of the finish reason.
    pub(crate) finish: (&'static str, &'static str),
    /// Pointers and values of the usage, with the knob `usage` at `100,20,30,5,7`.
    pub(crate) usage: &'static [(&'static str, u64)],
    /// Pointer and value of the error type of a 429.
    pub(crate) error: (&'static str, &'static str),
    pub(crate) stream: Option<Streamed>,
}

/// The same endpoint, streamed.
pub(crate) struct Streamed {
    pub(crate) path: &'static str,
    /// Members added to the body.
    pub(crate) members: fn() -> Value,
    pub(crate) media: &'static str,
    /// Pointer of a delta in the data of an event.
    pub(crate) delta: &'static str,
    /// Pointer and value in the data of the event that ends a failing stream.
    pub(crate) failed: (&'static str, &'static str),
}

pub(crate) fn messages(prompt: &str) -> Value {
    json!({"model": "m", "max_tokens": 1000, "messages": [{"role": "user", "content": prompt}]})
}

pub(crate) fn responses(prompt: &str) -> Value {
    json!({"model": "m", "input": [{"role": "user", "content": [{"type": "input_text", "text": prompt}]}]})
}

pub(crate) fn contents(prompt: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": prompt}]}]})
}

pub(crate) fn converse(prompt: &str) -> Value {
    json!({"messages": [{"role": "user", "content": [{"text": prompt}]}]})
}

pub(crate) fn prompt(prompt: &str) -> Value {
    json!({"model": "m", "prompt": prompt, "stream": false})
}

pub(crate) fn ollama(prompt: &str) -> Value {
    json!({"model": "m", "stream": false, "messages": [{"role": "user", "content": prompt}]})
}

pub(crate) fn stream() -> Value {
    json!({"stream": true})
}

pub(crate) fn nothing() -> Value {
    json!({})
}

pub(crate) const SSE: &str = "text/event-stream; charset=utf-8";
pub(crate) const FRAMES: &str = "application/vnd.amazon.eventstream";
pub(crate) const LINES: &str = "application/x-ndjson";
const OPENAI_ERROR: (&str, &str) = ("/error/type", "requests");

pub(crate) const DIALECTS: &[Dialect] = &[
    Dialect {
        path: "/v1/chat/completions",
        body: messages,
        text: "/choices/0/message/content",
        finish: ("/choices/0/finish_reason", "stop"),
        usage: &[("/usage/prompt_tokens", 100), ("/usage/completion_tokens", 20)],
        error: OPENAI_ERROR,
        stream: Some(Streamed {
            path: "/v1/chat/completions",
            members: stream,
            media: SSE,
            delta: "/choices/0/delta/content",
            failed: ("/error/type", "server_error"),
        }),
    },
    Dialect {
        path: "/v1/completions",
        body: prompt,
        text: "/choices/0/text",
        finish: ("/choices/0/finish_reason", "stop"),
        usage: &[("/usage/prompt_tokens", 100), ("/usage/prompt_tokens_details/cached_tokens", 30)],
        error: OPENAI_ERROR,
        stream: Some(Streamed {
            path: "/v1/completions",
            members: stream,
            media: SSE,
            delta: "/choices/0/text",
            failed: ("/error/type", "server_error"),
        }),
    },
    Dialect {
        path: "/v1/responses",
        body: responses,
        text: "/output/0/content/0/text",
        finish: ("/status", "completed"),
        usage: &[
            ("/usage/input_tokens", 100),
            ("/usage/input_tokens_details/cached_tokens", 30),
            ("/usage/output_tokens_details/reasoning_tokens", 5),
            ("/usage/total_tokens", 120),
        ],
        error: OPENAI_ERROR,
        stream: Some(Streamed {
            path: "/v1/responses",
            members: stream,
            media: SSE,
            delta: "/delta",
            failed: ("/type", "response.failed"),
        }),
    },
    Dialect {
        path: "/v1/messages",
        body: messages,
        text: "/content/0/text",
        finish: ("/stop_reason", "end_turn"),
        usage: &[
            ("/usage/input_tokens", 63),
            ("/usage/cache_read_input_tokens", 30),
            ("/usage/cache_creation_input_tokens", 7),
            ("/usage/cache_creation/ephemeral_5m_input_tokens", 7),
            ("/usage/output_tokens", 20),
        ],
        error: ("/error/type", "rate_limit_error"),
        stream: Some(Streamed {
            path: "/v1/messages",
            members: stream,
            media: SSE,
            delta: "/delta/text",
            failed: ("/error/type", "api_error"),
        }),
    },
    Dialect {
        path: "/v1/projects/p/locations/l/publishers/anthropic/models/m:rawPredict",
        body: messages,
        text: "/content/0/text",
        finish: ("/stop_reason", "end_turn"),
        usage: &[("/usage/input_tokens", 63)],
        error: ("/error/type", "rate_limit_error"),
        stream: Some(Streamed {
            path: "/v1/projects/p/locations/l/publishers/anthropic/models/m:streamRawPredict",
            members: nothing,
            media: SSE,
            delta: "/delta/text",
            failed: ("/error/type", "api_error"),
        }),
    },
    Dialect {
        path: "/v1beta/models/m:generateContent",
        body: contents,
        text: "/candidates/0/content/parts/0/text",
        finish: ("/candidates/0/finishReason", "STOP"),
        usage: &[
            ("/usageMetadata/promptTokenCount", 100),
            ("/usageMetadata/candidatesTokenCount", 15),
            ("/usageMetadata/thoughtsTokenCount", 5),
            ("/usageMetadata/cachedContentTokenCount", 30),
            ("/usageMetadata/totalTokenCount", 120),
        ],
        error: ("/error/status", "RESOURCE_EXHAUSTED"),
        stream: Some(Streamed {
            path: "/v1beta/models/m:streamGenerateContent?key=k&alt=sse",
            members: nothing,
            media: SSE,
            delta: "/candidates/0/content/parts/0/text",
            failed: ("/error/status", "INTERNAL"),
        }),
    },
    Dialect {
        path: "/v1beta/models/m:generateContent",
        body: contents,
        text: "/candidates/0/content/parts/0/text",
        finish: ("/candidates/0/finishReason", "STOP"),
        usage: &[],
        error: ("/error/status", "RESOURCE_EXHAUSTED"),
        stream: Some(Streamed {
            path: "/v1beta/models/m:streamGenerateContent",
            members: nothing,
            media: "application/json",
            delta: "/candidates/0/content/parts/0/text",
            failed: ("/error/status", "INTERNAL"),
        }),
    },
    Dialect {
        path: "/model/anthropic.m-v1%3A0/converse",
        body: converse,
        text: "/output/message/content/0/text",
        finish: ("/stopReason", "end_turn"),
        usage: &[
            ("/usage/inputTokens", 63),
            ("/usage/outputTokens", 20),
            ("/usage/totalTokens", 120),
            ("/usage/cacheReadInputTokens", 30),
            ("/usage/cacheWriteInputTokens", 7),
        ],
        error: ("/message", "Rate limit reached. Please try again later."),
        stream: Some(Streamed {
            path: "/model/anthropic.m-v1%3A0/converse-stream",
            members: nothing,
            media: FRAMES,
            delta: "/delta/text",
            failed: ("/:exception-type", "internalServerException"),
        }),
    },
    Dialect {
        path: "/model/anthropic.m/invoke",
        body: messages,
        text: "/content/0/text",
        finish: ("/stop_reason", "end_turn"),
        usage: &[("/usage/input_tokens", 63)],
        error: ("/message", "Rate limit reached. Please try again later."),
        stream: Some(Streamed {
            path: "/model/anthropic.m/invoke-with-response-stream",
            members: nothing,
            media: FRAMES,
            delta: "/delta/text",
            failed: ("/:exception-type", "internalServerException"),
        }),
    },
    Dialect {
        path: "/model/meta.m/invoke",
        body: prompt,
        text: "/generation",
        finish: ("/stop_reason", "stop"),
        usage: &[("/prompt_token_count", 100), ("/generation_token_count", 20)],
        error: ("/message", "Rate limit reached. Please try again later."),
        stream: Some(Streamed {
            path: "/model/meta.m/invoke-with-response-stream",
            members: nothing,
            media: FRAMES,
            delta: "/generation",
            failed: ("/:exception-type", "internalServerException"),
        }),
    },
    Dialect {
        path: "/v2/chat",
        body: messages,
        text: "/message/content/0/text",
        finish: ("/finish_reason", "COMPLETE"),
        usage: &[("/usage/tokens/input_tokens", 100), ("/usage/tokens/output_tokens", 20)],
        error: ("/message", "Rate limit reached. Please try again later."),
        stream: Some(Streamed {
            path: "/v2/chat",
            members: stream,
            media: SSE,
            delta: "/delta/message/content/text",
            failed: ("/delta/finish_reason", "ERROR"),
        }),
    },
    Dialect {
        path: "/api/chat",
        body: ollama,
        text: "/message/content",
        finish: ("/done_reason", "stop"),
        usage: &[("/prompt_eval_count", 100), ("/eval_count", 20)],
        error: ("/error", "Rate limit reached. Please try again later."),
        stream: Some(Streamed {
            path: "/api/chat",
            // Ollama streams by default.
            members: || json!({"stream": null}),
            media: LINES,
            delta: "/message/content",
            failed: ("/error", "The server had an error while processing your request. Sorry about that!"),
        }),
    },
    Dialect {
        path: "/api/generate",
        body: prompt,
        text: "/response",
        finish: ("/done_reason", "stop"),
        usage: &[("/prompt_eval_count", 100), ("/eval_count", 20)],
        error: ("/error", "Rate limit reached. Please try again later."),
        stream: Some(Streamed {
            path: "/api/generate",
            members: || json!({"stream": null}),
            media: LINES,
            delta: "/response",
            failed: ("/error", "The server had an error while processing your request. Sorry about that!"),
        }),
    },
];
