//! Reads responses and events.

use super::Result;
use crate::json::field::{number, saturate};
use crate::json::reader::{Reader, Value};
use crate::usage::reader::{self as usage, Convention};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Part};

/// Reads a whole response, an error, or a token count.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    reader.object()?;
    message(reader, builder, true)
}

/// Reads the members of a message. `complete`: its usage is the usage of the whole response.
fn message(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>, complete: bool) -> Result<()> {
    let known = ["model", "content", "usage", "error", "id", "type", "role", "stop_reason", "request_id"];
    while let Some((_, field)) = reader.field(&known)? {
        let value = reader.value()?;
        match (field, value) {
            ("model", Value::String(str)) => builder.response.model = Some(str),
            ("content", Value::Array(_)) => {
                let mut index = 0;
                while let Some(value) = reader.element()? {
                    block(reader, builder, index, value, false)?;
                    index = index.saturating_add(1);
                }
                builder.response.choices += 1;
            }
            ("usage", Value::Object(_)) => {
                usage::read(reader, builder, Convention::WITHOUT_CACHE)?;
                mark_complete(builder, complete);
            }
            ("error", value) => {
                builder.response.is_error = !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("" | "model" | "content" | "usage", value) => builder.texts(reader, Channel::OTHER, value)?,
            (_, value) => builder.no_text(reader, 0, value)?,
        }
    }
    Ok(())
}

/// Reads an event ("Streaming messages"). Its `type` identifies it; the name of the event only repeats the type.
pub(super) fn event(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    reader.object()?;
    // The index and the type may follow the texts that they apply to.
    let first = builder.response.texts.len();
    let (mut index, mut is_stop, mut is_error) = (0, false, false);
    while let Some((_, field)) = reader.field(&[
        "type",
        "index",
        "message",
        "content_block",
        "delta",
        "usage",
        "error",
        "request_id",
        "amazon-bedrock-invocationMetrics",
    ])? {
        let value = reader.value()?;
        match (field, value) {
            ("type", Value::String(str)) => match &*str.decode(reader.body()) {
                "content_block_stop" => is_stop = true,
                "message_stop" => builder.response.ends = true,
                "error" => is_error = true,
                _ => {}
            },
            ("index", value @ Value::Number(_)) => index = number(reader, value).map_or(0, saturate),
            ("message", Value::Object(_)) => {
                message(reader, builder, false)?;
                builder.snapshot(reader, value);
            }
            ("content_block", value) => {
                block(reader, builder, 0, value, true)?;
                builder.snapshot(reader, value);
            }
            ("delta", value) => block(reader, builder, 0, value, false)?,
            ("usage", Value::Object(_)) => {
                usage::read(reader, builder, Convention::WITHOUT_CACHE)?;
                mark_complete(builder, true);
            }
            ("amazon-bedrock-invocationMetrics", Value::Object(_)) => {
                usage::read(reader, builder, Convention::SECONDARY)?;
                mark_complete(builder, true);
            }
            ("error", value) => {
                is_error |= !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("request_id", value) => builder.no_text(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    for text in builder.response.texts.iter_mut().skip(first) {
        text.channel.choice = index;
    }
    builder.response.is_error |= is_error;
    // Never a usage-only event, which could be withheld from the client.
    builder.response.choices += 1;
    if is_stop {
        builder.response.finished.push(index);
    }
    Ok(())
}

/// Reads a content block, or a delta of one. `is_start`: the block starts here, and its text follows in deltas.
fn block(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    index: u32,
    value: Value,
    is_start: bool,
) -> Result<()> {
    let channel = |part| Channel { choice: index, part };
    let text_channel = |part| channel(if is_start { Part::Whole } else { part });
    let Value::Object(_) = value else { return builder.texts(reader, channel(Part::Other), value) };
    let (mut thought, mut is_signed) = (None, false);
    while let Some((_, field)) = reader.field(&[
        "text",
        "thinking",
        "name",
        "input",
        "partial_json",
        "type",
        "id",
        "tool_use_id",
        "signature",
        "stop_reason",
        "container",
    ])? {
        let value = reader.value()?;
        match field {
            "text" => builder.text_or_others(reader, text_channel(Part::Content), value)?,
            "thinking" => {
                thought = if let Value::String(str) = value { Some(str.span) } else { None };
                builder.text_or_others(reader, text_channel(Part::Reasoning), value)?;
            }
            "signature" => {
                is_signed = !value.is_null();
                builder.no_text(reader, index, value)?;
            }
            "name" => builder.text_or_others(reader, channel(Part::ToolName(0)), value)?,
            "input" if is_start => builder.texts(reader, channel(Part::WholeArguments), value)?,
            "input" => builder.texts(reader, channel(Part::ToolArguments(0)), value)?,
            "partial_json" => builder.text_or_others(reader, channel(Part::ToolArguments(0)), value)?,
            "" => builder.texts(reader, channel(Part::Other), value)?,
            _ => builder.no_text(reader, index, value)?,
        }
    }
    builder.mark_signed(thought, is_signed);
    Ok(())
}

/// Marks the usage that was just read. `complete`: it is that of the whole response.
fn mark_complete(builder: &mut ResponseBuilder<'_>, complete: bool) {
    if let Some(usage) = &mut builder.response.usage {
        usage.complete |= complete;
    }
}
