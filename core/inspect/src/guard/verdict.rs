//! Responses of guards.

use super::{Guard, GuardTexts, MAX_GUARD_RESPONSE_BYTES, Protocol};
use serde_json::Value;
use std::ops::Range;

/// Maximum number of entities that are read.
const MAX_ENTITIES: usize = 16 << 10;

/// Verdict of a guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuardVerdict {
    /// The guard has found nothing.
    Pass,
    /// The guard flags the request.
    Flagged,
    /// Places of what the guard has found: indices of texts of the request, each with a range of bytes. Not empty, in any order.
    Entities(Vec<(usize, Range<usize>)>),
}

/// Response that is no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the response is no verdict")]
pub struct InvalidVerdict;

impl Guard {
    /// Reads the body of a response with status 200 to the question about `texts`.
    ///
    /// # Errors
    /// The body is not what the guard's kind documents.
    pub fn verdict(&self, body: &[u8], texts: &GuardTexts) -> Result<GuardVerdict, InvalidVerdict> {
        if body.len() > MAX_GUARD_RESPONSE_BYTES {
            return Err(InvalidVerdict);
        }
        let response: Value = serde_json::from_slice(body).map_err(|_| InvalidVerdict)?;
        match &self.protocol {
            Protocol::OpenAiModeration { categories, .. } => moderation(&response, categories, texts.len()),
            Protocol::LlamaGuard { categories, .. } => llama_guard(&response, categories),
            Protocol::Presidio { threshold, .. } => presidio(&response, *threshold, texts),
            Protocol::Template { flagged_at, flagged_values, threshold, .. } => {
                template(&response, flagged_at, flagged_values, *threshold)
            }
        }
    }
}

fn flagged(flagged: bool) -> GuardVerdict {
    if flagged { GuardVerdict::Flagged } else { GuardVerdict::Pass }
}

/// Reads `{"results": [{"flagged": true, "categories": {"violence": true}}]}`, with a result for each text.
fn moderation(response: &Value, categories: &[String], texts: usize) -> Result<GuardVerdict, InvalidVerdict> {
    let results = response.get("results").and_then(Value::as_array).ok_or(InvalidVerdict)?;
    if results.len() != texts {
        return Err(InvalidVerdict);
    }
    let mut any = false;
    for result in results {
        let is_flagged = result.get("flagged").and_then(Value::as_bool).ok_or(InvalidVerdict)?;
        if categories.is_empty() {
            any |= is_flagged;
            continue;
        }
        let found = result.get("categories").and_then(Value::as_object).ok_or(InvalidVerdict)?;
        for category in categories {
            // An absent category is one that the model does not know: the operator's mistake must not pass in silence.
            any |= found.get(category).and_then(Value::as_bool).ok_or(InvalidVerdict)?;
        }
    }
    Ok(flagged(any))
}

/// Reads the answer of the model in a chat completion: `safe`, or `unsafe` and a line with categories.
fn llama_guard(response: &Value, categories: &[String]) -> Result<GuardVerdict, InvalidVerdict> {
    let answer = response.pointer("/choices/0/message/content").and_then(Value::as_str).ok_or(InvalidVerdict)?;
    let mut lines = answer.split('\n').map(str::trim).filter(|line| !line.is_empty());
    let (verdict, rest) = (lines.next().ok_or(InvalidVerdict)?, lines.next());
    match (verdict.to_ascii_lowercase().as_str(), rest) {
        ("safe", None) => Ok(GuardVerdict::Pass),
        ("unsafe", found) => {
            let found = found.unwrap_or_default();
            let is_wanted = |own: &str| categories.iter().any(|wanted| wanted.eq_ignore_ascii_case(own));
            // Without categories in the answer, all may be meant.
            let any = categories.is_empty() || found.is_empty() || found.split(',').map(str::trim).any(is_wanted);
            Ok(flagged(any))
        }
        _ => Err(InvalidVerdict),
    }
}

/// Reads `[{"entity_type": "PERSON", "start": 0, "end": 4, "score": 0.85}]`. Positions are those of characters in the joined
/// texts.
fn presidio(response: &Value, threshold: Option<f64>, texts: &GuardTexts) -> Result<GuardVerdict, InvalidVerdict> {
    let list = response.as_array().filter(|list| list.len() <= MAX_ENTITIES).ok_or(InvalidVerdict)?;
    let mut ranges = Vec::new();
    for entity in list {
        let position = |name: &str| entity.get(name).and_then(Value::as_u64).and_then(|at| usize::try_from(at).ok());
        let is_named = entity.get("entity_type").is_some_and(Value::is_string);
        let (start, end) = position("start").zip(position("end")).filter(|_| is_named).ok_or(InvalidVerdict)?;
        let score = entity.get("score").and_then(Value::as_f64).ok_or(InvalidVerdict)?;
        if threshold.is_none_or(|threshold| score >= threshold) {
            ranges.push(start..end);
        }
    }
    if ranges.is_empty() {
        return Ok(GuardVerdict::Pass);
    }
    let joined = texts.joined();
    let mut offsets: Vec<usize> = joined.char_indices().map(|(at, _)| at).collect();
    offsets.push(joined.len());
    let starts = texts.starts();
    let mut entities = Vec::new();
    for range in ranges {
        let (start, end) = offsets.get(range.start).zip(offsets.get(range.end)).ok_or(InvalidVerdict)?;
        if start >= end {
            return Err(InvalidVerdict);
        }
        entities.extend(texts.parts(&starts, &(*start..*end)));
        if entities.len() > MAX_ENTITIES {
            return Err(InvalidVerdict);
        }
    }
    if entities.is_empty() { Ok(GuardVerdict::Pass) } else { Ok(GuardVerdict::Entities(entities)) }
}

/// Reads the value at a JSON pointer.
fn template(
    response: &Value,
    flagged_at: &str,
    flagged_values: &[String],
    threshold: Option<f64>,
) -> Result<GuardVerdict, InvalidVerdict> {
    match response.pointer(flagged_at) {
        Some(Value::Bool(is_flagged)) => Ok(flagged(*is_flagged)),
        Some(Value::String(word)) if !flagged_values.is_empty() => Ok(flagged(flagged_values.contains(word))),
        Some(Value::Number(number)) => {
            let (number, threshold) = number.as_f64().zip(threshold).ok_or(InvalidVerdict)?;
            Ok(flagged(number >= threshold))
        }
        _ => Err(InvalidVerdict),
    }
}

#[cfg(test)]
mod tests;
