//! Reads responses.

use crate::dialect::cohere_chat;
use crate::json::field::wrong_type;
use crate::json::reader::{Reader, Value};
use crate::usage::reader::Convention;
use crate::view::response::ResponseBuilder;
use crate::{Channel, Error};

/// Reads a response.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    // Some servers send the array of results without an object around it.
    let value = reader.value()?;
    if let Value::Array(_) = value {
        return builder.texts(reader, Channel::OTHER, value);
    }
    let Value::Object(_) = value else { return Err(wrong_type("body", value)) };
    while let Some((_, field)) = reader.field(&["model", "meta", "usage", "message", "error", "id"])? {
        let value = reader.value()?;
        match (field, value) {
            ("model", Value::String(str)) => builder.response.model = Some(str),
            // Cohere, and other servers; all tokens are input tokens.
            ("meta" | "usage", Value::Object(_)) => cohere_chat::billed(reader, builder, Convention::INPUT_ONLY)?,
            ("message", Value::String(_)) => {
                builder.response.is_error = true;
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("error", value) => {
                builder.response.is_error |= !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("id", value) => builder.no_text(reader, 0, value)?,
            // Results, with the documents if the request asked for them.
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}
