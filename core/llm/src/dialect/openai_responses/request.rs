//! What the body of a request says.

use super::Result;
use crate::json::field::{count, flag, wrong_type};
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder};
use crate::{Image, Role, TextKind};

/// Who may speak.
const ROLES: [(&str, Role); 4] =
    [("system", Role::System), ("developer", Role::Developer), ("user", Role::User), ("assistant", Role::Assistant)];

pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    builder.body(reader)?;
    let known = ["model", "input", "instructions", "stream", "max_output_tokens", "tools", "text", "prompt"];
    while let Some((key, name)) = reader.field(&known)? {
        let value = reader.value()?;
        match name {
            "model" => builder.model(reader, value)?,
            "input" => input(reader, builder, value)?,
            "instructions" => content(reader, builder, Origin::of(Role::Developer), value)?,
            "stream" => builder.request.stream |= flag(name, value)? == Some(true),
            "max_output_tokens" => builder.request.max_output_tokens = count(reader, name, value)?,
            "tools" => builder.definitions(reader, Origin::DEFINITION, value)?,
            // The format of the answer, with a schema.
            "text" => builder.texts(reader, Origin::DEFINITION, TextKind::ToolDefinition, value)?,
            // A prompt that the provider has; what is put into it comes from here.
            "prompt" => builder.texts(reader, Origin::USER, TextKind::Content, value)?,
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

/// A string, or an array of items.
fn input(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, value: Value) -> Result<()> {
    match value {
        Value::Null(_) => Ok(()),
        Value::String(str) => {
            let index = builder.message(str.span.start)?;
            builder.text(Origin { role: Role::User, message: Some(index) }, TextKind::Content, str)
        }
        Value::Array(_) => {
            while let Some(value) = reader.element()? {
                match value {
                    Value::Object(at) => {
                        let index = builder.message(at)?;
                        item(reader, builder, index)?;
                    }
                    value => return Err(wrong_type("input", value)),
                }
            }
            Ok(())
        }
        value => Err(wrong_type("input", value)),
    }
}

/// A message, a call of a tool and what came of it, a thought of an earlier turn. Members count whatever the `type` says.
fn item(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, index: u32) -> Result<()> {
    let from = Origin::message(index);
    let mut speaker = builder.speaker(from);
    let (mut is_output, mut is_model) = (false, false);
    while let Some((key, field)) =
        reader.field(&["type", "role", "content", "name", "arguments", "input", "output", "summary"])?
    {
        let value = reader.value()?;
        match (field, value) {
            ("type", Value::String(str)) => {
                let kind = str.decode(reader.body());
                is_output = kind.ends_with("_output");
                // Calls of tools, and thoughts.
                is_model = kind.ends_with("_call") || kind == "reasoning";
                builder.texts(reader, from, TextKind::Other, value)?;
            }
            ("role", Value::String(str)) => speaker.is(reader, builder, str, &ROLES)?,
            ("role", value) if !value.is_null() => return Err(wrong_type("input[].role", value)),
            ("content", value) => content(reader, builder, from, value)?,
            ("name", value) => builder.text_or_others(reader, from, TextKind::ToolName, value)?,
            ("arguments" | "input", value) => builder.texts(reader, from, TextKind::ToolArguments, value)?,
            ("output", value) => content(reader, builder, from, value)?,
            ("summary", value) => builder.texts(reader, from, TextKind::Reasoning, value)?,
            _ => builder.other(reader, from, key, value)?,
        }
    }
    if speaker.str.is_none() {
        speaker.role = if is_output {
            Role::Tool
        } else if is_model {
            Role::Assistant
        } else {
            Role::Other
        };
    }
    speaker.settle(builder);
    Ok(())
}

/// A string, or an array of parts.
fn content(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin, value: Value) -> Result<()> {
    builder.content(reader, from, value, part)
}

/// A part of a content; its members count whatever its `type` says.
fn part(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin) -> Result<()> {
    let mut image = Image::default();
    let mut is_image = false;
    let known = ["type", "text", "refusal", "image_url", "detail", "file_data", "file_url", "input_audio", "content"];
    while let Some((key, field)) = reader.field(&known)? {
        let value = reader.value()?;
        match (field, value) {
            ("type", Value::String(str)) => {
                is_image |= matches!(&*str.decode(reader.body()), "input_image" | "computer_screenshot");
                builder.texts(reader, from, TextKind::Other, value)?;
            }
            ("text", value) => builder.text_or_others(reader, from, TextKind::Content, value)?,
            ("refusal", value) => builder.text_or_others(reader, from, TextKind::Refusal, value)?,
            ("image_url", Value::String(str)) => {
                image.str = Some(str);
                is_image = true;
                builder.text(from, TextKind::ImageUrl, str)?;
            }
            ("detail", Value::String(str)) => {
                image.detail = Some(str);
                builder.texts(reader, from, TextKind::Other, value)?;
            }
            ("file_data", value) => builder.text_or_others(reader, from, TextKind::Data, value)?,
            ("file_url", value) => builder.text_or_others(reader, from, TextKind::ImageUrl, value)?,
            ("input_audio", Value::Object(_)) => audio(reader, builder, from)?,
            // As deep as a body may be, which is bounded.
            ("content", value) => content(reader, builder, from, value)?,
            _ => builder.other(reader, from, key, value)?,
        }
    }
    if is_image {
        builder.image(image);
    }
    Ok(())
}

fn audio(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin) -> Result<()> {
    while let Some((key, field)) = reader.field(&["data"])? {
        let value = reader.value()?;
        match (field, value) {
            ("data", Value::String(str)) => builder.text(from, TextKind::Data, str)?,
            _ => builder.other(reader, from, key, value)?,
        }
    }
    Ok(())
}
