//! OpenAI's moderations: a text that names a category falls into it.

use serde_json::Value;

use super::{Call, Endpoint, Form, Written, texts};
use crate::error::ApiError;
use crate::json::{Json, object};

pub(super) const ENDPOINTS: &[Endpoint] =
    &[Endpoint { paths: &["moderations"], form: |_| Form::JSON, answer, refuse: ApiError::openai }];

const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

/// Without one, the moderations of OpenAI choose a model themselves.
const MODEL: &str = "omni-moderation-latest";

fn answer(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    let input = body.get("input").ok_or(ApiError::missing("input"))?;
    let model = call.knobs.model.as_deref().or(body.get("model").and_then(Value::as_str)).unwrap_or(MODEL);
    let inputs: Vec<String> = match input {
        Value::Array(items) if items.is_empty() => return Err(ApiError::empty("input")),
        Value::Array(items) if items.iter().all(Value::is_string) => items.iter().map(texts).collect(),
        // Parts of one message.
        parts => vec![texts(parts)],
    };
    let results = inputs.iter().map(|text| result(text));
    Ok(Written::json(&object! {
        "id": format!("modr-{:016x}", call.fingerprint), "model": model, "results": Json::list(results),
    }))
}

fn result(text: &str) -> Json {
    let named = |category: &&'static str| text.contains(*category);
    let of =
        |value: fn(bool) -> Json| Json::Object(CATEGORIES.iter().map(|name| (*name, value(named(name)))).collect());
    object! {
        "flagged": CATEGORIES.iter().any(named),
        "categories": of(Json::Bool),
        "category_scores": of(|named| Json::Float(if named { 0.9375 } else { 0.0625 })),
        "category_applied_input_types": of(|_| Json::list(["text".into()])),
    }
}
