//! Reads requests.

use crate::json::field::{count, saturate};
use crate::json::reader::{Reader, Value};
use crate::view::request::{Draft, Origin};
use crate::{Error, Picture, TextKind};

pub(super) fn read(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<(), Error> {
    draft.body(reader)?;
    while let Some((key, name)) = reader.field(&["instances", "parameters"])? {
        let value = reader.value()?;
        match (name, value) {
            ("instances", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    instance(reader, draft, value)?;
                }
            }
            ("parameters", Value::Object(_)) => parameters(reader, draft)?,
            _ => draft.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

/// What a model is to work on: a text, or an object with texts, images and more objects.
fn instance(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>, value: Value) -> Result<(), Error> {
    match value {
        Value::Object(_) => {}
        Value::Array(_) => {
            while let Some(value) = reader.element()? {
                instance(reader, draft, value)?;
            }
            return Ok(());
        }
        value => return draft.texts(reader, Origin::USER, TextKind::Content, value),
    }
    let (mut place, mut is_image) = (None, false);
    while let Some((key, field)) =
        reader.field(&["bytesBase64Encoded", "gcsUri", "mimeType", "task_type", "taskType"])?
    {
        let value = reader.value()?;
        match (field, value) {
            ("bytesBase64Encoded", Value::String(str)) => {
                place = Some(str);
                draft.text(Origin::USER, TextKind::Data, str)?;
            }
            ("gcsUri", Value::String(str)) => {
                place = Some(str);
                draft.text(Origin::USER, TextKind::ImageUrl, str)?;
            }
            ("mimeType", Value::String(str)) => {
                is_image = str.decode(reader.body()).to_ascii_lowercase().starts_with("image/");
                draft.text(Origin::USER, TextKind::Other, str)?;
            }
            ("task_type" | "taskType", value) => draft.texts(reader, Origin::USER, TextKind::Other, value)?,
            (_, value) => {
                draft.key(reader.body(), Origin::USER, TextKind::Other, key)?;
                // As deep as a body may be, which is bounded.
                instance(reader, draft, value)?;
            }
        }
    }
    if is_image || place.is_some() {
        draft.picture(Picture { str: place, detail: None });
    }
    Ok(())
}

fn parameters(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<(), Error> {
    while let Some((key, field)) = reader.field(&["sampleCount", "candidateCount", "maxOutputTokens"])? {
        let value = reader.value()?;
        match field {
            "sampleCount" | "candidateCount" => {
                let asked = count(reader, "parameters.sampleCount", value)?.map_or(1, saturate);
                draft.request.candidates = draft.request.candidates.max(asked);
            }
            "maxOutputTokens" => {
                draft.request.max_output_tokens = count(reader, "parameters.maxOutputTokens", value)?;
            }
            _ => draft.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}
