//! Reads transcripts and the events of speech.

use crate::json::reader::{Reader, Value};
use crate::usage::reader::{self as usage, Convention, UsageReader};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Error, Part, ReportedUsage, Span};

/// Reads a transcript, whole or in events.
pub(super) fn transcript(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    reader.object()?;
    let channel = |part| Channel { choice: 0, part };
    let first = builder.response.texts.len();
    let mut repeats = false;
    let mut duration = UsageReader::new(Convention::INCLUSIVE);
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
        "duration",
    ])? {
        let value = reader.value()?;
        match (field, value) {
            ("text" | "delta", value) => builder.text_or_others(reader, channel(Part::Content), value)?,
            ("type", Value::String(str)) => match &*str.decode(reader.body()) {
                // These events repeat the whole text, or a segment of it with its speaker.
                "transcript.text.done" => (builder.response.ends, repeats) = (true, true),
                "transcript.text.segment" => repeats = true,
                "error" => builder.response.is_error = true,
                _ => {}
            },
            ("usage", Value::Object(_)) => whole_usage(reader, builder)?,
            ("error", value) => {
                builder.response.is_error |= !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("segments", value) => builder.texts(reader, channel(Part::Whole), value)?,
            // The text again, by word or by token.
            ("words" | "logprobs", value @ Value::Array(_)) => {
                builder.texts(reader, channel(Part::Logprobs), value)?;
                builder.response.logprobs.push(Span::new(value.start(), reader.offset()));
            }
            ("duration", Value::Number(span)) => duration.seconds(reader, span),
            ("segment_id" | "id" | "task", value) => builder.no_text(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    if builder.response.usage.is_none() {
        // Whisper reports only the duration of the audio, by which it is billed.
        builder.merge_usage(ReportedUsage { complete: true, ..duration.end() });
    }
    if repeats {
        for text in builder.response.texts.iter_mut().skip(first) {
            if text.channel.part == Part::Content {
                text.channel.part = Part::Whole;
            }
        }
    }
    builder.response.choices += 1;
    Ok(())
}

/// Reads an event with a chunk of audio, or an error.
pub(super) fn speech(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    reader.object()?;
    while let Some((_, field)) = reader.field(&["type", "audio", "usage", "error"])? {
        let value = reader.value()?;
        match (field, value) {
            ("type", Value::String(str)) => {
                let kind = str.decode(reader.body());
                builder.response.ends |= kind == "speech.audio.done";
                builder.response.is_error |= kind == "error";
            }
            ("audio", value) => builder.no_text(reader, 0, value)?,
            ("usage", Value::Object(_)) => whole_usage(reader, builder)?,
            ("error", value) => {
                builder.response.is_error |= !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    builder.response.choices += 1;
    Ok(())
}

/// Reads the usage of a whole call: tokens, or the duration of the audio.
fn whole_usage(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    usage::read(reader, builder, Convention::INCLUSIVE)?;
    if let Some(usage) = &mut builder.response.usage {
        usage.complete = true;
    }
    Ok(())
}
