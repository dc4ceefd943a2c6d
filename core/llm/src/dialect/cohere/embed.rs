//! Embeddings ("Embed", v1 and v2): texts and images go in, and numbers come out.

use super::{Result, billed};
use crate::dialect::openai_chat::request::content;
use crate::json::reader::{Reader, Value};
use crate::view::request::{Draft, Origin};
use crate::view::response::Sketch;
use crate::{Channel, Part, Picture, TextKind};

pub(super) fn request(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<()> {
    draft.body(reader)?;
    // Numbers are no tokens.
    draft.request.max_output_tokens = Some(0);
    while let Some((key, name)) = reader.field(&["model", "texts", "inputs", "images"])? {
        let value = reader.value()?;
        match (name, value) {
            ("model", value) => draft.model(reader, value)?,
            ("texts", value) => draft.texts(reader, Origin::USER, TextKind::Content, value)?,
            ("inputs", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    input(reader, draft, value)?;
                }
            }
            ("images", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    draft.text_or_others(reader, Origin::USER, TextKind::ImageUrl, value)?;
                    let str = if let Value::String(str) = value { Some(str) } else { None };
                    draft.picture(Picture { str, detail: None });
                }
            }
            _ => draft.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

/// Texts and images that are embedded together, as parts.
fn input(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>, value: Value) -> Result<()> {
    let Value::Object(_) = value else { return draft.texts(reader, Origin::USER, TextKind::Content, value) };
    while let Some((key, field)) = reader.field(&["content"])? {
        let value = reader.value()?;
        match field {
            "content" => content(reader, draft, Origin::USER, value)?,
            _ => draft.other(reader, Origin::USER, key, value)?,
        }
    }
    Ok(())
}

pub(super) fn answer(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<()> {
    reader.object()?;
    while let Some((_, field)) = reader.field(&["id", "embeddings", "texts", "meta", "message", "response_type"])? {
        let value = reader.value()?;
        match (field, value) {
            ("meta", Value::Object(_)) => sketch.answer.usage = billed(reader, sketch)?,
            ("embeddings", value) => numbers(reader, sketch, value)?,
            // The input once more: each is a text by itself.
            ("texts", value) => sketch.texts(reader, Channel { choice: 0, part: Part::Whole }, value)?,
            ("message", Value::String(_)) => {
                sketch.answer.is_error = true;
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            ("id" | "response_type", value) => sketch.nothing(reader, 0, value)?,
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

/// Embeddings, by their kinds: of these, `base64` is not in numbers.
fn numbers(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, value: Value) -> Result<()> {
    let Value::Object(_) = value else { return sketch.texts(reader, Channel::OTHER, value) };
    while let Some((_, field)) = reader.field(&["base64"])? {
        match (field, reader.value()?) {
            ("base64", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    sketch.nothing(reader, 0, value)?;
                }
            }
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}
