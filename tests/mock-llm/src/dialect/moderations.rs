//! OpenAI moderations: a text is flagged for every category whose name it contains.

use serde_json::Value;

use super::{BodyFormat, Call, EncodedResponse, Endpoint, texts};
use crate::error::ApiError;
use crate::json::{Json, object};

pub(super) const ENDPOINTS: &[Endpoint] =
    &[Endpoint { paths: &["moderations"], format: |_| BodyFormat::JSON, respond, error_body: ApiError::openai }];

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

/// Model that OpenAI uses if the request has none.
const MODEL: &str = "omni-moderation-latest";

fn respond(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    let input = body.get("input").ok_or(ApiError::missing("input"))?;
    let model = call.knobs.model.as_deref().or(body.get("model").and_then(Value::as_str)).unwrap_or(MODEL);
    let inputs: Vec<String> = match input {
        Value::Array(items) if items.is_empty() => return Err(ApiError::empty("input")),
        Value::Array(items) if items.iter().all(Value::is_string) => items.iter().map(texts).collect(),
        // The parts of one message.
        parts => vec![texts(parts)],
    };
    let results = inputs.iter().map(|text| result(text));
    Ok(EncodedResponse::json(&object! {
        "id": format!("modr-{:016x}", call.fingerprint), "model": model, "results": Json::list(results),
    }))
}

fn result(text: &str) -> Json {
    let contained = |category: &&'static str| text.contains(*category);
    let by_category =
        |value: fn(bool) -> Json| Json::Object(CATEGORIES.iter().map(|name| (*name, value(contained(name)))).collect());
    object! {
        "flagged": CATEGORIES.iter().any(contained),
        "categories": by_category(Json::Bool),
        "category_scores": by_category(|flagged| Json::Float(if flagged { 0.9375 } else { 0.0625 })),
        "category_applied_input_types": by_category(|_| Json::list(["text".into()])),
    }
}
