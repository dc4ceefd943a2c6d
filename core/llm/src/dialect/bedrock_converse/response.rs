//! Reads responses and events.

use super::Result;
use crate::json::field::{number, saturate};
use crate::json::reader::{Reader, Value};
use crate::usage::reader::{self as usage, Convention};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Part};

/// Reads a whole response, or an error, which has only a message.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    reader.object()?;
    while let Some((_, field)) = reader.field(&["output", "usage", "message", "stopReason", "serviceTier"])? {
        let value = reader.value()?;
        match (field, value) {
            ("output", Value::Object(_)) => {
                builder.response.choices += 1;
                while let Some((_, field)) = reader.field(&["message"])? {
                    match (field, reader.value()?) {
                        ("message", Value::Object(_)) => message(reader, builder)?,
                        (_, value) => builder.texts(reader, Channel::OTHER, value)?,
                    }
                }
            }
            ("usage", Value::Object(_)) => usage(reader, builder)?,
            ("serviceTier", Value::Object(_)) => service_tier(reader, builder)?,
            ("message", Value::String(_)) => {
                builder.response.is_error = true;
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("stopReason", value) => builder.no_text(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

/// Reads a message.
fn message(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    while let Some((_, field)) = reader.field(&["role", "content"])? {
        let value = reader.value()?;
        match (field, value) {
            ("content", Value::Array(_)) => {
                let mut index = 0;
                while let Some(value) = reader.element()? {
                    block(reader, builder, index, Part::Content, value)?;
                    index = index.saturating_add(1);
                }
            }
            ("role", value) => builder.no_text(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

/// Reads a block, its start, or a delta, with the objects that wrap the text. The recursion is bounded by the depth
/// limit of a body.
fn block(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    index: u32,
    part: Part,
    value: Value,
) -> Result<()> {
    let channel = |part| Channel { choice: index, part };
    let Value::Object(_) = value else { return builder.texts(reader, channel(Part::Other), value) };
    let (mut thought, mut is_signed) = (None, false);
    while let Some((_, field)) = reader.field(&[
        "text",
        "toolUse",
        "reasoningContent",
        "reasoningText",
        "citationsContent",
        "content",
        "name",
        "input",
        "toolUseId",
        "signature",
        "type",
    ])? {
        let value = reader.value()?;
        match (field, value) {
            ("text", value) => {
                if let (Part::Reasoning, Value::String(str)) = (part, &value) {
                    thought = Some(str.span);
                }
                builder.text_or_others(reader, channel(part), value)?;
            }
            ("reasoningContent" | "reasoningText", value) => block(reader, builder, index, Part::Reasoning, value)?,
            ("toolUse" | "citationsContent", value) => block(reader, builder, index, part, value)?,
            ("content", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    block(reader, builder, index, part, value)?;
                }
            }
            ("name", value) => builder.text_or_others(reader, channel(Part::ToolName(0)), value)?,
            ("input", value) => builder.texts(reader, channel(Part::ToolArguments(0)), value)?,
            ("signature", value) => {
                is_signed = !value.is_null();
                builder.no_text(reader, index, value)?;
            }
            ("toolUseId" | "type", value) => builder.no_text(reader, index, value)?,
            (_, value) => builder.texts(reader, channel(Part::Other), value)?,
        }
    }
    builder.mark_signed(thought, is_signed);
    Ok(())
}

/// Reads an event.
pub(super) fn event(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    reader.object()?;
    builder.response.is_error |= builder.event.is_some_and(|name| name.ends_with(b"Exception"));
    payload(reader, builder, builder.event == Some(b"contentBlockStop"))
}

/// Reads the members of an event. `is_stop`: the event ends a block.
pub(in crate::dialect) fn payload(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    is_stop: bool,
) -> Result<()> {
    // The index may follow the texts that it applies to.
    let first = builder.response.texts.len();
    let mut index = 0;
    while let Some((_, field)) = reader.field(&[
        "contentBlockIndex",
        "start",
        "delta",
        "role",
        "stopReason",
        "usage",
        "metrics",
        "message",
        "p",
        "serviceTier",
    ])? {
        let value = reader.value()?;
        match (field, value) {
            ("contentBlockIndex", value @ Value::Number(_)) => index = number(reader, value).map_or(0, saturate),
            ("start" | "delta", value) => block(reader, builder, 0, Part::Content, value)?,
            ("stopReason", Value::String(_)) => builder.response.ends = true,
            ("usage", Value::Object(_)) => usage(reader, builder)?,
            ("serviceTier", Value::Object(_)) => service_tier(reader, builder)?,
            ("message", Value::String(_)) => {
                builder.response.is_error = true;
                builder.texts(reader, Channel::OTHER, value)?;
            }
            // `p` is padding of random length.
            ("role" | "metrics" | "p", value) => builder.no_text(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    for text in builder.response.texts.iter_mut().skip(first) {
        text.channel.choice = index;
    }
    // Never a usage-only event, which could be withheld from the client.
    builder.response.choices += 1;
    if is_stop {
        builder.response.finished.push(index);
    }
    Ok(())
}

/// Reads the usage. The input excludes cached tokens.
fn usage(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    usage::read(reader, builder, Convention::WITHOUT_CACHE)?;
    if let Some(usage) = &mut builder.response.usage {
        usage.complete = true;
    }
    Ok(())
}

/// Reads the service tier (`ServiceTier`).
fn service_tier(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    while let Some((_, field)) = reader.field(&["type"])? {
        match (field, reader.value()?) {
            ("type", Value::String(tier)) => builder.service_tier(reader, tier),
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}
