//! OpenAI's embeddings: vectors that depend on the text alone, as numbers or as their bytes in base64.

use serde_json::Value;

use super::{Call, Endpoint, Form, Written, count, texts};
use crate::encoding::base64_encode;
use crate::error::ApiError;
use crate::fingerprint::{fingerprint, step};
use crate::json::{Json, object};
use crate::tokens::tokens;

pub(super) const ENDPOINTS: &[Endpoint] =
    &[Endpoint { paths: &["embeddings"], form: |_| Form::JSON, answer, refuse: ApiError::openai }];

/// Numbers of a vector, if the request does not say: few, since nobody compares them.
const DIMENSIONS: u64 = 16;
/// As OpenAI's largest model.
const MOST_DIMENSIONS: u64 = 3072;

fn answer(call: &Call<'_>) -> Result<Written, ApiError> {
    let body = call.object()?;
    let mut ask = call.ask(&body)?;
    let input = body.get("input").ok_or(ApiError::missing("input"))?;
    let inputs = match input {
        Value::Array(items) if items.is_empty() => return Err(ApiError::empty("input")),
        // One input may be its tokens, which are numbers.
        Value::Array(items) if items.iter().any(|item| !item.is_number()) => items.as_slice(),
        other => std::slice::from_ref(other),
    };
    let bytes = body.get("encoding_format").is_some_and(|format| format == "base64");
    let size = size(&body, "dimensions");
    let mut data = Vec::with_capacity(inputs.len());
    let mut spent = 0;
    for (index, input) in inputs.iter().enumerate() {
        let text = texts(input);
        spent += input.as_array().map_or(tokens(&text), |tokens| tokens.len() as u64);
        let numbers = vector(&text, size);
        let embedding = match bytes {
            true => base64_encode(&numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>()).into(),
            false => Json::list(numbers.into_iter().map(|number| Json::Float(number.into()))),
        };
        data.push(object! { "object": "embedding", "index": index, "embedding": embedding });
        ask.message(true, text);
    }
    let spent = call.knobs.usage.map_or(spent, |usage| usage.input);
    let model = call.knobs.model.as_deref().or(ask.model.as_ref().map(|model| &*model.0));
    Ok(Written::json(&object! {
        "object": "list", "data": data, "model": model,
        "usage": object! { "prompt_tokens": spent, "total_tokens": spent },
    }))
}

/// A vector for each text, and the tokens of all.
pub(super) fn vectors(inputs: &[Value], size: u64) -> (Json, u64) {
    let texts: Vec<_> = inputs.iter().map(texts).collect();
    let numbers = |text: &String| Json::list(vector(text, size).into_iter().map(|number| Json::Float(number.into())));
    (Json::list(texts.iter().map(numbers)), texts.iter().map(|text| tokens(text)).sum())
}

/// How many numbers a vector is to have.
pub(super) fn size(body: &Value, name: &str) -> u64 {
    count(body, name).unwrap_or(DIMENSIONS).clamp(1, MOST_DIMENSIONS)
}

/// A vector for a text: numbers from -1 to below 1, each exact in a few digits.
pub(super) fn vector(text: &str, size: u64) -> Vec<f32> {
    let mut state = fingerprint(text.as_bytes());
    let number = |at| {
        state = step(state, at);
        // 8 of the well mixed bits: 256 steps of 1/128.
        ((state >> 48) & 0xff) as f32 / 128.0 - 1.0
    };
    (0..size).map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_depends_on_the_text_alone() {
        assert_eq!(vector("a", 4), vector("a", 16)[..4]);
        assert_ne!(vector("a", 16), vector("b", 16));
        assert!(vector("a", 3072).iter().all(|number| (-1.0..1.0).contains(number)));
    }
}
