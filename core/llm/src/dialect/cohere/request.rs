//! What the body of a request says.

use super::Result;
use crate::dialect::openai_chat::request::content;
use crate::field::{count, flag, wrong};
use crate::reader::{Reader, Value};
use crate::request::{Draft, Members, Origin};
use crate::{Role, TextKind};

const OUTSIDE: Origin = Origin { role: Role::Other, message: None };
const DEFINITION: Origin = Origin { role: Role::Tools, message: None };
/// What was found elsewhere, by a tool or a search, and is to be read by the model.
const FOUND: Origin = Origin { role: Role::Tool, message: None };

pub(super) fn read(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<()> {
    let start = match reader.value()? {
        Value::Object(start) => start + 1,
        value => return Err(wrong("body", value)),
    };
    draft.request.members = Members { start, none: true };
    while let Some((key, name)) =
        reader.field(&["model", "messages", "stream", "max_tokens", "tools", "documents", "response_format"])?
    {
        draft.request.members.none = false;
        let value = reader.value()?;
        match name {
            "model" => draft.model(reader, value)?,
            "messages" => messages(reader, draft, value)?,
            "stream" => draft.request.stream = flag(name, value)? == Some(true),
            "max_tokens" => draft.request.max_output_tokens = count(reader, name, value)?,
            "tools" => draft.definitions(reader, DEFINITION, value)?,
            "documents" => draft.texts(reader, FOUND, TextKind::Content, value)?,
            "response_format" => draft.texts(reader, DEFINITION, TextKind::ToolDefinition, value)?,
            _ => draft.other(reader, OUTSIDE, key, value)?,
        }
    }
    Ok(())
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
    let from = Origin { role: Role::Other, message: Some(index) };
    let (mut role, mut role_of) = (Role::Other, None);
    while let Some((key, field)) = reader.field(&["role", "content", "tool_plan", "tool_calls"])? {
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
                    _ => {
                        draft.text(from, TextKind::Other, str)?;
                        Role::Other
                    }
                };
            }
            ("role", value) => return Err(wrong("messages[].role", value)),
            ("content", value) => content(reader, draft, from, value)?,
            ("tool_plan", value) => draft.text_or_others(reader, from, TextKind::Reasoning, value)?,
            ("tool_calls", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    call(reader, draft, from, value)?;
                }
            }
            _ => draft.other(reader, from, key, value)?,
        }
    }
    for text in draft.request.texts.iter_mut().skip(first) {
        text.role = role;
    }
    if let Some(message) = draft.request.messages.last_mut() {
        message.role = role_of;
    }
    Ok(())
}

/// A call of a function, with its name and its arguments in an object or not.
fn call(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>, from: Origin, value: Value) -> Result<()> {
    let Value::Object(_) = value else { return draft.texts(reader, from, TextKind::Other, value) };
    while let Some((key, field)) = reader.field(&["function", "name", "arguments"])? {
        let value = reader.value()?;
        match field {
            "function" => call(reader, draft, from, value)?,
            "name" => draft.text_or_others(reader, from, TextKind::ToolName, value)?,
            "arguments" => draft.texts(reader, from, TextKind::ToolArguments, value)?,
            _ => draft.other(reader, from, key, value)?,
        }
    }
    Ok(())
}
