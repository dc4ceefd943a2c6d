//! What an answer of Converse says, whole or in events.

use super::Result;
use crate::json::field::{number, saturate};
use crate::json::reader::{Reader, Value};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Part, ReportedUsage};

/// A whole answer, or an error: a message and nothing else.
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
            ("stopReason", value) => builder.nothing(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

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
            ("role", value) => builder.nothing(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

/// A block, the start of one, or a piece of one, with the objects that stand around its text: as deep as the depth of a
/// body allows, which is bounded.
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
            ("toolUseId" | "signature" | "type", value) => builder.nothing(reader, index, value)?,
            (_, value) => builder.texts(reader, channel(Part::Other), value)?,
        }
    }
    Ok(())
}

/// One event.
pub(super) fn event(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    reader.object()?;
    builder.response.is_error |= builder.event.is_some_and(|name| name.ends_with(b"Exception"));
    payload(reader, builder, builder.event == Some(b"contentBlockStop"))
}

/// The members of an event; its name says which are there, and whether a block ends with it.
pub(in crate::dialect) fn payload(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    stops: bool,
) -> Result<()> {
    // The index may stand behind the texts that it is the index of.
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
            // Padding of a random length.
            ("role" | "metrics" | "p", value) => builder.nothing(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    for text in builder.response.texts.iter_mut().skip(first) {
        text.channel.choice = index;
    }
    // Not an event to be withheld, whatever usage is in it.
    builder.response.choices += 1;
    if stops {
        builder.response.finished.push(index);
    }
    Ok(())
}

/// `None` if no count of tokens is in it. The prompt is without its cached part.
pub(super) fn usage(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<Option<ReportedUsage>> {
    let mut said = ReportedUsage { input_excludes_cache: true, complete: true, ..ReportedUsage::default() };
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
            ("inputTokens", Value::Number(_)) => said.input = number(reader, value),
            ("outputTokens", Value::Number(_)) => said.output = number(reader, value),
            ("totalTokens", Value::Number(_)) => total = number(reader, value),
            ("cacheReadInputTokens", Value::Number(_)) => said.cached = number(reader, value),
            ("cacheWriteInputTokens", Value::Number(_)) => said.cache_write = number(reader, value),
            // The same numbers once more, under older names.
            ("cacheReadInputTokenCount", Value::Number(_)) => reads = number(reader, value),
            ("cacheWriteInputTokenCount", Value::Number(_)) => writes = number(reader, value),
            ("cacheDetails", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    said.cache_write_1h = cached_for_an_hour(reader, builder, value)?.or(said.cache_write_1h);
                }
            }
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    said.cached = said.cached.max(reads);
    said.cache_write = said.cache_write.max(writes);
    // There are servers whose total leaves out what was cached: less than the parts is no total.
    let parts = [said.input, said.output, said.cached, said.cache_write];
    let parts = parts.into_iter().fold(0, |sum: u64, part| sum.saturating_add(part.unwrap_or_default()));
    said.total = total.filter(|total| *total >= parts);
    Ok(Some(said).filter(|said| !said.is_empty()))
}

/// Tokens written to a cache for a time ("CacheDetail"), if that is an hour.
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
