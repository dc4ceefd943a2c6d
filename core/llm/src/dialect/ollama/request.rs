//! What the body of a request says: the members of both calls, which have different names.

use super::Result;
use crate::field::{flag, number, wrong};
use crate::reader::{Reader, Value};
use crate::request::{Draft, Members, Origin};
use crate::{Picture, Role, TextKind};

const OUTSIDE: Origin = Origin { role: Role::Other, message: None };
const SYSTEM: Origin = Origin { role: Role::System, message: None };
const USER: Origin = Origin { role: Role::User, message: None };
const DEFINITION: Origin = Origin { role: Role::Tools, message: None };

pub(super) fn read(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<()> {
    let start = match reader.value()? {
        Value::Object(start) => start + 1,
        value => return Err(wrong("body", value)),
    };
    draft.request.members = Members { start, none: true };
    draft.request.stream = true;
    while let Some((key, name)) = reader.field(&[
        "model", "messages", "prompt", "suffix", "system", "template", "images", "tools", "format", "stream", "options",
    ])? {
        draft.request.members.none = false;
        let value = reader.value()?;
        match (name, value) {
            ("model", value) => draft.model(reader, value)?,
            ("messages", value) => messages(reader, draft, value)?,
            ("prompt", value) => draft.text_or_others(reader, USER, TextKind::Content, value)?,
            // What stands behind the answer: a text of its own.
            ("suffix", value) => draft.text_or_others(reader, USER, TextKind::Other, value)?,
            ("system", value) => draft.text_or_others(reader, SYSTEM, TextKind::Content, value)?,
            // The form of the whole prompt, in place of the model's own.
            ("template", value) => draft.text_or_others(reader, SYSTEM, TextKind::Other, value)?,
            ("images", value) => images(reader, draft, USER, value)?,
            ("tools", value) => draft.definitions(reader, DEFINITION, value)?,
            ("format", Value::Object(_)) => draft.texts(reader, DEFINITION, TextKind::ToolDefinition, value)?,
            ("stream", value) => draft.request.stream = flag(name, value)? != Some(false),
            ("options", Value::Object(_)) => options(reader, draft)?,
            ("options", value) if !value.is_null() => return Err(wrong(name, value)),
            _ => draft.other(reader, OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

fn options(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<()> {
    while let Some((key, field)) = reader.field(&["num_predict"])? {
        match (field, reader.value()?) {
            // Below zero it is no bound: as many as there is room for.
            ("num_predict", value @ Value::Number(_)) => draft.request.max_output_tokens = number(reader, value),
            ("num_predict", Value::Null(_)) => {}
            ("num_predict", value) => return Err(wrong("options.num_predict", value)),
            (_, value) => draft.other(reader, OUTSIDE, key, value)?,
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
    let (mut role, mut role_of, mut name_of) = (Role::Other, None, None);
    while let Some((key, field)) =
        reader.field(&["role", "content", "thinking", "images", "tool_calls", "tool_name", "name"])?
    {
        let value = reader.value()?;
        match (field, value) {
            ("role", Value::String(str)) => {
                role_of = Some(str);
                role = match &*str.decode(reader.body()) {
                    "system" => Role::System,
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
            ("content", value) => draft.texts(reader, from, TextKind::Content, value)?,
            ("thinking", value) => draft.text_or_others(reader, from, TextKind::Reasoning, value)?,
            ("images", value) => images(reader, draft, from, value)?,
            ("tool_calls", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    call(reader, draft, from, value)?;
                }
            }
            ("tool_name" | "name", Value::String(str)) => {
                name_of = Some(str);
                draft.text(from, TextKind::Name, str)?;
            }
            _ => draft.other(reader, from, key, value)?,
        }
    }
    for text in draft.request.texts.iter_mut().skip(first) {
        text.role = role;
    }
    if let Some(message) = draft.request.messages.last_mut() {
        (message.role, message.name) = (role_of, name_of);
    }
    Ok(())
}

/// The bytes of images in base64.
fn images(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>, from: Origin, value: Value) -> Result<()> {
    let Value::Array(_) = value else { return draft.texts(reader, from, TextKind::Data, value) };
    while let Some(value) = reader.element()? {
        draft.text_or_others(reader, from, TextKind::Data, value)?;
        let str = if let Value::String(str) = value { Some(str) } else { None };
        draft.picture(Picture { str, detail: None });
    }
    Ok(())
}

/// A call of a function, whose arguments are an object.
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
