//! Reads responses.

use crate::dialect::cohere_chat::billed;
use crate::json::reader::{Reader, Value};
use crate::usage::reader::Convention;
use crate::view::response::ResponseBuilder;
use crate::{Channel, Error, Part};

/// Reads a response.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    reader.object()?;
    while let Some((_, field)) = reader.field(&["id", "embeddings", "texts", "meta", "message", "response_type"])? {
        let value = reader.value()?;
        match (field, value) {
            ("meta", Value::Object(_)) => billed(reader, builder, Convention::INPUT_ONLY)?,
            ("embeddings", value) => numbers(reader, builder, value)?,
            // The input, repeated: each string is a separate text.
            ("texts", value) => builder.texts(reader, Channel { choice: 0, part: Part::Whole }, value)?,
            ("message", Value::String(_)) => {
                builder.response.is_error = true;
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("id" | "response_type", value) => builder.no_text(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

/// Reads embeddings by type. Those in `base64` are strings but not texts.
fn numbers(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>, value: Value) -> Result<(), Error> {
    let Value::Object(_) = value else { return builder.texts(reader, Channel::OTHER, value) };
    while let Some((_, field)) = reader.field(&["base64"])? {
        match (field, reader.value()?) {
            ("base64", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    builder.no_text(reader, 0, value)?;
                }
            }
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}
