//! Reads transcripts and the events of speech.

use crate::dialect::openai_images::response::usage;
use crate::json::reader::{Reader, Value};
use crate::view::response::Sketch;
use crate::{Channel, Error, Part, Span};

/// What was heard, whole or in events.
pub(super) fn transcript(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<(), Error> {
    reader.object()?;
    let channel = |part| Channel { choice: 0, part };
    let first = sketch.answer.texts.len();
    let mut repeats = false;
    while let Some((_, field)) = reader.field(&[
        "text",
        "delta",
        "type",
        "usage",
        "error",
        "segments",
        "words",
        "logprobs",
        "segment_id",
        "id",
        "task",
    ])? {
        let value = reader.value()?;
        match (field, value) {
            ("text" | "delta", value) => sketch.text_or_others(reader, channel(Part::Content), value)?,
            ("type", Value::String(str)) => match &*str.decode(reader.body()) {
                // The text as a whole, or a part of it once more with who said it.
                "transcript.text.done" => (sketch.answer.ends, repeats) = (true, true),
                "transcript.text.segment" => repeats = true,
                "error" => sketch.answer.is_error = true,
                _ => {}
            },
            ("usage", Value::Object(_)) => sketch.answer.usage = usage(reader, sketch)?,
            ("error", value) => {
                sketch.answer.is_error |= !value.is_null();
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            ("segments", value) => sketch.texts(reader, channel(Part::Whole), value)?,
            // The text word by word, token by token.
            ("words" | "logprobs", value @ Value::Array(_)) => {
                sketch.texts(reader, channel(Part::Logprobs), value)?;
                sketch.answer.logprobs.push(Span::new(value.start(), reader.offset()));
            }
            ("segment_id" | "id" | "task", value) => sketch.nothing(reader, 0, value)?,
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    if repeats {
        for text in sketch.answer.texts.iter_mut().skip(first) {
            if text.channel.part == Part::Content {
                text.channel.part = Part::Whole;
            }
        }
    }
    sketch.answer.choices += 1;
    Ok(())
}

/// An event with a piece of the sound, or an error.
pub(super) fn speech(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<(), Error> {
    reader.object()?;
    while let Some((_, field)) = reader.field(&["type", "audio", "usage", "error"])? {
        let value = reader.value()?;
        match (field, value) {
            ("type", Value::String(str)) => {
                let kind = str.decode(reader.body());
                sketch.answer.ends |= kind == "speech.audio.done";
                sketch.answer.is_error |= kind == "error";
            }
            ("audio", value) => sketch.nothing(reader, 0, value)?,
            ("usage", Value::Object(_)) => sketch.answer.usage = usage(reader, sketch)?,
            ("error", value) => {
                sketch.answer.is_error |= !value.is_null();
                sketch.texts(reader, Channel::OTHER, value)?;
            }
            (_, value) => sketch.texts(reader, Channel::OTHER, value)?,
        }
    }
    sketch.answer.choices += 1;
    Ok(())
}
