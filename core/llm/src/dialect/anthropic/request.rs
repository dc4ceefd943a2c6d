//! Reads requests.

use super::Result;
use crate::json::field::{flag, wrong_type};
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder, Types};
use crate::{Image, Role, TextKind};

/// Roles that the API defines.
const ROLES: [(&str, Role); 3] = [("user", Role::User), ("assistant", Role::Assistant), ("system", Role::System)];

/// Reads a request body.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    builder.body(reader)?;
    while let Some((key, name)) = reader.field(&[
        "model",
        "messages",
        "system",
        "stream",
        "max_tokens",
        "thinking",
        "tools",
        "output_format",
        "speed",
    ])? {
        let value = reader.value()?;
        match name {
            "model" => builder.model(reader, value)?,
            "messages" => builder.messages(reader, value, message)?,
            "system" => content(reader, builder, Origin::SYSTEM, value)?,
            "stream" => builder.request.stream |= flag(name, value)? == Some(true),
            "max_tokens" => builder.output_limit(reader, name, value)?,
            "thinking" => builder.thinking(reader, key, value)?,
            "speed" => builder.speed(reader, key, value)?,
            "tools" => builder.definitions(reader, Origin::DEFINITION, Types::AreVersions, value)?,
            "output_format" => builder.texts(reader, Origin::DEFINITION, TextKind::ToolDefinition, value)?,
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
            ("content", value) => content(reader, builder, from, value)?,
            _ => builder.other(reader, from, key, value)?,
        }
    }
    speaker.assign(builder);
    Ok(())
}

/// Reads a content: a string, or an array of blocks. The recursion is bounded by the depth limit of a body.
fn content(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin, value: Value) -> Result<()> {
    builder.content(reader, from, value, block)
}

/// Reads a block. All members are read, whatever the `type`.
fn block(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin) -> Result<()> {
    let first = builder.request.texts.len();
    let mut is_result = false;
    let (mut thought, mut is_signed) = (None, false);
    let mut is_image = false;
    let mut image = Image::default();
    while let Some((key, field)) =
        reader.field(&["type", "text", "thinking", "signature", "name", "input", "content", "source"])?
    {
        let value = reader.value()?;
        match (field, value) {
            ("type", Value::String(str)) => {
                let kind = str.decode(reader.body());
                is_result = kind.ends_with("tool_result") || kind == "search_result";
                is_image = kind == "image";
                builder.texts(reader, from, TextKind::Other, value)?;
            }
            ("text", value) => builder.text_or_others(reader, from, TextKind::Content, value)?,
            ("thinking", value) => {
                thought = if let Value::String(str) = value { Some(str.span) } else { None };
                builder.text_or_others(reader, from, TextKind::Reasoning, value)?;
            }
            ("signature", value) => {
                is_signed = !value.is_null();
                builder.other(reader, from, key, value)?;
            }
            ("name", value) => builder.text_or_others(reader, from, TextKind::ToolName, value)?,
            ("input", value) => builder.texts(reader, from, TextKind::ToolArguments, value)?,
            ("content", value) => content(reader, builder, from, value)?,
            ("source", Value::Object(_)) => image.str = source(reader, builder, from)?,
            _ => builder.other(reader, from, key, value)?,
        }
    }
    builder.mark_signed(thought, is_signed);
    if is_image {
        builder.image(image);
    }
    if is_result {
        for text in builder.request.texts.iter_mut().skip(first) {
            text.role = Role::Tool;
        }
    }
    Ok(())
}

/// Reads the source of an image or a document: bytes, a URL, a text, or blocks. Returns the bytes or the URL.
fn source(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin) -> Result<Option<crate::Str>> {
    let (mut found, mut data, mut is_text) = (None, None, false);
    while let Some((key, field)) = reader.field(&["type", "data", "url", "content"])? {
        let value = reader.value()?;
        match (field, value) {
            ("type", Value::String(str)) => {
                is_text = str.is(reader.body(), "text");
                builder.texts(reader, from, TextKind::Other, value)?;
            }
            ("data", Value::String(str)) => {
                (found, data) = (Some(str), Some(builder.request.texts.len()));
                builder.text(from, TextKind::Data, str)?;
            }
            ("url", Value::String(str)) => {
                found = Some(str);
                builder.url(reader.body(), from, str)?;
            }
            ("content", value) => content(reader, builder, from, value)?,
            _ => builder.other(reader, from, key, value)?,
        }
    }
    // A document may be plain text.
    if let Some(text) = data.and_then(|at| builder.request.texts.get_mut(at)).filter(|_| is_text) {
        text.kind = TextKind::Content;
    }
    Ok(found)
}
