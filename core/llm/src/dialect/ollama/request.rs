//! Reads requests of both operations, whose members have different names.

use super::Result;
use crate::json::field::{flag, number, wrong_type};
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder, Types};
use crate::{Image, Role, TextKind};

/// Roles that the API defines.
const ROLES: [(&str, Role); 4] =
    [("system", Role::System), ("user", Role::User), ("assistant", Role::Assistant), ("tool", Role::Tool)];

/// Reads a request body.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    builder.body(reader)?;
    builder.request.stream = true;
    while let Some((key, name)) = reader.field(&[
        "model", "messages", "prompt", "suffix", "system", "template", "images", "tools", "format", "stream",
        "options", "context",
    ])? {
        let value = reader.value()?;
        match (name, value) {
            ("model", value) => builder.model(reader, value)?,
            ("messages", value) => builder.messages(reader, value, message)?,
            ("prompt", value) => builder.text_or_others(reader, Origin::USER, TextKind::Content, value)?,
            // Text after the completion: not continuous with the prompt.
            ("suffix", value) => builder.text_or_others(reader, Origin::USER, TextKind::Other, value)?,
            ("system", value) => builder.text_or_others(reader, Origin::SYSTEM, TextKind::Content, value)?,
            // Template of the whole prompt; replaces that of the model.
            ("template", value) => builder.text_or_others(reader, Origin::SYSTEM, TextKind::Other, value)?,
            ("images", value) => images(reader, builder, Origin::USER, value)?,
            ("tools", value) => builder.definitions(reader, Origin::DEFINITION, Types::AreNames, value)?,
            ("format", Value::Object(_)) => {
                builder.texts(reader, Origin::DEFINITION, TextKind::ToolDefinition, value)?
            }
            ("stream", value) => builder.request.stream = flag(name, value)? != Some(false),
            // Token ids of the conversation so far, as the server returned them.
            ("context", Value::Array(start)) => {
                builder.prompt_list(reader, Origin::USER, start, None)?;
            }
            ("options", Value::Object(_)) => options(reader, builder)?,
            ("options", value) if !value.is_null() => return Err(wrong_type(name, value)),
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

/// Reads the model options.
fn options(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    while let Some((key, field)) = reader.field(&["num_predict"])? {
        match (field, reader.value()?) {
            // A negative number is no limit: generation continues until the context is full.
            ("num_predict", value @ Value::Number(_)) => builder.request.max_output_tokens = number(reader, value),
            ("num_predict", Value::Null(_)) => {}
            ("num_predict", value) => return Err(wrong_type("options.num_predict", value)),
            (_, value) => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

/// Reads a message.
fn message(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, index: u32) -> Result<()> {
    let from = Origin::message(index);
    let mut speaker = builder.speaker(from);
    let mut name_of = None;
    while let Some((key, field)) =
        reader.field(&["role", "content", "thinking", "images", "tool_calls", "tool_name", "name"])?
    {
        let value = reader.value()?;
        match (field, value) {
            ("role", Value::String(str)) => speaker.set_role(reader, builder, str, &ROLES)?,
            ("role", value) => return Err(wrong_type("messages[].role", value)),
            ("content", value) => builder.texts(reader, from, TextKind::Content, value)?,
            ("thinking", value) => builder.text_or_others(reader, from, TextKind::Reasoning, value)?,
            ("images", value) => images(reader, builder, from, value)?,
            ("tool_calls", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    builder.tool_call(reader, from, value)?;
                }
            }
            ("tool_name" | "name", Value::String(str)) => {
                name_of = Some(str);
                builder.text(from, TextKind::Name, str)?;
            }
            _ => builder.other(reader, from, key, value)?,
        }
    }
    speaker.assign(builder);
    if let Some(message) = builder.request.messages.last_mut() {
        message.name = name_of;
    }
    Ok(())
}

/// Reads images: bytes in base64.
fn images(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin, value: Value) -> Result<()> {
    let Value::Array(_) = value else { return builder.texts(reader, from, TextKind::Data, value) };
    while let Some(value) = reader.element()? {
        builder.text_or_others(reader, from, TextKind::Data, value)?;
        let str = if let Value::String(str) = value { Some(str) } else { None };
        builder.image(Image { str, detail: None });
    }
    Ok(())
}
