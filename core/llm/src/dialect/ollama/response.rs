//! What an answer says, whole or in lines: both are the same object.

use super::Result;
use crate::json::field::number;
use crate::json::reader::{Reader, Value};
use crate::view::response::Sketch;
use crate::{Channel, Part, Reported};

pub(super) fn read(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<()> {
    reader.object()?;
    let channel = |part| Channel { choice: 0, part };
    let mut said = Reported::default();
    while let Some((_, field)) = reader.field(&[
        "model",
        "message",
        "response",
        "thinking",
        "done",
        "prompt_eval_count",
        "eval_count",
        "error",
        "created_at",
        "done_reason",
    ])? {
        let value = reader.value()?;
        match (field, value) {
            ("model", Value::String(str)) => sketch.answer.model = Some(str),
            ("message", Value::Object(_)) => message(reader, sketch)?,
            ("response", value) => sketch.text_or_others(reader, channel(Part::Content), value)?,
            ("thinking", value) => sketch.text_or_others(reader, channel(Part::Reasoning), value)?,
            ("done", Value::Bool(done, _)) => sketch.answer.ends = done,
            ("prompt_eval_count", Value::Number(_)) => said.input = number(reader, value),
            ("eval_count", Value::Number(_)) => said.output = number(reader, value),
            ("error", value) => {
                sketch.answer.is_error = !value.is_null();
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            ("created_at" | "done_reason", value) => sketch.nothing(reader, 0, value)?,
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    sketch.answer.choices += 1;
    if sketch.answer.ends {
        sketch.answer.finished.push(0);
    }
    said.complete = sketch.answer.ends;
    sketch.answer.usage = Some(said).filter(|said| !said.is_empty());
    Ok(())
}

fn message(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<()> {
    let channel = |part| Channel { choice: 0, part };
    let mut calls = 0;
    while let Some((_, field)) = reader.field(&["role", "content", "thinking", "tool_calls"])? {
        let value = reader.value()?;
        match (field, value) {
            ("content", value) => sketch.text_or_others(reader, channel(Part::Content), value)?,
            ("thinking", value) => sketch.text_or_others(reader, channel(Part::Reasoning), value)?,
            ("tool_calls", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    call(reader, sketch, calls, value)?;
                    calls = calls.saturating_add(1);
                }
            }
            ("role", value) => sketch.nothing(reader, 0, value)?,
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

fn call(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, index: u32, value: Value) -> Result<()> {
    let channel = |part| Channel { choice: 0, part };
    let Value::Object(_) = value else { return sketch.texts(reader, Channel::OTHER, value) };
    while let Some((_, field)) = reader.field(&["function", "name", "arguments", "id", "index"])? {
        let value = reader.value()?;
        match field {
            "function" => call(reader, sketch, index, value)?,
            "name" => sketch.text_or_others(reader, channel(Part::ToolName(index)), value)?,
            "arguments" => sketch.texts(reader, channel(Part::ToolValue(index)), value)?,
            "id" | "index" => sketch.nothing(reader, 0, value)?,
            _ => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}
