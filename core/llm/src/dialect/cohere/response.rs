//! What an answer says, whole or in events.

use super::Result;
use crate::json::field::{number, saturate};
use crate::json::reader::{Reader, Value};
use crate::view::response::Sketch;
use crate::{Channel, Offsets, Part, Reported, Span};

/// A whole answer, or an error: a message that is a text.
pub(super) fn read(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<()> {
    reader.object()?;
    while let Some((_, field)) = reader.field(&["message", "usage", "logprobs", "id", "finish_reason"])? {
        let value = reader.value()?;
        match (field, value) {
            ("message", Value::Object(_)) => {
                sketch.answer.choices += 1;
                message(reader, sketch, 0, false)?;
            }
            ("message", Value::String(_)) => {
                sketch.answer.is_error = true;
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            ("usage", Value::Object(_)) => sketch.answer.usage = billed(reader, sketch)?,
            ("logprobs", value) => logprobs(reader, sketch, value)?,
            ("id" | "finish_reason", value) => sketch.nothing(reader, 0, value)?,
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

/// One event. It says itself what it is: its name only repeats that.
pub(super) fn event(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<()> {
    reader.object()?;
    // The index and the type may stand behind the texts that they are of.
    let first = sketch.answer.texts.len();
    let (mut index, mut begins, mut stops) = (0, false, false);
    while let Some((_, field)) = reader.field(&["type", "index", "delta", "message", "logprobs", "id"])? {
        let value = reader.value()?;
        match (field, value) {
            ("type", Value::String(str)) => match &*str.decode(reader.body()) {
                "content-start" | "tool-call-start" => begins = true,
                "content-end" | "tool-call-end" => stops = true,
                "message-end" => sketch.answer.ends = true,
                _ => {}
            },
            ("index", value @ Value::Number(_)) => index = number(reader, value).map_or(0, saturate),
            ("delta", Value::Object(_)) => delta(reader, sketch)?,
            ("message", Value::String(_)) => {
                sketch.answer.is_error = true;
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            ("logprobs", value) => logprobs(reader, sketch, value)?,
            ("id", value) => sketch.nothing(reader, 0, value)?,
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    for text in sketch.answer.texts.iter_mut().skip(first) {
        text.channel.choice = index;
        // What an event says that begins a block is no piece: more comes in others.
        if begins && matches!(text.channel.part, Part::Content | Part::Reasoning | Part::ToolArguments(_)) {
            text.channel.part = Part::Whole;
        }
    }
    // Not an event to be withheld, whatever usage is in it.
    sketch.answer.choices += 1;
    if stops {
        sketch.answer.finished.push(index);
    }
    Ok(())
}

fn delta(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<()> {
    while let Some((_, field)) = reader.field(&["message", "usage", "error", "finish_reason"])? {
        let value = reader.value()?;
        match (field, value) {
            ("message", Value::Object(_)) => message(reader, sketch, 0, true)?,
            ("usage", Value::Object(_)) => sketch.answer.usage = billed(reader, sketch)?,
            ("error", value) => {
                sketch.answer.is_error |= !value.is_null();
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            ("finish_reason", value) => sketch.nothing(reader, 0, value)?,
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

/// A message, or a piece of one, in which one block and one call stand without an array around them.
fn message(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, index: u32, is_piece: bool) -> Result<()> {
    while let Some((_, field)) = reader.field(&["role", "content", "tool_plan", "tool_calls", "citations"])? {
        let value = reader.value()?;
        match (field, value) {
            ("content", Value::Array(_)) => {
                let mut index = index;
                while let Some(value) = reader.element()? {
                    block(reader, sketch, index, value)?;
                    index = index.saturating_add(1);
                }
            }
            ("content", value) => block(reader, sketch, index, value)?,
            ("tool_plan", value) => {
                sketch.text_or_others(reader, Channel { choice: index, part: Part::Reasoning }, value)?;
            }
            ("tool_calls", Value::Array(_)) => {
                let mut position = 0;
                while let Some(value) = reader.element()? {
                    call(reader, sketch, index, position, value)?;
                    position += 1;
                }
            }
            ("tool_calls", value @ Value::Object(_)) => call(reader, sketch, index, 0, value)?,
            ("citations", value) => citations(reader, sketch, value, is_piece)?,
            ("role", value) => sketch.nothing(reader, index, value)?,
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}

fn block(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, index: u32, value: Value) -> Result<()> {
    let channel = |part| Channel { choice: index, part };
    let Value::Object(_) = value else { return sketch.text_or_others(reader, channel(Part::Content), value) };
    while let Some((_, field)) = reader.field(&["text", "thinking", "type"])? {
        let value = reader.value()?;
        match field {
            "text" => sketch.text_or_others(reader, channel(Part::Content), value)?,
            "thinking" => sketch.text_or_others(reader, channel(Part::Reasoning), value)?,
            "type" => sketch.nothing(reader, index, value)?,
            _ => sketch.texts(reader, channel(Part::Other), value)?,
        }
    }
    Ok(())
}

fn call(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, index: u32, position: u32, value: Value) -> Result<()> {
    let channel = |part| Channel { choice: index, part };
    let Value::Object(_) = value else { return sketch.texts(reader, channel(Part::Other), value) };
    while let Some((_, field)) = reader.field(&["function", "name", "arguments", "id", "type"])? {
        let value = reader.value()?;
        match field {
            "function" => call(reader, sketch, index, position, value)?,
            "name" => sketch.text_or_others(reader, channel(Part::ToolName(position)), value)?,
            "arguments" => sketch.texts(reader, channel(Part::ToolArguments(position)), value)?,
            "id" | "type" => sketch.nothing(reader, index, value)?,
            _ => sketch.texts(reader, channel(Part::Other), value)?,
        }
    }
    Ok(())
}

/// Where an answer comes from: they point into it by offsets. A piece of a message has one, without an array.
fn citations(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, value: Value, is_piece: bool) -> Result<()> {
    let mut choice = None;
    match value {
        Value::Array(_) => {
            while let Some(value) = reader.element()? {
                let of = citation(reader, sketch, value)?;
                choice = choice.or(of);
            }
        }
        value => choice = citation(reader, sketch, value)?,
    }
    let is_offsets = matches!(value, Value::Array(_)) || is_piece && matches!(value, Value::Object(_));
    if is_offsets {
        let span = Span::new(value.start(), reader.offset());
        sketch.answer.offsets.push(Offsets { choice: choice.unwrap_or_default(), span });
    }
    Ok(())
}

/// Which block it points into, if it says so.
fn citation(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, value: Value) -> Result<Option<u32>> {
    let Value::Object(_) = value else { return sketch.texts(reader, Channel::OTHER, value).map(|()| None) };
    let mut block = None;
    while let Some((_, field)) = reader.field(&["content_index", "type"])? {
        match (field, reader.value()?) {
            ("content_index", value @ Value::Number(_)) => block = number(reader, value).map(saturate),
            ("type", value) => sketch.nothing(reader, 0, value)?,
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(block)
}

/// The tokens of the answer are the answer once more.
fn logprobs(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, value: Value) -> Result<()> {
    sketch.texts(reader, Channel { choice: 0, part: Part::Logprobs }, value)?;
    if matches!(value, Value::Array(_) | Value::Object(_)) {
        sketch.answer.logprobs.push(Span::new(value.start(), reader.offset()));
    }
    Ok(())
}

/// What was used, as it is billed, else as it was counted; `None` if no count of tokens is in it.
pub(in crate::dialect) fn billed(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<Option<Reported>> {
    let (mut billed, mut counted, mut cached) = ([None; 2], [None; 2], None);
    let names = ["input_tokens", "output_tokens"];
    while let Some((_, field)) = reader.field(&["billed_units", "tokens", "cached_tokens"])? {
        match (field, reader.value()?) {
            ("billed_units", Value::Object(_)) => billed = sketch.numbers(reader, names)?,
            ("tokens", Value::Object(_)) => counted = sketch.numbers(reader, names)?,
            ("cached_tokens", value @ Value::Number(_)) => cached = number(reader, value),
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    let [input, output] = if billed == [None; 2] { counted } else { billed };
    // Never more of the prompt than there is of it: the prompt that is billed may be without what was cached.
    let cached = cached.filter(|cached| input.is_some_and(|input| *cached <= input));
    let said = Reported { input, output, cached, complete: true, ..Reported::default() };
    Ok(Some(said).filter(|said| !said.is_empty()))
}
