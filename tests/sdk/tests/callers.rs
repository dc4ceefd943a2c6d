//! Functions of SDKs that call a model, with the names that each SDK uses for the same things.

use Language::{Frameworks, Llama, Node, Python};
use serde_json::{Value, json};

/// Client in `clients/`, one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    Python,
    /// Python with frameworks that take seconds to import: a process of their own.
    Frameworks,
    /// Python with llama-index, which needs another version of `openai`.
    Llama,
    Node,
}

/// Function of an SDK that returns a text.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Function of the client in `clients/`.
    pub call: &'static str,
    pub language: Language,
    pub model: &'static str,
    /// Dialect, by the gateway's name.
    pub dialect: &'static str,
    /// Finish reasons of a text and of a tool call; the second is empty if the function has no tools.
    pub finish: [&'static str; 2],
    /// `true` if the SDK exposes reasoning text.
    pub thinks: bool,
    /// Input, output, cached and reasoning tokens that the SDK reports for [`USAGE`].
    pub usage: [u64; 4],
    /// The same in the gateway's access log, where input includes cached tokens and output includes reasoning.
    pub logged: [u64; 4],
    /// Types of the errors that it raises for the statuses 429 and 400, and the error type in the body of the first.
    pub errors: [&'static str; 3],
    /// `true` if its error exposes the headers of the response.
    pub shows_headers: bool,
    /// Types of the errors for a stream that breaks off, and for one that ends with an error event of the server.
    pub broken: [&'static str; 2],
}

/// Usage that the mock reports: input, output, cached, reasoning and cache-write tokens.
pub const USAGE: &str = "100,20,30,5,7";

const OPENAI: [&str; 3] = ["RateLimitError", "BadRequestError", "requests"];
const AI: &str = "AI_APICallError";
const OLLAMA: &str = "ResponseError";
/// Error for a broken connection of SDKs without an error type of their own for it.
const READ: &str = "ReadError";
/// Inference profile of a model, and one of an application, whose name says nothing of the model.
pub const PROFILE: &str =
    "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-opus-4-5-20251101-v1:0";
pub const APPLICATION_PROFILE: &str =
    "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/a1b2c3d4e5f6";
/// Marks an error event that the `ai` package passes through unchanged.
const EVENT: &str = "an event";

/// Functions of boto3, which differ in the API and in the form of the model's id.
const BEDROCK: Caller = Caller {
    call: "",
    language: Python,
    model: "anthropic.claude-opus-4-5-20251101-v1:0",
    dialect: "bedrock.converse",
    finish: ["end_turn", "tool_use"],
    thinks: true,
    usage: [63, 20, 30, 0],
    logged: [100, 20, 30, 0],
    errors: ["ThrottlingException", "ValidationException", "ThrottlingException"],
    shows_headers: true,
    broken: ["ProtocolError", "EventStreamError"],
};

/// All functions that return a text.
pub const CALLERS: &[Caller] = &[
    Caller {
        call: "openai_chat",
        language: Python,
        model: "gpt-4o",
        dialect: "openai.chat",
        finish: ["stop", "tool_calls"],
        thinks: false,
        usage: [100, 20, 30, 5],
        logged: [100, 20, 30, 5],
        errors: OPENAI,
        shows_headers: true,
        broken: ["APIConnectionError", "APIError"],
    },
    Caller {
        call: "azure_chat",
        language: Python,
        model: "gpt-4o",
        dialect: "openai.chat",
        finish: ["stop", "tool_calls"],
        thinks: false,
        usage: [100, 20, 30, 5],
        logged: [100, 20, 30, 5],
        errors: OPENAI,
        shows_headers: true,
        broken: ["APIConnectionError", "APIError"],
    },
    Caller {
        call: "openai_responses",
        language: Python,
        model: "gpt-4o",
        dialect: "openai.responses",
        finish: ["completed", "completed"],
        thinks: false,
        usage: [100, 20, 30, 5],
        logged: [100, 20, 30, 5],
        errors: OPENAI,
        shows_headers: true,
        broken: ["APIConnectionError", "response.failed"],
    },
    Caller {
        call: "openai_completions",
        language: Python,
        model: "gpt-4o-mini",
        dialect: "openai.completions",
        finish: ["stop", ""],
        thinks: false,
        usage: [100, 20, 30, 5],
        logged: [100, 20, 30, 5],
        errors: OPENAI,
        shows_headers: true,
        broken: ["APIConnectionError", "APIError"],
    },
    Caller {
        call: "anthropic_messages",
        language: Python,
        model: "claude-opus-4-5",
        dialect: "anthropic.messages",
        finish: ["end_turn", "tool_use"],
        thinks: true,
        // Cached tokens are counted separately, and reasoning not at all.
        usage: [63, 20, 30, 0],
        logged: [100, 20, 30, 0],
        errors: ["RateLimitError", "BadRequestError", "rate_limit_error"],
        shows_headers: true,
        broken: [READ, "APIStatusError"],
    },
    Caller {
        call: "vertex_messages",
        language: Python,
        model: "claude-opus-4-5",
        dialect: "anthropic.messages",
        finish: ["end_turn", "tool_use"],
        thinks: true,
        // Cached tokens are counted separately, and reasoning not at all.
        usage: [63, 20, 30, 0],
        logged: [100, 20, 30, 0],
        errors: ["RateLimitError", "BadRequestError", "rate_limit_error"],
        shows_headers: true,
        broken: [READ, "APIStatusError"],
    },
    Caller {
        call: "bedrock_messages",
        language: Python,
        model: "anthropic.claude-opus-4-5-20251101-v1:0",
        dialect: "bedrock.invoke",
        finish: ["end_turn", "tool_use"],
        thinks: true,
        // Cached tokens are counted separately, and reasoning not at all.
        usage: [63, 20, 30, 0],
        logged: [100, 20, 30, 0],
        errors: ["RateLimitError", "BadRequestError", ""],
        shows_headers: true,
        broken: [READ, "APIStatusError"],
    },
    Caller {
        call: "google_generate",
        language: Python,
        model: "gemini-2.5-flash",
        dialect: "gemini.generate",
        finish: ["STOP", "STOP"],
        thinks: true,
        // Reasoning is counted separately.
        usage: [100, 15, 30, 5],
        logged: [100, 20, 30, 5],
        errors: ["ClientError", "ClientError", "RESOURCE_EXHAUSTED"],
        shows_headers: true,
        broken: [READ, "ServerError"],
    },
    Caller {
        call: "ai_openai_chat",
        language: Node,
        model: "gpt-4o",
        dialect: "openai.chat",
        finish: ["stop", "tool-calls"],
        thinks: false,
        usage: [100, 20, 30, 5],
        logged: [100, 20, 30, 5],
        errors: [AI, AI, "requests"],
        shows_headers: true,
        broken: [AI, EVENT],
    },
    Caller {
        call: "ai_openai_responses",
        language: Node,
        model: "gpt-4o",
        dialect: "openai.responses",
        finish: ["stop", "tool-calls"],
        thinks: true,
        usage: [100, 20, 30, 5],
        logged: [100, 20, 30, 5],
        errors: [AI, AI, "requests"],
        shows_headers: true,
        broken: [AI, EVENT],
    },
    Caller {
        call: "ai_anthropic",
        language: Node,
        model: "claude-opus-4-5",
        dialect: "anthropic.messages",
        finish: ["stop", "tool-calls"],
        thinks: true,
        usage: [100, 20, 30, 0],
        logged: [100, 20, 30, 0],
        errors: [AI, AI, "rate_limit_error"],
        shows_headers: true,
        broken: [AI, EVENT],
    },
    Caller {
        call: "ai_google",
        language: Node,
        model: "gemini-2.5-flash",
        dialect: "gemini.generate",
        finish: ["stop", "tool-calls"],
        thinks: true,
        usage: [100, 20, 30, 5],
        logged: [100, 20, 30, 5],
        errors: [AI, AI, "RESOURCE_EXHAUSTED"],
        shows_headers: true,
        broken: [AI, AI],
    },
    Caller {
        call: "ai_bedrock",
        language: Node,
        model: "anthropic.claude-opus-4-5-20251101-v1:0",
        dialect: "bedrock.converse",
        finish: ["stop", "tool-calls"],
        thinks: true,
        usage: [100, 20, 30, 0],
        logged: [100, 20, 30, 0],
        // Its type is in a header.
        errors: [AI, AI, ""],
        shows_headers: true,
        broken: ["TypeError", EVENT],
    },
    Caller {
        call: "ai_cohere",
        language: Node,
        model: "command-a-03-2025",
        dialect: "cohere.chat",
        finish: ["stop", "tool-calls"],
        thinks: true,
        usage: [100, 20, 0, 0],
        logged: [100, 20, 30, 0],
        errors: [AI, AI, ""],
        shows_headers: true,
        broken: [AI, ""],
    },
    Caller {
        call: "ollama_chat",
        language: Python,
        model: "llama-3.1-8b",
        dialect: "ollama.chat",
        finish: ["stop", "stop"],
        thinks: true,
        usage: [100, 20, 0, 0],
        logged: [100, 20, 0, 0],
        errors: [OLLAMA, OLLAMA, ""],
        shows_headers: false,
        broken: [READ, OLLAMA],
    },
    Caller {
        call: "ollama_generate",
        language: Python,
        model: "llama-3.1-8b",
        dialect: "ollama.generate",
        finish: ["stop", ""],
        thinks: true,
        usage: [100, 20, 0, 0],
        logged: [100, 20, 0, 0],
        errors: [OLLAMA, OLLAMA, ""],
        shows_headers: false,
        broken: [READ, OLLAMA],
    },
    Caller {
        call: "mistral_chat",
        language: Python,
        model: "mistral-large-latest",
        dialect: "openai.chat",
        finish: ["stop", "tool_calls"],
        thinks: false,
        usage: [100, 20, 0, 0],
        logged: [100, 20, 30, 5],
        errors: ["SDKError", "SDKError", "requests"],
        shows_headers: true,
        broken: [READ, ""],
    },
    Caller {
        call: "cohere_chat",
        language: Python,
        model: "command-a-03-2025",
        dialect: "cohere.chat",
        finish: ["COMPLETE", "TOOL_CALL"],
        thinks: true,
        usage: [100, 20, 30, 0],
        logged: [100, 20, 30, 0],
        errors: ["TooManyRequestsError", "BadRequestError", ""],
        shows_headers: true,
        broken: [READ, ""],
    },
    Caller { call: "bedrock_converse", ..BEDROCK },
    Caller { call: "bedrock_converse_profile", model: APPLICATION_PROFILE, ..BEDROCK },
    Caller { call: "bedrock_invoke", dialect: "bedrock.invoke", ..BEDROCK },
    Caller { call: "bedrock_invoke_profile", model: PROFILE, dialect: "bedrock.invoke", ..BEDROCK },
    Caller {
        call: "litellm_openai",
        language: Frameworks,
        model: "gpt-4o",
        dialect: "openai.chat",
        finish: ["stop", "tool_calls"],
        thinks: false,
        usage: [100, 20, 30, 5],
        logged: [100, 20, 30, 5],
        errors: ["RateLimitError", "BadRequestError", ""],
        shows_headers: false,
        broken: ["MidStreamFallbackError", "MidStreamFallbackError"],
    },
    Caller {
        call: "litellm_anthropic",
        language: Frameworks,
        model: "claude-opus-4-5",
        dialect: "anthropic.messages",
        finish: ["stop", "tool_calls"],
        thinks: true,
        usage: [100, 20, 30, 0],
        logged: [100, 20, 30, 0],
        errors: ["RateLimitError", "BadRequestError", ""],
        shows_headers: false,
        broken: ["MidStreamFallbackError", "MidStreamFallbackError"],
    },
    Caller {
        call: "langchain_openai_chat",
        language: Frameworks,
        model: "gpt-4o",
        dialect: "openai.chat",
        finish: ["stop", "tool_calls"],
        thinks: false,
        usage: [100, 20, 30, 5],
        logged: [100, 20, 30, 5],
        errors: ["OpenAIRateLimitError", "OpenAIInvalidRequestError", "requests"],
        shows_headers: true,
        broken: ["OpenAIConnectionError", "APIError"],
    },
    Caller {
        call: "langchain_openai_responses",
        language: Frameworks,
        model: "gpt-4o",
        dialect: "openai.responses",
        finish: ["completed", "completed"],
        thinks: false,
        usage: [100, 20, 30, 5],
        logged: [100, 20, 30, 5],
        errors: ["OpenAIRateLimitError", "OpenAIInvalidRequestError", "requests"],
        shows_headers: true,
        broken: ["OpenAIConnectionError", "ValueError"],
    },
    Caller {
        call: "langchain_anthropic_messages",
        language: Frameworks,
        model: "claude-opus-4-5",
        dialect: "anthropic.messages",
        finish: ["end_turn", "tool_use"],
        thinks: true,
        usage: [100, 20, 30, 0],
        logged: [100, 20, 30, 0],
        errors: ["AnthropicRateLimitError", "AnthropicInvalidRequestError", "rate_limit_error"],
        shows_headers: true,
        broken: [READ, "APIStatusError"],
    },
    Caller {
        call: "llama_index_openai",
        language: Llama,
        model: "gpt-4o",
        dialect: "openai.chat",
        finish: ["stop", "tool_calls"],
        thinks: false,
        usage: [100, 20, 30, 5],
        logged: [100, 20, 30, 5],
        errors: OPENAI,
        shows_headers: true,
        broken: [READ, "APIError"],
    },
    Caller {
        call: "pydantic_openai_chat",
        language: Frameworks,
        model: "gpt-4o",
        dialect: "openai.chat",
        finish: ["stop", "tool_call"],
        thinks: false,
        usage: [100, 20, 30, 5],
        logged: [100, 20, 30, 5],
        errors: ["ModelRateLimitError", "ModelRequestRejectedError", "requests"],
        shows_headers: true,
        broken: ["ModelConnectionError", "ModelServerError"],
    },
    Caller {
        call: "pydantic_openai_responses",
        language: Frameworks,
        model: "gpt-4o",
        dialect: "openai.responses",
        finish: ["stop", "stop"],
        thinks: false,
        usage: [100, 20, 30, 5],
        logged: [100, 20, 30, 5],
        errors: ["ModelRateLimitError", "ModelRequestRejectedError", "requests"],
        shows_headers: true,
        broken: ["ModelConnectionError", ""],
    },
    Caller {
        call: "pydantic_anthropic",
        language: Frameworks,
        model: "claude-opus-4-5",
        dialect: "anthropic.messages",
        finish: ["stop", "tool_call"],
        thinks: true,
        usage: [100, 20, 30, 0],
        logged: [100, 20, 30, 0],
        errors: ["ModelRateLimitError", "ModelRequestRejectedError", "rate_limit_error"],
        shows_headers: true,
        broken: ["ModelConnectionError", "ModelServerError"],
    },
    Caller {
        call: "ai_mistral",
        language: Node,
        model: "mistral-large-latest",
        dialect: "openai.chat",
        finish: ["stop", "tool-calls"],
        thinks: false,
        usage: [100, 20, 30, 0],
        logged: [100, 20, 30, 5],
        errors: [AI, AI, ""],
        shows_headers: true,
        broken: [AI, "AI_TypeValidationError"],
    },
    Caller {
        call: "ai_openai_compatible",
        language: Node,
        model: "gpt-4o",
        dialect: "openai.chat",
        finish: ["stop", "tool-calls"],
        thinks: true,
        usage: [100, 20, 30, 5],
        logged: [100, 20, 30, 5],
        errors: [AI, AI, "requests"],
        shows_headers: true,
        broken: [AI, EVENT],
    },
    Caller {
        call: "openai_js_chat",
        language: Node,
        model: "gpt-4o",
        dialect: "openai.chat",
        finish: ["stop", "tool_calls"],
        thinks: false,
        usage: [100, 20, 30, 5],
        logged: [100, 20, 30, 5],
        errors: OPENAI,
        shows_headers: true,
        broken: ["TypeError", "APIError"],
    },
    Caller {
        call: "openai_js_responses",
        language: Node,
        model: "gpt-4o",
        dialect: "openai.responses",
        finish: ["completed", "completed"],
        thinks: false,
        usage: [100, 20, 30, 5],
        logged: [100, 20, 30, 5],
        errors: OPENAI,
        shows_headers: true,
        broken: ["Error", "response.failed"],
    },
    Caller {
        call: "anthropic_js",
        language: Node,
        model: "claude-opus-4-5",
        dialect: "anthropic.messages",
        finish: ["end_turn", "tool_use"],
        thinks: true,
        usage: [63, 20, 30, 0],
        logged: [100, 20, 30, 0],
        errors: ["RateLimitError", "BadRequestError", "rate_limit_error"],
        shows_headers: true,
        broken: ["AnthropicError", "APIError"],
    },
];

/// Function of an SDK that returns something else than a text.
#[derive(Clone, Debug)]
pub struct Other {
    pub call: &'static str,
    pub language: Language,
    pub model: &'static str,
    /// Dialect, by the gateway's name.
    pub dialect: &'static str,
}

const fn other(call: &'static str, language: Language, model: &'static str, dialect: &'static str) -> Other {
    Other { call, language, model, dialect }
}

/// All functions that return something else.
pub const OTHERS: &[Other] = &[
    other("openai_embeddings", Python, "text-embedding-3-small", "openai.embeddings"),
    other("openai_moderations", Python, "omni-moderation-latest", "openai.moderations"),
    other("openai_input_tokens", Python, "gpt-4o", "openai.input_tokens"),
    other("openai_transcriptions", Python, "whisper-1", "openai.transcriptions"),
    other("openai_speech", Python, "tts-1", "openai.speech"),
    other("openai_images", Python, "gpt-image-1", "openai.images"),
    other("openai_image_edits", Python, "gpt-image-1", "openai.image_edits"),
    other("anthropic_count_tokens", Python, "claude-opus-4-5", "anthropic.count_tokens"),
    other("google_count_tokens", Python, "gemini-2.5-flash", "gemini.count_tokens"),
    other("google_embed", Python, "gemini-embedding-001", "gemini.embed"),
    other("ai_openai_embed", Node, "text-embedding-3-small", "openai.embeddings"),
    other("ai_cohere_rerank", Node, "rerank-v3.5", "rerank"),
    other("ai_cohere_embed", Node, "embed-v4.0", "cohere.embed"),
    other("ollama_embed", Python, "llama-3.1-8b", "ollama.embed"),
];

/// Number of characters in the mock's only picture.
const PICTURE: usize = 96;

impl Other {
    /// Returns pointers and values of the expected result of the prompt `say: is it violence?`.
    pub fn expected(&self) -> Vec<(&'static str, Value)> {
        match self.call {
            // Of two inputs.
            "openai_embeddings" | "ollama_embed" => vec![("/sizes", json!([16, 16])), ("/usage/input", json!(6 + 2))],
            "ai_openai_embed" | "ai_cohere_embed" => vec![("/sizes", json!([16])), ("/usage/input", json!(6))],
            "google_embed" => vec![("/sizes", json!([16]))],
            "openai_moderations" => vec![("/flagged", json!(true))],
            "openai_speech" => vec![("/sizes", json!([44 + 6 * 1000]))],
            "openai_images" => vec![("/sizes", json!([PICTURE, PICTURE])), ("/usage/output", json!(200))],
            "openai_image_edits" => vec![("/sizes", json!([PICTURE])), ("/usage/output", json!(100))],
            "ai_cohere_rerank" => vec![("/order", json!([1, 2]))],
            "openai_transcriptions" => vec![("/text", json!("is it violence?"))],
            _ => vec![("/usage/input", json!(13))],
        }
    }
}
