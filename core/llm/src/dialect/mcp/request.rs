//! Reads messages of clients: requests, notifications, and responses to requests of the server.

use super::{Result, is_method};
use crate::json::field::wrong_type;
use crate::json::reader::{Found, Reader, Value};
use crate::view::request::{Origin, RequestBuilder};
use crate::view::rpc::RpcMessage;
use crate::{Error, ErrorKind, Role, Str, TextKind};

/// Maximum number of messages of a batch. Each may be answered with an error that is longer than the message.
const MAX_BATCH: usize = 1024;

/// Reads a body: a message, or a batch of them.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    messages(reader, builder)?;
    // Members of messages are those of tools and servers, and refer to nothing that a provider loads.
    builder.request.references.clear();
    Ok(())
}

/// Reads a message, or a batch of them.
fn messages(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    match reader.value()? {
        Value::Object(_) => message(reader, builder),
        Value::Array(_) => {
            builder.request.is_rpc_batch = true;
            while let Some(value) = reader.element()? {
                let Value::Object(_) = value else { return Err(wrong_type("body", value)) };
                if builder.request.rpc.len() >= MAX_BATCH {
                    return Err(Error::new(ErrorKind::TooMany, value.start()));
                }
                message(reader, builder)?;
            }
            Ok(())
        }
        value => Err(wrong_type("body", value)),
    }
}

/// Reads a message. Its members may have any order, so texts get their purpose once the method is known.
fn message(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    let first = builder.request.texts.len();
    let mut message = RpcMessage::default();
    let known = ["jsonrpc", "id", "method", "params", "result", "error"];
    while let Some((key, field)) = reader.field(&known)? {
        let value = reader.value()?;
        match (field, value) {
            ("method", Value::String(method)) => {
                message.method = Some(method);
                if !is_method(&method.decode(reader.body())) {
                    builder.text(Origin::OUTSIDE, TextKind::Other, method)?;
                }
            }
            ("method", value) => return Err(wrong_type("method", value)),
            ("id", Value::String(id)) => {
                message.id = Some(id.literal());
                builder.opaque(Origin::OUTSIDE, id)?;
            }
            ("id", Value::Number(id)) => message.id = Some(id),
            ("id", value) if !value.is_null() => return Err(wrong_type("id", value)),
            ("params", Value::Object(_)) => params(reader, builder, &mut message)?,
            ("result", Value::Object(_)) => result(reader, builder)?,
            ("jsonrpc", Value::String(version)) if version.is(reader.body(), "2.0") => {}
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    let body = reader.body();
    let is = |method: &str| message.is(body, method);
    let (is_call, is_prompt) = (is("tools/call"), is("prompts/get"));
    for text in builder.request.texts.iter_mut().skip(first) {
        let is_name = message.name.is_some_and(|name| name.span == text.str.span);
        match text.kind {
            _ if is_name && is_call => (text.role, text.kind) = (Role::Assistant, TextKind::ToolName),
            TextKind::ToolArguments | TextKind::ToolNumber if is_call => text.role = Role::Assistant,
            TextKind::ToolArguments if is_prompt => (text.role, text.kind) = (Role::User, TextKind::Content),
            _ => {}
        }
    }
    if let Some(name) = message.name.filter(|_| is_call) {
        builder.request.tool_names.push(name);
    }
    builder.rpc(message)
}

/// Reads the parameters of a request or a notification.
fn params(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, message: &mut RpcMessage) -> Result<()> {
    let known =
        ["name", "arguments", "argument", "cursor", "progressToken", "requestId", "taskId", "_meta", "elicitationId"];
    while let Some((key, field)) = reader.field(&known)? {
        let value = reader.value()?;
        match (field, value) {
            ("name", Value::String(name)) => {
                message.name = Some(name);
                builder.text(Origin::OUTSIDE, TextKind::Other, name)?;
            }
            ("name", value) => return Err(wrong_type("params.name", value)),
            ("arguments", value) => builder.texts(reader, Origin::OUTSIDE, TextKind::ToolArguments, value)?,
            ("argument", value) => builder.texts(reader, Origin::USER, TextKind::Content, value)?,
            ("cursor" | "progressToken" | "requestId" | "taskId" | "elicitationId", Value::String(id)) => {
                builder.opaque(Origin::OUTSIDE, id)?;
            }
            ("_meta", Value::Object(_)) => meta(reader, builder)?,
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

/// Reads metadata of a message.
fn meta(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    while let Some((key, field)) = reader.field(&["progressToken"])? {
        match (field, reader.value()?) {
            ("progressToken", Value::String(token)) => builder.opaque(Origin::OUTSIDE, token)?,
            (_, value) => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    Ok(())
}

/// Reads the result of a request of the server: a message of the model (sampling), an input of the user (elicitation), or others.
fn result(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>) -> Result<()> {
    let first = builder.request.texts.len();
    let mut role = Role::User;
    while let Some((key, field)) = reader.field(&["role", "content", "taskId"])? {
        let value = reader.value()?;
        match (field, value) {
            ("role", Value::String(name)) => {
                let known = [("assistant", Role::Assistant), ("user", Role::User)];
                match known.iter().find(|(own, _)| name.is(reader.body(), own)) {
                    Some((_, own)) => role = *own,
                    None => builder.text(Origin::OUTSIDE, TextKind::Other, name)?,
                }
            }
            ("content", value) => content(reader, builder, value)?,
            ("taskId", Value::String(id)) => builder.opaque(Origin::OUTSIDE, id)?,
            _ => builder.other(reader, Origin::OUTSIDE, key, value)?,
        }
    }
    for text in builder.request.texts.iter_mut().skip(first).filter(|text| text.kind == TextKind::Content) {
        text.role = role;
    }
    Ok(())
}

/// Reads content: blocks of a message, or the members of a form.
fn content(reader: &mut Reader<'_, '_>, builder: &mut RequestBuilder<'_>, value: Value) -> Result<()> {
    let body = reader.body();
    reader.walk(value, |found| match found {
        Found::Key(key, _) => builder.key(body, Origin::OUTSIDE, TextKind::Other, key),
        Found::Value(str, member) => {
            let is = |name: &str| member.is_some_and(|member: Str| member.is(body, name));
            if crate::dialect::known_names::is_kind(body, member, str) {
                return Ok(());
            }
            let kind = if is("data") || is("blob") {
                TextKind::Data
            } else if is("mimeType") {
                TextKind::Other
            } else {
                TextKind::Content
            };
            builder.text(Origin::OUTSIDE, kind, str)
        }
        Found::Number(span) => builder.text(Origin::OUTSIDE, TextKind::ToolNumber, Str { span, escaped: false }),
    })
}
