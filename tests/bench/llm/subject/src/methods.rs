//! Methods of parsing a request that are compared.

use std::borrow::Cow;
use std::hint::black_box;

use serde::Deserialize;
use serde_json::Value;
use tollgate_llm::{Dialect, ParseLimits, Request};

/// Name of a method in the table, and its function, which returns `true` if parsing succeeded.
pub(crate) type Method = (&'static str, fn(&[u8]) -> bool);

/// All methods. The first one is compared with the others.
pub(crate) const METHODS: [Method; 4] = [
    ("value", |body| black_box(serde_json::from_slice::<Value>(body)).is_ok()),
    ("typed", |body| black_box(serde_json::from_slice::<Chat<'_>>(body)).is_ok_and(|chat| chat.len() > 0)),
    ("view", |body| black_box(Request::parse(Dialect::OpenAiChat, body, &ParseLimits::default())).is_ok()),
    ("model", |body| black_box(Request::model_only(body, &ParseLimits::default())).is_ok_and(|model| model.is_some())),
];

/// Struct that a program would declare to read the model and the texts, copying only what is escaped.
#[derive(Debug, Deserialize)]
struct Chat<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
    #[serde(default)]
    stream: bool,
    max_tokens: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Cow<'a, str>,
}

impl Chat<'_> {
    /// Touches every text.
    fn len(&self) -> usize {
        let texts: usize = self.messages.iter().map(|message| message.role.len() + message.content.len()).sum();
        self.model.len() + texts + usize::from(self.stream) + usize::from(self.max_tokens.is_some())
    }
}
