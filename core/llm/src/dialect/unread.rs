//! Paths of LLM APIs that are known and not read.
//!
//! Source: the API references of the vendors, and the routes in the sources of the open servers (vLLM, SGLang, Text
//! Generation Inference, llama.cpp, Text Embeddings Inference, Ollama), as of 2026.

use memchr::memmem;

use super::path::{Path, Pattern};
use super::path_class::{self, PathPrefix};
use super::{Dialect, Endpoint};

/// Treatment of a request on a path that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreadKind {
    /// A request that writes (`POST`, `PUT`, `PATCH`, or any with a body) is refused unless `on_unread_path` is `pass`.
    /// Others pass.
    Request,
    /// Like [`Request`](UnreadKind::Request). It creates a batch: cost-quota refuses it on its own.
    Batch,
    /// Every request but `OPTIONS` is refused unless `on_unread_path` is `pass`: it changes or reads weights, adapters or
    /// the state of a server, or its response holds texts.
    Every,
    /// Every request passes: it carries no text and returns none that a model wrote.
    Nothing,
    /// A path below the prefix of an LLM API that is in no table. Like [`Request`](UnreadKind::Request).
    Unlisted,
}

/// Paths of one API.
pub(super) struct Group {
    /// Name of the API, for the table of paths.
    pub(super) api: &'static str,
    /// Dialect of the error that refuses the request.
    pub(super) dialect: Dialect,
    /// Paths, with their treatment.
    pub(super) paths: &'static [(UnreadKind, &'static [Pattern])],
}

/// Creates a list of patterns.
macro_rules! patterns {
    ($($path:literal),* $(,)?) => { &[$(Pattern::new($path)),*] };
}

pub(super) const GROUPS: &[Group] = &[
    Group {
        api: "OpenAI",
        dialect: Dialect::OpenAiChat,
        paths: &[
            (
                UnreadKind::Request,
                patterns![
                    "v1/chat/completions/{any}",
                    "v1/conversations/{any}/restart",
                    "v1/threads/{any}/runs",
                    "v1/threads/{any}/runs/{any}",
                    "v1/threads/{any}/runs/{any}/submit_tool_outputs",
                    "v1/threads/{any}/runs/{any}/steps",
                    "v1/vector_stores",
                    "v1/vector_stores/{any}",
                    "v1/vector_stores/{any}/search",
                    "v1/vector_stores/{any}/files",
                    "v1/vector_stores/{any}/files/{any}",
                    "v1/vector_stores/{any}/file_batches",
                    "v1/fine_tuning/jobs",
                    "v1/fine_tuning/checkpoints/{any}/permissions",
                    "v1/fine_tuning/alpha/graders/run",
                    "v1/fine_tuning/alpha/graders/validate",
                    "v1/fine-tunes",
                    "v1/evals",
                    "v1/evals/{any}",
                    "v1/evals/{any}/runs",
                    "v1/evals/{any}/runs/{any}",
                    "v1/containers",
                    "v1/containers/{any}/files",
                    "v1/skills",
                    "v1/skills/{any}",
                    "v1/skills/{any}/versions",
                    "v1/edits",
                    "v1/answers",
                    "v1/search",
                    "v1/classifications",
                    "v1/videos/characters",
                    "v1/videos/edits",
                    "v1/videos/extensions",
                    "v1/audio/voices",
                    "v1/audio/voice_consents",
                    "v1/realtime/calls",
                    "v1/realtime/calls/{any}/accept",
                    "v1/realtime/calls/{any}/refer",
                    "v1/chatkit/sessions",
                    "v1/chatkit/files",
                    "v1/assistants/{any}/files",
                    "v1/organization/{any}",
                    "v1/organization/projects/{any}",
                    // Lists: uploads and new batches are calls.
                    "v1/files",
                    "openai/files",
                    "v1/batches",
                    "openai/batches",
                    "v1/files/{any}",
                    "v1/batches/{any}",
                    "v1/uploads/{any}",
                    "v1/videos/{any}",
                    "v1/fine_tuning/jobs/{any}",
                    "v1/fine_tuning/jobs/{any}/checkpoints",
                    "v1/fine_tuning/jobs/{any}/events",
                    "v1/models/{any}",
                    "v1/models",
                ],
            ),
            (
                UnreadKind::Every,
                patterns![
                    "v1/files/{any}/content",
                    "openai/files/{any}/content",
                    "v1/containers/{any}/files/{any}/content",
                    "v1/vector_stores/{any}/files/{any}/content",
                    "v1/chatkit/threads/{any}/items",
                    "v1/evals/{any}/runs/{any}/output_items",
                    "v1/evals/{any}/runs/{any}/output_items/{any}",
                ],
            ),
            (
                UnreadKind::Nothing,
                patterns![
                    "v1/batches/{any}/cancel",
                    "openai/batches/{any}/cancel",
                    "v1/uploads/{any}/cancel",
                    "v1/fine_tuning/jobs/{any}/cancel",
                    "v1/fine_tuning/jobs/{any}/pause",
                    "v1/fine_tuning/jobs/{any}/resume",
                    "v1/threads/{any}/runs/{any}/cancel",
                    "v1/vector_stores/{any}/file_batches/{any}/cancel",
                    "v1/chatkit/sessions/{any}/cancel",
                    "v1/realtime/calls/{any}/hangup",
                    "v1/realtime/calls/{any}/reject",
                ],
            ),
        ],
    },
    Group {
        api: "Anthropic",
        dialect: Dialect::AnthropicMessages,
        paths: &[
            (
                UnreadKind::Request,
                patterns![
                    "v1/complete",
                    "v1/messages/batches/{any}",
                    "v1/experimental/generate_prompt",
                    "v1/experimental/improve_prompt",
                    "v1/experimental/templatize_prompt",
                ],
            ),
            (UnreadKind::Every, patterns!["v1/messages/batches/{any}/results"]),
            (UnreadKind::Nothing, patterns!["v1/messages/batches/{any}/cancel"]),
        ],
    },
    Group {
        api: "Gemini and Vertex AI",
        dialect: Dialect::GeminiGenerate,
        paths: &[
            (UnreadKind::Batch, patterns!["models/{model}:asyncBatchEmbedContent", "batchPredictionJobs"]),
            (
                UnreadKind::Request,
                patterns![
                    "models/{model}:predictLongRunning",
                    "models/{model}:fetchPredictOperation",
                    "models/{model}:generateAnswer",
                    "models/{model}:generateMessage",
                    "models/{model}:generateText",
                    "models/{model}:countMessageTokens",
                    "models/{model}:countTextTokens",
                    "models/{model}:embedText",
                    "models/{model}:batchEmbedText",
                    "models/{model}:computeTokens",
                    "models/{model}:rawPredict",
                    "models/{model}:streamRawPredict",
                    "models/{model}:serverStreamingPredict",
                    "models/{model}:bidiGenerateContent",
                    "endpoints/{model}:rawPredict",
                    "endpoints/{model}:streamRawPredict",
                    "endpoints/{model}:serverStreamingPredict",
                    "endpoints/{model}:directPredict",
                    "endpoints/{model}:directRawPredict",
                    "endpoints/{model}:explain",
                    "endpoints/{model}:computeTokens",
                    "endpoints/{model}:predictLongRunning",
                    "endpoints/{model}:fetchPredictOperation",
                    "v1beta/models",
                    "v1beta/models/{any}",
                    "v1beta/files",
                    "v1beta/files/{any}",
                    "v1beta/batches/{any}",
                    "v1beta/operations/{any}",
                    "v1beta/cachedContents",
                    "v1beta/cachedContents/{any}",
                    "v1beta/corpora",
                    "v1beta/corpora/{any}",
                    "v1beta/fileSearchStores",
                    "v1beta/files:register",
                    "v1beta/tunedModels",
                    "v1beta/tunedModels/{any}",
                    "v1beta/dynamic/{any}",
                    "v1beta/interactions/{any}",
                    "v1alpha/auth_tokens",
                    "v1beta/auth_tokens",
                    "cachedContents",
                    "tuningJobs",
                    "reasoningEngines",
                    "reasoningEngines/{model}:query",
                    "reasoningEngines/{model}:streamQuery",
                    "ragCorpora",
                ],
            ),
            (UnreadKind::Every, patterns!["v1beta/files/{model}:download"]),
            (UnreadKind::Nothing, patterns!["v1beta/batches/{model}:cancel", "v1beta/interactions/{any}/cancel"]),
        ],
    },
    Group {
        api: "Bedrock",
        dialect: Dialect::BedrockConverse,
        paths: &[
            (UnreadKind::Batch, patterns!["model-invocation-job"]),
            (
                UnreadKind::Request,
                patterns![
                    "model/{model...}/invoke-with-bidirectional-stream",
                    "async-invoke",
                    "guardrail/{any}/version/{any}/apply",
                    "guardrails",
                    "retrieveAndGenerate",
                    "retrieveAndGenerateStream",
                    "knowledgebases/{any}/retrieve",
                    "agents/{any}/agentAliases/{any}/sessions/{any}/text",
                    "flows/{any}/aliases/{any}",
                    "model-customization-jobs",
                    "model-import-jobs",
                ],
            ),
            (UnreadKind::Nothing, patterns!["model-invocation-job/{any}/stop"]),
        ],
    },
    Group {
        api: "Cohere",
        dialect: Dialect::CohereChat,
        paths: &[
            (
                UnreadKind::Request,
                patterns![
                    "v1/embed-jobs",
                    "v1/datasets",
                    "v1/connectors",
                    "v1/connectors/{any}",
                    "v1/finetuning/finetuned-models",
                    "v1/tokenize",
                    "v1/detokenize",
                    "v1/detect-language",
                    "v2/batches",
                ],
            ),
            (
                UnreadKind::Nothing,
                patterns!["v1/embed-jobs/{any}/cancel", "v1/check-api-key", "v2/batches/{model}:cancel"],
            ),
        ],
    },
    Group {
        api: "Mistral",
        dialect: Dialect::OpenAiChat,
        paths: &[
            (
                UnreadKind::Request,
                patterns![
                    "batch/jobs",
                    "v1/ocr",
                    "v1/agents",
                    "v1/agents/{any}",
                    "v1/chat/moderations",
                    "v1/chat/classifications",
                    "v1/libraries",
                    "v1/libraries/{any}/documents",
                ],
            ),
            (
                UnreadKind::Every,
                patterns!["v1/libraries/{any}/documents/{any}/text_content", "v1/conversations/{any}/history"],
            ),
            (UnreadKind::Nothing, patterns!["v1/batch/jobs/{any}/cancel", "v1/fine_tuning/jobs/{any}/start"]),
        ],
    },
    Group {
        api: "Ollama",
        dialect: Dialect::OllamaChat,
        paths: &[
            (
                UnreadKind::Every,
                patterns![
                    "api/create",
                    "api/copy",
                    "api/pull",
                    "api/push",
                    "api/delete",
                    "api/blobs/{any}",
                    "api/signout"
                ],
            ),
            (UnreadKind::Request, patterns!["api/show", "api/web_search", "api/web_fetch", "api/experimental/{any}"]),
        ],
    },
    Group {
        api: "vLLM, SGLang, TGI, llama.cpp and TEI: prompts",
        dialect: Dialect::OpenAiChat,
        paths: &[(
            UnreadKind::Request,
            patterns![
                "invocations",
                "completion",
                "infill",
                "embed",
                "embed_all",
                "embed_sparse",
                "embedding",
                "encode",
                "classify",
                "predict",
                "pooling",
                "reranking",
                "score",
                "similarity",
                "tokenize",
                "detokenize",
                "decode",
                "vertex",
                "chat_tokenize",
                "apply-template",
                "v1/pooling",
                "v1/score",
                "v1/reranking",
                "v1/tokenize",
                "v1/detokenize",
                "v1/chat/completions/render",
                "v1/completions/render",
                "v1/messages/render",
                "v1/loads",
                "parse_function_call",
                "separate_reasoning",
                "open_session",
                "close_session",
                "encode_images",
                "vertex_generate",
                "props",
                "lora-adapters",
            ],
        )],
    },
    Group {
        api: "vLLM, SGLang and llama.cpp: weights and administration",
        dialect: Dialect::OpenAiChat,
        paths: &[
            (
                UnreadKind::Request,
                patterns![
                    "pause",
                    "resume",
                    "abort_requests",
                    "sleep",
                    "wake_up",
                    "collective_rpc",
                    "reset_prefix_cache",
                    "reset_mm_cache",
                    "reset_encoder_cache",
                    "scale_elastic_ep",
                    "is_scaling_elastic_ep",
                    "add_worker",
                    "remove_worker",
                    "init_weight_transfer_engine",
                    "start_weight_update",
                    "finish_weight_update",
                    "update_weights",
                    "load_lora_adapter",
                    "unload_lora_adapter",
                    "models/load",
                    "models/unload",
                    // Of llama.cpp: a `POST` restores a saved prompt, or erases one.
                    "slots/{any}",
                ],
            ),
            (
                UnreadKind::Every,
                patterns![
                    "pause_generation",
                    "continue_generation",
                    "abort_request",
                    "start_profile",
                    "stop_profile",
                    "start_expert_distribution_record",
                    "stop_expert_distribution_record",
                    "dump_expert_distribution_record",
                    "flush_cache",
                    "clear_hicache_storage_backend",
                    "hicache/storage-backend",
                    "configure_logging",
                    "freeze_gc",
                    "set_internal_state",
                    "set_trace_level",
                    "slow_down",
                    "release_memory_occupation",
                    "resume_memory_occupation",
                    "update_weights_from_disk",
                    "update_weights_from_distributed",
                    "update_weights_from_tensor",
                    "update_weights_from_ipc",
                    "update_weight_version",
                    "init_weights_update_group",
                    "destroy_weights_update_group",
                    "init_weights_send_group_for_remote_instance",
                    "send_weights_to_remote_instance",
                    "get_weights_by_name",
                    "weights_checker",
                    "check_weights",
                    "get_world_size",
                    "load_lora_adapter_from_tensors",
                    "slots",
                ],
            ),
        ],
    },
    Group {
        api: "vLLM: adapters",
        dialect: Dialect::OpenAiChat,
        paths: &[(UnreadKind::Every, patterns!["v1/load_lora_adapter", "v1/unload_lora_adapter"])],
    },
];

/// Returns `true` if a request with this path would talk to a model over a WebSocket, where LLM APIs are below these prefixes: on the
/// path of a known API, or of one that there is as a WebSocket only (OpenAI's Realtime API, Gemini's Live API).
#[must_use]
pub fn is_websocket_api(prefixes: &[PathPrefix], path: &[u8]) -> bool {
    const REALTIME: [Pattern; 2] = [Pattern::new("v1/realtime"), Pattern::new("openai/realtime")];
    let normalised = Path::new(path);
    if path_class::base(prefixes, &normalised).is_none() {
        return false;
    }
    // Vertex has the location behind the method.
    let is_live = (0..normalised.len()).any(|at| {
        let segment = normalised.segment(at).unwrap_or_default().to_ascii_lowercase();
        memmem::find(&segment, b"bidigeneratecontent").is_some()
    });
    let is_call = |method| Endpoint::detect(method, path).is_some_and(|endpoint| endpoint.is_certain);
    is_live
        || REALTIME.iter().any(|pattern| pattern.matches(&normalised).is_some())
        || is_call(b"POST")
        || is_call(b"GET")
}

/// Listed path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) kind: UnreadKind,
    pub(super) dialect: Dialect,
    /// `false` if other services may have the path, too, by what is before it.
    pub(super) is_certain: bool,
}

/// Finds the listed path that matches best. `is_known` returns `true` if paths of LLM APIs follow what is before so many
/// segments from the end.
pub(super) fn find(path: &Path<'_>, is_known: impl Fn(usize) -> bool) -> Option<Listed> {
    let mut best: Option<(usize, Listed)> = None;
    for group in GROUPS {
        for (kind, patterns) in group.paths {
            for pattern in *patterns {
                let Some((_, used)) = pattern.find(path) else { continue };
                let rank = pattern.rank();
                if best.is_some_and(|(known, _)| known >= rank) {
                    continue;
                }
                let is_certain = is_anywhere(pattern) || is_known(used);
                if is_certain || *kind == UnreadKind::Batch {
                    best = Some((rank, Listed { kind: *kind, dialect: group.dialect, is_certain }));
                }
            }
        }
    }
    best.map(|(_, listed)| listed)
}

/// Returns `true` if no other service has such paths: they name a model and what it is to do.
pub(super) fn is_anywhere(pattern: &Pattern) -> bool {
    pattern.path.contains("{model")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn websockets_to_models_are_recognised() {
        for (path, want) in [
            ("/v1/responses", true),
            ("/v1/Responses/", true),
            ("/v1/realtime?model=gpt-realtime", true),
            ("/openai/realtime?api-version=2025-04-01-preview&deployment=d", true),
            ("/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=k", true),
            ("/v1/messages", true),
            ("/v1/models", false),
            ("/ws/Bidi%47enerateContent", true),
            ("/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent/locations/us-central1", true),
            ("/chat?x=BidiGenerateContent", false),
            ("/api/channels/7/messages", false),
            ("/socket.io/?transport=websocket", false),
            ("/", false),
        ] {
            assert_eq!(is_websocket_api(&[], path.as_bytes()), want, "{path}");
        }
    }
}
