//! Reads responses.

use crate::dialect::openai_chat::response;
use crate::json::reader::{Reader, Value};
use crate::view::response::Sketch;
use crate::{Channel, Error};

pub(super) fn read(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<(), Error> {
    reader.object()?;
    while let Some((_, field)) = reader.field(&["model", "data", "usage", "error", "id", "object"])? {
        let value = reader.value()?;
        match (field, value) {
            ("model", Value::String(str)) => sketch.answer.model = Some(str),
            ("data", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    embedding(reader, sketch, value)?;
                }
            }
            ("usage", Value::Object(_)) => sketch.answer.usage = response::usage(reader, sketch)?,
            ("error", value) => {
                sketch.answer.is_error = !value.is_null();
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            ("id" | "object", value) => sketch.nothing(reader, 0, value)?,
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    if let Some(usage) = &mut sketch.answer.usage {
        usage.complete = true;
    }
    Ok(())
}

/// An embedding: numbers, or the same in base64, which is no text either.
fn embedding(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, value: Value) -> Result<(), Error> {
    let Value::Object(_) = value else { return sketch.texts(reader, Channel::OTHER, value) };
    while let Some((_, field)) = reader.field(&["embedding", "object"])? {
        let value = reader.value()?;
        match field {
            "" => sketch.texts(reader, Channel::OTHER, value)?,
            _ => sketch.nothing(reader, 0, value)?,
        }
    }
    Ok(())
}
