//! Calls that return what the provider stores: responses, completions, interactions, and the items of conversations.
//!
//! Source: OpenAI API reference, "Responses" (get, cancel, list input items), "Conversations", "Chat Completions" (get) and
//! "Assistants", and the guide "Background mode"; Mistral API reference, "Conversations"; Gemini API, "Interactions". Deleting a
//! response returns nothing of it.

use super::path::{Path, Pattern};
use super::{Dialect, Endpoint};
use crate::json::reader::{Reader, Scratch, Value};
use crate::json::scan::Side;
use crate::{Error, ParseLimits};

/// Paths that return a response, with the id in place of the model. Other APIs, too, have paths that end in `responses/`
/// and a name.
const FETCH: [Pattern; 2] = [Pattern::new("v1/responses/{model}"), Pattern::new("openai/responses/{model}")];

/// Paths that cancel a response.
const CANCEL: [Pattern; 2] =
    [Pattern::new("v1/responses/{model}/cancel"), Pattern::new("openai/responses/{model}/cancel")];

/// The same paths below any prefix, for ids that begin with [`ID_PREFIX`].
const FETCH_ANYWHERE: Pattern = Pattern::new("responses/{model}");
const CANCEL_ANYWHERE: Pattern = Pattern::new("responses/{model}/cancel");

/// Paths that return items or messages, which are read without a schema.
const ITEMS: [Pattern; 10] = [
    Pattern::new("v1/responses/{any}/input_items"),
    Pattern::new("openai/responses/{any}/input_items"),
    Pattern::new("v1/conversations/{any}/items"),
    Pattern::new("v1/conversations/{any}/items/{any}"),
    Pattern::new("openai/conversations/{any}/items"),
    Pattern::new("openai/conversations/{any}/items/{any}"),
    Pattern::new("v1/conversations/{any}/messages"),
    Pattern::new("v1/threads/{any}/messages"),
    Pattern::new("v1/threads/{any}/messages/{any}"),
    Pattern::new("v1/chat/completions/{any}/messages"),
];

/// Path that returns a stored chat completion.
const COMPLETION: Pattern = Pattern::new("v1/chat/completions/{any}");

/// Path that returns an interaction of Gemini.
const INTERACTION: Pattern = Pattern::new("v1beta/interactions/{any}");

/// Beginning of the ids that OpenAI, Azure and vLLM give to responses.
const ID_PREFIX: &str = "resp_";

/// Detects a call that returns what the provider stores. `is_known` returns `true` if paths of LLM APIs follow what is before so many
/// segments from the end.
pub(super) fn detect(
    method: &[u8],
    path: &[u8],
    normalised: &Path<'_>,
    is_known: impl Fn(usize) -> bool,
) -> Option<Endpoint> {
    let is_get = method.eq_ignore_ascii_case(b"GET");
    let (patterns, anywhere) = if is_get {
        (&FETCH, FETCH_ANYWHERE)
    } else if method.eq_ignore_ascii_case(b"POST") {
        (&CANCEL, CANCEL_ANYWHERE)
    } else {
        return None;
    };
    let stream = query(path).any(|pair| pair.eq_ignore_ascii_case(b"stream=true") || pair == b"stream=1");
    let of = |dialect| Endpoint { is_fetch: true, stream, ..Endpoint::from(dialect) };
    let id = |pattern: &Pattern| pattern.matches(normalised).flatten().map(|id| id.name);
    let found = patterns.iter().find_map(id).or_else(|| id(&anywhere).filter(|found| found.starts_with(ID_PREFIX)));
    if let Some(response_id) = found {
        return Some(Endpoint { response_id: Some(response_id), ..of(Dialect::OpenAiResponses) });
    }
    let is = |pattern: &Pattern| pattern.matches(normalised).is_some();
    if !is_get {
        None
    } else if ITEMS.iter().any(|pattern| pattern.find(normalised).is_some_and(|(_, used)| is_known(used))) {
        Some(of(Dialect::OpenAiConversations))
    } else if is(&COMPLETION) {
        Some(of(Dialect::OpenAiChat))
    } else if is(&INTERACTION) {
        Some(of(Dialect::GeminiInteractions))
    } else {
        None
    }
}

/// Returns the paths of calls that return what the provider stores: method, path and dialect.
pub(super) fn paths() -> impl Iterator<Item = (&'static str, &'static str, Dialect)> {
    let all = |method, patterns: &'static [Pattern], dialect| patterns.iter().map(move |at| (method, at.path, dialect));
    all("GET", &FETCH, Dialect::OpenAiResponses)
        .chain(all("POST", &CANCEL, Dialect::OpenAiResponses))
        .chain(all("GET", &ITEMS, Dialect::OpenAiConversations))
        .chain([("GET", COMPLETION.path, Dialect::OpenAiChat), ("GET", INTERACTION.path, Dialect::GeminiInteractions)])
}

/// Returns the parameters of a path.
fn query(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'?').skip(1).flat_map(|query| query.split(|byte| *byte == b'&'))
}

/// State of a response of the Responses API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseState {
    /// Id of the response.
    pub id: Box<str>,
    /// `true` if nothing more is generated: completed, incomplete, failed or cancelled.
    pub is_final: bool,
}

impl ResponseState {
    /// Reads the state from a whole response, or from the data of an event that repeats the response. `None`: the body is
    /// neither.
    #[must_use]
    pub fn read(data: &[u8]) -> Option<ResponseState> {
        let (limits, mut scratch) =
            (ParseLimits { max_bytes: data.len(), ..ParseLimits::default() }, Scratch::default());
        let mut reader = Reader::new(data, &limits, Side::Response, &mut scratch).ok()?;
        reader.object().ok()?;
        ResponseState::members(&mut reader, true).ok().flatten()
    }

    /// Reads the members of a response, or of an event, which has the response in a member.
    fn members(reader: &mut Reader<'_, '_>, is_outermost: bool) -> Result<Option<ResponseState>, Error> {
        let (mut id, mut is_final) = (None, false);
        while let Some((_, name)) = reader.field(&["id", "status", "response"])? {
            match (name, reader.value()?) {
                ("id", Value::String(str)) => id = Some(str.decode(reader.body()).into()),
                ("status", Value::String(str)) => {
                    let status = str.decode(reader.body());
                    is_final = matches!(&*status, "completed" | "incomplete" | "failed" | "cancelled");
                }
                ("response", Value::Object(_)) if is_outermost => return ResponseState::members(reader, false),
                (_, value) => reader.walk(value, |_| Ok(()))?,
            }
        }
        Ok(id.map(|id| ResponseState { id, is_final }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_return_a_response_are_detected() {
        for (method, path, id) in [
            ("GET", "/v1/responses/resp_1", Some("resp_1")),
            ("get", "/V1/Responses/r1/?include[]=x", Some("r1")),
            ("GET", "/proxy/v1/responses/resp%5F1", Some("resp_1")),
            ("GET", "/openai/responses/resp_1?api-version=2025-04-01", Some("resp_1")),
            ("GET", "/openai/v1/responses/r1", Some("r1")),
            ("GET", "/responses/resp_1", Some("resp_1")),
            ("GET", "/survey/responses/17", None),
            ("POST", "/v1/responses/resp_1/cancel", Some("resp_1")),
            ("POST", "/api/responses/resp_1/cancel", Some("resp_1")),
            ("POST", "/api/responses/r1/cancel", None),
            ("POST", "/v1/responses/resp_1", None),
            ("GET", "/v1/responses/resp_1/cancel", None),
            ("GET", "/v1/responses/resp_1/input_items", None),
            ("DELETE", "/v1/responses/resp_1", None),
            ("GET", "/v1/responses", None),
            ("GET", "/v1/chat/completions", None),
        ] {
            let found = Endpoint::detect(method.as_bytes(), path.as_bytes()).and_then(|found| found.response_id);
            assert_eq!(found.as_deref(), id, "{method} {path}");
        }
    }

    #[test]
    fn a_stream_is_requested_by_the_query() {
        for (path, want) in [
            ("/v1/responses/r1", false),
            ("/v1/responses/r1?stream=true", true),
            ("/v1/responses/r1?starting_after=7&stream=true", true),
            ("/v1/responses/r1?stream=false", false),
            ("/v1/responses/stream=true", false),
        ] {
            assert_eq!(Endpoint::detect(b"GET", path.as_bytes()).unwrap().stream, want, "{path}");
        }
    }

    #[test]
    fn the_state_is_read_from_responses_and_events() {
        for (data, want) in [
            (r#"{"id":"r1","status":"queued"}"#, Some(("r1", false))),
            (r#"{"status":"completed","output":[{"id":"m1","status":"x"}],"id":"r1"}"#, Some(("r1", true))),
            (r#"{"id":"r1","status":"failed","error":{"message":"no"}}"#, Some(("r1", true))),
            (r#"{"id":"r1","status":"incomplete"}"#, Some(("r1", true))),
            (r#"{"id":"r1","status":"cancelled"}"#, Some(("r1", true))),
            (r#"{"id":"r1"}"#, Some(("r1", false))),
            (r#"{"type":"response.created","response":{"id":"r1","status":"in_progress"}}"#, Some(("r1", false))),
            (r#"{"response":{"status":"completed","id":"r1"},"type":"response.completed"}"#, Some(("r1", true))),
            (r#"{"id":"e1","response":{"id":"r1","response":{"id":"x"}}}"#, Some(("r1", false))),
            (r#"{"type":"response.output_text.delta","item_id":"m1","delta":"a"}"#, None),
            (r#"{"type":"response.output_item.done","item":{"id":"m1","status":"completed"}}"#, None),
            (r#"{"id":7,"status":"completed"}"#, None),
            (r#"{"id":"r1","status":"#, None),
            ("[]", None),
            ("", None),
        ] {
            let state = ResponseState::read(data.as_bytes());
            assert_eq!(state.as_ref().map(|state| (&*state.id, state.is_final)), want, "{data}");
        }
    }
}
