//! Reads responses.

use crate::json::field::number;
use crate::json::reader::{Reader, Value};
use crate::view::response::Sketch;
use crate::{Channel, Error, Part, Reported};

pub(super) fn read(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<(), Error> {
    reader.object()?;
    let mut said = Reported::default();
    while let Some((_, field)) = reader.field(&["predictions", "metadata", "error", "deployedModelId"])? {
        let value = reader.value()?;
        match (field, value) {
            ("predictions", Value::Array(_)) => {
                let mut index = 0;
                while let Some(value) = reader.element()? {
                    prediction(reader, sketch, &mut said, index, value)?;
                    index = index.saturating_add(1);
                }
            }
            ("metadata", Value::Object(_)) => metadata(reader, sketch, &mut said)?,
            ("error", value) => {
                sketch.answer.is_error = !value.is_null();
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            ("deployedModelId", value) => sketch.nothing(reader, 0, value)?,
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    said.complete = true;
    sketch.answer.usage = Some(said).filter(|said| !said.is_empty());
    Ok(())
}

/// A prediction, or an object or a list in one: as deep as a body may be, which is bounded.
fn prediction(
    reader: &mut Reader<'_, '_>,
    sketch: &mut Sketch<'_>,
    said: &mut Reported,
    index: u32,
    value: Value,
) -> Result<(), Error> {
    let channel = |part| Channel { choice: index, part };
    match value {
        Value::Object(_) => {}
        Value::Array(_) => {
            while let Some(value) = reader.element()? {
                prediction(reader, sketch, said, index, value)?;
            }
            return Ok(());
        }
        value => return sketch.texts(reader, channel(Part::Whole), value),
    }
    while let Some((_, field)) = reader.field(&["bytesBase64Encoded", "mimeType", "token_count", "tokenCount"])? {
        let value = reader.value()?;
        match (field, value) {
            ("bytesBase64Encoded" | "mimeType", value) => sketch.nothing(reader, index, value)?,
            // Of the instance that it belongs to.
            ("token_count" | "tokenCount", Value::Number(_)) => {
                let tokens = number(reader, value).unwrap_or_default();
                said.input = Some(said.input.unwrap_or_default().saturating_add(tokens));
            }
            // Each is a text by itself.
            (_, Value::String(str)) => sketch.text(channel(Part::Whole), str)?,
            (_, value) => prediction(reader, sketch, said, index, value)?,
        }
    }
    Ok(())
}

/// What was used, of models that write.
fn metadata(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, said: &mut Reported) -> Result<(), Error> {
    while let Some((_, field)) = reader.field(&["tokenMetadata"])? {
        match (field, reader.value()?) {
            ("tokenMetadata", Value::Object(_)) => {
                while let Some((_, field)) = reader.field(&["inputTokenCount", "outputTokenCount"])? {
                    match (field, reader.value()?) {
                        ("inputTokenCount", Value::Object(_)) => {
                            [said.input] = sketch.numbers(reader, ["totalTokens"])?;
                        }
                        ("outputTokenCount", Value::Object(_)) => {
                            [said.output] = sketch.numbers(reader, ["totalTokens"])?;
                        }
                        (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
                    }
                }
            }
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}
