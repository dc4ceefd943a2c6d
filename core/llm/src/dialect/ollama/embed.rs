//! Embeddings: texts go in, and numbers come out ("Generate Embeddings", and the older "Generate Embedding").

use super::Result;
use crate::json::field::number;
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder};
use crate::view::response::ResponseBuilder;
use crate::{Channel, ReportedUsage, TextKind};

pub(super) fn request(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    builder.body(reader)?;
    // Numbers are no tokens.
    builder.request.max_output_tokens = Some(0);
    while let Some((key, name)) = reader.field(&["model", "input", "prompt"])? {
        let value = reader.value()?;
        match name {
            "model" => builder.model(reader, value)?,
            // A text or several; the older call has one, under another name.
            "input" | "prompt" => builder.texts(reader, Origin::USER, TextKind::Content, value)?,
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

pub(super) fn answer(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    reader.object()?;
    let mut input = None;
    while let Some((_, field)) = reader.field(&["model", "prompt_eval_count", "error"])? {
        let value = reader.value()?;
        match (field, value) {
            ("model", Value::String(str)) => builder.response.model = Some(str),
            ("prompt_eval_count", Value::Number(_)) => input = number(reader, value),
            ("error", value) => {
                builder.response.is_error = !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            // The numbers, and what else there may be.
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    builder.response.usage =
        input.map(|input| ReportedUsage { input: Some(input), complete: true, ..ReportedUsage::default() });
    Ok(())
}
