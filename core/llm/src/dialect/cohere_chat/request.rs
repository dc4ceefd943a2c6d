//! Reads requests.

use super::Result;
use crate::dialect::openai_chat::request::content;
use crate::json::field::{flag, wrong_type};
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder, Types};
use crate::{Role, TextKind};

/// Roles that the API defines.
const ROLES: [(&str, Role); 5] = [
    ("system", Role::System),
    ("developer", Role::Developer),
    ("user", Role::User),
    ("assistant", Role::Assistant),
    ("tool", Role::Tool),
];

/// Reads a request body.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    builder.body(reader)?;
    while let Some((key, name)) =
        reader.field(&["model", "messages", "stream", "max_tokens", "tools", "documents", "response_format"])?
    {
        let value = reader.value()?;
        match name {
            "model" => builder.model(reader, value)?,
            "messages" => builder.messages(reader, value, message)?,
            "stream" => builder.request.stream = flag(name, value)? == Some(true),
            "max_tokens" => builder.output_limit(reader, name, value)?,
            "tools" => builder.definitions(reader, Origin::DEFINITION, Types::AreNames, value)?,
            "documents" => builder.texts(reader, Origin::FOUND, TextKind::Content, value)?,
            "response_format" => builder.texts(reader, Origin::DEFINITION, TextKind::ToolDefinition, value)?,
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

/// Reads a message.
fn message(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, index: u32) -> Result<()> {
    let from = Origin::message(index);
    let mut speaker = builder.speaker(from);
    while let Some((key, field)) = reader.field(&["role", "content", "tool_plan", "tool_calls"])? {
        let value = reader.value()?;
        match (field, value) {
            ("role", Value::String(str)) => speaker.set_role(reader, builder, str, &ROLES)?,
            ("role", value) => return Err(wrong_type("messages[].role", value)),
            ("content", value) => content(reader, builder, from, value)?,
            ("tool_plan", value) => builder.text_or_others(reader, from, TextKind::Reasoning, value)?,
            ("tool_calls", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    builder.tool_call(reader, from, value)?;
                }
            }
            _ => builder.other(reader, from, key, value)?,
        }
    }
    speaker.assign(builder);
    Ok(())
}
