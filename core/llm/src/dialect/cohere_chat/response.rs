//! Reads responses and events.

use super::Result;
use crate::json::field::{number, saturate};
use crate::json::reader::{Reader, Value};
use crate::usage::reader::{self as usage, Convention};
use crate::view::response::ResponseBuilder;
use crate::{Channel, OffsetAnnotation, Part, Span};

/// Reads a whole response, or an error, whose `message` is a string.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    reader.object()?;
    while let Some((_, field)) = reader.field(&["message", "usage", "logprobs", "id", "finish_reason"])? {
        let value = reader.value()?;
        match (field, value) {
            ("message", Value::Object(_)) => {
                builder.response.choices += 1;
                message(reader, builder, 0, false)?;
            }
            ("message", Value::String(_)) => {
                builder.response.is_error = true;
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("usage", Value::Object(_)) => billed(reader, builder, Convention::INCLUSIVE)?,
            ("logprobs", value) => logprobs(reader, builder, value)?,
            ("id" | "finish_reason", value) => builder.no_text(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

/// Reads an event. Its `type` identifies it; the name of the event only repeats the type.
pub(super) fn event(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    reader.object()?;
    // The index and the type may follow the texts that they apply to.
    let first = builder.response.texts.len();
    let (mut index, mut is_start, mut is_stop) = (0, false, false);
    while let Some((_, field)) = reader.field(&["type", "index", "delta", "message", "logprobs", "id"])? {
        let value = reader.value()?;
        match (field, value) {
            ("type", Value::String(str)) => match &*str.decode(reader.body()) {
                "content-start" | "tool-call-start" => is_start = true,
                "content-end" | "tool-call-end" => is_stop = true,
                "message-end" => builder.response.ends = true,
                _ => {}
            },
            ("index", value @ Value::Number(_)) => index = number(reader, value).map_or(0, saturate),
            ("delta", Value::Object(_)) => delta(reader, builder)?,
            ("message", Value::String(_)) => {
                builder.response.is_error = true;
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("logprobs", value) => logprobs(reader, builder, value)?,
            ("id", value) => builder.no_text(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    for text in builder.response.texts.iter_mut().skip(first) {
        text.channel.choice = index;
        // A text in the event that starts a block is not a delta; the deltas follow in other events.
        match text.channel.part {
            Part::Content | Part::Reasoning if is_start => text.channel.part = Part::Whole,
            Part::ToolArguments(_) if is_start => text.channel.part = Part::WholeArguments,
            _ => {}
        }
    }
    // Never a usage-only event, which could be withheld from the client.
    builder.response.choices += 1;
    if is_stop {
        builder.response.finished.push(index);
    }
    Ok(())
}

/// Reads a delta.
fn delta(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    while let Some((_, field)) = reader.field(&["message", "usage", "error", "finish_reason"])? {
        let value = reader.value()?;
        match (field, value) {
            ("message", Value::Object(_)) => message(reader, builder, 0, true)?,
            ("usage", Value::Object(_)) => billed(reader, builder, Convention::INCLUSIVE)?,
            ("error", value) => {
                builder.response.is_error |= !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("finish_reason", value) => builder.no_text(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

/// Reads a message or a delta of one. A delta (`is_delta`) has a single block or call without an array around it.
fn message(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>, index: u32, is_delta: bool) -> Result<()> {
    while let Some((_, field)) = reader.field(&["role", "content", "tool_plan", "tool_calls", "citations"])? {
        let value = reader.value()?;
        match (field, value) {
            ("content", Value::Array(_)) => {
                let mut index = index;
                while let Some(value) = reader.element()? {
                    block(reader, builder, index, value)?;
                    index = index.saturating_add(1);
                }
            }
            ("content", value) => block(reader, builder, index, value)?,
            ("tool_plan", value) => {
                builder.text_or_others(reader, Channel { choice: index, part: Part::Reasoning }, value)?;
            }
            ("tool_calls", Value::Array(_)) => {
                let mut position = 0;
                while let Some(value) = reader.element()? {
                    call(reader, builder, index, position, value)?;
                    position += 1;
                }
            }
            ("tool_calls", value @ Value::Object(_)) => call(reader, builder, index, 0, value)?,
            ("citations", value) => citations(reader, builder, value, is_delta)?,
            ("role", value) => builder.no_text(reader, index, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

/// Reads a content block.
fn block(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>, index: u32, value: Value) -> Result<()> {
    let channel = |part| Channel { choice: index, part };
    let Value::Object(_) = value else { return builder.text_or_others(reader, channel(Part::Content), value) };
    while let Some((_, field)) = reader.field(&["text", "thinking", "type"])? {
        let value = reader.value()?;
        match field {
            "text" => builder.text_or_others(reader, channel(Part::Content), value)?,
            "thinking" => builder.text_or_others(reader, channel(Part::Reasoning), value)?,
            "type" => builder.no_text(reader, index, value)?,
            _ => builder.texts(reader, channel(Part::Other), value)?,
        }
    }
    Ok(())
}

/// Reads a tool call.
fn call(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    index: u32,
    position: u32,
    value: Value,
) -> Result<()> {
    let channel = |part| Channel { choice: index, part };
    let Value::Object(_) = value else { return builder.texts(reader, channel(Part::Other), value) };
    while let Some((_, field)) = reader.field(&["function", "name", "arguments", "id", "type"])? {
        let value = reader.value()?;
        match field {
            "function" => call(reader, builder, index, position, value)?,
            "name" => builder.text_or_others(reader, channel(Part::ToolName(position)), value)?,
            "arguments" => builder.texts(reader, channel(Part::ToolArguments(position)), value)?,
            "id" | "type" => builder.no_text(reader, index, value)?,
            _ => builder.texts(reader, channel(Part::Other), value)?,
        }
    }
    Ok(())
}

/// Reads citations, which refer to the text by offsets. A delta has one citation without an array around it.
fn citations(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    value: Value,
    is_delta: bool,
) -> Result<()> {
    let mut choice = None;
    match value {
        Value::Array(_) => {
            while let Some(value) = reader.element()? {
                let block = citation(reader, builder, value)?;
                choice = choice.or(block);
            }
        }
        value => choice = citation(reader, builder, value)?,
    }
    let has_offsets = matches!(value, Value::Array(_)) || is_delta && matches!(value, Value::Object(_));
    if has_offsets {
        let span = Span::new(value.start(), reader.offset());
        builder.response.offsets.push(OffsetAnnotation { choice: choice.unwrap_or_default(), span });
    }
    Ok(())
}

/// Reads a citation and returns the index of the block that it refers to, if it has one.
fn citation(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>, value: Value) -> Result<Option<u32>> {
    let Value::Object(_) = value else { return builder.texts(reader, Channel::OTHER, value).map(|()| None) };
    let mut block = None;
    while let Some((_, field)) = reader.field(&["content_index", "type"])? {
        match (field, reader.value()?) {
            ("content_index", value @ Value::Number(_)) => block = number(reader, value).map(saturate),
            ("type", value) => builder.no_text(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(block)
}

/// Reads log probabilities. Their tokens repeat the output.
fn logprobs(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>, value: Value) -> Result<()> {
    builder.texts(reader, Channel { choice: 0, part: Part::Logprobs }, value)?;
    if matches!(value, Value::Array(_) | Value::Object(_)) {
        builder.response.logprobs.push(Span::new(value.start(), reader.offset()));
    }
    Ok(())
}

/// Reads the usage: the billed tokens if there are any, otherwise all tokens.
pub(in crate::dialect) fn billed(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    convention: Convention,
) -> Result<()> {
    let mut usage = usage::object(reader, builder, convention)?;
    // Billed input may exclude cached tokens: a cached count above the input is ignored.
    usage.cached = usage.cached.filter(|cached| usage.input.is_some_and(|input| *cached <= input));
    usage.complete = true;
    builder.merge_usage(usage);
    Ok(())
}
