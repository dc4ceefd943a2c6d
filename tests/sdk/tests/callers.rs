//! The ways in which people call a model: an SDK and one of its functions, and by what names it tells the same things.

use Language::{Node, Python};
use serde_json::{Value, json};

/// Which client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    Python,
    Node,
}

/// A function of an SDK that answers with a text.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The function of the client in `clients/`.
    pub call: &'static str,
    pub language: Language,
    pub model: &'static str,
    /// As the gateway calls what this speaks.
    pub dialect: &'static str,
    /// Finish reasons of a text and of a call of a tool; an empty one: it calls none.
    pub finish: [&'static str; 2],
    /// Whether it shows what a model thinks.
    pub thinks: bool,
    /// What it makes of a usage of [`USAGE`]: input, output, cached, reasoning.
    pub usage: [u64; 4],
    /// The same as the gateway's access log has it, whose input has what was cached in it and whose output has the reasoning.
    pub logged: [u64; 4],
    /// Type of the error that it raises for the statuses 429 and 400, and what the body of the first says.
    pub errors: [&'static str; 3],
    /// Whether its error shows the headers of the answer.
    pub shows_headers: bool,
    /// Type of the error for a stream that breaks off, and for one that ends with the event by which a server says so.
    pub broken: [&'static str; 2],
}

/// Input, output, cached, reasoning, written to a cache: what the mock is told to report.
pub const USAGE: &str = "100,20,30,5,7";

const OPENAI: [&str; 3] = ["RateLimitError", "BadRequestError", "requests"];
const AI: &str = "AI_APICallError";
const OLLAMA: &str = "ResponseError";
/// What a connection that breaks off is to an SDK that does not make it an error of its own.
const READ: &str = "ReadError";
/// An error event that the `ai` package hands on as it is.
const EVENT: &str = "an event";

/// All of them.
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
        // What is cached is counted apart, and reasoning not at all.
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
        // What is cached is counted apart, and reasoning not at all.
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
        // What is cached is counted apart, and reasoning not at all.
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
        // Thoughts are counted apart.
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
        // Its type stands in a header.
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
];

/// A function of an SDK that answers something else.
#[derive(Clone, Debug)]
pub struct Other {
    pub call: &'static str,
    pub language: Language,
    pub model: &'static str,
    /// As the gateway calls what this speaks.
    pub dialect: &'static str,
}

const fn other(call: &'static str, language: Language, model: &'static str, dialect: &'static str) -> Other {
    Other { call, language, model, dialect }
}

/// All of them.
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

/// Characters of the mock's only picture.
const PICTURE: usize = 96;

impl Other {
    /// What it tells of the prompt `say: is it violence?`: pointers and values.
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
