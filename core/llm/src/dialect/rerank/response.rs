//! Reads responses.

use crate::dialect::cohere_chat;
use crate::json::field::{number, wrong_type};
use crate::json::reader::{Reader, Value};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Error, ReportedUsage};

pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    // Some servers send the results as they are.
    let value = reader.value()?;
    if let Value::Array(_) = value {
        return builder.texts(reader, Channel::OTHER, value);
    }
    let Value::Object(_) = value else { return Err(wrong_type("body", value)) };
    while let Some((_, field)) = reader.field(&["model", "meta", "usage", "message", "error", "id"])? {
        let value = reader.value()?;
        match (field, value) {
            ("model", Value::String(str)) => builder.response.model = Some(str),
            ("meta", Value::Object(_)) => builder.response.usage = cohere_chat::billed(reader, builder)?,
            ("usage", Value::Object(_)) => builder.response.usage = usage(reader, builder)?,
            ("message", Value::String(_)) => {
                builder.response.is_error = true;
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("error", value) => {
                builder.response.is_error |= !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("id", value) => builder.nothing(reader, 0, value)?,
            // The results, with the documents where these were asked for.
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

/// Of servers that are not Cohere's; all of it is the prompt.
fn usage(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<Option<ReportedUsage>, Error> {
    let (mut input, mut total) = (None, None);
    while let Some((_, field)) = reader.field(&["prompt_tokens", "total_tokens"])? {
        match (field, reader.value()?) {
            ("prompt_tokens", value @ Value::Number(_)) => input = number(reader, value),
            ("total_tokens", value @ Value::Number(_)) => total = number(reader, value),
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    let said = ReportedUsage { input: input.or(total), total, complete: true, ..ReportedUsage::default() };
    Ok(Some(said).filter(|said| !said.is_empty()))
}
