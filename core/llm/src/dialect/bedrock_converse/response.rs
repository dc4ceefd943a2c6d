//! Reads responses and events.

use super::Result;
use crate::json::field::{number, saturate};
use crate::json::reader::{Reader, Value};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Part, ReportedUsage};

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
            ("usage", Value::Object(_)) => builder.response.usage = usage(reader, builder)?,
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
            ("text", value) => builder.text_or_others(reader, channel(part), value)?,
            ("reasoningContent" | "reasoningText", value) => block(reader, builder, index, Part::Reasoning, value)?,
            ("toolUse" | "citationsContent", value) => block(reader, builder, index, part, value)?,
            ("content", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    block(reader, builder, index, part, value)?;
                }
            }
            ("name", value) => builder.text_or_others(reader, channel(Part::ToolName(0)), value)?,
            ("input", value) => builder.texts(reader, channel(Part::ToolArguments(0)), value)?,
            ("toolUseId" | "signature" | "type", value) => builder.no_text(reader, index, value)?,
            (_, value) => builder.texts(reader, channel(Part::Other), value)?,
        }
    }
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
            ("usage", Value::Object(_)) => builder.response.usage = usage(reader, builder)?,
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

/// Reads the usage; `None` if it has no token count. The input excludes cached tokens.
fn usage(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<Option<ReportedUsage>> {
    let mut usage = ReportedUsage { input_excludes_cache: true, complete: true, ..ReportedUsage::default() };
    let (mut total, mut reads, mut writes) = (None, None, None);
    while let Some((_, field)) = reader.field(&[
        "inputTokens",
        "outputTokens",
        "totalTokens",
        "cacheReadInputTokens",
        "cacheWriteInputTokens",
        "cacheReadInputTokenCount",
        "cacheWriteInputTokenCount",
        "cacheDetails",
    ])? {
        let value = reader.value()?;
        match (field, value) {
            ("inputTokens", Value::Number(_)) => usage.input = number(reader, value),
            ("outputTokens", Value::Number(_)) => usage.output = number(reader, value),
            ("totalTokens", Value::Number(_)) => total = number(reader, value),
            ("cacheReadInputTokens", Value::Number(_)) => usage.cached = number(reader, value),
            ("cacheWriteInputTokens", Value::Number(_)) => usage.cache_write = number(reader, value),
            // Older names of the same counts.
            ("cacheReadInputTokenCount", Value::Number(_)) => reads = number(reader, value),
            ("cacheWriteInputTokenCount", Value::Number(_)) => writes = number(reader, value),
            ("cacheDetails", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    usage.cache_write_1h = cached_for_an_hour(reader, builder, value)?.or(usage.cache_write_1h);
                }
            }
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    usage.cached = usage.cached.max(reads);
    usage.cache_write = usage.cache_write.max(writes);
    // Some servers report a total without cached tokens: a total below the sum of its parts is ignored.
    let parts = [usage.input, usage.output, usage.cached, usage.cache_write];
    let parts = parts.into_iter().fold(0, |sum: u64, part| sum.saturating_add(part.unwrap_or_default()));
    usage.total = total.filter(|total| *total >= parts);
    Ok(Some(usage).filter(|usage| !usage.is_empty()))
}

/// Returns the tokens written to the cache ("CacheDetail") if their lifetime is one hour.
fn cached_for_an_hour(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    value: Value,
) -> Result<Option<u64>> {
    let Value::Object(_) = value else { return builder.texts(reader, Channel::OTHER, value).map(|()| None) };
    let (mut tokens, mut is_hour) = (None, false);
    while let Some((_, field)) = reader.field(&["ttl", "inputTokens"])? {
        match (field, reader.value()?) {
            ("ttl", Value::String(str)) => is_hour = str.is(reader.body(), "1h"),
            ("inputTokens", value @ Value::Number(_)) => tokens = number(reader, value),
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(tokens.filter(|_| is_hour))
}
