//! OpenAI embeddings: vectors derived from the text alone, as numbers or as base64 of their bytes.

use serde_json::Value;

use super::{BodyFormat, Call, EncodedResponse, Endpoint, count, texts};
use crate::error::ApiError;
use crate::fingerprint::{fingerprint, mix};
use crate::json::{Json, object};
use crate::text_codec::base64_encode;
use crate::tokens::tokens;

pub(super) const ENDPOINTS: &[Endpoint] =
    &[Endpoint { paths: &["embeddings"], format: |_| BodyFormat::JSON, respond, error_body: ApiError::openai }];

/// Dimensions of a vector by default. Few, because no test compares vectors.
const DIMENSIONS: u64 = 16;
/// Maximum dimensions of a vector, as in OpenAI's largest model.
const MAX_DIMENSIONS: u64 = 3072;

fn respond(call: &Call<'_>) -> Result<EncodedResponse, ApiError> {
    let body = call.object()?;
    let mut request = call.llm_request(&body)?;
    let input = body.get("input").ok_or(ApiError::missing("input"))?;
    let inputs = match input {
        Value::Array(items) if items.is_empty() => return Err(ApiError::empty("input")),
        // A single input may be an array of token ids.
        Value::Array(items) if items.iter().any(|item| !item.is_number()) => items.as_slice(),
        other => std::slice::from_ref(other),
    };
    let as_base64 = body.get("encoding_format").is_some_and(|format| format == "base64");
    let size = size(&body, "dimensions");
    let mut data = Vec::with_capacity(inputs.len());
    let mut spent = 0;
    for (index, input) in inputs.iter().enumerate() {
        let text = texts(input);
        spent += input.as_array().map_or(tokens(&text), |tokens| tokens.len() as u64);
        let numbers = vector(&text, size);
        let embedding = match as_base64 {
            true => base64_encode(&numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>()).into(),
            false => Json::list(numbers.into_iter().map(|number| Json::Float(number.into()))),
        };
        data.push(object! { "object": "embedding", "index": index, "embedding": embedding });
        request.add_message(true, text);
    }
    let spent = call.knobs.usage.map_or(spent, |usage| usage.input);
    let model = call.knobs.model.as_deref().or(request.model.as_ref().map(|model| &*model.0));
    Ok(EncodedResponse::json(&object! {
        "object": "list", "data": data, "model": model,
        "usage": object! { "prompt_tokens": spent, "total_tokens": spent },
    }))
}

/// Returns a vector for each text, and the tokens of all texts.
pub(super) fn vectors(inputs: &[Value], size: u64) -> (Json, u64) {
    let texts: Vec<_> = inputs.iter().map(texts).collect();
    let numbers = |text: &String| Json::list(vector(text, size).into_iter().map(|number| Json::Float(number.into())));
    (Json::list(texts.iter().map(numbers)), texts.iter().map(|text| tokens(text)).sum())
}

/// Returns the requested dimensions of a vector; `name` is the member that holds them.
pub(super) fn size(body: &Value, name: &str) -> u64 {
    count(body, name).unwrap_or(DIMENSIONS).clamp(1, MAX_DIMENSIONS)
}

/// Returns the vector of a text: numbers in -1..1, each exact in a few decimal digits.
pub(super) fn vector(text: &str, size: u64) -> Vec<f32> {
    let mut state = fingerprint(text.as_bytes());
    let number = |at| {
        state = mix(state, at);
        // Eight well mixed bits give 256 steps of 1/128.
        ((state >> 48) & 0xff) as f32 / 128.0 - 1.0
    };
    (0..size).map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_depends_only_on_the_text() {
        assert_eq!(vector("a", 4), vector("a", 16)[..4]);
        assert_ne!(vector("a", 16), vector("b", 16));
        assert!(vector("a", 3072).iter().all(|number| (-1.0..1.0).contains(number)));
    }
}
