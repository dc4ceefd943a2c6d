//! Dialect and texts of the request.

use std::borrow::Cow;

use serde_json::{Value, json};
use tollgate_llm::{Endpoint, OnUnscannable, Request, Role, TextKind};
use tollgate_policy::CompiledPolicy;

use super::{Call, Stage, View};

/// Explains what the gateway reads of a request. The view is `None` if it is refused or passes unread.
pub(super) fn explain<'a>(policy: &CompiledPolicy, call: &'a Call) -> (Stage, Option<View<'a>>) {
    let limits = &policy.limits;
    let Some(endpoint) = Endpoint::detect(b"POST", call.path.as_bytes()) else {
        let line = format!("{} is not the path of a known API.", call.path);
        return unread(line, limits.on_unknown_path, 404, "This gateway does not know this path.".into());
    };
    if call.body.len() > limits.max_request_bytes {
        let limit = limits.max_request_bytes;
        let line = format!("The body has {} bytes, more than `limits.max_request_bytes`.", call.body.len());
        let message = format!("The request body is larger than this gateway accepts ({limit} bytes).");
        return unread(line, limits.on_unscannable, 413, message);
    }
    match Request::parse_at(&endpoint, &call.body, &limits.for_parser()) {
        Ok(request) => {
            let view = View { request, body: Cow::Borrowed(&call.body) };
            (readable(&view), Some(view))
        }
        Err(error) => {
            let line = "The body is not a well-formed request of this API.".to_owned();
            unread(line, limits.on_unscannable, 400, format!("The request body cannot be read: {error}."))
        }
    }
}

/// Explains a request that cannot be read.
fn unread(line: String, policy: OnUnscannable, status: u16, message: String) -> (Stage, Option<View<'static>>) {
    let mut stage = Stage::new("request", vec![line], json!({ "dialect": null }));
    match policy {
        OnUnscannable::Refuse => stage = stage.refuse(status, message),
        OnUnscannable::Pass => {
            stage.lines.push("It passes unread: no stage applies. `tollgate.unscanned` reports it.".into());
        }
    }
    (stage, None)
}

fn readable(view: &View<'_>) -> Stage {
    let View { request, body } = view;
    let dialect = request.dialect.name();
    let mut lines = vec![format!("The dialect is {dialect}; the request has {} texts.", request.texts.len())];
    let mut texts = Vec::new();
    for (index, text) in request.texts.iter().enumerate() {
        let (pointer, bytes) = (view.pointer(index), text.str.decode(body).len());
        let (role, kind) = (role(text.role), kind(text.kind));
        lines.push(format!("{pointer}: {kind}, {role}, {bytes} bytes"));
        texts.push(json!({ "pointer": pointer, "role": role, "kind": kind, "bytes": bytes }));
    }
    let facts: Value = json!({ "dialect": dialect, "stream": request.stream, "texts": texts });
    Stage::new("request", lines, facts)
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
        Role::Function => "function",
        Role::Tools => "tools",
        _ => "no role",
    }
}

fn kind(kind: TextKind) -> &'static str {
    match kind {
        TextKind::Content => "content",
        TextKind::Refusal => "refusal",
        TextKind::Reasoning => "reasoning",
        TextKind::Name => "name",
        TextKind::ToolName => "tool_name",
        TextKind::ToolArguments => "tool_arguments",
        TextKind::ToolNumber => "tool_number",
        TextKind::ToolDefinition => "tool_definition",
        TextKind::ImageUrl => "image_url",
        TextKind::ImageData => "image_data",
        TextKind::Data => "data",
        TextKind::Model => "model",
        _ => "other",
    }
}
