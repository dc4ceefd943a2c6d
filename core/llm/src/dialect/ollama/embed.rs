//! Embeddings: texts go in, and numbers come out ("Generate Embeddings", and the older "Generate Embedding").

use super::Result;
use crate::json::field::number;
use crate::json::reader::{Reader, Value};
use crate::view::request::{Draft, Origin};
use crate::view::response::Sketch;
use crate::{Channel, Reported, TextKind};

pub(super) fn request(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<()> {
    draft.body(reader)?;
    // Numbers are no tokens.
    draft.request.max_output_tokens = Some(0);
    while let Some((key, name)) = reader.field(&["model", "input", "prompt"])? {
        let value = reader.value()?;
        match name {
            "model" => draft.model(reader, value)?,
            // A text or several; the older call has one, under another name.
            "input" | "prompt" => draft.texts(reader, Origin::USER, TextKind::Content, value)?,
            _ => draft.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

pub(super) fn answer(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<()> {
    reader.object()?;
    let mut input = None;
    while let Some((_, field)) = reader.field(&["model", "prompt_eval_count", "error"])? {
        let value = reader.value()?;
        match (field, value) {
            ("model", Value::String(str)) => sketch.answer.model = Some(str),
            ("prompt_eval_count", Value::Number(_)) => input = number(reader, value),
            ("error", value) => {
                sketch.answer.is_error = !value.is_null();
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            // The numbers, and what else there may be.
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    sketch.answer.usage = input.map(|input| Reported { input: Some(input), complete: true, ..Reported::default() });
    Ok(())
}
