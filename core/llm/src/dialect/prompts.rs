//! Calls whose bodies are read without a schema: every string is a text.
//!
//! They hold prompts, but generate nothing themselves (conversations), or work that the gateway cannot charge: batches,
//! videos, sessions that the client uses elsewhere, and APIs of servers with one model. Where a budget limits tokens or
//! money, the latter are refused once the rules have judged them.
//!
//! Source: OpenAI API reference, "Conversations", "Assistants", "Videos" and "Realtime" (client secrets); Anthropic API
//! reference, "Message Batches" and "Files"; Gemini API reference, "Batch API", "Files" and "Interactions API"; OpenAI, "Files",
//! "Uploads" and "Batch"; Mistral API reference, "Files" and "Batch"; Cohere API reference, version 1
//! ("Chat", "Generate", "Summarize", "Classify"); Text Generation Inference and SGLang (`/generate`).

use super::{DeltaMembers, DialectSpec, anthropic, cohere_chat, gemini, openai_chat};
use crate::dialect::path::Pattern;

pub(super) mod names;
mod request;
mod response;
#[cfg(test)]
mod tests;

/// Conversations, threads and assistants that the provider stores: they generate nothing.
pub(super) const CONVERSATIONS: DialectSpec = DialectSpec {
    name: "openai.conversations",
    paths: &[
        Pattern::ambiguous("v1/conversations"),
        Pattern::ambiguous("v1/conversations/{any}"),
        Pattern::ambiguous("v1/conversations/{any}/items"),
        Pattern::new("openai/conversations"),
        Pattern::new("openai/conversations/{any}"),
        Pattern::new("openai/conversations/{any}/items"),
        Pattern::ambiguous("v1/assistants"),
        Pattern::ambiguous("v1/assistants/{any}"),
        Pattern::ambiguous("v1/threads"),
        Pattern::ambiguous("v1/threads/{any}"),
        Pattern::ambiguous("v1/threads/{any}/messages"),
        Pattern::ambiguous("v1/threads/{any}/messages/{any}"),
        Pattern::new("openai/assistants"),
        Pattern::new("openai/assistants/{any}"),
        Pattern::new("openai/threads"),
        Pattern::new("openai/threads/{any}"),
        Pattern::new("openai/threads/{any}/messages"),
    ],
    request: request::read,
    response: response::read,
    chunk: response::read_event,
    is_free: true,
    names_model: false,
    finish_events: None,
    delta_members: DeltaMembers::NONE,
    ..openai_chat::SPEC
};

/// Uploads: they generate nothing.
pub(super) const FILES: DialectSpec = DialectSpec {
    name: "openai.files",
    paths: &[
        Pattern::ambiguous("v1/files"),
        Pattern::new("openai/files"),
        Pattern::ambiguous("v1/uploads"),
        Pattern::ambiguous("v1/uploads/{any}/parts"),
        Pattern::ambiguous("v1/uploads/{any}/complete"),
    ],
    form: Some(&["purpose"]),
    ..CONVERSATIONS
};

pub(super) const GEMINI_FILES: DialectSpec = DialectSpec {
    name: "gemini.files",
    paths: &[Pattern::ambiguous("v1beta/files"), Pattern::new("upload/v1beta/files")],
    form: None,
    error_body: gemini::GENERATE.error_body,
    error_event: gemini::GENERATE.error_event,
    ..FILES
};

/// Batches whose requests are in a file that was inspected when it was uploaded.
pub(super) const OPENAI_BATCHES: DialectSpec = DialectSpec {
    name: "openai.batches",
    paths: &[Pattern::ambiguous("v1/batches"), Pattern::new("openai/batches"), Pattern::ambiguous("batch/jobs")],
    ..REALTIME
};

pub(super) const VIDEOS: DialectSpec = DialectSpec {
    name: "openai.videos",
    paths: &[
        Pattern::ambiguous("v1/videos"),
        Pattern::ambiguous("v1/videos/{any}/remix"),
        Pattern::new("openai/v1/video/generations/jobs"),
    ],
    form: Some(&["model", "prompt", "seconds", "size"]),
    names_model: true,
    is_unmetered: true,
    ..CONVERSATIONS
};

/// Secrets with which a browser opens a session at the provider, past the gateway.
pub(super) const REALTIME: DialectSpec = DialectSpec {
    name: "openai.realtime",
    paths: &[
        Pattern::ambiguous("v1/realtime/client_secrets"),
        Pattern::ambiguous("v1/realtime/sessions"),
        Pattern::ambiguous("v1/realtime/transcription_sessions"),
        Pattern::new("openai/realtime/client_secrets"),
        Pattern::new("openai/realtimeapi/sessions"),
    ],
    form: None,
    names_model: false,
    ..VIDEOS
};

pub(super) const TEXT_GENERATION: DialectSpec = DialectSpec {
    name: "text_generation",
    paths: &[Pattern::common("generate"), Pattern::common("generate_stream")],
    ..REALTIME
};

pub(super) const ANTHROPIC_BATCHES: DialectSpec = DialectSpec {
    name: "anthropic.batches",
    paths: &[Pattern::new("messages/batches")],
    error_body: anthropic::MESSAGES.error_body,
    error_event: anthropic::MESSAGES.error_event,
    ..REALTIME
};

pub(super) const GEMINI_BATCHES: DialectSpec = DialectSpec {
    name: "gemini.batches",
    paths: &[Pattern::new("models/{model}:batchGenerateContent")],
    names_model: true,
    error_body: gemini::GENERATE.error_body,
    error_event: gemini::GENERATE.error_event,
    ..REALTIME
};

pub(super) const GEMINI_INTERACTIONS: DialectSpec = DialectSpec {
    name: "gemini.interactions",
    paths: &[Pattern::new("v1beta/interactions"), Pattern::new("v1beta1/interactions")],
    ..GEMINI_BATCHES
};

/// Cohere's API, version 1.
pub(super) const COHERE_V1: DialectSpec = DialectSpec {
    name: "cohere.legacy",
    paths: &[
        Pattern::ambiguous("v1/chat"),
        Pattern::ambiguous("v1/generate"),
        Pattern::ambiguous("v1/summarize"),
        Pattern::ambiguous("v1/classify"),
    ],
    names_model: true,
    error_body: cohere_chat::SPEC.error_body,
    error_event: cohere_chat::unnamed_error_event,
    ..REALTIME
};
