//! Reads requests.

use super::Result;
use crate::dialect::openai_chat::stream_options::Streaming;
use crate::dialect::openai_responses;
use crate::json::field::{count, saturate, wrong_type};
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder, Types};
use crate::{Image, Role, Str, TextKind};

/// Roles that the API defines.
const ROLES: [(&str, Role); 6] = [
    ("system", Role::System),
    ("developer", Role::Developer),
    ("user", Role::User),
    ("assistant", Role::Assistant),
    ("tool", Role::Tool),
    ("function", Role::Function),
];

/// Reads a request body.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    builder.body(reader)?;
    let mut streaming = Streaming::default();
    let (mut n, mut best_of) = (None, None);
    let (mut has_messages, mut has_input) = (false, false);
    while let Some((key, name)) = reader.field(&[
        "model",
        "messages",
        "stream",
        "stream_options",
        "n",
        "best_of",
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "min_tokens",
        "tools",
        "functions",
        "response_format",
        "input",
        "instructions",
        "prompt_token_ids",
        "service_tier",
        "text",
    ])? {
        let value = reader.value()?;
        match name {
            "model" => builder.model(reader, value)?,
            "messages" => {
                has_messages = true;
                builder.messages(reader, value, message)?;
            }
            "stream" => streaming.flag(value)?,
            "stream_options" => streaming.options(reader, builder, value)?,
            "n" => n = count(reader, name, value)?,
            // vLLM generates that many, and returns `n` of them.
            "best_of" => best_of = count(reader, name, value)?,
            "max_tokens" | "max_completion_tokens" | "max_output_tokens" => {
                builder.output_limit(reader, name, value)?
            }
            "min_tokens" => builder.output_floor(reader, value),
            "tools" | "functions" => builder.definitions(reader, Origin::DEFINITION, Types::AreNames, value)?,
            "response_format" => builder.texts(reader, Origin::DEFINITION, TextKind::ToolDefinition, value)?,
            // Some clients send a body of the Responses API to this path, and some servers accept it.
            "input" => {
                has_input = !value.is_null();
                openai_responses::request::input(reader, builder, value)?;
            }
            "instructions" => openai_responses::request::instructions(reader, builder, value)?,
            "prompt_token_ids" => match value {
                Value::Array(start) => {
                    builder.prompt_list(reader, Origin::USER, start, None)?;
                }
                value => builder.other(reader, Origin::OUTSIDE, key, value)?,
            },
            "service_tier" => builder.service_tier(reader, key, value)?,
            "text" => builder.texts(reader, Origin::DEFINITION, TextKind::ToolDefinition, value)?,
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    builder.request.candidates = n.max(best_of).map_or(1, |n| saturate(n).max(1));
    builder.request.has_responses_body = has_input && !has_messages;
    streaming.finish(builder);
    Ok(())
}

/// Reads a message.
fn message(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, index: u32) -> Result<()> {
    let from = Origin::message(index);
    let mut speaker = builder.speaker(from);
    let mut name_of = None;
    while let Some((key, field)) = reader.field(&[
        "role",
        "content",
        "name",
        "refusal",
        "tool_calls",
        "function_call",
        "thinking_blocks",
        "reasoning_details",
    ])? {
        let value = reader.value()?;
        match (field, value) {
            ("role", Value::String(str)) => speaker.set_role(reader, builder, str, &ROLES)?,
            ("role", value) => return Err(wrong_type("messages[].role", value)),
            ("content", value) => content(reader, builder, from, value)?,
            ("name", Value::String(str)) => {
                name_of = Some(str);
                builder.text(from, TextKind::Name, str)?;
            }
            ("refusal", value) => builder.text_or_others(reader, from, TextKind::Refusal, value)?,
            ("tool_calls", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    tool_call(reader, builder, from, value)?;
                }
            }
            ("function_call", value) => call(reader, builder, from, value)?,
            ("thinking_blocks" | "reasoning_details", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    thought(reader, builder, from, value)?;
                }
            }
            (_, value) => builder.other(reader, from, key, value)?,
        }
    }
    speaker.assign(builder);
    if let Some(message) = builder.request.messages.last_mut() {
        message.name = name_of;
    }
    Ok(())
}

/// Reads a thought of an earlier response, as gateways have it (LiteLLM, "Reasoning content"; OpenRouter, "Reasoning tokens"): the
/// provider refuses one that was changed, if it has a signature.
fn thought(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin, value: Value) -> Result<()> {
    let Value::Object(_) = value else { return builder.texts(reader, from, TextKind::Other, value) };
    let (mut thought, mut is_signed) = (None, false);
    while let Some((key, field)) = reader.field(&["text", "thinking", "signature"])? {
        let value = reader.value()?;
        match (field, &value) {
            ("text" | "thinking", Value::String(str)) => thought = Some(str.span),
            ("signature", Value::String(str)) => is_signed = !str.span.is_empty(),
            _ => {}
        }
        match (field, value) {
            ("signature", Value::String(str)) => builder.opaque(from, str)?,
            (_, value) => builder.other(reader, from, key, value)?,
        }
    }
    builder.mark_signed(thought, is_signed);
    Ok(())
}

/// Reads a content: a string, or an array of parts.
pub(in crate::dialect) fn content(
    reader: &mut Reader<'_, '_>,
    builder: &mut RequestBuilder<'_>,
    from: Origin,
    value: Value,
) -> Result<()> {
    builder.content(reader, from, value, part)
}

/// Reads a part of a content. All members are read, whatever the `type`: servers differ in whether they check it.
pub(in crate::dialect) fn part(
    reader: &mut Reader<'_, '_>,
    builder: &mut RequestBuilder<'_>,
    from: Origin,
) -> Result<()> {
    while let Some((key, field)) =
        reader.field(&["text", "refusal", "image_url", "input_audio", "audio_url", "video_url", "file", "type"])?
    {
        let value = reader.value()?;
        match field {
            "text" => builder.text_or_others(reader, from, TextKind::Content, value)?,
            "refusal" => builder.text_or_others(reader, from, TextKind::Refusal, value)?,
            "image_url" => image(reader, builder, from, value)?,
            "input_audio" => data(reader, builder, from, value, "data")?,
            "audio_url" | "video_url" => clip(reader, builder, from, value)?,
            "file" => data(reader, builder, from, value, "file_data")?,
            _ => builder.other(reader, from, key, value)?,
        }
    }
    Ok(())
}

/// Reads an image: an object with a URL, or the URL alone.
pub(super) fn image(
    reader: &mut Reader<'_, '_>,
    builder: &mut RequestBuilder<'_>,
    from: Origin,
    value: Value,
) -> Result<()> {
    let mut image = Image::default();
    match value {
        Value::Null(_) => return Ok(()),
        Value::String(str) => {
            image.str = Some(str);
            builder.url(reader.body(), from, str)?;
        }
        Value::Object(_) => {
            while let Some((key, field)) = reader.field(&["url", "detail"])? {
                let value = reader.value()?;
                match (field, value) {
                    ("url", Value::String(str)) => {
                        image.str = Some(str);
                        builder.url(reader.body(), from, str)?;
                        continue;
                    }
                    ("detail", Value::String(str)) => image.detail = Some(str),
                    ("", _) => builder.key(reader.body(), from, TextKind::Other, key)?,
                    _ => {}
                }
                builder.texts(reader, from, TextKind::Other, value)?;
            }
        }
        value => builder.texts(reader, from, TextKind::Other, value)?,
    }
    builder.image(image);
    Ok(())
}

/// Reads an audio clip or a video by URL (vLLM, OpenRouter): an object with the URL, or the URL alone. A `data:` URL
/// contains the bytes.
fn clip(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin, value: Value) -> Result<()> {
    let url = |reader: &Reader<'_, '_>, builder: &mut RequestBuilder<'_>, str: Str| {
        let scheme = str.span.of(reader.body()).get(..5).unwrap_or_default();
        let is_inline = scheme.eq_ignore_ascii_case(b"data:");
        if is_inline { builder.text(from, TextKind::Data, str) } else { builder.url(reader.body(), from, str) }
    };
    match value {
        Value::String(str) => url(reader, builder, str),
        Value::Object(_) => {
            while let Some((key, field)) = reader.field(&["url"])? {
                match (field, reader.value()?) {
                    ("url", Value::String(str)) => url(reader, builder, str)?,
                    (_, value) => builder.other(reader, from, key, value)?,
                }
            }
            Ok(())
        }
        value => builder.texts(reader, from, TextKind::Other, value),
    }
}

/// Reads an audio clip or a file: an object with the bytes in `member`.
fn data(
    reader: &mut Reader<'_, '_>,
    builder: &mut RequestBuilder<'_>,
    from: Origin,
    value: Value,
    member: &'static str,
) -> Result<()> {
    let Value::Object(_) = value else { return builder.data(reader, from, value) };
    while let Some((key, field)) = reader.field(&[member])? {
        let value = reader.value()?;
        match field {
            "" => builder.other(reader, from, key, value)?,
            _ => builder.data(reader, from, value)?,
        }
    }
    Ok(())
}

/// Reads a tool call.
fn tool_call(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin, value: Value) -> Result<()> {
    let Value::Object(_) = value else { return builder.texts(reader, from, TextKind::Other, value) };
    while let Some((key, field)) = reader.field(&["function", "custom"])? {
        let value = reader.value()?;
        if field.is_empty() {
            builder.key(reader.body(), from, TextKind::Other, key)?;
            builder.texts(reader, from, TextKind::Other, value)?;
        } else {
            call(reader, builder, from, value)?;
        }
    }
    Ok(())
}

/// Reads the name and the arguments of a call. Some servers accept the arguments as an object instead of JSON in a
/// string.
fn call(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin, value: Value) -> Result<()> {
    let Value::Object(_) = value else { return builder.texts(reader, from, TextKind::Other, value) };
    while let Some((key, field)) = reader.field(&["name", "arguments", "input"])? {
        let value = reader.value()?;
        match field {
            "name" => builder.text_or_others(reader, from, TextKind::ToolName, value)?,
            "arguments" | "input" => builder.texts(reader, from, TextKind::ToolArguments, value)?,
            _ => builder.other(reader, from, key, value)?,
        }
    }
    Ok(())
}
