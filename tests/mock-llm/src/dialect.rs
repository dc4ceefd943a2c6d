//! The APIs that the mock speaks: a file each, and a row each in the one table.

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

use crate::answer::Answer;
use crate::ask::{Ask, Text};
use crate::encoding::percent_decode;
use crate::error::{ApiError, Refusal};
use crate::json::Json;
use crate::knobs::Knobs;
use crate::stream::Events;

/// Every dialect: what it answers on which paths. The first that takes a path has it.
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

/// An operation of an API.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Ends of paths, under any prefix. `*` is a model: a segment, or what stands before the rest of one.
    pub(crate) paths: &'static [&'static str],
    /// In what form a call is answered, as far as it can be told of a call that makes no sense.
    pub(crate) form: fn(&Call<'_>) -> Form,
    pub(crate) answer: fn(&Call<'_>) -> Result<Written, ApiError>,
    /// An error in the words of this API.
    pub(crate) refuse: fn(&ApiError) -> Refusal,
}

/// A request to an endpoint.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// Which of the endpoint's paths it is.
    pub(crate) path: &'static str,
    /// The model in the path.
    pub(crate) model: Option<Cow<'a, str>>,
    pub(crate) query: &'a str,
    pub(crate) content_type: &'a [u8],
    pub(crate) body: &'a [u8],
    /// Of the body.
    pub(crate) fingerprint: u64,
    pub(crate) knobs: &'a Knobs,
}

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) media: &'static str,
    /// Sent as it comes, so that no length is known before.
    pub(crate) streamed: bool,
}

impl Form {
    pub(crate) const JSON: Form = Form { media: "application/json", streamed: false };
    pub(crate) const TEXT: Form = Form { media: "text/plain; charset=utf-8", streamed: false };
    pub(crate) const SSE: Form = Form { media: "text/event-stream; charset=utf-8", streamed: true };
    pub(crate) const LINES: Form = Form { media: "application/x-ndjson", streamed: true };
    pub(crate) const ARRAY: Form = Form { media: "application/json", streamed: true };
    pub(crate) const FRAMES: Form = Form { media: "application/vnd.amazon.eventstream", streamed: true };

    /// One form or the other.
    pub(crate) const fn of(streamed: bool, stream: Form) -> Form {
        if streamed { stream } else { Form::JSON }
    }
}

/// An answer, written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) form: Form,
    pub(crate) events: Events,
    /// What the API says in headers.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Written {
    pub(crate) fn new(form: Form, events: Events) -> Written {
        Written { form, events, headers: Vec::new() }
    }

    pub(crate) fn json(body: &Json) -> Written {
        Written::new(Form::JSON, Events::whole(body.bytes()))
    }
}

/// The endpoint that a path (without its query) leads to, by which of its ends, and the model in it.
pub(crate) fn endpoint(path: &str) -> Option<(&'static Endpoint, &'static str, Option<Cow<'_, str>>)> {
    let all = DIALECTS.iter().flat_map(|endpoints| endpoints.iter());
    let mut ends = all.flat_map(|endpoint| endpoint.paths.iter().map(move |end| (endpoint, *end)));
    ends.find_map(|(endpoint, end)| matches(path, end).map(|model| (endpoint, end, model)))
}

/// Whether `path` ends so, and what stands in the place of `*`.
fn matches<'a>(path: &'a str, end: &str) -> Option<Option<Cow<'a, str>>> {
    let mut segments = path.rsplit('/');
    let mut model = None;
    for wanted in end.rsplit('/') {
        let segment = segments.next()?;
        match wanted.strip_prefix('*') {
            Some(rest) => {
                let named = segment.strip_suffix(rest).filter(|named| !named.is_empty())?;
                model = Some(match percent_decode(named.as_bytes()) {
                    decoded if decoded == named.as_bytes() => Cow::Borrowed(named),
                    decoded => Cow::Owned(String::from_utf8_lossy(&decoded).into_owned()),
                });
            }
            None if segment == wanted => {}
            None => return None,
        }
    }
    // What is left is a prefix, or there is none: a path begins with a slash.
    segments.next().map(|_| model)
}

impl Call<'_> {
    /// The body as a JSON object.
    pub(crate) fn object(&self) -> Result<Value, ApiError> {
        let value: Value = serde_json::from_slice(self.body).map_err(|error| ApiError::unreadable(&error))?;
        if value.is_object() { Ok(value) } else { Err(ApiError::invalid("The body is no JSON object.", None, None)) }
    }

    /// Whether the body is one that asks for a stream.
    pub(crate) fn asks_for_stream(&self, by_default: bool) -> bool {
        self.object().map_or(by_default, |body| flag(&body, "stream").unwrap_or(by_default))
    }

    /// What is asked, with the model of the body or of the path. No messages are in it yet.
    pub(crate) fn ask(&self, body: &Value) -> Result<Ask<'static>, ApiError> {
        let model = match &self.model {
            Some(model) => model.clone().into_owned(),
            None => match body.get("model") {
                Some(Value::String(model)) if !model.is_empty() => model.clone(),
                _ => return Err(ApiError::invalid("you must provide a model parameter", Some("model"), None)),
            },
        };
        Ok(Ask {
            model: Some(Text(Cow::Owned(model))),
            stream: flag(body, "stream").unwrap_or(false),
            tools: body.get("tools").and_then(Value::as_array).map_or(0, |tools| tools.len() as u64),
            ..Ask::default()
        })
    }

    /// The answer to it.
    pub(crate) fn answer<'b>(&'b self, ask: &'b Ask<'_>) -> Result<Answer<'b>, ApiError> {
        Answer::new(ask, self.fingerprint, self.knobs).map_err(|error| ApiError::knob(&error))
    }
}

/// A member that is true or false.
fn flag(value: &Value, name: &str) -> Option<bool> {
    value.get(name).and_then(Value::as_bool)
}

/// A member that is a count.
fn count(value: &Value, name: &str) -> Option<u64> {
    value.get(name).and_then(Value::as_u64)
}

/// A member that has to be a list with something in it.
fn list<'a>(value: &'a Value, name: &'static str) -> Result<&'a [Value], ApiError> {
    match value.get(name) {
        Some(Value::Array(items)) if items.is_empty() => Err(ApiError::empty(name)),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(ApiError::invalid("Invalid type: expected an array.", Some(name), Some("invalid_type"))),
        None => Err(ApiError::missing(name)),
    }
}

/// The texts of a content: a string, or the `text` of each of its parts; what is neither has none.
fn texts(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(texts).collect(),
        Value::Object(part) => part.get("text").and_then(Value::as_str).unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}

/// Counts in the messages of a list, whose members are called `role` and as `content` says.
fn messages(ask: &mut Ask<'_>, messages: &[Value], content: &str) {
    for message in messages {
        // Gemini needs no role in a conversation of one.
        let of_user = message.get("role").is_none_or(|role| role == "user");
        ask.message(of_user, message.get(content).map(texts).unwrap_or_default());
    }
}

/// The arguments of a tool call as the object that they should be.
fn arguments(text: &str) -> Json {
    match serde_json::from_str(text) {
        Ok(value) => Json::Read(value),
        Err(_) => Json::Object(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (path, end, model) in [
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
            assert_eq!((found.1, found.2.as_deref()), (end, model), "{path}");
        }
        for path in ["/", "/v1/models", "/chat/completions/", "/models/:generateContent", "/model//converse", "/chat"] {
            assert!(endpoint(path).is_none(), "{path}");
        }
    }

    #[test]
    fn no_end_is_hidden_behind_another() {
        for end in DIALECTS.iter().flat_map(|endpoints| endpoints.iter()).flat_map(|endpoint| endpoint.paths) {
            let path = format!("/{}", end.replace('*', "m"));
            assert_eq!(endpoint(&path).map(|found| found.1), Some(*end), "{path}");
        }
    }
}
