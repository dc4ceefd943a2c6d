//! Reads responses and events.

use super::Result;
use crate::json::field::saturate;
use crate::json::reader::{Reader, Value};
use crate::json::scan::whole;
use crate::usage::reader::{self as usage, Convention};
use crate::view::response::ResponseBuilder;
use crate::{Channel, ListedSearches, Part, ReportedUsage, Span};

/// Reads a whole response or an event. They differ in the member of a choice that contains the message: `member`.
pub(in crate::dialect) fn read(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    member: &'static str,
) -> Result<()> {
    reader.object()?;
    while let Some((key, field)) = reader.field(&[
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
        "x_groq",
        "timings",
        "amazon-bedrock-invocationMetrics",
    ])? {
        let value = reader.value()?;
        match (field, value) {
            ("model", Value::String(str)) => builder.response.model = Some(str),
            ("choices", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    choice(reader, builder, member, value)?;
                    builder.response.choices += 1;
                }
            }
            ("usage", Value::Object(_)) => {
                usage::read(reader, builder, Convention::INCLUSIVE)?;
                let member = Span::new(key.span.start.saturating_sub(1), reader.offset());
                builder.response.usage_member = Some(with_comma(reader.body(), member));
            }
            ("x_groq", Value::Object(_)) => groq(reader, builder)?,
            // llama.cpp, and Bedrock in the last event.
            ("timings" | "amazon-bedrock-invocationMetrics", Value::Object(_)) => {
                usage::read(reader, builder, Convention::SECONDARY)?;
            }
            ("service_tier", Value::String(tier)) => builder.service_tier(reader, tier),
            ("error", value) => {
                builder.response.is_error |= !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("obfuscation", value) => builder.padding(reader, value)?,
            ("", value) => {
                builder.response.has_other_members |= !is_empty(reader.body(), value);
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("model" | "choices" | "usage" | "x_groq" | "timings", value) => {
                builder.texts(reader, Channel::OTHER, value)?
            }
            (_, value) => builder.no_text(reader, 0, value)?,
        }
    }
    // Some servers report a running total in every event.
    let complete = builder.response.choices == 0 || !builder.response.finished.is_empty();
    if let Some(usage) = &mut builder.response.usage {
        usage.complete = complete;
    }
    Ok(())
}

/// Returns `true` for a value that tells a client nothing: empty, or a number.
fn is_empty(body: &[u8], value: Value) -> bool {
    match value {
        Value::String(str) => str.span.is_empty(),
        Value::Object(start) | Value::Array(start) => {
            let inside = body.get(start.saturating_add(1)..).unwrap_or_default();
            inside.trim_ascii_start().first().is_none_or(|byte| matches!(byte, b']' | b'}'))
        }
        _ => true,
    }
}

/// Returns the bytes to remove with a member: with the comma in front of it, else with the one behind it.
fn with_comma(body: &[u8], member: Span) -> Span {
    let before = body.get(..member.start).unwrap_or_default().trim_ascii_end();
    if before.last() == Some(&b',') {
        return Span::new(before.len().saturating_sub(1), member.end);
    }
    let after = body.get(member.end..).unwrap_or_default();
    let rest = after.trim_ascii_start();
    match rest.first() {
        Some(b',') => Span::new(member.start, member.end + (after.len() - rest.len()) + 1),
        _ => member,
    }
}

/// Reads an element of `choices`.
fn choice(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    member: &'static str,
    value: Value,
) -> Result<()> {
    // The index may follow the texts that it applies to.
    let first = builder.response.texts.len();
    let mut index = saturate(builder.response.choices as u64);
    let Value::Object(_) = value else { return builder.texts(reader, Channel::OTHER, value) };
    let (mut finished, mut own_usage) = (false, None);
    while let Some((_, field)) = reader.field(&[member, "index", "finish_reason", "logprobs", "usage", "error"])? {
        let value = reader.value()?;
        match (field, value) {
            ("index", Value::Number(span)) => index = whole(reader.body(), span).map_or(index, saturate),
            ("finish_reason", Value::String(str)) => {
                finished = !str.span.is_empty();
                // OpenRouter, "Errors": an error of the upstream provider after the response has begun.
                builder.response.is_error |= str.is(reader.body(), "error");
            }
            // Moonshot reports the usage in the last event of each choice.
            ("usage", Value::Object(_)) => own_usage = Some(usage::object(reader, builder, Convention::INCLUSIVE)?),
            ("error", value) => {
                builder.response.is_error |= !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            ("logprobs", Value::Object(start)) => {
                logprobs(reader, builder)?;
                builder.response.logprobs.push(Span::new(start, reader.offset()));
            }
            (field, Value::Object(_)) if field == member => message_or_delta(reader, builder)?,
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
    if let Some(usage) = own_usage {
        builder.merge_usage(ReportedUsage { choice: Some(index), ..usage });
    }
    builder.response.indexes.push(index);
    if finished {
        builder.response.finished.push(index);
    }
    Ok(())
}

/// Reads a message or a delta. Texts are added for choice 0; the caller assigns the index of the choice.
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
        "annotations",
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
                    tool_call(reader, builder, value, position)?;
                    position = position.saturating_add(1);
                }
            }
            ("function_call", Value::Object(_)) => call(reader, builder, Part::LEGACY_CALL)?,
            ("audio", Value::Object(_)) => audio(reader, builder)?,
            ("role", value) => builder.no_text(reader, 0, value)?,
            ("annotations", Value::Array(_)) => annotations(reader, builder)?,
            (_, value) => builder.texts(reader, channel(Part::Other), value)?,
        }
    }
    // Servers send reasoning under one of two names, or under both with the same text. `reasoning` alone is not a copy.
    debug_assert!(first <= builder.response.texts.len(), "texts are only added");
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

/// Reads a part of a content or of the reasoning: `text` and `reasoning` are the parts of its strings.
fn block(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    value: Value,
    text: Part,
    reasoning: Part,
) -> Result<()> {
    let channel = |part| Channel { choice: 0, part };
    let Value::Object(_) = value else { return builder.texts(reader, channel(text), value) };
    let (mut thought, mut is_signed) = (None, false);
    while let Some((_, field)) = reader.field(&["text", "refusal", "summary", "thinking", "signature"])? {
        let value = reader.value()?;
        if let ("text" | "thinking", Value::String(str)) = (field, &value) {
            thought = Some(str.span);
        }
        match field {
            "text" => builder.text_or_others(reader, channel(text), value)?,
            "refusal" => builder.text_or_others(reader, channel(Part::Refusal), value)?,
            "summary" | "thinking" => builder.texts(reader, channel(reasoning), value)?,
            "signature" => {
                is_signed = matches!(&value, Value::String(str) if !str.span.is_empty());
                builder.no_text(reader, 0, value)?;
            }
            _ => builder.texts(reader, channel(Part::Other), value)?,
        }
    }
    // A part of the content has no signature that covers it.
    builder.mark_signed(thought, is_signed && text == Part::ReasoningDetails);
    Ok(())
}

/// Reads the annotations of a message. Citations of web pages tell that the model searched the web, whose price is one per
/// call (OpenAI, "Web search", Chat Completions); no number of searches is reported.
fn annotations(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    while let Some(value) = reader.element()? {
        let Value::Object(_) = value else {
            builder.texts(reader, Channel::OTHER, value)?;
            continue;
        };
        while let Some((_, field)) = reader.field(&["type"])? {
            let value = reader.value()?;
            if let ("type", Value::String(kind)) = (field, value)
                && kind.is(reader.body(), "url_citation")
            {
                let listed_searches = ListedSearches::listed(1);
                builder.merge_usage(ReportedUsage { listed_searches, ..ReportedUsage::default() });
            }
            builder.texts(reader, Channel::OTHER, value)?;
        }
    }
    Ok(())
}

/// Reads a tool call. Its index defaults to its position.
fn tool_call(
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
            ("function" | "custom", Value::Object(_)) => call(reader, builder, position)?,
            ("id" | "type", value) => builder.no_text(reader, 0, value)?,
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

/// Reads the name and the arguments of a call.
fn call(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>, index: u32) -> Result<()> {
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

/// Reads an audio output: its transcript is a text.
fn audio(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    while let Some((_, field)) = reader.field(&["transcript", "data", "id", "expires_at"])? {
        let value = reader.value()?;
        match field {
            "transcript" => {
                builder.text_or_others(reader, Channel { choice: 0, part: Part::Transcript }, value)?;
            }
            "" => builder.texts(reader, Channel { choice: 0, part: Part::Other }, value)?,
            _ => builder.no_text(reader, 0, value)?,
        }
    }
    Ok(())
}

/// Reads log probabilities. The chosen tokens of the content form one text; alternatives are other texts.
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

/// Reads Groq's extension, which repeats the usage of a stream.
fn groq(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    while let Some((_, field)) = reader.field(&["usage", "id"])? {
        let value = reader.value()?;
        match (field, value) {
            ("usage", Value::Object(_)) => usage::read(reader, builder, Convention::INCLUSIVE)?,
            ("id", value) => builder.no_text(reader, 0, value)?,
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}
