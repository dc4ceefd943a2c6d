//! Reads requests.

use super::Result;
use crate::json::field::{flag, wrong_type};
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder, Types};
use crate::{Image, ReferenceKind, Role, Str, TextKind};

/// Roles that the API defines.
const ROLES: [(&str, Role); 4] =
    [("system", Role::System), ("developer", Role::Developer), ("user", Role::User), ("assistant", Role::Assistant)];

/// Reads a request body.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    builder.body(reader)?;
    let known = [
        "model",
        "input",
        "instructions",
        "stream",
        "background",
        "max_output_tokens",
        "tools",
        "text",
        "prompt",
        "service_tier",
    ];
    while let Some((key, name)) = reader.field(&known)? {
        let value = reader.value()?;
        match name {
            "model" => builder.model(reader, value)?,
            "input" => input(reader, builder, value)?,
            "instructions" => instructions(reader, builder, value)?,
            "stream" => builder.request.stream |= flag(name, value)? == Some(true),
            "background" => builder.request.background = flag(name, value)? == Some(true),
            "max_output_tokens" => builder.output_limit(reader, name, value)?,
            "tools" => builder.definitions(reader, Origin::DEFINITION, Types::AreNames, value)?,
            // Format of the output, possibly with a JSON Schema.
            "text" => builder.texts(reader, Origin::DEFINITION, TextKind::ToolDefinition, value)?,
            "service_tier" => builder.service_tier(reader, key, value)?,
            "prompt" => prompt(reader, builder, key, value)?,
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

/// Reads a reference to a prompt template stored at the provider, with the values of its variables: a text, or a part of a content
/// each. The client chooses the names of variables, so that they tell nothing about their values.
fn prompt(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, key: Str, value: Value) -> Result<()> {
    let Value::Object(_) = value else {
        return builder.texts_and_references(reader, Origin::USER, TextKind::Content, value);
    };
    builder.refer(ReferenceKind::Prompt, key.span, None);
    while let Some((key, field)) = reader.field(&["variables"])? {
        builder.key(reader.body(), Origin::USER, TextKind::Content, key)?;
        match (field, reader.value()?) {
            ("variables", Value::Object(_)) => {
                while let Some((name, _)) = reader.field(&[])? {
                    builder.key(reader.body(), Origin::USER, TextKind::Content, name)?;
                    let value = reader.value()?;
                    content(reader, builder, Origin::USER, value)?;
                }
            }
            (_, value) => builder.texts_and_references(reader, Origin::USER, TextKind::Content, value)?,
        }
    }
    Ok(())
}

/// Output tokens of a compaction that sets no maximum, for which the API has no member: three times the 268 of a recorded call.
const COMPACTION_OUTPUT: u64 = 800;

/// Reads the request body of a compaction.
pub(super) fn read_compaction(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    read(reader, builder)?;
    builder.request.max_output_tokens.get_or_insert(COMPACTION_OUTPUT);
    Ok(())
}

/// Reads the instructions of the operator.
pub(in crate::dialect) fn instructions(
    reader: &mut Reader<'_, '_>,
    builder: &mut RequestBuilder<'_>,
    value: Value,
) -> Result<()> {
    content(reader, builder, Origin::of(Role::Developer), value)
}

/// Reads the input: a string, or an array of items.
pub(in crate::dialect) fn input(
    reader: &mut Reader<'_, '_>,
    builder: &mut RequestBuilder<'_>,
    value: Value,
) -> Result<()> {
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

/// Reads an item: a message, a tool call, the result of one, or reasoning of an earlier turn. All members are read,
/// whatever the `type`.
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
                // Tool calls and reasoning were written by the model.
                is_model = kind.ends_with("_call") || kind == "reasoning";
                if kind == "item_reference" {
                    builder.refer(ReferenceKind::Conversation, str.span, None);
                }
                builder.texts(reader, from, TextKind::Other, value)?;
            }
            ("role", Value::String(str)) => speaker.set_role(reader, builder, str, &ROLES)?,
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
    speaker.assign(builder);
    Ok(())
}

/// Reads a content: a string, or an array of parts.
fn content(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin, value: Value) -> Result<()> {
    builder.content(reader, from, value, part)
}

/// Reads a part of a content. All members are read, whatever the `type`.
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
                builder.url(reader.body(), from, str)?;
            }
            ("detail", Value::String(str)) => {
                image.detail = Some(str);
                builder.texts(reader, from, TextKind::Other, value)?;
            }
            ("file_data", value) => builder.data(reader, from, value)?,
            ("file_url", Value::String(str)) => builder.url(reader.body(), from, str)?,
            ("input_audio", Value::Object(_)) => audio(reader, builder, from)?,
            // The recursion is bounded by the depth limit of a body.
            ("content", value) => content(reader, builder, from, value)?,
            _ => builder.other(reader, from, key, value)?,
        }
    }
    if is_image {
        builder.image(image);
    }
    Ok(())
}

/// Reads an audio clip.
fn audio(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin) -> Result<()> {
    while let Some((key, field)) = reader.field(&["data"])? {
        let value = reader.value()?;
        match (field, value) {
            ("data", value @ Value::String(_)) => builder.data(reader, from, value)?,
            _ => builder.other(reader, from, key, value)?,
        }
    }
    Ok(())
}
