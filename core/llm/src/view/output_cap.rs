//! Edit that limits the output of a request which sets no limit itself.

use crate::dialect::bedrock_invoke::{InvokeFormat, request_format};
use crate::json::reader::{Reader, Scratch, Value};
use crate::json::scan::Side;
use crate::{Dialect, Edits, Error, Overlap, ParseLimits, Request, Span};

/// Location of the output limit in the requests of a dialect.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Names of the object that contains the limit, the documented one first; empty if it is the top-level object.
    containers: &'static [&'static str],
    /// Names of the limit, the one to add first.
    members: &'static [&'static str],
}

impl Place {
    const fn top(members: &'static [&'static str]) -> Place {
        Place { containers: &[], members }
    }
}

const MAX_TOKENS: Place = Place::top(&["max_tokens"]);
const CHAT: Place = Place::top(&["max_tokens", "max_completion_tokens", "max_output_tokens"]);
/// OpenAI's reasoning models refuse `max_tokens` ("Reasoning models": "Controlling costs").
const REASONING_CHAT: Place = Place::top(&["max_completion_tokens", "max_tokens", "max_output_tokens"]);
const RESPONSES: Place = Place::top(&["max_output_tokens"]);
const CONVERSE: Place = Place { containers: &["inferenceConfig"], members: &["maxTokens", "max_new_tokens"] };
const LLAMA: Place = Place::top(&["max_gen_len"]);
const CLAUDE_COMPLETION: Place = Place::top(&["max_tokens_to_sample"]);
const TITAN: Place = Place { containers: &["textGenerationConfig"], members: &["maxTokenCount"] };
const GEMINI: Place = Place {
    containers: &["generationConfig", "generation_config"],
    members: &["maxOutputTokens", "max_output_tokens"],
};
const OLLAMA: Place = Place { containers: &["options"], members: &["num_predict"] };

/// Limits of a second pass over a body, which has been parsed with the configured ones.
const LIMITS: ParseLimits =
    ParseLimits { max_bytes: usize::MAX, max_depth: 1 << 16, max_event_bytes: usize::MAX, max_items: usize::MAX };

/// Smallest `max_output_tokens` that the Responses API accepts (API reference of OpenAI, "Create a response").
const LEAST_OF_RESPONSES: u64 = 16;

/// Members of a request that concern its output limit, as they are in the body.
#[derive(Default)]
struct Found {
    /// Objects that may contain the limit: the offset of the opening brace, and `true` if it is empty.
    objects: Vec<(usize, bool)>,
    /// Containers that are null.
    nulls: Vec<Span>,
    /// Values to replace: numbers, and a null of the member to add. None of them is a limit.
    values: Vec<Span>,
}

impl Request {
    /// Returns the smallest output limit that the API accepts; `None` if [`cap_output`](Request::cap_output) cannot limit
    /// the output of this request: it has a limit, or the API has none.
    #[must_use]
    pub fn least_output_cap(&self, body: &[u8]) -> Option<u64> {
        if self.max_output_tokens.is_some() || self.is_form || self.members.none {
            return None;
        }
        let least = if self.dialect == Dialect::OpenAiResponses { LEAST_OF_RESPONSES } else { 1 };
        self.output_limit_place(body, "").map(|_| least)
    }

    /// Adds the edits that limit the output of each candidate to `tokens`, in the member that the API and `model` have for it:
    /// the model of the request, or the target of that alias. A null or a negative number, which is no limit, is replaced.
    ///
    /// # Errors
    /// Fails if the request has a limit, the API has no such member, or the place has been edited.
    pub fn cap_output(&self, body: &[u8], model: &str, tokens: u64, edits: &mut Edits) -> Result<(), Overlap> {
        let place = self.least_output_cap(body).and_then(|_| self.output_limit_place(body, model)).ok_or(Overlap)?;
        let found = find(body, place).map_err(|_| Overlap)?;
        let member = format!("\"{}\":{tokens}", place.members.first().copied().unwrap_or_default());
        if let Some(container) = place.containers.first() {
            for span in &found.nulls {
                edits.replace(*span, format!("{{{member}}}"))?;
            }
            if found.objects.is_empty() && found.nulls.is_empty() {
                return edits.replace(self.brace(), format!("{{\"{container}\":{{{member}}},"));
            }
        }
        for value in &found.values {
            edits.replace(*value, tokens.to_string())?;
        }
        if !found.values.is_empty() {
            return Ok(());
        }
        for (at, is_empty) in found.objects {
            edits.replace(Span::new(at, at + 1), format!("{{{member}{}", if is_empty { "" } else { "," }))?;
        }
        Ok(())
    }

    /// Returns the span of the opening brace of the body. An insertion behind it, such as that of a model, stays possible.
    fn brace(&self) -> Span {
        Span::new(self.members.start.saturating_sub(1), self.members.start)
    }

    /// Returns the location of the limit; `None` if the API has none.
    fn output_limit_place(&self, body: &[u8], model: &str) -> Option<Place> {
        use Dialect::{
            AnthropicMessages, BedrockConverse, BedrockInvoke, CohereChat, GeminiGenerate, OllamaChat, OllamaGenerate,
            OpenAiChat, OpenAiCompletions, OpenAiResponses,
        };
        Some(match self.dialect {
            // A body of the Responses API, which some servers accept on the path of chat completions.
            OpenAiChat if !has_messages(body) => RESPONSES,
            OpenAiChat if is_reasoning(model) => REASONING_CHAT,
            OpenAiChat => CHAT,
            OpenAiCompletions | AnthropicMessages | CohereChat => MAX_TOKENS,
            OpenAiResponses => RESPONSES,
            GeminiGenerate => GEMINI,
            BedrockConverse => CONVERSE,
            BedrockInvoke => match request_format(body).ok()? {
                InvokeFormat::Anthropic => MAX_TOKENS,
                InvokeFormat::OpenAi => CHAT,
                InvokeFormat::Converse => CONVERSE,
                InvokeFormat::Prompt if model.contains("llama") => LLAMA,
                InvokeFormat::Prompt if model.contains("titan") => TITAN,
                InvokeFormat::Prompt if model.contains("claude") => CLAUDE_COMPLETION,
                InvokeFormat::Prompt => MAX_TOKENS,
            },
            OllamaChat | OllamaGenerate => OLLAMA,
            _ => return None,
        })
    }
}

/// Returns `true` for OpenAI's models that refuse `max_tokens`: `o1` and later, `gpt-5` and later, under any prefix of a
/// provider.
fn is_reasoning(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let generation = |prefix: &str| -> Option<u32> {
        let rest = name.strip_prefix(prefix)?;
        rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
    };
    generation("o").is_some() || generation("gpt-").is_some_and(|generation| (5..100).contains(&generation))
}

/// Returns `true` if the body has messages.
fn has_messages(body: &[u8]) -> bool {
    let mut scratch = Scratch::default();
    let Ok(mut reader) = Reader::new(body, &LIMITS, Side::Request, &mut scratch) else { return false };
    let mut find = || -> Result<bool, Error> {
        reader.object()?;
        while let Some((_, name)) = reader.field(&["messages"])? {
            if !name.is_empty() {
                return Ok(true);
            }
            let value = reader.value()?;
            reader.walk(value, |_| Ok(()))?;
        }
        Ok(false)
    };
    find().unwrap_or_default()
}

/// Finds the members that concern the limit.
fn find(body: &[u8], place: Place) -> Result<Found, Error> {
    let mut scratch = Scratch::default();
    let mut reader = Reader::new(body, &LIMITS, Side::Request, &mut scratch)?;
    let mut found = Found::default();
    let at = reader.object()?;
    if place.containers.is_empty() {
        found.object(&mut reader, at, place.members)?;
        return Ok(found);
    }
    while let Some((_, name)) = reader.field(place.containers)? {
        match reader.value()? {
            Value::Object(at) if !name.is_empty() => found.object(&mut reader, at, place.members)?,
            Value::Null(span) if !name.is_empty() => found.nulls.push(span),
            value => reader.walk(value, |_| Ok(()))?,
        }
    }
    Ok(found)
}

impl Found {
    /// Reads the members of an object that may contain the limit.
    fn object(&mut self, reader: &mut Reader<'_, '_>, at: usize, members: &[&'static str]) -> Result<(), Error> {
        self.objects.push((at, reader.is_empty_object()));
        while let Some((_, name)) = reader.field(members)? {
            let is_first = members.first() == Some(&name);
            match reader.value()? {
                Value::Null(span) if is_first => self.values.push(span),
                Value::Number(span) if !name.is_empty() => self.values.push(span),
                value => reader.walk(value, |_| Ok(()))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Endpoint;

    fn capped(method_path: &str, body: &str) -> Option<String> {
        let endpoint = Endpoint::detect(b"POST", method_path.as_bytes()).unwrap();
        let request = Request::parse_at(&endpoint, body.as_bytes(), &ParseLimits::default()).unwrap();
        let mut edits = Edits::new();
        let model = request.model_name(body.as_bytes()).unwrap_or_default();
        request.cap_output(body.as_bytes(), &model, 77, &mut edits).ok()?;
        let edited = String::from_utf8(edits.apply(body.as_bytes())).unwrap();
        let again = Request::parse_at(&endpoint, edited.as_bytes(), &ParseLimits::default()).unwrap();
        assert_eq!(again.max_output_tokens, Some(77), "{edited}");
        Some(edited)
    }

    #[test]
    fn the_limit_is_added_where_the_api_has_it() {
        let chat = "/v1/chat/completions";
        for (path, body, edited) in [
            (chat, r#"{"model":"gpt-4o","messages":[]}"#, r#"{"max_tokens":77,"model":"gpt-4o","messages":[]}"#),
            (chat, r#"{"model":"o3","messages":[]}"#, r#"{"max_completion_tokens":77,"model":"o3","messages":[]}"#),
            (
                chat,
                r#"{"model":"openai/gpt-5-mini","messages":[]}"#,
                r#"{"max_completion_tokens":77,"model":"openai/gpt-5-mini","messages":[]}"#,
            ),
            (chat, r#"{"model":"o3","input":"a"}"#, r#"{"max_output_tokens":77,"model":"o3","input":"a"}"#),
            (chat, r#" { "max_tokens" : null, "messages":[]}"#, r#" { "max_tokens" : 77, "messages":[]}"#),
            (chat, r#"{"max_completion_tokens":-1,"messages":[]}"#, r#"{"max_completion_tokens":77,"messages":[]}"#),
            (
                chat,
                r#"{"max_completion_tokens":null,"messages":[]}"#,
                r#"{"max_tokens":77,"max_completion_tokens":null,"messages":[]}"#,
            ),
            ("/v1/completions", r#"{"prompt":"a"}"#, r#"{"max_tokens":77,"prompt":"a"}"#),
            ("/v1/responses", r#"{"input":"a"}"#, r#"{"max_output_tokens":77,"input":"a"}"#),
            ("/v1/messages", r#"{"messages":[]}"#, r#"{"max_tokens":77,"messages":[]}"#),
            ("/v2/chat", r#"{"messages":[]}"#, r#"{"max_tokens":77,"messages":[]}"#),
            ("/api/chat", r#"{"messages":[]}"#, r#"{"options":{"num_predict":77},"messages":[]}"#),
            ("/api/generate", r#"{"options":{"num_predict":-2}}"#, r#"{"options":{"num_predict":77}}"#),
            ("/api/generate", r#"{"options":{"seed":1}}"#, r#"{"options":{"num_predict":77,"seed":1}}"#),
            ("/api/generate", r#"{"options":{}}"#, r#"{"options":{"num_predict":77}}"#),
            ("/api/generate", r#"{"options":null}"#, r#"{"options":{"num_predict":77}}"#),
            (
                "/v1beta/models/g:generateContent",
                r#"{"contents":[]}"#,
                r#"{"generationConfig":{"maxOutputTokens":77},"contents":[]}"#,
            ),
            (
                "/v1beta/models/g:generateContent",
                r#"{"generation_config":{"topK":1}}"#,
                r#"{"generation_config":{"maxOutputTokens":77,"topK":1}}"#,
            ),
            (
                "/model/amazon.nova/converse",
                r#"{"messages":[],"inferenceConfig":{"topP":1}}"#,
                r#"{"messages":[],"inferenceConfig":{"maxTokens":77,"topP":1}}"#,
            ),
            (
                "/model/anthropic.c/invoke",
                r#"{"anthropic_version":"x","messages":[]}"#,
                r#"{"max_tokens":77,"anthropic_version":"x","messages":[]}"#,
            ),
            ("/model/meta.llama3/invoke", r#"{"prompt":"a"}"#, r#"{"max_gen_len":77,"prompt":"a"}"#),
            (
                "/model/amazon.titan-text/invoke",
                r#"{"inputText":"a"}"#,
                r#"{"textGenerationConfig":{"maxTokenCount":77},"inputText":"a"}"#,
            ),
        ] {
            assert_eq!(capped(path, body).as_deref(), Some(edited), "{path} {body}");
        }
    }

    #[test]
    fn a_request_with_a_limit_or_of_an_api_without_one_is_not_edited() {
        for (path, body) in [
            ("/v1/chat/completions", r#"{"max_tokens":5}"#),
            ("/v1/chat/completions", r#"{"max_tokens":null,"max_completion_tokens":5}"#),
            ("/v1/chat/completions", "{}"),
            ("/v1/embeddings", r#"{"input":"a"}"#),
            ("/v1/responses/compact", r#"{"input":"a"}"#),
            ("/v1/images/generations", r#"{"prompt":"a"}"#),
        ] {
            assert_eq!(capped(path, body), None, "{path} {body}");
        }
    }

    #[test]
    fn a_limit_and_a_model_can_both_be_added() {
        let body = br#"{"messages":[]}"#;
        let request = Request::parse(Dialect::OpenAiChat, body, &ParseLimits::default()).unwrap();
        let mut edits = Edits::new();
        request.set_model("m", &mut edits);
        request.cap_output(body, "m", 5, &mut edits).unwrap();
        assert_eq!(edits.apply(body), br#"{"max_tokens":5,"model":"m","messages":[]}"#);
    }

    #[test]
    fn the_target_of_an_alias_decides_on_the_member() {
        let body = br#"{"model":"fast","messages":[]}"#;
        let request = Request::parse(Dialect::OpenAiChat, body, &ParseLimits::default()).unwrap();
        let mut edits = Edits::new();
        request.cap_output(body, "o3", 5, &mut edits).unwrap();
        assert_eq!(edits.apply(body), br#"{"max_completion_tokens":5,"model":"fast","messages":[]}"#);
    }

    #[test]
    fn reasoning_models_are_known_by_their_generation() {
        for (model, want) in [
            ("o1", true),
            ("o3-mini", true),
            ("openai/o4-mini", true),
            ("gpt-5", true),
            ("GPT-5.1-codex", true),
            ("gpt-10", true),
            ("gpt-4o", false),
            ("gpt-4.1", false),
            ("gpt-3.5-turbo", false),
            ("gpt-oss-120b", false),
            ("olmo", false),
            ("", false),
        ] {
            assert_eq!(is_reasoning(model), want, "{model}");
        }
    }
}
