//! Embeddings ("Embed", v1 and v2): texts and images go in, and numbers come out.

use super::{Result, billed};
use crate::dialect::openai_chat::request::content;
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Image, Part, TextKind};

pub(super) fn request(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    builder.body(reader)?;
    // Numbers are no tokens.
    builder.request.max_output_tokens = Some(0);
    while let Some((key, name)) = reader.field(&["model", "texts", "inputs", "images"])? {
        let value = reader.value()?;
        match (name, value) {
            ("model", value) => builder.model(reader, value)?,
            ("texts", value) => builder.texts(reader, Origin::USER, TextKind::Content, value)?,
            ("inputs", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    input(reader, builder, value)?;
                }
            }
            ("images", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    builder.text_or_others(reader, Origin::USER, TextKind::ImageUrl, value)?;
                    let str = if let Value::String(str) = value { Some(str) } else { None };
                    builder.image(Image { str, detail: None });
                }
            }
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

/// Texts and images that are embedded together, as parts.
fn input(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, value: Value) -> Result<()> {
    let Value::Object(_) = value else { return builder.texts(reader, Origin::USER, TextKind::Content, value) };
    while let Some((key, field)) = reader.field(&["content"])? {
        let value = reader.value()?;
        match field {
            "content" => content(reader, builder, Origin::USER, value)?,
            _ => builder.other(reader, Origin::USER, key, value)?,
        }
    }
    Ok(())
}

pub(super) fn answer(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    reader.object()?;
    while let Some((_, field)) = reader.field(&["id", "embeddings", "texts", "meta", "message", "response_type"])? {
        let value = reader.value()?;
        match (field, value) {
            ("meta", Value::Object(_)) => builder.response.usage = billed(reader, builder)?,
            ("embeddings", value) => numbers(reader, builder, value)?,
            // The input once more: each is a text by itself.
            ("texts", value) => builder.texts(reader, Channel { choice: 0, part: Part::Whole }, value)?,
            ("message", Value::String(_)) => {
                builder.response.is_error = true;
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("id" | "response_type", value) => builder.nothing(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

/// Embeddings, by their kinds: of these, `base64` is not in numbers.
fn numbers(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>, value: Value) -> Result<()> {
    let Value::Object(_) = value else { return builder.texts(reader, Channel::OTHER, value) };
    while let Some((_, field)) = reader.field(&["base64"])? {
        match (field, reader.value()?) {
            ("base64", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    builder.nothing(reader, 0, value)?;
                }
            }
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}
