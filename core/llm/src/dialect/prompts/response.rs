//! Reads responses and the data of events.

use crate::json::reader::{Reader, Value};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Error, Part};

/// Members whose strings are the pieces of one text in a stream.
const PIECES: [&str; 7] = ["text", "delta", "content", "response", "generated_text", "token", "output"];

/// Reads a response: every string is a text of its own.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    let value = reader.value()?;
    builder.texts(reader, Channel::OTHER, value)
}

/// Reads the data of an event. The pieces that events add to a text are in few members, whatever the API.
pub(super) fn read_event(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    let value = reader.value()?;
    piece(reader, builder, false, value)
}

/// Reads a value; `is_piece` if its strings are pieces of the text. The recursion is bounded by the depth limit of a body.
fn piece(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    is_piece: bool,
    value: Value,
) -> Result<(), Error> {
    match value {
        Value::Object(_) => {
            while let Some((_, field)) = reader.field(&PIECES)? {
                let value = reader.value()?;
                piece(reader, builder, !field.is_empty(), value)?;
            }
            Ok(())
        }
        Value::Array(_) => {
            while let Some(value) = reader.element()? {
                piece(reader, builder, is_piece, value)?;
            }
            Ok(())
        }
        Value::String(str) if is_piece => builder.text(Channel { choice: 0, part: Part::Content }, str),
        value => builder.texts(reader, Channel::OTHER, value),
    }
}
