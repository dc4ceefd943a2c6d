//! Reads requests.

use crate::json::field::{count, saturate};
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder};
use crate::{Error, Image, ReferenceKind, TextKind};

/// Reads a request body.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<(), Error> {
    builder.body(reader)?;
    while let Some((key, name)) = reader.field(&["instances", "parameters"])? {
        let value = reader.value()?;
        match (name, value) {
            ("instances", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    instance(reader, builder, value)?;
                }
            }
            ("parameters", Value::Object(_)) => parameters(reader, builder)?,
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

/// Reads an instance: a text, or an object with texts, images and nested objects.
fn instance(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, value: Value) -> Result<(), Error> {
    match value {
        Value::Object(_) => {}
        Value::Array(_) => {
            while let Some(value) = reader.element()? {
                instance(reader, builder, value)?;
            }
            return Ok(());
        }
        value => return builder.texts(reader, Origin::USER, TextKind::Content, value),
    }
    let (mut source, mut is_image) = (None, false);
    while let Some((key, field)) =
        reader.field(&["bytesBase64Encoded", "gcsUri", "mimeType", "task_type", "taskType"])?
    {
        let value = reader.value()?;
        match (field, value) {
            ("bytesBase64Encoded", Value::String(str)) => {
                source = Some(str);
                builder.text(Origin::USER, TextKind::Data, str)?;
            }
            ("gcsUri", Value::String(str)) => {
                source = Some(str);
                builder.uri(reader.body(), Origin::USER, ReferenceKind::Storage, str)?;
            }
            ("mimeType", Value::String(str)) => {
                is_image = str.decode(reader.body()).to_ascii_lowercase().starts_with("image/");
                builder.text(Origin::USER, TextKind::Other, str)?;
            }
            ("task_type" | "taskType", value) => builder.texts(reader, Origin::USER, TextKind::Other, value)?,
            (_, value) => {
                builder.key(reader.body(), Origin::USER, TextKind::Other, key)?;
                // The recursion is bounded by the depth limit of a body.
                instance(reader, builder, value)?;
            }
        }
    }
    if is_image || source.is_some() {
        builder.image(Image { str: source, detail: None });
    }
    Ok(())
}

/// Reads the parameters.
fn parameters(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<(), Error> {
    while let Some((key, field)) = reader.field(&["sampleCount", "candidateCount", "maxOutputTokens"])? {
        let value = reader.value()?;
        match field {
            "sampleCount" | "candidateCount" => {
                let candidates = count(reader, "parameters.sampleCount", value)?.map_or(1, saturate);
                builder.request.candidates = builder.request.candidates.max(candidates);
            }
            "maxOutputTokens" => builder.output_limit(reader, "parameters.maxOutputTokens", value)?,
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}
