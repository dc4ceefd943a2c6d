//! Requests to guards.

use super::{Guard, Protocol};
use crate::policy::Policy;
use crate::rule::RuleIndex;
use crate::rule_scope::{RawScope, ScopePart, ScopedTexts};
use serde_json::{Value, json};
use std::ops::Range;
use tollgate_llm::{Request, TextKind};

/// Text between two texts.
const SEPARATOR: &str = "\n\n";
/// Tokens of the answer of a model: `unsafe` and some categories.
const MAX_ANSWER_TOKENS: u32 = 64;

/// Texts of a request that a guard judges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuardTexts {
    /// Texts, each with its index in the request.
    texts: Vec<(usize, String)>,
}

/// Reason why a guard cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// The texts are larger than the guard may get.
    #[error("the texts are too large")]
    TooLarge,
    /// The prompt is given as token ids.
    #[error("the prompt is given as token ids")]
    TokenIds,
}

impl GuardTexts {
    /// Returns the texts of a request in the scope of a guard's rule.
    ///
    /// # Errors
    /// A prompt that has no texts, or more than the guard may get.
    pub fn of(policy: &Policy, rule: RuleIndex, request: &Request, body: &[u8]) -> Result<GuardTexts, QuestionError> {
        let Some((scope, guard)) = policy.rule(rule).and_then(|rule| Some((rule.scope.as_ref(), rule.guard.as_ref()?)))
        else {
            return Ok(GuardTexts::default());
        };
        if !request.token_prompts.is_empty() {
            return Err(QuestionError::TokenIds);
        }
        let scoped = ScopedTexts::of_request(request);
        let mut texts = Vec::new();
        let mut bytes = 0usize;
        for (index, text) in request.texts.iter().enumerate() {
            if !is_judged(scope, text) || !scope.is_none_or(|scope| scoped.contains(scope, index)) {
                continue;
            }
            let text = text.str.decode(body);
            if text.trim().is_empty() {
                continue;
            }
            bytes = bytes.saturating_add(text.len());
            if bytes > guard.max_text_bytes {
                return Err(QuestionError::TooLarge);
            }
            texts.push((index, text.into_owned()));
        }
        Ok(GuardTexts { texts })
    }

    /// Returns `true` if there is nothing to judge.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Returns the number of texts.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    /// Returns all texts as one.
    pub(super) fn joined(&self) -> String {
        self.texts.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(SEPARATOR)
    }

    /// Returns the start of each text in the joined text.
    pub(super) fn starts(&self) -> Vec<usize> {
        let starts = self.texts.iter().scan(0, |next, (_, text)| {
            let start = *next;
            *next = start + text.len() + SEPARATOR.len();
            Some(start)
        });
        starts.collect()
    }

    /// Returns the parts of each text that a range of the joined text covers, in bytes, given the [`starts`](Self::starts).
    pub(super) fn parts(&self, starts: &[usize], range: &Range<usize>) -> Vec<(usize, Range<usize>)> {
        let first = starts.partition_point(|start| *start <= range.start).saturating_sub(1);
        let texts = self.texts.iter().zip(starts).skip(first).take_while(|(_, start)| **start < range.end);
        let parts = texts.filter_map(|((index, text), start)| {
            let (from, to) = (range.start.max(*start), range.end.min(start + text.len()));
            (from < to).then(|| (*index, from - start..to - start))
        });
        parts.collect()
    }
}

/// Returns `true` if a text is of a part that the guard gets: one that its scope names, or text and what the model and tools
/// exchange.
fn is_judged(scope: Option<&RawScope>, text: &tollgate_llm::Text) -> bool {
    if matches!(text.kind, TextKind::Data | TextKind::ImageData | TextKind::ImageUrl) {
        return false;
    }
    let names_parts = scope.is_some_and(|scope| scope.parts.is_some());
    let default = [ScopePart::Text, ScopePart::Reasoning, ScopePart::ToolArguments, ScopePart::ToolResult];
    names_parts || default.contains(&ScopePart::of_text(text))
}

impl Guard {
    /// Returns the body of the request to the guard.
    pub fn question(&self, texts: &GuardTexts) -> Vec<u8> {
        let question = match &self.protocol {
            Protocol::OpenAiModeration { model, .. } => with_model(json!({ "input": list(texts) }), model.as_deref()),
            Protocol::LlamaGuard { model, .. } => {
                let messages = json!([{"role": "user", "content": texts.joined()}]);
                let call = json!({"messages": messages, "temperature": 0, "max_tokens": MAX_ANSWER_TOKENS});
                with_model(call, model.as_deref())
            }
            Protocol::Presidio { language, entities, threshold } => {
                let mut call = json!({"text": texts.joined(), "language": language});
                if let Some(members) = call.as_object_mut() {
                    if !entities.is_empty() {
                        members.insert("entities".to_owned(), json!(entities));
                    }
                    if let Some(threshold) = threshold {
                        members.insert("score_threshold".to_owned(), json!(threshold));
                    }
                }
                call
            }
            Protocol::Template { body, .. } => filled(body, texts, &texts.joined()),
        };
        question.to_string().into_bytes()
    }
}

fn list(texts: &GuardTexts) -> Value {
    texts.texts.iter().map(|(_, text)| Value::String(text.clone())).collect()
}

fn with_model(mut call: Value, model: Option<&str>) -> Value {
    if let (Some(model), Some(members)) = (model, call.as_object_mut()) {
        members.insert("model".to_owned(), json!(model));
    }
    call
}

/// Returns a template with the texts. Its depth was checked.
fn filled(template: &Value, texts: &GuardTexts, joined: &str) -> Value {
    match template {
        Value::String(text) if text == "{{texts}}" => list(texts),
        Value::String(text) => Value::String(text.replace("{{text}}", joined)),
        Value::Array(values) => values.iter().map(|value| filled(value, texts, joined)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), filled(value, texts, joined))).collect()
        }
        scalar => scalar.clone(),
    }
}
