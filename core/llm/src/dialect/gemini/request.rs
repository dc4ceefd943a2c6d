//! Reads requests.

use super::Result;
use crate::json::field::{count, number, saturate, wrong_type};
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder, Types};
use crate::{Image, ReferenceKind, Role, Span, Str, TextKind};

/// Roles that the API defines.
const ROLES: [(&str, Role); 6] = [
    ("user", Role::User),
    ("", Role::User),
    ("model", Role::Assistant),
    ("function", Role::Tool),
    ("tool", Role::Tool),
    ("system", Role::System),
];

/// Reads a request body.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    builder.body(reader)?;
    members(reader, builder, true)
}

/// Reads the members of a request. A request may contain others (`generateContentRequest` of token counting, `requests`
/// of embeddings); the recursion is bounded by the depth limit of a body.
fn members(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, is_top: bool) -> Result<()> {
    while let Some((key, name)) = reader.field(&[
        "contents",
        "content",
        "systemInstruction",
        "system_instruction",
        "tools",
        "generationConfig",
        "generation_config",
        "model",
        "generateContentRequest",
        "generate_content_request",
        "requests",
    ])? {
        let value = reader.value()?;
        match (name, value) {
            ("contents", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    message(reader, builder, value)?;
                }
            }
            ("contents" | "content", value) => message(reader, builder, value)?,
            ("systemInstruction" | "system_instruction", value) => content(reader, builder, Origin::SYSTEM, value)?,
            ("tools", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    tool(reader, builder, value)?;
                }
            }
            ("tools", value @ Value::Object(_)) => tool(reader, builder, value)?,
            ("generationConfig" | "generation_config", Value::Object(_)) => config(reader, builder)?,
            ("generationConfig" | "generation_config", value) if !value.is_null() => {
                return Err(wrong_type("generationConfig", value));
            }
            ("model", Value::String(str)) => model(reader, builder, str, is_top)?,
            ("model", value) => return Err(wrong_type("model", value)),
            ("generateContentRequest" | "generate_content_request", Value::Object(_)) => {
                members(reader, builder, false)?
            }
            ("requests", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    let Value::Object(_) = value else { return Err(wrong_type("requests", value)) };
                    members(reader, builder, false)?;
                }
            }
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

/// Reads the model, which a body may repeat from the path as `models/{model}`. An edit replaces the part after the
/// slash.
fn model(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, str: Str, is_top: bool) -> Result<()> {
    const PREFIX: &[u8] = b"models/";
    if is_top {
        let prefix = if str.span.of(reader.body()).starts_with(PREFIX) { PREFIX.len() } else { 0 };
        builder.request.model = Some(Str { span: Span::new(str.span.start + prefix, str.span.end), ..str });
    }
    builder.text(Origin::OUTSIDE, TextKind::Model, str)
}

/// Reads a message.
fn message(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, value: Value) -> Result<()> {
    let index = match value {
        Value::Object(at) => builder.message(at)?,
        Value::String(str) => builder.message(str.span.start)?,
        value => return Err(wrong_type("contents", value)),
    };
    content(reader, builder, Origin { role: Role::Other, message: Some(index) }, value)
}

/// Reads a content: a role and parts.
fn content(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin, value: Value) -> Result<()> {
    let Value::Object(_) = value else { return builder.text_or_others(reader, from, TextKind::Content, value) };
    let mut speaker = builder.speaker(from);
    // The role defaults to the user.
    speaker.role = if from.role == Role::Other { Role::User } else { from.role };
    while let Some((key, field)) = reader.field(&["role", "parts"])? {
        let value = reader.value()?;
        match (field, value) {
            ("role", Value::String(str)) => {
                speaker.set_role(reader, builder, str, &ROLES)?;
                if from.role == Role::System {
                    // A system instruction remains one, whatever its role.
                    speaker.role = Role::System;
                }
            }
            ("role", value) if !value.is_null() => return Err(wrong_type("contents[].role", value)),
            ("parts", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    part(reader, builder, from, value)?;
                }
            }
            ("parts", value) => part(reader, builder, from, value)?,
            _ => builder.other(reader, from, key, value)?,
        }
    }
    speaker.assign(builder);
    Ok(())
}

/// Reads a part.
fn part(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin, value: Value) -> Result<()> {
    let Value::Object(_) = value else { return builder.text_or_others(reader, from, TextKind::Content, value) };
    let mut text_index = None;
    let mut is_thought = false;
    while let Some((key, field)) = reader.field(&[
        "text",
        "thought",
        "inlineData",
        "inline_data",
        "fileData",
        "file_data",
        "functionCall",
        "function_call",
        "functionResponse",
        "function_response",
    ])? {
        let value = reader.value()?;
        match (field, value) {
            ("text", Value::String(str)) => {
                text_index = Some(builder.request.texts.len());
                builder.text(from, TextKind::Content, str)?;
            }
            ("thought", Value::Bool(thought, _)) => is_thought = thought,
            ("inlineData" | "inline_data", Value::Object(_)) => data(reader, builder, from, TextKind::Data)?,
            ("fileData" | "file_data", Value::Object(_)) => data(reader, builder, from, TextKind::ImageUrl)?,
            ("functionCall" | "function_call", Value::Object(_)) => {
                call(reader, builder, from, TextKind::ToolArguments)?
            }
            ("functionResponse" | "function_response", Value::Object(_)) => {
                let from = Origin { role: Role::Tool, ..from };
                call(reader, builder, from, TextKind::Content)?;
            }
            _ => builder.other(reader, from, key, value)?,
        }
    }
    if let Some(text) = text_index.and_then(|at| builder.request.texts.get_mut(at)).filter(|_| is_thought) {
        text.kind = TextKind::Reasoning;
    }
    Ok(())
}

/// Reads the bytes of an image, an audio clip or a file, or the URI of one.
fn data(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin, kind: TextKind) -> Result<()> {
    let (mut source, mut is_image) = (None, false);
    while let Some((key, field)) =
        reader.field(&["mimeType", "mime_type", "data", "fileUri", "file_uri", "displayName", "display_name"])?
    {
        let value = reader.value()?;
        match (field, value) {
            ("mimeType" | "mime_type", Value::String(str)) => {
                is_image |= str.decode(reader.body()).trim_start().to_ascii_lowercase().starts_with("image/");
                builder.text(from, TextKind::Other, str)?;
            }
            ("data" | "fileUri" | "file_uri", Value::String(str)) => {
                source = Some(str);
                match kind {
                    TextKind::ImageUrl => file(reader, builder, from, str)?,
                    kind => builder.text(from, kind, str)?,
                }
            }
            _ => builder.other(reader, from, key, value)?,
        }
    }
    if is_image {
        builder.image(Image { str: source, detail: None });
    }
    Ok(())
}

/// Reads the URI of a file: one that is stored at the provider, or a URL that it fetches.
fn file(reader: &Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin, uri: Str) -> Result<()> {
    /// Beginning of the addresses of the Files API.
    const FILES: &str = "https://generativelanguage.googleapis.com/";
    if uri.decode(reader.body()).to_ascii_lowercase().starts_with(FILES) {
        builder.refer(ReferenceKind::File, uri.span, Some(uri));
    }
    builder.uri(reader.body(), from, ReferenceKind::File, uri)
}

/// Reads a function call or its result. Every string in the arguments or in the result is a text of this kind.
fn call(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, from: Origin, kind: TextKind) -> Result<()> {
    while let Some((key, field)) = reader.field(&["name", "args", "response", "parts"])? {
        let value = reader.value()?;
        match field {
            "name" => builder.text_or_others(reader, from, TextKind::ToolName, value)?,
            "args" | "response" => builder.texts(reader, from, kind, value)?,
            "parts" if matches!(value, Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    part(reader, builder, from, value)?;
                }
            }
            _ => builder.other(reader, from, key, value)?,
        }
    }
    Ok(())
}

/// Reads a tool: function declarations, or a tool of the provider.
fn tool(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, value: Value) -> Result<()> {
    let Value::Object(_) = value else {
        return builder.texts(reader, Origin::DEFINITION, TextKind::ToolDefinition, value);
    };
    while let Some((key, field)) = reader.field(&["functionDeclarations", "function_declarations"])? {
        let value = reader.value()?;
        if field.is_empty() {
            builder.request.tools = builder.request.tools.saturating_add(1);
            builder.request.tool_names.push(key);
            builder.key(reader.body(), Origin::DEFINITION, TextKind::ToolDefinition, key)?;
            builder.texts_and_references(reader, Origin::DEFINITION, TextKind::ToolDefinition, value)?;
        } else {
            builder.definitions(reader, Origin::DEFINITION, Types::AreNames, value)?;
        }
    }
    Ok(())
}

/// Reads the thinking settings. The budget is not part of the visible output (Gemini API, "Thinking").
fn thinking(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, key: Str, value: Value) -> Result<()> {
    let Value::Object(_) = value else { return builder.other(reader, Origin::OUTSIDE, key, value) };
    while let Some((key, field)) = reader.field(&["thinkingBudget", "thinking_budget"])? {
        let value = reader.value()?;
        match (field, number(reader, value)) {
            ("", _) => builder.other(reader, Origin::OUTSIDE, key, value)?,
            // -1 lets the model choose: as without a budget.
            (_, Some(tokens)) => builder.request.thinking_tokens = builder.request.thinking_tokens.max(tokens),
            (_, None) => builder.texts(reader, Origin::OUTSIDE, TextKind::Other, value)?,
        }
    }
    Ok(())
}

/// Reads the generation settings.
fn config(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    let mut candidates = None;
    while let Some((key, field)) = reader.field(&[
        "maxOutputTokens",
        "max_output_tokens",
        "candidateCount",
        "candidate_count",
        "thinkingConfig",
        "thinking_config",
        "responseSchema",
        "response_schema",
        "responseJsonSchema",
        "response_json_schema",
    ])? {
        let value = reader.value()?;
        match field {
            "maxOutputTokens" | "max_output_tokens" => {
                builder.output_limit(reader, "generationConfig.maxOutputTokens", value)?;
            }
            "thinkingConfig" | "thinking_config" => thinking(reader, builder, key, value)?,
            "candidateCount" | "candidate_count" => {
                candidates = candidates.max(count(reader, "generationConfig.candidateCount", value)?);
            }
            "" => builder.other(reader, Origin::OUTSIDE, key, value)?,
            _ => builder.texts(reader, Origin::DEFINITION, TextKind::ToolDefinition, value)?,
        }
    }
    builder.request.candidates = builder.request.candidates.max(candidates.map_or(1, saturate));
    Ok(())
}
