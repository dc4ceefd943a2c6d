//! Reads requests.

use super::Result;
use crate::json::field::wrong_type;
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder, Types};
use crate::{Image, ReferenceKind, Role, Str, TextKind};

/// Roles that the API defines.
const ROLES: [(&str, Role); 3] = [("user", Role::User), ("assistant", Role::Assistant), ("system", Role::System)];

/// Reads a request body.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    builder.body(reader)?;
    members(reader, builder)
}

/// Reads the members of an opened request.
pub(in crate::dialect) fn members(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    while let Some((key, name)) =
        reader.field(&["messages", "system", "inferenceConfig", "additionalModelRequestFields", "toolConfig"])?
    {
        let value = reader.value()?;
        match (name, value) {
            ("messages", value) => builder.messages(reader, value, message)?,
            ("system", value) => blocks(reader, builder, Origin::SYSTEM, TextKind::Content, value)?,
            ("inferenceConfig", Value::Object(_)) => {
                // InvokeModel has another spelling of the limit.
                while let Some((key, field)) = reader.field(&["maxTokens", "max_new_tokens"])? {
                    let value = reader.value()?;
                    if field.is_empty() {
                        builder.other(reader, Origin::OUTSIDE, key, value)?;
                    } else {
                        builder.output_limit(reader, "inferenceConfig.maxTokens", value)?;
                    }
                }
            }
            ("inferenceConfig", value) if !value.is_null() => return Err(wrong_type(name, value)),
            // Members of the model's own API.
            ("additionalModelRequestFields", Value::Object(_)) => {
                while let Some((key, field)) = reader.field(&["max_tokens", "thinking", "reasoning_config"])? {
                    match (field, reader.value()?) {
                        ("max_tokens", value) => builder.output_limit(reader, field, value)?,
                        ("thinking" | "reasoning_config", value) => builder.thinking(reader, key, value)?,
                        (_, value) => builder.other(reader, Origin::OUTSIDE, key, value)?,
                    }
                }
            }
            ("toolConfig", Value::Object(_)) => {
                while let Some((key, field)) = reader.field(&["tools"])? {
                    let value = reader.value()?;
                    match field {
                        "tools" => builder.definitions(reader, Origin::DEFINITION, Types::AreNames, value)?,
                        _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
                    }
                }
            }
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

/// Reads a message.
fn message(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, index: u32) -> Result<()> {
    let from = Origin::message(index);
    let mut speaker = builder.speaker(from);
    while let Some((key, field)) = reader.field(&["role", "content"])? {
        let value = reader.value()?;
        match (field, value) {
            ("role", Value::String(str)) => speaker.set_role(reader, builder, str, &ROLES)?,
            ("role", value) => return Err(wrong_type("messages[].role", value)),
            ("content", value) => blocks(reader, builder, from, TextKind::Content, value)?,
            _ => builder.other(reader, from, key, value)?,
        }
    }
    speaker.assign(builder);
    Ok(())
}

/// Reads blocks: an array of them, or one. Blocks nest; the recursion is bounded by the depth limit of a body. `kind`
/// is the kind of their texts.
fn blocks(
    reader: &mut Reader<'_, '_>,
    builder: &mut RequestBuilder<'_>,
    from: Origin,
    kind: TextKind,
    value: Value,
) -> Result<()> {
    match value {
        Value::Object(_) => block(reader, builder, from, kind),
        Value::Array(_) => {
            while let Some(value) = reader.element()? {
                match value {
                    Value::Object(_) => block(reader, builder, from, kind)?,
                    value => builder.texts(reader, from, kind, value)?,
                }
            }
            Ok(())
        }
        value => builder.texts(reader, from, kind, value),
    }
}

/// A block, or one of the objects that a block has around its text.
fn block(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin, kind: TextKind) -> Result<()> {
    let (mut thought, mut is_signed) = (None, false);
    while let Some((key, field)) = reader.field(&[
        "text",
        "content",
        "image",
        "document",
        "video",
        "audio",
        "toolUse",
        "toolResult",
        "reasoningContent",
        "reasoningText",
        "guardContent",
        "citationsContent",
        "searchResult",
        "json",
        "signature",
    ])? {
        let value = reader.value()?;
        match (field, value) {
            ("text", Value::String(str)) if kind == TextKind::Reasoning => {
                thought = Some(str.span);
                builder.texts(reader, from, kind, value)?;
            }
            ("signature", value) => {
                is_signed = !value.is_null();
                builder.other(reader, from, key, value)?;
            }
            // The text of a guarded block is an object that contains the text.
            ("text" | "content" | "guardContent" | "citationsContent", value) => {
                blocks(reader, builder, from, kind, value)?;
            }
            ("reasoningContent" | "reasoningText", value) => {
                blocks(reader, builder, from, TextKind::Reasoning, value)?;
            }
            ("searchResult", value) => {
                blocks(reader, builder, Origin { role: Role::Tool, ..from }, kind, value)?;
            }
            ("image", Value::Object(_)) => {
                let str = media(reader, builder, from, kind)?;
                builder.image(Image { str, detail: None });
            }
            ("document" | "video" | "audio", Value::Object(_)) => {
                media(reader, builder, from, kind)?;
            }
            ("toolUse", Value::Object(_)) => call(reader, builder, from)?,
            ("toolResult", value) => {
                blocks(reader, builder, Origin { role: Role::Tool, ..from }, kind, value)?;
            }
            ("json", value) => builder.texts(reader, from, kind, value)?,
            _ => builder.other(reader, from, key, value)?,
        }
    }
    builder.mark_signed(thought, is_signed);
    Ok(())
}

/// Reads an image or a document: bytes, a URI, a text, or blocks. Returns the bytes or the URI.
fn media(
    reader: &mut Reader<'_, '_>,
    builder: &mut RequestBuilder<'_>,
    from: Origin,
    kind: TextKind,
) -> Result<Option<Str>> {
    let mut source = None;
    while let Some((key, field)) = reader.field(&["source", "bytes", "s3Location", "uri", "text", "content"])? {
        let value = reader.value()?;
        match (field, value) {
            ("source" | "s3Location", Value::Object(_)) => source = media(reader, builder, from, kind)?.or(source),
            ("bytes", Value::String(str)) => {
                source = Some(str);
                builder.text(from, TextKind::Data, str)?;
            }
            ("uri", Value::String(str)) => {
                source = Some(str);
                builder.uri(reader.body(), from, ReferenceKind::Storage, str)?;
            }
            ("text" | "content", value) => blocks(reader, builder, from, kind, value)?,
            _ => builder.other(reader, from, key, value)?,
        }
    }
    Ok(source)
}

/// Reads a tool call.
fn call(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin) -> Result<()> {
    while let Some((key, field)) = reader.field(&["name", "input"])? {
        let value = reader.value()?;
        match field {
            "name" => builder.text_or_others(reader, from, TextKind::ToolName, value)?,
            "input" => builder.texts(reader, from, TextKind::ToolArguments, value)?,
            _ => builder.other(reader, from, key, value)?,
        }
    }
    Ok(())
}
