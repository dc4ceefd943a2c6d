//! Reads responses and lines of streams, which are the same object.

use super::Result;
use crate::json::reader::{Reader, Value};
use crate::usage::reader::{Convention, UsageReader};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Part};

/// Reads a response.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    reader.object()?;
    let channel = |part| Channel { choice: 0, part };
    let mut usage = UsageReader::new(Convention::INCLUSIVE);
    while let Some((key, field)) =
        reader.field(&["model", "message", "response", "thinking", "done", "error", "created_at", "done_reason"])?
    {
        let value = reader.value()?;
        match (field, value) {
            ("model", Value::String(str)) => builder.response.model = Some(str),
            ("message", Value::Object(_)) => message(reader, builder)?,
            ("response", value) => builder.text_or_others(reader, channel(Part::Content), value)?,
            ("thinking", value) => builder.text_or_others(reader, channel(Part::Reasoning), value)?,
            ("done", Value::Bool(done, _)) => builder.response.ends = done,
            ("", Value::Number(_)) => {
                usage.number(reader, key, value);
            }
            ("error", value) => {
                builder.response.is_error = !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("created_at" | "done_reason", value) => builder.no_text(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    builder.response.choices += 1;
    if builder.response.ends {
        builder.response.finished.push(0);
    }
    let mut usage = usage.end();
    usage.complete = builder.response.ends;
    builder.merge_usage(usage);
    Ok(())
}

/// Reads a message.
fn message(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    let channel = |part| Channel { choice: 0, part };
    let mut calls = 0;
    while let Some((_, field)) = reader.field(&["role", "content", "thinking", "tool_calls"])? {
        let value = reader.value()?;
        match (field, value) {
            ("content", value) => builder.text_or_others(reader, channel(Part::Content), value)?,
            ("thinking", value) => builder.text_or_others(reader, channel(Part::Reasoning), value)?,
            ("tool_calls", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    call(reader, builder, calls, value)?;
                    calls = calls.saturating_add(1);
                }
            }
            ("role", value) => builder.no_text(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

/// Reads a tool call.
fn call(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>, index: u32, value: Value) -> Result<()> {
    let channel = |part| Channel { choice: 0, part };
    let Value::Object(_) = value else { return builder.texts(reader, Channel::OTHER, value) };
    while let Some((_, field)) = reader.field(&["function", "name", "arguments", "id", "index"])? {
        let value = reader.value()?;
        match field {
            "function" => call(reader, builder, index, value)?,
            "name" => builder.text_or_others(reader, channel(Part::ToolName(index)), value)?,
            "arguments" => builder.texts(reader, channel(Part::ToolValue(index)), value)?,
            "id" | "index" => builder.no_text(reader, 0, value)?,
            _ => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}
