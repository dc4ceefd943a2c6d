//! Reads requests.

use crate::dialect::{known_names, opaque};
use crate::json::field::flag;
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder, Types};
use crate::{Dialect, Error, Role, Str, TextKind};

/// Roles that the APIs define.
const ROLES: [(&str, Role); 13] = [
    ("user", Role::User),
    ("assistant", Role::Assistant),
    ("system", Role::System),
    ("developer", Role::Developer),
    ("tool", Role::Tool),
    ("function", Role::Function),
    ("model", Role::Assistant),
    ("USER", Role::User),
    ("CHATBOT", Role::Assistant),
    ("SYSTEM", Role::System),
    ("TOOL", Role::Tool),
    ("critic", Role::Other),
    ("discriminator", Role::Other),
];

/// Members with a meaning. The strings of all others are texts of no particular purpose.
const MEMBERS: [&str; 31] = [
    "assistant_id",
    "role",
    "model",
    "stream",
    "instructions",
    "system",
    "preamble",
    "system_instruction",
    "systemInstruction",
    "tools",
    "functions",
    "text",
    "content",
    "prompt",
    "input",
    "inputs",
    "message",
    "query",
    "suffix",
    "texts",
    "examples",
    "data",
    "file_data",
    "image_url",
    "thinking",
    "arguments",
    "name",
    "type",
    "documents",
    "output",
    "signature",
];

/// Reads a request body.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<(), Error> {
    builder.body(reader)?;
    members(reader, builder, Origin::USER, true, None)
}

/// Reads the members of an object, the value of the member `owner` or an element of it. The recursion is bounded by the depth limit
/// of a body.
fn members(
    reader: &mut Reader<'_, '_>,
    builder: &mut RequestBuilder<'_>,
    from: Origin,
    is_outermost: bool,
    owner: Option<Str>,
) -> Result<(), Error> {
    let first = builder.request.texts.len();
    let mut role = None;
    // Only members that the gateway acts on are refused in another case.
    let strict: &[&'static str] = if is_outermost { &["model", "stream"] } else { &[] };
    while let Some((key, _)) = reader.field(strict)? {
        let field = MEMBERS.iter().find(|name| key.is(reader.body(), name)).copied().unwrap_or_default();
        builder.key(reader.body(), from, TextKind::Other, key)?;
        builder.refer_to_object(reader.body(), owner, key);
        let value = reader.value()?;
        if let Value::String(str) = value {
            builder.refer_to_value(reader.body(), owner, key, str);
        }
        match (field, value) {
            ("role", Value::String(str)) => match ROLES.iter().find(|(name, _)| str.is(reader.body(), name)) {
                Some((_, known)) => role = Some(*known),
                None => builder.text(from, TextKind::Other, str)?,
            },
            ("type", Value::String(str)) if known_names::is_kind(reader.body(), Some(key), str) => {}
            ("model", Value::String(_)) if is_outermost => builder.model(reader, value)?,
            ("model", Value::String(str)) => builder.text(Origin::OUTSIDE, TextKind::Model, str)?,
            ("stream", Value::Bool(..)) if is_outermost => {
                builder.request.stream |= flag("stream", value)? == Some(true);
            }
            ("instructions" | "system" | "preamble" | "system_instruction" | "systemInstruction", value) => {
                strings(reader, builder, Origin::SYSTEM, value, (TextKind::Content, owner, key))?;
            }
            ("tools" | "functions", value) => {
                builder.definitions(reader, Origin::DEFINITION, Types::AreNames, value)?;
            }
            ("thinking", Value::String(str)) => builder.text(from, TextKind::Reasoning, str)?,
            ("arguments", value) => builder.texts(reader, from, TextKind::ToolArguments, value)?,
            ("image_url", Value::String(str)) => builder.text(from, TextKind::ImageUrl, str)?,
            ("file_data", value @ Value::String(_)) => builder.data(reader, from, value)?,
            ("data", value @ Value::String(_)) if owner.is_some_and(|owner| owner.is(reader.body(), "input_audio")) => {
                builder.data(reader, from, value)?;
            }
            ("data", Value::String(str)) => builder.text(from, TextKind::Data, str)?,
            (
                "" | "assistant_id" | "role" | "model" | "stream" | "type" | "name" | "data" | "file_data"
                | "signature",
                value,
            ) => {
                // A thread that an assistant answers at once.
                builder.request.is_unmetered |= is_outermost && field == "assistant_id";
                if let Value::String(str) = value
                    && opaque::is_opaque(reader.body(), key, str)
                {
                    builder.request.uneditable.push(str.span);
                }
                strings(reader, builder, from, value, (TextKind::Other, owner, key))?;
            }
            ("inputs", value) if is_outermost => {
                // Mistral's conversations, which have the paths of OpenAI's, generate a response to it.
                builder.request.is_unmetered = true;
                strings(reader, builder, from, value, (TextKind::Content, owner, key))?;
            }
            (_, value) => strings(reader, builder, from, value, (TextKind::Content, owner, key))?,
        }
    }
    // Of requests, only a message of a thread is a message itself. Other servers ignore such a member.
    let is_message = !is_outermost || builder.request.dialect == Dialect::OpenAiConversations;
    if let Some(role) = role.filter(|_| is_message) {
        let own = builder.request.texts.iter_mut().skip(first).filter(|text| text.role == from.role);
        own.for_each(|text| text.role = role);
    }
    Ok(())
}

/// Reads the value of a member, given its purpose, its name and that of the member that its object belongs to. Objects in it have
/// members of their own.
fn strings(
    reader: &mut Reader<'_, '_>,
    builder: &mut RequestBuilder<'_>,
    from: Origin,
    value: Value,
    (kind, owner, member): (TextKind, Option<Str>, Str),
) -> Result<(), Error> {
    match value {
        Value::String(str) => builder.text(from, kind, str),
        // The client chooses the names of the variables of a stored prompt.
        Value::Object(_) if owner.is_some_and(|owner| owner.is(reader.body(), "variables")) => {
            members(reader, builder, from, false, None)
        }
        Value::Object(_) => members(reader, builder, from, false, Some(member)),
        Value::Array(_) => {
            while let Some(value) = reader.element()? {
                if let Value::String(str) = value {
                    builder.refer_to_value(reader.body(), owner, member, str);
                }
                strings(reader, builder, from, value, (kind, owner, member))?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
