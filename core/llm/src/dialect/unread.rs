//! Paths of LLM APIs whose work is billed but whose requests are not read: batches, and the files that they consist of.

use memchr::memmem;

use super::Endpoint;
use super::path::{Path, Pattern};

/// Paths, from the API references of the vendors.
const PATHS: [Pattern; 13] = [
    // OpenAI and Azure OpenAI.
    Pattern::new("v1/batches"),
    Pattern::new("openai/batches"),
    Pattern::new("v1/files"),
    Pattern::new("openai/files"),
    Pattern::new("v1/uploads"),
    Pattern::new("v1/uploads/{any}/parts"),
    // Anthropic.
    Pattern::new("messages/batches"),
    // Mistral.
    Pattern::new("batch/jobs"),
    // Gemini, whose files are uploaded below `/upload`.
    Pattern::new("models/{model}:batchGenerateContent"),
    Pattern::new("models/{model}:asyncBatchEmbedContent"),
    Pattern::new("v1beta/files"),
    // Vertex AI.
    Pattern::new("batchPredictionJobs"),
    // Bedrock.
    Pattern::new("model-invocation-job"),
];

/// Returns `true` if a request with this path would talk to a model over a WebSocket: on the path of a known API, or of one that
/// there is as a WebSocket only (OpenAI's Realtime API, Gemini's Live API).
#[must_use]
pub fn is_websocket_api(path: &[u8]) -> bool {
    const REALTIME: [Pattern; 2] = [Pattern::new("v1/realtime"), Pattern::new("openai/realtime")];
    let normalised = Path::new(path);
    let is_live = memmem::find(path, b"BidiGenerateContent").is_some();
    is_live
        || REALTIME.iter().any(|pattern| pattern.matches(&normalised).is_some())
        || Endpoint::detect(b"POST", path).is_some()
        || Endpoint::detect(b"GET", path).is_some()
}

/// Returns `true` if a request with a body creates a batch, or uploads a file for one.
pub fn is_batch(method: &[u8], path: &[u8]) -> bool {
    let has_body = ["POST", "PUT", "PATCH"].iter().any(|known| method.eq_ignore_ascii_case(known.as_bytes()));
    if !has_body {
        return false;
    }
    let path = Path::new(path);
    PATHS.iter().any(|pattern| pattern.matches(&path).is_some())
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
            ("/socket.io/?transport=websocket", false),
            ("/", false),
        ] {
            assert_eq!(is_websocket_api(path.as_bytes()), want, "{path}");
        }
    }

    #[test]
    fn batches_and_uploads_are_recognised() {
        for (method, path, expected) in [
            ("POST", "/v1/batches", true),
            ("post", "/V1/Batches/?x=1", true),
            ("POST", "/v1/x/../batch%65s", true),
            ("POST", "/openai/batches?api-version=2025-04-01", true),
            ("POST", "/proxy/v1/files", true),
            ("POST", "/v1/uploads/upload_1/parts", true),
            ("POST", "/v1/messages/batches", true),
            ("POST", "/v1/batch/jobs", true),
            ("POST", "/v1beta/models/gemini-2.5-flash:batchGenerateContent", true),
            ("POST", "/upload/v1beta/files", true),
            ("POST", "/v1/projects/p/locations/l/batchPredictionJobs", true),
            ("PUT", "/model-invocation-job", true),
            ("GET", "/v1/batches", false),
            ("POST", "/v1/batches/batch_1/cancel", false),
            ("DELETE", "/v1/files/file_1", false),
            ("POST", "/app/files", false),
            ("POST", "/v1/chat/completions", false),
        ] {
            assert_eq!(is_batch(method.as_bytes(), path.as_bytes()), expected, "{method} {path}");
        }
    }
}
