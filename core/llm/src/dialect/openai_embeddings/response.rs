//! Reads responses.

use crate::json::reader::{Reader, Value};
use crate::usage::reader::{self as usage, Convention};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Error};

/// Reads a response.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    reader.object()?;
    while let Some((_, field)) = reader.field(&["model", "data", "usage", "error", "id", "object"])? {
        let value = reader.value()?;
        match (field, value) {
            ("model", Value::String(str)) => builder.response.model = Some(str),
            ("data", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    embedding(reader, builder, value)?;
                }
            }
            ("usage", Value::Object(_)) => usage::read(reader, builder, Convention::INPUT_ONLY)?,
            ("error", value) => {
                builder.response.is_error = !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("id" | "object", value) => builder.no_text(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    if let Some(usage) = &mut builder.response.usage {
        usage.complete = true;
    }
    Ok(())
}

/// Reads an embedding: numbers, or the same in base64, which is not a text.
fn embedding(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>, value: Value) -> Result<(), Error> {
    let Value::Object(_) = value else { return builder.texts(reader, Channel::OTHER, value) };
    while let Some((_, field)) = reader.field(&["embedding", "object"])? {
        let value = reader.value()?;
        match field {
            "" => builder.texts(reader, Channel::OTHER, value)?,
            _ => builder.no_text(reader, 0, value)?,
        }
    }
    Ok(())
}
