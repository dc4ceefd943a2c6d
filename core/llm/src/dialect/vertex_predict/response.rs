//! Reads responses.

use crate::json::field::number;
use crate::json::reader::{Reader, Value};
use crate::usage::reader::{Convention, UsageReader};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Error, Part};

/// Reads a response.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    reader.object()?;
    let mut usage = UsageReader::new(Convention::INCLUSIVE);
    while let Some((_, field)) = reader.field(&["predictions", "metadata", "error", "deployedModelId"])? {
        let value = reader.value()?;
        match (field, value) {
            ("predictions", Value::Array(_)) => {
                let mut index = 0;
                while let Some(value) = reader.element()? {
                    prediction(reader, builder, &mut usage, index, value)?;
                    index = index.saturating_add(1);
                }
            }
            ("metadata", Value::Object(_)) => metadata(reader, builder, &mut usage)?,
            ("error", value) => {
                builder.response.is_error = !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("deployedModelId", value) => builder.no_text(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    let mut usage = usage.end();
    usage.complete = true;
    builder.merge_usage(usage);
    Ok(())
}

/// Reads a prediction, or an object or array inside it. The recursion is bounded by the depth limit of a body.
fn prediction(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    usage: &mut UsageReader,
    index: u32,
    value: Value,
) -> Result<(), Error> {
    let channel = |part| Channel { choice: index, part };
    match value {
        Value::Object(_) => {}
        Value::Array(_) => {
            while let Some(value) = reader.element()? {
                prediction(reader, builder, usage, index, value)?;
            }
            return Ok(());
        }
        value => return builder.texts(reader, channel(Part::Whole), value),
    }
    while let Some((_, field)) = reader.field(&["bytesBase64Encoded", "mimeType", "token_count", "tokenCount"])? {
        let value = reader.value()?;
        match (field, value) {
            ("bytesBase64Encoded" | "mimeType", value) => builder.no_text(reader, index, value)?,
            // Tokens of one instance.
            ("token_count" | "tokenCount", Value::Number(_)) => usage.add_input(number(reader, value)),
            // Each string is a separate text.
            (_, Value::String(str)) => builder.text(channel(Part::Whole), str)?,
            (_, value) => prediction(reader, builder, usage, index, value)?,
        }
    }
    Ok(())
}

/// Reads the usage of models that generate text.
fn metadata(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    usage: &mut UsageReader,
) -> Result<(), Error> {
    while let Some((_, field)) = reader.field(&["tokenMetadata"])? {
        match (field, reader.value()?) {
            ("tokenMetadata", Value::Object(_)) => {
                while let Some((_, field)) = reader.field(&["inputTokenCount", "outputTokenCount"])? {
                    match (field, reader.value()?) {
                        ("inputTokenCount", Value::Object(_)) => usage.add_input(total_tokens(reader, builder)?),
                        ("outputTokenCount", Value::Object(_)) => usage.add_output(total_tokens(reader, builder)?),
                        (_, value) => builder.texts(reader, Channel::OTHER, value)?,
                    }
                }
            }
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

/// Reads a token count.
fn total_tokens(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<Option<u64>, Error> {
    let mut tokens = None;
    while let Some((_, field)) = reader.field(&["totalTokens"])? {
        match (field, reader.value()?) {
            ("totalTokens", value @ Value::Number(_)) => tokens = number(reader, value),
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(tokens)
}
