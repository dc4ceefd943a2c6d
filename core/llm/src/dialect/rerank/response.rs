//! Reads responses.

use crate::dialect::cohere;
use crate::json::field::{number, wrong_type};
use crate::json::reader::{Reader, Value};
use crate::view::response::Sketch;
use crate::{Channel, Error, Reported};

pub(super) fn read(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<(), Error> {
    // Some servers send the results as they are.
    let value = reader.value()?;
    if let Value::Array(_) = value {
        return sketch.texts(reader, Channel::OTHER, value);
    }
    let Value::Object(_) = value else { return Err(wrong_type("body", value)) };
    while let Some((_, field)) = reader.field(&["model", "meta", "usage", "message", "error", "id"])? {
        let value = reader.value()?;
        match (field, value) {
            ("model", Value::String(str)) => sketch.answer.model = Some(str),
            ("meta", Value::Object(_)) => sketch.answer.usage = cohere::billed(reader, sketch)?,
            ("usage", Value::Object(_)) => sketch.answer.usage = usage(reader, sketch)?,
            ("message", Value::String(_)) => {
                sketch.answer.is_error = true;
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            ("error", value) => {
                sketch.answer.is_error |= !value.is_null();
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            ("id", value) => sketch.nothing(reader, 0, value)?,
            // The results, with the documents where these were asked for.
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

/// Of servers that are not Cohere's; all of it is the prompt.
fn usage(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<Option<Reported>, Error> {
    let (mut input, mut total) = (None, None);
    while let Some((_, field)) = reader.field(&["prompt_tokens", "total_tokens"])? {
        match (field, reader.value()?) {
            ("prompt_tokens", value @ Value::Number(_)) => input = number(reader, value),
            ("total_tokens", value @ Value::Number(_)) => total = number(reader, value),
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    let said = Reported { input: input.or(total), total, complete: true, ..Reported::default() };
    Ok(Some(said).filter(|said| !said.is_empty()))
}
