//! Reads messages of servers: responses, notifications, and requests to the client.

use super::Result;
use crate::dialect::{known_names, opaque};
use crate::json::reader::{Found, Reader, Value};
use crate::view::response::ResponseBuilder;
use crate::view::rpc::RpcText;
use crate::{Channel, Part, Str};

/// Reads a body or the data of an event: a message, or a batch of them.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    match reader.value()? {
        Value::Object(_) => message(reader, builder),
        Value::Array(_) => {
            while let Some(value) = reader.element()? {
                match value {
                    Value::Object(_) => message(reader, builder)?,
                    value => texts(reader, builder, Part::Other, value)?,
                }
            }
            Ok(())
        }
        value => texts(reader, builder, Part::Other, value),
    }
}

/// Reads a message.
fn message(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    while let Some((key, field)) = reader.field(&["jsonrpc", "id", "method", "params", "result", "error"])? {
        let value = reader.value()?;
        match (field, value) {
            ("params", Value::Object(_)) => params(reader, builder)?,
            ("result", Value::Object(_)) => {
                builder.response.ends = true;
                result(reader, builder)?;
            }
            ("error", value) if !value.is_null() => {
                builder.response.ends = true;
                builder.response.is_error = true;
                texts(reader, builder, Part::Other, value)?;
            }
            // The client's own id, and a version.
            ("id", Value::String(id)) => uneditable(builder, Part::Other, id)?,
            ("jsonrpc", Value::String(version)) if version.is(reader.body(), "2.0") => {}
            ("method", Value::String(method)) if super::is_method(&method.decode(reader.body())) => {}
            _ => other(reader, builder, key, value)?,
        }
    }
    Ok(())
}

/// Reads the parameters of a request or a notification of the server.
fn params(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    let known = ["messages", "systemPrompt", "tools", "requestedSchema", "progressToken", "requestId", "taskId"];
    while let Some((key, field)) = reader.field(&known)? {
        let value = reader.value()?;
        match (field, value) {
            ("messages", Value::Array(_)) => {
                while let Some(value) = reader.element()? {
                    sampled(reader, builder, value)?;
                }
            }
            ("systemPrompt", value) => texts(reader, builder, Part::Rpc(RpcText::System), value)?,
            ("tools" | "requestedSchema", value) => texts(reader, builder, Part::Rpc(RpcText::Definition), value)?,
            ("progressToken" | "requestId" | "taskId", Value::String(id)) => uneditable(builder, Part::Other, id)?,
            _ => other(reader, builder, key, value)?,
        }
    }
    Ok(())
}

/// Reads a message of a request for sampling. The role may follow the content.
fn sampled(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>, value: Value) -> Result<()> {
    let Value::Object(_) = value else { return texts(reader, builder, Part::Rpc(RpcText::User), value) };
    let first = builder.response.texts.len();
    let mut is_model = false;
    while let Some((key, field)) = reader.field(&["role", "content"])? {
        let value = reader.value()?;
        match (field, value) {
            ("role", Value::String(role)) if role.is(reader.body(), "user") => {}
            ("role", Value::String(role)) if role.is(reader.body(), "assistant") => is_model = true,
            ("content", value) => texts(reader, builder, Part::Rpc(RpcText::User), value)?,
            _ => other(reader, builder, key, value)?,
        }
    }
    for text in builder.response.texts.iter_mut().skip(first).filter(|_| is_model) {
        if text.channel.part == Part::Rpc(RpcText::User) {
            text.channel.part = Part::Rpc(RpcText::Assistant);
        }
    }
    Ok(())
}

/// Reads the result of a request, whatever its method: the members tell the methods apart.
fn result(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<()> {
    let first = builder.response.texts.len();
    let known = [
        "content",
        "contents",
        "messages",
        "structuredContent",
        "tools",
        "prompts",
        "resources",
        "resourceTemplates",
        "description",
        "instructions",
        "nextCursor",
        "taskId",
    ];
    while let Some((key, field)) = reader.field(&known)? {
        let value = reader.value()?;
        match (field, value) {
            ("content" | "contents" | "messages", value) => texts(reader, builder, Part::Rpc(RpcText::Result), value)?,
            ("structuredContent", value) => texts(reader, builder, Part::Rpc(RpcText::ResultCopy), value)?,
            ("tools" | "prompts" | "resources" | "resourceTemplates" | "description", value) => {
                texts(reader, builder, Part::Rpc(RpcText::Definition), value)?;
            }
            ("instructions", value) => texts(reader, builder, Part::Rpc(RpcText::System), value)?,
            ("nextCursor" | "taskId", Value::String(id)) => uneditable(builder, Part::Other, id)?,
            _ => other(reader, builder, key, value)?,
        }
    }
    // A server may send the object alone.
    let own = builder.response.texts.get(first..).unwrap_or_default();
    if !own.iter().any(|text| text.channel.part == Part::Rpc(RpcText::Result)) {
        for text in builder.response.texts.iter_mut().skip(first) {
            if text.channel.part == Part::Rpc(RpcText::ResultCopy) {
                text.channel.part = Part::Rpc(RpcText::Result);
            }
        }
    }
    Ok(())
}

/// Reads a member that the protocol does not define.
fn other(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>, key: Str, value: Value) -> Result<()> {
    if !known_names::is_key(reader.body(), key) {
        builder.text(Channel { choice: 0, part: Part::Other }, key)?;
    }
    texts(reader, builder, Part::Other, value)
}

/// Adds every string in `value`, and every member name that the server chose: a model reads both.
fn texts(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>, part: Part, value: Value) -> Result<()> {
    let body = reader.body();
    let channel = |part: Part| Channel { choice: 0, part };
    reader.walk(value, |found| match found {
        Found::Key(key, owner) => {
            let is_property = owner.is_some_and(|owner| owner.is(body, "properties"));
            match !is_property && known_names::is_key(body, key) {
                true => Ok(()),
                false => builder.text(channel(part), key),
            }
        }
        Found::Value(str, member) if known_names::is_kind(body, member, str) => Ok(()),
        Found::Value(str, member) => {
            let is = |name: &str| member.is_some_and(|member| member.is(body, name));
            let is_block = part == Part::Rpc(RpcText::Result) && (is("data") || is("blob"));
            match is_block && opaque::is_data(body, str) {
                true => uneditable(builder, Part::Rpc(RpcText::Media), str),
                false if is("mimeType") => builder.text(channel(Part::Other), str),
                false => builder.text(channel(part), str),
            }
        }
        Found::Number(span) if matches!(part, Part::Rpc(RpcText::Result | RpcText::ResultCopy)) => {
            builder.text(channel(Part::ToolNumber), Str { span, escaped: false })
        }
        Found::Number(_) => Ok(()),
    })
}

/// Adds a string that must not be edited.
fn uneditable(builder: &mut ResponseBuilder<'_>, part: Part, str: Str) -> Result<()> {
    builder.response.uneditable.push(str.span);
    builder.text(Channel { choice: 0, part }, str)
}
