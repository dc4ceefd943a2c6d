//! What the body of a request says.

use super::Result;
use crate::json::field::{count, flag, wrong_type};
use crate::json::reader::{Reader, Value};
use crate::view::request::{Draft, Origin};
use crate::{Picture, Role, TextKind};

/// Who may speak.
const ROLES: [(&str, Role); 3] = [("user", Role::User), ("assistant", Role::Assistant), ("system", Role::System)];

pub(crate) fn read(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>) -> Result<()> {
    draft.body(reader)?;
    while let Some((key, name)) =
        reader.field(&["model", "messages", "system", "stream", "max_tokens", "tools", "output_format"])?
    {
        let value = reader.value()?;
        match name {
            "model" => draft.model(reader, value)?,
            "messages" => draft.messages(reader, value, message)?,
            "system" => content(reader, draft, Origin::SYSTEM, value)?,
            "stream" => draft.request.stream |= flag(name, value)? == Some(true),
            "max_tokens" => draft.request.max_output_tokens = count(reader, name, value)?,
            "tools" => draft.definitions(reader, Origin::DEFINITION, value)?,
            "output_format" => draft.texts(reader, Origin::DEFINITION, TextKind::ToolDefinition, value)?,
            _ => draft.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

fn message(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>, index: u32) -> Result<()> {
    let from = Origin::message(index);
    let mut speaker = draft.speaker(from);
    while let Some((key, field)) = reader.field(&["role", "content"])? {
        let value = reader.value()?;
        match (field, value) {
            ("role", Value::String(str)) => speaker.is(reader, draft, str, &ROLES)?,
            ("role", value) => return Err(wrong_type("messages[].role", value)),
            ("content", value) => content(reader, draft, from, value)?,
            _ => draft.other(reader, from, key, value)?,
        }
    }
    speaker.settle(draft);
    Ok(())
}

/// A string, or an array of blocks. It holds blocks that hold contents: as deep as the depth of a body allows, which is
/// bounded.
fn content(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>, from: Origin, value: Value) -> Result<()> {
    draft.content(reader, from, value, block)
}

/// A block; its members count whatever its `type` says.
fn block(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>, from: Origin) -> Result<()> {
    let first = draft.request.texts.len();
    let mut is_result = false;
    let mut is_image = false;
    let mut picture = Picture::default();
    while let Some((key, field)) = reader.field(&["type", "text", "thinking", "name", "input", "content", "source"])? {
        let value = reader.value()?;
        match (field, value) {
            ("type", Value::String(str)) => {
                let kind = str.decode(reader.body());
                is_result = kind.ends_with("tool_result") || kind == "search_result";
                is_image = kind == "image";
                draft.texts(reader, from, TextKind::Other, value)?;
            }
            ("text", value) => draft.text_or_others(reader, from, TextKind::Content, value)?,
            ("thinking", value) => draft.text_or_others(reader, from, TextKind::Reasoning, value)?,
            ("name", value) => draft.text_or_others(reader, from, TextKind::ToolName, value)?,
            ("input", value) => draft.texts(reader, from, TextKind::ToolArguments, value)?,
            ("content", value) => content(reader, draft, from, value)?,
            ("source", Value::Object(_)) => picture.str = source(reader, draft, from)?,
            _ => draft.other(reader, from, key, value)?,
        }
    }
    if is_image {
        draft.picture(picture);
    }
    if is_result {
        for text in draft.request.texts.iter_mut().skip(first) {
            text.role = Role::Tool;
        }
    }
    Ok(())
}

/// An image or a document: its bytes, its address, its text, or blocks. Bytes and address are given back.
fn source(reader: &mut Reader<'_, '_>, draft: &mut Draft<'_>, from: Origin) -> Result<Option<crate::Str>> {
    let (mut place, mut data, mut is_text) = (None, None, false);
    while let Some((key, field)) = reader.field(&["type", "data", "url", "content"])? {
        let value = reader.value()?;
        match (field, value) {
            ("type", Value::String(str)) => {
                is_text = str.is(reader.body(), "text");
                draft.texts(reader, from, TextKind::Other, value)?;
            }
            ("data", Value::String(str)) => {
                (place, data) = (Some(str), Some(draft.request.texts.len()));
                draft.text(from, TextKind::Data, str)?;
            }
            ("url", Value::String(str)) => {
                place = Some(str);
                draft.text(from, TextKind::ImageUrl, str)?;
            }
            ("content", value) => content(reader, draft, from, value)?,
            _ => draft.other(reader, from, key, value)?,
        }
    }
    // A document may be plain text.
    if let Some(text) = data.and_then(|at| draft.request.texts.get_mut(at)).filter(|_| is_text) {
        text.kind = TextKind::Content;
    }
    Ok(place)
}
