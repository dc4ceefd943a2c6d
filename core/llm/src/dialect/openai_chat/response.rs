//! What an answer says, whole or in events.

use super::Result;
use crate::json::field::{number, saturate};
use crate::json::reader::{Reader, Value};
use crate::json::scan::whole;
use crate::view::response::ResponseBuilder;
use crate::{Channel, Part, ReportedUsage, Span};

/// A whole answer or an event of one; they differ in the member that holds what is said.
pub(in crate::dialect) fn read(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    said: &'static str,
) -> Result<()> {
    reader.object()?;
    while let Some((_, field)) = reader.field(&[
        "model",
        "choices",
        "usage",
        "error",
        "id",
        "object",
        "created",
        "system_fingerprint",
        "service_tier",
        "obfuscation",
    ])? {
        let value = reader.value()?;
        match (field, value) {
            ("model", Value::String(str)) => builder.response.model = Some(str),
            ("choices", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    choice(reader, builder, said, value)?;
                    builder.response.choices += 1;
                }
            }
            ("usage", Value::Object(_)) => builder.response.usage = usage(reader, builder)?,
            ("error", value) => {
                builder.response.is_error = !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("" | "model" | "choices" | "usage", value) => builder.texts(reader, Channel::OTHER, value)?,
            (_, value) => builder.nothing(reader, 0, value)?,
        }
    }
    // Some servers say in every event what was used so far.
    let complete = builder.response.choices == 0 || !builder.response.finished.is_empty();
    if let Some(usage) = &mut builder.response.usage {
        usage.complete = complete;
    }
    Ok(())
}

fn choice(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    said: &'static str,
    value: Value,
) -> Result<()> {
    // The index may stand behind the texts that it is the index of.
    let first = builder.response.texts.len();
    let mut index = saturate(builder.response.choices as u64);
    let Value::Object(_) = value else { return builder.texts(reader, Channel::OTHER, value) };
    let mut finished = false;
    while let Some((_, field)) = reader.field(&[said, "index", "finish_reason", "logprobs"])? {
        let value = reader.value()?;
        match (field, value) {
            ("index", Value::Number(span)) => index = whole(reader.body(), span).map_or(index, saturate),
            ("finish_reason", Value::String(str)) => finished = !str.span.is_empty(),
            ("logprobs", Value::Object(start)) => {
                logprobs(reader, builder)?;
                builder.response.logprobs.push(Span::new(start, reader.offset()));
            }
            (field, Value::Object(_)) if field == said => message_or_delta(reader, builder)?,
            // Legacy completions.
            ("text", Value::String(str)) => {
                builder.text(Channel { choice: 0, part: Part::Content }, str)?;
            }
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    for text in builder.response.texts.iter_mut().skip(first) {
        text.channel.choice = index;
    }
    if finished {
        builder.response.finished.push(index);
    }
    Ok(())
}

/// What is said. All texts are put down for choice 0, which the caller mends.
fn message_or_delta(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    let channel = |part| Channel { choice: 0, part };
    let first = builder.response.texts.len();
    while let Some((_, field)) = reader.field(&[
        "content",
        "refusal",
        "reasoning_content",
        "reasoning",
        "reasoning_details",
        "thinking_blocks",
        "tool_calls",
        "function_call",
        "audio",
        "role",
    ])? {
        let value = reader.value()?;
        match (field, value) {
            ("content", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    block(reader, builder, value, Part::Content, Part::Reasoning)?;
                }
            }
            ("reasoning_details" | "thinking_blocks", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    block(reader, builder, value, Part::ReasoningDetails, Part::ReasoningDetails)?;
                }
            }
            ("content", value) => builder.text_or_others(reader, channel(Part::Content), value)?,
            ("refusal", value) => builder.text_or_others(reader, channel(Part::Refusal), value)?,
            ("reasoning_content", value) => builder.text_or_others(reader, channel(Part::Reasoning), value)?,
            ("reasoning", value) => builder.text_or_others(reader, channel(Part::ReasoningCopy), value)?,
            ("tool_calls", Value::Array(_)) => {
                let mut position = 0;
                while let Some(value) = reader.element()? {
                    tool_call_said(reader, builder, value, position)?;
                    position = position.saturating_add(1);
                }
            }
            ("function_call", Value::Object(_)) => call_said(reader, builder, Part::LEGACY_CALL)?,
            ("audio", Value::Object(_)) => audio(reader, builder)?,
            ("role", value) => builder.nothing(reader, 0, value)?,
            (_, value) => builder.texts(reader, channel(Part::Other), value)?,
        }
    }
    // A server that has one name for the reasoning only may have either.
    let texts = builder.response.texts.get_mut(first..).unwrap_or_default();
    if !texts.iter().any(|text| text.channel.part == Part::Reasoning) {
        for text in texts {
            if text.channel.part == Part::ReasoningCopy {
                text.channel.part = Part::Reasoning;
            }
        }
    }
    Ok(())
}

/// A part of a content, or of what was thought.
fn block(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    value: Value,
    text: Part,
    thought: Part,
) -> Result<()> {
    let channel = |part| Channel { choice: 0, part };
    let Value::Object(_) = value else { return builder.texts(reader, channel(text), value) };
    while let Some((_, field)) = reader.field(&["text", "refusal", "summary", "thinking"])? {
        let value = reader.value()?;
        match field {
            "text" => builder.text_or_others(reader, channel(text), value)?,
            "refusal" => builder.text_or_others(reader, channel(Part::Refusal), value)?,
            "summary" | "thinking" => builder.texts(reader, channel(thought), value)?,
            _ => builder.texts(reader, channel(Part::Other), value)?,
        }
    }
    Ok(())
}

fn tool_call_said(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    value: Value,
    position: u32,
) -> Result<()> {
    let Value::Object(_) = value else { return builder.texts(reader, Channel::OTHER, value) };
    let first = builder.response.texts.len();
    let mut index = position;
    while let Some((_, field)) = reader.field(&["index", "function", "custom", "id", "type"])? {
        let value = reader.value()?;
        match (field, value) {
            ("index", Value::Number(span)) => index = whole(reader.body(), span).map_or(index, saturate),
            ("function" | "custom", Value::Object(_)) => call_said(reader, builder, position)?,
            ("id" | "type", value) => builder.nothing(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    for text in builder.response.texts.iter_mut().skip(first) {
        text.channel.part = match text.channel.part {
            Part::ToolName(_) => Part::ToolName(index),
            Part::ToolArguments(_) => Part::ToolArguments(index),
            part => part,
        };
    }
    Ok(())
}

fn call_said(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>, index: u32) -> Result<()> {
    let channel = |part| Channel { choice: 0, part };
    while let Some((_, field)) = reader.field(&["name", "arguments", "input"])? {
        let value = reader.value()?;
        match field {
            "name" => builder.text_or_others(reader, channel(Part::ToolName(index)), value)?,
            "arguments" | "input" => builder.texts(reader, channel(Part::ToolArguments(index)), value)?,
            _ => builder.texts(reader, channel(Part::Other), value)?,
        }
    }
    Ok(())
}

fn audio(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    while let Some((_, field)) = reader.field(&["transcript", "data", "id", "expires_at"])? {
        let value = reader.value()?;
        match field {
            "transcript" => {
                builder.text_or_others(reader, Channel { choice: 0, part: Part::Transcript }, value)?;
            }
            "" => builder.texts(reader, Channel { choice: 0, part: Part::Other }, value)?,
            _ => builder.nothing(reader, 0, value)?,
        }
    }
    Ok(())
}

/// Tokens, with their alternatives: the chosen tokens of the content are one text, all others are other texts.
fn logprobs(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    let channel = |part| Channel { choice: 0, part };
    while let Some((_, field)) = reader.field(&["content", "tokens"])? {
        let value = reader.value()?;
        let (true, Value::Array(_)) = (field == "content", value) else {
            let part = if field == "tokens" { Part::Logprobs } else { Part::Other };
            builder.texts(reader, channel(part), value)?;
            continue;
        };
        while let Some(value) = reader.element()? {
            let Value::Object(_) = value else {
                builder.texts(reader, channel(Part::Other), value)?;
                continue;
            };
            while let Some((_, field)) = reader.field(&["token"])? {
                let part = if field == "token" { Part::Logprobs } else { Part::Other };
                let value = reader.value()?;
                builder.texts(reader, channel(part), value)?;
            }
        }
    }
    Ok(())
}

/// `None` if no count of tokens is in it.
pub(in crate::dialect) fn usage(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
) -> Result<Option<ReportedUsage>> {
    let mut said = ReportedUsage::default();
    let mut cache_hit = None;
    while let Some((_, field)) = reader.field(&[
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "prompt_tokens_details",
        "completion_tokens_details",
        "prompt_cache_hit_tokens",
    ])? {
        match (field, reader.value()?) {
            ("prompt_tokens", value @ Value::Number(_)) => said.input = number(reader, value),
            ("completion_tokens", value @ Value::Number(_)) => said.output = number(reader, value),
            ("total_tokens", value @ Value::Number(_)) => said.total = number(reader, value),
            ("prompt_cache_hit_tokens", value @ Value::Number(_)) => cache_hit = number(reader, value),
            ("prompt_tokens_details", Value::Object(_)) => {
                [said.cached, said.audio_input] = builder.numbers(reader, ["cached_tokens", "audio_tokens"])?;
            }
            ("completion_tokens_details", Value::Object(_)) => {
                [said.reasoning, said.audio_output] = builder.numbers(reader, ["reasoning_tokens", "audio_tokens"])?;
            }
            (_, value) => builder.texts(reader, Channel { choice: 0, part: Part::Other }, value)?,
        }
    }
    said.cached = said.cached.or(cache_hit);
    Ok(Some(said).filter(|said| said.input.or(said.output).or(said.total).is_some()))
}
