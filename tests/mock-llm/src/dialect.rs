//! The APIs that the mock implements: one file for each, and one row of [`DIALECTS`].

mod anthropic;
mod audio;
mod bedrock;
mod chat;
mod cohere;
mod completions;
mod embeddings;
mod gemini;
mod images;
mod moderations;
mod ollama;
mod responses;

use std::borrow::Cow;

use serde_json::Value;

use crate::error::{ApiError, ErrorBody};
use crate::generation::Generation;
use crate::json::Json;
use crate::knobs::Knobs;
use crate::llm_request::{LlmRequest, Text};
use crate::stream::Events;
use crate::text_codec::percent_decode;

/// Endpoints of all dialects. The first that matches a path handles it.
const DIALECTS: &[&[Endpoint]] = &[
    chat::ENDPOINTS,
    completions::ENDPOINTS,
    embeddings::ENDPOINTS,
    moderations::ENDPOINTS,
    responses::ENDPOINTS,
    audio::ENDPOINTS,
    images::ENDPOINTS,
    anthropic::ENDPOINTS,
    gemini::ENDPOINTS,
    bedrock::ENDPOINTS,
    cohere::ENDPOINTS,
    ollama::ENDPOINTS,
];

/// Operation of an API.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Path suffixes, matched under any prefix. `*` is a model: a whole segment, or the beginning of one.
    pub(crate) paths: &'static [&'static str],
    /// Returns the format of the response; for an invalid request, the best guess.
    pub(crate) format: fn(&Call<'_>) -> BodyFormat,
    /// Generates and encodes the response.
    pub(crate) respond: fn(&Call<'_>) -> Result<EncodedResponse, ApiError>,
    /// Encodes an error in the format of this API.
    pub(crate) error_body: fn(&ApiError) -> ErrorBody,
}

/// Request to an endpoint.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// Path suffix of the endpoint that matched.
    pub(crate) path: &'static str,
    /// Model in the path.
    pub(crate) model: Option<Cow<'a, str>>,
    pub(crate) query: &'a str,
    pub(crate) content_type: &'a [u8],
    pub(crate) body: &'a [u8],
    /// Fingerprint of the body.
    pub(crate) fingerprint: u64,
    pub(crate) knobs: &'a Knobs,
}

/// Format of a response body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BodyFormat {
    /// Content-type.
    pub(crate) media: &'static str,
    /// `true` if the body is sent as it is generated, without content-length.
    pub(crate) streamed: bool,
}

impl BodyFormat {
    pub(crate) const JSON: BodyFormat = BodyFormat { media: "application/json", streamed: false };
    pub(crate) const TEXT: BodyFormat = BodyFormat { media: "text/plain; charset=utf-8", streamed: false };
    pub(crate) const SSE: BodyFormat = BodyFormat { media: "text/event-stream; charset=utf-8", streamed: true };
    pub(crate) const LINES: BodyFormat = BodyFormat { media: "application/x-ndjson", streamed: true };
    pub(crate) const ARRAY: BodyFormat = BodyFormat { media: "application/json", streamed: true };
    pub(crate) const FRAMES: BodyFormat = BodyFormat { media: "application/vnd.amazon.eventstream", streamed: true };

    /// Returns `stream` for a streamed response, otherwise JSON.
    pub(crate) const fn choose(streamed: bool, stream: BodyFormat) -> BodyFormat {
        if streamed { stream } else { BodyFormat::JSON }
    }
}

/// Response, encoded for an API.
#[derive(Debug)]
pub(crate) struct EncodedResponse {
    pub(crate) format: BodyFormat,
    pub(crate) events: Events,
    /// Headers that the API adds.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl EncodedResponse {
    pub(crate) fn new(format: BodyFormat, events: Events) -> EncodedResponse {
        EncodedResponse { format, events, headers: Vec::new() }
    }

    pub(crate) fn json(body: &Json) -> EncodedResponse {
        EncodedResponse::new(BodyFormat::JSON, Events::whole(body.bytes()))
    }
}

/// Finds the endpoint of a path (without query). Returns it with the suffix that matched and the model in the path.
pub(crate) fn endpoint(path: &str) -> Option<(&'static Endpoint, &'static str, Option<Cow<'_, str>>)> {
    let all = DIALECTS.iter().flat_map(|endpoints| endpoints.iter());
    let mut suffixes = all.flat_map(|endpoint| endpoint.paths.iter().map(move |suffix| (endpoint, *suffix)));
    suffixes.find_map(|(endpoint, suffix)| matches(path, suffix).map(|model| (endpoint, suffix, model)))
}

/// Returns the model in the place of `*` (if there is a `*`) if `path` ends with `suffix`.
fn matches<'a>(path: &'a str, suffix: &str) -> Option<Option<Cow<'a, str>>> {
    let mut segments = path.rsplit('/');
    let mut model = None;
    for expected in suffix.rsplit('/') {
        let segment = segments.next()?;
        match expected.strip_prefix('*') {
            Some(rest) => {
                let name = segment.strip_suffix(rest).filter(|name| !name.is_empty())?;
                model = Some(match percent_decode(name.as_bytes()) {
                    decoded if decoded == name.as_bytes() => Cow::Borrowed(name),
                    decoded => Cow::Owned(String::from_utf8_lossy(&decoded).into_owned()),
                });
            }
            None if segment == expected => {}
            None => return None,
        }
    }
    // A path begins with a slash, so at least one segment (possibly empty) remains before the suffix.
    segments.next().map(|_| model)
}

impl Call<'_> {
    /// Parses the body as a JSON object.
    pub(crate) fn object(&self) -> Result<Value, ApiError> {
        let value: Value = serde_json::from_slice(self.body).map_err(|error| ApiError::malformed(&error))?;
        if value.is_object() { Ok(value) } else { Err(ApiError::invalid("The body is not a JSON object.", None, None)) }
    }

    /// Returns `true` if the body requests a stream; `by_default` if it does not say.
    pub(crate) fn requests_stream(&self, by_default: bool) -> bool {
        self.object().map_or(by_default, |body| flag(&body, "stream").unwrap_or(by_default))
    }

    /// Reads model, `stream` and tools of a request. The model is that of the path, otherwise that of the body. The caller adds
    /// the messages.
    pub(crate) fn llm_request(&self, body: &Value) -> Result<LlmRequest<'static>, ApiError> {
        let model = match &self.model {
            Some(model) => model.clone().into_owned(),
            None => match body.get("model") {
                Some(Value::String(model)) if !model.is_empty() => model.clone(),
                _ => return Err(ApiError::invalid("you must provide a model parameter", Some("model"), None)),
            },
        };
        Ok(LlmRequest {
            model: Some(Text(Cow::Owned(model))),
            stream: flag(body, "stream").unwrap_or(false),
            tools: body.get("tools").and_then(Value::as_array).map_or(0, |tools| tools.len() as u64),
            ..LlmRequest::default()
        })
    }

    /// Generates the output for the request.
    pub(crate) fn generate<'b>(&'b self, request: &'b LlmRequest<'_>) -> Result<Generation<'b>, ApiError> {
        Generation::new(request, self.fingerprint, self.knobs).map_err(|error| ApiError::knob(&error))
    }
}

/// Returns a boolean member.
fn flag(value: &Value, name: &str) -> Option<bool> {
    value.get(name).and_then(Value::as_bool)
}

/// Returns a member that is a non-negative integer.
fn count(value: &Value, name: &str) -> Option<u64> {
    value.get(name).and_then(Value::as_u64)
}

/// Returns a required member that must be a non-empty array.
fn list<'a>(value: &'a Value, name: &'static str) -> Result<&'a [Value], ApiError> {
    match value.get(name) {
        Some(Value::Array(items)) if items.is_empty() => Err(ApiError::empty(name)),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(ApiError::invalid("Invalid type: expected an array.", Some(name), Some("invalid_type"))),
        None => Err(ApiError::missing(name)),
    }
}

/// Returns the text of a content: a string, or the joined `text` of its parts. Any other value has none.
fn texts(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(texts).collect(),
        Value::Object(part) => part.get("text").and_then(Value::as_str).unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}

/// Adds messages to a request; `content` is the name of the member with the content.
fn add_messages(request: &mut LlmRequest<'_>, messages: &[Value], content: &str) {
    for message in messages {
        // Gemini does not require a role in a conversation with one participant.
        let is_user = message.get("role").is_none_or(|role| role == "user");
        request.add_message(is_user, message.get(content).map(texts).unwrap_or_default());
    }
}

/// Parses the arguments of a tool call as JSON; invalid ones become an empty object.
fn arguments_json(text: &str) -> Json {
    match serde_json::from_str(text) {
        Ok(value) => Json::Parsed(value),
        Err(_) => Json::Object(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_by_suffix() {
        for (path, suffix, model) in [
            ("/v1/chat/completions", "chat/completions", None),
            ("/chat/completions", "chat/completions", None),
            ("/openai/deployments/x/chat/completions", "chat/completions", None),
            ("/a/v1/completions", "completions", None),
            ("/v1/messages", "messages", None),
            ("/v1/messages/count_tokens", "messages/count_tokens", None),
            ("/v1beta/models/gemini-2.5-pro:generateContent", "models/*:generateContent", Some("gemini-2.5-pro")),
            ("/v1/projects/p/publishers/anthropic/models/c@1:rawPredict", "models/*:rawPredict", Some("c@1")),
            ("/model/anthropic.claude%3A0/converse", "model/*/converse", Some("anthropic.claude:0")),
            ("/api/chat", "api/chat", None),
            ("/v2/chat", "v2/chat", None),
        ] {
            let found = endpoint(path).unwrap_or_else(|| panic!("{path}"));
            assert_eq!((found.1, found.2.as_deref()), (suffix, model), "{path}");
        }
        for path in ["/", "/v1/models", "/chat/completions/", "/models/:generateContent", "/model//converse", "/chat"] {
            assert!(endpoint(path).is_none(), "{path}");
        }
    }

    #[test]
    fn no_suffix_shadows_another() {
        for suffix in DIALECTS.iter().flat_map(|endpoints| endpoints.iter()).flat_map(|endpoint| endpoint.paths) {
            let path = format!("/{}", suffix.replace('*', "m"));
            assert_eq!(endpoint(&path).map(|found| found.1), Some(*suffix), "{path}");
        }
    }
}
