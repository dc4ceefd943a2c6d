//! OpenAI chat completions.
//!
//! Formats are those of the OpenAI API reference, "Chat completions" (create, the object, the chunk object), and what
//! compatible servers add: `reasoning_content` (DeepSeek, vLLM), `reasoning` and `reasoning_details` (OpenRouter, vLLM),
//! `thinking_blocks` (LiteLLM), `prompt_cache_hit_tokens` (DeepSeek), content of deltas as an array of parts (Mistral).

use super::{ApiError, Row};
use crate::reader::{Reader, Value};
use crate::request::{Draft, From, Members};
use crate::response::Sketch;
use crate::scan::whole;
use crate::{Channel, Error, ErrorKind, Part, Role, Span, TextKind, Usage, escape_into};

#[cfg(test)]
mod tests;

pub(super) static ROW: Row = Row {
    name: "openai.chat",
    path: &["chat", "completions"],
    request,
    response: |reader, sketch| answer(reader, sketch, "message"),
    chunk: |reader, sketch| answer(reader, sketch, "delta"),
    is_end: |data| data.trim_ascii() == b"[DONE]",
    error_body,
    error_event,
};

type Result<T> = std::result::Result<T, Error>;

const OUTSIDE: From = From { role: Role::Other, message: None };
const DEFINITION: From = From { role: Role::Tools, message: None };

fn wrong(field: &'static str, value: Value) -> Error {
    Error::new(ErrorKind::WrongType(field), value.start())
}

// ---- requests

fn request(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<()> {
    let start = match reader.value()? {
        Value::Object(start) => start + 1,
        value => return Err(wrong("body", value)),
    };
    draft.request.members = Members { start, none: true };
    // Where the stream flag ends, if it is set, and what says how to edit the options if they are there.
    let mut stream = None;
    let mut options = None;
    let mut max_tokens = None;
    let mut max_completion_tokens = None;
    while let Some((key, name)) = reader.field(&[
        "model",
        "messages",
        "stream",
        "stream_options",
        "n",
        "max_tokens",
        "max_completion_tokens",
        "tools",
        "functions",
        "response_format",
    ])? {
        draft.request.members.none = false;
        let value = reader.value()?;
        match name {
            "model" => match value {
                Value::String(str) => draft.request.model = Some(str),
                value => return Err(wrong(name, value)),
            },
            "messages" => messages(reader, draft, value)?,
            "stream" => match value {
                Value::Bool(true, span) => stream = Some(span.end),
                Value::Bool(false, _) | Value::Null(_) => {}
                value => return Err(wrong(name, value)),
            },
            "stream_options" => options = Some(stream_options(reader, draft, value)?),
            "n" => draft.request.candidates = count(reader, name, value)?.map_or(1, |n| saturate(n).max(1)),
            "max_tokens" => max_tokens = count(reader, name, value)?,
            "max_completion_tokens" => max_completion_tokens = count(reader, name, value)?,
            "tools" | "functions" | "response_format" => {
                draft.texts(reader, DEFINITION, TextKind::ToolDefinition, value)?;
            }
            _ => {
                draft.key(reader.body(), OUTSIDE, TextKind::Other, key)?;
                draft.texts(reader, OUTSIDE, TextKind::Other, value)?;
            }
        }
    }
    draft.request.max_output_tokens = max_completion_tokens.or(max_tokens);
    let Some(end) = stream else { return Ok(()) };
    draft.request.stream = true;
    draft.request.usage_edit = match options {
        None => Some((Span::new(end, end), ",\"stream_options\":{\"include_usage\":true}")),
        Some(edit) => edit,
    };
    Ok(())
}

/// A number of something; null says nothing.
fn count(reader: &Reader<'_, '_>, name: &'static str, value: Value) -> Result<Option<u64>> {
    match value {
        Value::Null(_) => Ok(None),
        Value::Number(span) => whole(reader.body(), span).map(Some).ok_or_else(|| wrong(name, value)),
        value => Err(wrong(name, value)),
    }
}

fn saturate(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The edit that makes the options ask for usage, if they do not.
fn stream_options(
    reader: &mut Reader<'_, '_>,
    draft: &mut Draft<'_>,
    value: Value,
) -> Result<Option<(Span, &'static str)>> {
    let start = match value {
        Value::Object(start) => start + 1,
        Value::Null(span) => return Ok(Some((span, "{\"include_usage\":true}"))),
        value => return Err(wrong("stream_options", value)),
    };
    let mut edit = (Span::new(start, start), "\"include_usage\":true");
    let mut asked = false;
    let mut found = false;
    while let Some((key, name)) = reader.field(&["include_usage"])? {
        let value = reader.value()?;
        match (name, value) {
            ("include_usage", Value::Bool(true, _)) => asked = true,
            ("include_usage", Value::Bool(false, span) | Value::Null(span)) => {
                found = true;
                edit = (span, "true");
            }
            ("include_usage", value) => return Err(wrong("stream_options.include_usage", value)),
            (_, value) => {
                draft.key(reader.body(), OUTSIDE, TextKind::Other, key)?;
                draft.texts(reader, OUTSIDE, TextKind::Other, value)?;
                if !found {
                    edit.1 = "\"include_usage\":true,";
                }
            }
        }
    }
    draft.request.include_usage = asked;
    Ok(Some(edit).filter(|_| !asked))
}

fn messages(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>, value: Value) -> Result<()> {
    let Value::Array(_) = value else { return Err(wrong("messages", value)) };
    while let Some(value) = reader.element()? {
        let Value::Object(at) = value else { return Err(wrong("messages", value)) };
        let index = draft.message(at)?;
        message(reader, draft, index)?;
    }
    Ok(())
}

fn message(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>, index: u32) -> Result<()> {
    // The role may stand behind the texts that it is the role of.
    let first = draft.request.texts.len();
    let from = From { role: Role::Other, message: Some(index) };
    let mut role = Role::Other;
    let mut name_of = None;
    let mut role_of = None;
    while let Some((key, field)) =
        reader.field(&["role", "content", "name", "refusal", "tool_calls", "function_call"])?
    {
        let value = reader.value()?;
        match (field, value) {
            ("role", Value::String(str)) => {
                role_of = Some(str);
                role = match &*str.decode(reader.body()) {
                    "system" => Role::System,
                    "developer" => Role::Developer,
                    "user" => Role::User,
                    "assistant" => Role::Assistant,
                    "tool" => Role::Tool,
                    "function" => Role::Function,
                    _ => {
                        // Some servers put any role into the prompt as it is.
                        draft.text(from, TextKind::Other, str)?;
                        Role::Other
                    }
                };
            }
            ("role", value) => return Err(wrong("messages[].role", value)),
            ("content", value) => content(reader, draft, from, value)?,
            ("name", Value::String(str)) => {
                name_of = Some(str);
                draft.text(from, TextKind::Name, str)?;
            }
            ("refusal", value) => draft.text_or_others(reader, from, TextKind::Refusal, value)?,
            ("tool_calls", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    tool_call(reader, draft, from, value)?;
                }
            }
            ("function_call", value) => call(reader, draft, from, value)?,
            (_, value) => {
                draft.key(reader.body(), from, TextKind::Other, key)?;
                draft.texts(reader, from, TextKind::Other, value)?;
            }
        }
    }
    for text in draft.request.texts.iter_mut().skip(first) {
        text.role = role;
    }
    if let Some(message) = draft.request.messages.last_mut() {
        message.role = role_of;
        message.name = name_of;
    }
    Ok(())
}

/// A string, or an array of parts; some servers take strings as parts, and a part alone.
fn content(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>, from: From, value: Value) -> Result<()> {
    match value {
        Value::String(str) => draft.text(from, TextKind::Content, str),
        Value::Object(_) => part(reader, draft, from),
        Value::Array(_) => {
            while let Some(value) = reader.element()? {
                match value {
                    Value::String(str) => draft.text(from, TextKind::Content, str)?,
                    Value::Object(_) => part(reader, draft, from)?,
                    value => draft.texts(reader, from, TextKind::Content, value)?,
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A part of a content; its members count whatever its `type` says.
fn part(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>, from: From) -> Result<()> {
    while let Some((key, field)) = reader.field(&["text", "refusal", "image_url", "input_audio", "file", "type"])? {
        let value = reader.value()?;
        match field {
            "text" => draft.text_or_others(reader, from, TextKind::Content, value)?,
            "refusal" => draft.text_or_others(reader, from, TextKind::Refusal, value)?,
            "image_url" => {
                if !value.is_null() {
                    draft.request.images = draft.request.images.saturating_add(1);
                }
                data(reader, draft, from, value, "url", TextKind::ImageUrl)?;
            }
            "input_audio" => data(reader, draft, from, value, "data", TextKind::Data)?,
            "file" => data(reader, draft, from, value, "file_data", TextKind::Data)?,
            _ => {
                draft.key(reader.body(), from, TextKind::Other, key)?;
                draft.texts(reader, from, TextKind::Other, value)?;
            }
        }
    }
    Ok(())
}

/// An image, a sound, a file: an object with its bytes or its address in one member; of an image also the address
/// alone.
fn data(
    reader: &mut Reader<'_, '_>,
    draft: &mut Draft<'_>,
    from: From,
    value: Value,
    member: &'static str,
    kind: TextKind,
) -> Result<()> {
    let Value::Object(_) = value else { return draft.text_or_others(reader, from, kind, value) };
    while let Some((key, field)) = reader.field(&[member, "detail"])? {
        let value = reader.value()?;
        match field {
            "" => draft.key(reader.body(), from, TextKind::Other, key)?,
            field if field == member => {
                draft.text_or_others(reader, from, kind, value)?;
                continue;
            }
            _ => {}
        }
        draft.texts(reader, from, TextKind::Other, value)?;
    }
    Ok(())
}

fn tool_call(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>, from: From, value: Value) -> Result<()> {
    let Value::Object(_) = value else { return draft.texts(reader, from, TextKind::Other, value) };
    while let Some((key, field)) = reader.field(&["function", "custom"])? {
        let value = reader.value()?;
        if field.is_empty() {
            draft.key(reader.body(), from, TextKind::Other, key)?;
            draft.texts(reader, from, TextKind::Other, value)?;
        } else {
            call(reader, draft, from, value)?;
        }
    }
    Ok(())
}

/// A name and arguments, which some servers take as an object instead of JSON in a string.
fn call(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>, from: From, value: Value) -> Result<()> {
    let Value::Object(_) = value else { return draft.texts(reader, from, TextKind::Other, value) };
    while let Some((key, field)) = reader.field(&["name", "arguments", "input"])? {
        let value = reader.value()?;
        match field {
            "name" => draft.text_or_others(reader, from, TextKind::ToolName, value)?,
            "arguments" | "input" => draft.texts(reader, from, TextKind::ToolArguments, value)?,
            _ => {
                draft.key(reader.body(), from, TextKind::Other, key)?;
                draft.texts(reader, from, TextKind::Other, value)?;
            }
        }
    }
    Ok(())
}

// ---- answers

/// A whole answer or an event of one; they differ in the member that holds what is said.
fn answer(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, said: &'static str) -> Result<()> {
    let value = reader.value()?;
    let Value::Object(_) = value else { return Err(wrong("body", value)) };
    let other = Channel { choice: 0, part: Part::Other };
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
            ("model", Value::String(str)) => sketch.answer.model = Some(str),
            ("choices", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    choice(reader, sketch, said, value)?;
                    sketch.answer.choices += 1;
                }
            }
            ("usage", Value::Object(_)) => sketch.answer.usage = usage(reader, sketch)?,
            ("error", value) => {
                sketch.answer.is_error = !value.is_null();
                sketch.texts(reader, other, value)?;
            }
            ("" | "model" | "choices" | "usage", value) => sketch.texts(reader, other, value)?,
            (_, value) => sketch.nothing(reader, 0, value)?,
        }
    }
    Ok(())
}

fn choice(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, said: &'static str, value: Value) -> Result<()> {
    // The index may stand behind the texts that it is the index of.
    let first = sketch.answer.texts.len();
    let mut index = saturate(sketch.answer.choices as u64);
    let other = Channel { choice: 0, part: Part::Other };
    let Value::Object(_) = value else { return sketch.texts(reader, other, value) };
    let mut finished = false;
    while let Some((_, field)) = reader.field(&[said, "index", "finish_reason", "logprobs"])? {
        let value = reader.value()?;
        match (field, value) {
            ("index", Value::Number(span)) => index = whole(reader.body(), span).map_or(index, saturate),
            ("finish_reason", Value::String(str)) => finished = !str.span.is_empty(),
            ("logprobs", Value::Object(start)) => {
                logprobs(reader, sketch)?;
                sketch.answer.logprobs.push(Span::new(start, reader.offset()));
            }
            (field, Value::Object(_)) if field == said => message_or_delta(reader, sketch)?,
            (_, value) => sketch.texts(reader, other, value)?,
        }
    }
    for text in sketch.answer.texts.iter_mut().skip(first) {
        text.channel.choice = index;
    }
    if finished {
        sketch.answer.finished.push(index);
    }
    Ok(())
}

/// What is said. All texts are put down for choice 0, which the caller mends.
fn message_or_delta(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<()> {
    let channel = |part| Channel { choice: 0, part };
    let first = sketch.answer.texts.len();
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
                    block(reader, sketch, value, Part::Content, Part::Reasoning)?;
                }
            }
            ("reasoning_details" | "thinking_blocks", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    block(reader, sketch, value, Part::ReasoningDetails, Part::ReasoningDetails)?;
                }
            }
            ("content", value) => sketch.text_or_others(reader, channel(Part::Content), value)?,
            ("refusal", value) => sketch.text_or_others(reader, channel(Part::Refusal), value)?,
            ("reasoning_content", value) => sketch.text_or_others(reader, channel(Part::Reasoning), value)?,
            ("reasoning", value) => sketch.text_or_others(reader, channel(Part::ReasoningCopy), value)?,
            ("tool_calls", Value::Array(_)) => {
                let mut position = 0;
                while let Some(value) = reader.element()? {
                    tool_call_said(reader, sketch, value, position)?;
                    position = position.saturating_add(1);
                }
            }
            ("function_call", Value::Object(_)) => call_said(reader, sketch, Part::LEGACY_CALL)?,
            ("audio", Value::Object(_)) => audio(reader, sketch)?,
            ("role", value) => sketch.nothing(reader, 0, value)?,
            (_, value) => sketch.texts(reader, channel(Part::Other), value)?,
        }
    }
    // A server that has one name for the reasoning only may have either.
    let texts = sketch.answer.texts.get_mut(first..).unwrap_or_default();
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
fn block(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, value: Value, text: Part, thought: Part) -> Result<()> {
    let channel = |part| Channel { choice: 0, part };
    let Value::Object(_) = value else { return sketch.texts(reader, channel(text), value) };
    while let Some((_, field)) = reader.field(&["text", "refusal", "summary", "thinking"])? {
        let value = reader.value()?;
        match field {
            "text" => sketch.text_or_others(reader, channel(text), value)?,
            "refusal" => sketch.text_or_others(reader, channel(Part::Refusal), value)?,
            "summary" | "thinking" => sketch.texts(reader, channel(thought), value)?,
            _ => sketch.texts(reader, channel(Part::Other), value)?,
        }
    }
    Ok(())
}

fn tool_call_said(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, value: Value, position: u32) -> Result<()> {
    let other = Channel { choice: 0, part: Part::Other };
    let Value::Object(_) = value else { return sketch.texts(reader, other, value) };
    let first = sketch.answer.texts.len();
    let mut index = position;
    while let Some((_, field)) = reader.field(&["index", "function", "custom", "id", "type"])? {
        let value = reader.value()?;
        match (field, value) {
            ("index", Value::Number(span)) => index = whole(reader.body(), span).map_or(index, saturate),
            ("function" | "custom", Value::Object(_)) => call_said(reader, sketch, position)?,
            ("id" | "type", value) => sketch.nothing(reader, 0, value)?,
            (_, value) => sketch.texts(reader, other, value)?,
        }
    }
    for text in sketch.answer.texts.iter_mut().skip(first) {
        text.channel.part = match text.channel.part {
            Part::ToolName(_) => Part::ToolName(index),
            Part::ToolArguments(_) => Part::ToolArguments(index),
            part => part,
        };
    }
    Ok(())
}

fn call_said(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, index: u32) -> Result<()> {
    let channel = |part| Channel { choice: 0, part };
    while let Some((_, field)) = reader.field(&["name", "arguments", "input"])? {
        let value = reader.value()?;
        match field {
            "name" => sketch.text_or_others(reader, channel(Part::ToolName(index)), value)?,
            "arguments" | "input" => sketch.texts(reader, channel(Part::ToolArguments(index)), value)?,
            _ => sketch.texts(reader, channel(Part::Other), value)?,
        }
    }
    Ok(())
}

fn audio(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<()> {
    while let Some((_, field)) = reader.field(&["transcript", "data", "id", "expires_at"])? {
        let value = reader.value()?;
        match field {
            "transcript" => {
                sketch.text_or_others(reader, Channel { choice: 0, part: Part::Transcript }, value)?;
            }
            "" => sketch.texts(reader, Channel { choice: 0, part: Part::Other }, value)?,
            _ => sketch.nothing(reader, 0, value)?,
        }
    }
    Ok(())
}

/// Tokens, with their alternatives: the chosen tokens of the content are one text, all others are other texts.
fn logprobs(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<()> {
    let channel = |part| Channel { choice: 0, part };
    while let Some((_, field)) = reader.field(&["content"])? {
        let value = reader.value()?;
        let (true, Value::Array(_)) = (field == "content", value) else {
            sketch.texts(reader, channel(Part::Other), value)?;
            continue;
        };
        while let Some(value) = reader.element()? {
            let Value::Object(_) = value else {
                sketch.texts(reader, channel(Part::Other), value)?;
                continue;
            };
            while let Some((_, field)) = reader.field(&["token"])? {
                let part = if field == "token" { Part::Logprobs } else { Part::Other };
                let value = reader.value()?;
                sketch.texts(reader, channel(part), value)?;
            }
        }
    }
    Ok(())
}

/// `None` if no count of tokens is in it.
fn usage(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>) -> Result<Option<Usage>> {
    let (mut input, mut output, mut total) = (None, None, None);
    let (mut cached, mut cache_hit, mut reasoning) = (None, None, None);
    while let Some((_, field)) = reader.field(&[
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "prompt_tokens_details",
        "completion_tokens_details",
        "prompt_cache_hit_tokens",
    ])? {
        match (field, reader.value()?) {
            ("prompt_tokens", Value::Number(span)) => input = whole(reader.body(), span),
            ("completion_tokens", Value::Number(span)) => output = whole(reader.body(), span),
            ("total_tokens", Value::Number(span)) => total = whole(reader.body(), span),
            ("prompt_cache_hit_tokens", Value::Number(span)) => cache_hit = whole(reader.body(), span),
            ("prompt_tokens_details", Value::Object(_)) => cached = detail(reader, sketch, "cached_tokens")?,
            ("completion_tokens_details", Value::Object(_)) => {
                reasoning = detail(reader, sketch, "reasoning_tokens")?;
            }
            (_, value) => sketch.texts(reader, Channel { choice: 0, part: Part::Other }, value)?,
        }
    }
    if input.or(output).or(total).is_none() {
        return Ok(None);
    }
    let (input, output) = (input.unwrap_or_default(), output.unwrap_or_default());
    Ok(Some(Usage {
        input,
        cached: cached.or(cache_hit).unwrap_or_default(),
        output,
        reasoning: reasoning.unwrap_or_default(),
        total: total.unwrap_or_else(|| input.saturating_add(output)),
    }))
}

/// A number in an object.
fn detail(reader: &mut Reader<'_, '_>, sketch: &mut Sketch<'_>, name: &'static str) -> Result<Option<u64>> {
    let mut number = None;
    while let Some((_, field)) = reader.field(&[name])? {
        match reader.value()? {
            Value::Number(span) if field == name => number = whole(reader.body(), span),
            value => sketch.texts(reader, Channel { choice: 0, part: Part::Other }, value)?,
        }
    }
    Ok(number)
}

// ---- errors

fn error_body(error: &ApiError<'_>, out: &mut Vec<u8>) {
    let members = [
        ("{\"error\":{\"message\":", Some(error.message)),
        (",\"type\":", Some(error.kind)),
        (",\"param\":", error.param),
        (",\"code\":", error.code),
    ];
    for (key, text) in members {
        out.extend_from_slice(key.as_bytes());
        match text {
            None => out.extend_from_slice(b"null"),
            Some(text) => {
                out.push(b'"');
                escape_into(text, out);
                out.push(b'"');
            }
        }
    }
    out.extend_from_slice(b"}}");
}

fn error_event(error: &ApiError<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    error_body(error, out);
    out.extend_from_slice(b"\n\n");
}
