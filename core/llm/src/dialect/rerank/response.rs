//! Reads responses.

use crate::dialect::cohere_chat;
use crate::json::field::{number, wrong_type};
use crate::json::reader::{Reader, Value};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Error, ReportedUsage};

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
            ("id", value) => builder.no_text(reader, 0, value)?,
            // Results, with the documents if the request asked for them.
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

/// Reads the usage of servers other than Cohere's; all tokens are input tokens.
fn usage(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<Option<ReportedUsage>, Error> {
    let (mut input, mut total) = (None, None);
    while let Some((_, field)) = reader.field(&["prompt_tokens", "total_tokens"])? {
        match (field, reader.value()?) {
            ("prompt_tokens", value @ Value::Number(_)) => input = number(reader, value),
            ("total_tokens", value @ Value::Number(_)) => total = number(reader, value),
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    let usage = ReportedUsage { input: input.or(total), total, complete: true, ..ReportedUsage::default() };
    Ok(Some(usage).filter(|usage| !usage.is_empty()))
}
