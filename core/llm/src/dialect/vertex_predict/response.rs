//! Reads responses.

use crate::json::field::number;
use crate::json::reader::{Reader, Value};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Error, Part, ReportedUsage};

pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    reader.object()?;
    let mut said = ReportedUsage::default();
    while let Some((_, field)) = reader.field(&["predictions", "metadata", "error", "deployedModelId"])? {
        let value = reader.value()?;
        match (field, value) {
            ("predictions", Value::Array(_)) => {
                let mut index = 0;
                while let Some(value) = reader.element()? {
                    prediction(reader, builder, &mut said, index, value)?;
                    index = index.saturating_add(1);
                }
            }
            ("metadata", Value::Object(_)) => metadata(reader, builder, &mut said)?,
            ("error", value) => {
                builder.response.is_error = !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("deployedModelId", value) => builder.nothing(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    said.complete = true;
    builder.response.usage = Some(said).filter(|said| !said.is_empty());
    Ok(())
}

/// A prediction, or an object or a list in one: as deep as a body may be, which is bounded.
fn prediction(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    said: &mut ReportedUsage,
    index: u32,
    value: Value,
) -> Result<(), Error> {
    let channel = |part| Channel { choice: index, part };
    match value {
        Value::Object(_) => {}
        Value::Array(_) => {
            while let Some(value) = reader.element()? {
                prediction(reader, builder, said, index, value)?;
            }
            return Ok(());
        }
        value => return builder.texts(reader, channel(Part::Whole), value),
    }
    while let Some((_, field)) = reader.field(&["bytesBase64Encoded", "mimeType", "token_count", "tokenCount"])? {
        let value = reader.value()?;
        match (field, value) {
            ("bytesBase64Encoded" | "mimeType", value) => builder.nothing(reader, index, value)?,
            // Of the instance that it belongs to.
            ("token_count" | "tokenCount", Value::Number(_)) => {
                let tokens = number(reader, value).unwrap_or_default();
                said.input = Some(said.input.unwrap_or_default().saturating_add(tokens));
            }
            // Each is a text by itself.
            (_, Value::String(str)) => builder.text(channel(Part::Whole), str)?,
            (_, value) => prediction(reader, builder, said, index, value)?,
        }
    }
    Ok(())
}

/// What was used, of models that write.
fn metadata(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    said: &mut ReportedUsage,
) -> Result<(), Error> {
    while let Some((_, field)) = reader.field(&["tokenMetadata"])? {
        match (field, reader.value()?) {
            ("tokenMetadata", Value::Object(_)) => {
                while let Some((_, field)) = reader.field(&["inputTokenCount", "outputTokenCount"])? {
                    match (field, reader.value()?) {
                        ("inputTokenCount", Value::Object(_)) => {
                            [said.input] = builder.numbers(reader, ["totalTokens"])?;
                        }
                        ("outputTokenCount", Value::Object(_)) => {
                            [said.output] = builder.numbers(reader, ["totalTokens"])?;
                        }
                        (_, value) => builder.texts(reader, Channel::OTHER, value)?,
                    }
                }
            }
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}
