//! Paths of LLM APIs whose work is billed but whose requests are not read: batches, and the files that they consist of.

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
