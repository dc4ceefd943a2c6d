//! Dialect and texts of the request.

use std::borrow::Cow;

use serde_json::{Value, json};
use tollgate_inspect::Direction;
use tollgate_llm::content_encoding::{ContentEncoding, InflateError, InflateLimits, inflate};
use tollgate_llm::multipart::Scanner;
use tollgate_llm::{Endpoint, OnUnscannable, PathClass, Request, Role, StreamLimits, TextKind};
use tollgate_policy::CompiledPolicy;

use super::{Call, Stage, View};

/// Explains what the gateway reads of a request. The view is `None` if it is refused or passes unread.
pub(super) fn explain<'a>(policy: &CompiledPolicy, call: &'a Call) -> (Stage, Option<View<'a>>) {
    let limits = &policy.limits;
    let of_server = policy.mcp.endpoint(b"POST", call.path.as_bytes());
    let class = match of_server {
        Some(endpoint) => PathClass::Call(endpoint),
        None => PathClass::of(&limits.paths, b"POST", call.path.as_bytes(), true),
    };
    let endpoint = match class {
        PathClass::Call(endpoint) => endpoint,
        class => return no_call(class, limits, call),
    };
    // A body in another encoding is decoded below, by the same rules.
    if !endpoint.is_certain && !endpoint.accepts(&call.body) && call.header("content-encoding").is_empty() {
        let class = PathClass::without_call(&limits.paths, b"POST", call.path.as_bytes());
        return no_call(class, limits, call);
    }
    match read(&endpoint, limits, call) {
        Ok((view, notes)) => {
            let mut stage = readable(&view);
            stage.lines.extend(notes);
            let judges = policy.firewall.as_ref().is_some_and(|rules| rules.has(Direction::Request));
            if view.request.has_unread_file && judges {
                stage.lines.push("The uploaded file is no text in UTF-8, so that it is not read.".to_owned());
                if limits.on_unscannable == OnUnscannable::Refuse {
                    let message = "This gateway reads uploaded files that are texts in UTF-8, and does not forward others unread.";
                    return (stage.refuse(415, message), None);
                }
            }
            (stage, Some(view))
        }
        Err(Unreadable { line, status, message }) => unread(line, limits.on_unscannable, status, message),
    }
}

/// Explains a request that is no call that is read.
fn no_call<'a>(class: PathClass, limits: &StreamLimits, call: &Call) -> (Stage, Option<View<'a>>) {
    match class {
        PathClass::Unread { is_certain: true, .. } => {
            let line = format!("{} is a path of an LLM API that is not read.", call.path);
            unread(line, limits.on_unread_path, 404, "This gateway does not read this API.".into())
        }
        _ => {
            let line = format!("{} is not the path of a known API.", call.path);
            unread(line, limits.on_unknown_path, 404, "This gateway does not know this path.".into())
        }
    }
}

/// Reason why a body cannot be read, and the error response to it.
struct Unreadable {
    line: String,
    status: u16,
    message: String,
}

impl Unreadable {
    fn malformed(error: &dyn std::fmt::Display) -> Unreadable {
        let line = "The body is not a well-formed request of this API.".to_owned();
        Unreadable { line, status: 400, message: format!("The request body cannot be read: {error}.") }
    }

    fn too_large(line: String, limits: &StreamLimits) -> Unreadable {
        let limit = limits.max_request_bytes;
        let message = format!("The request body is larger than this gateway accepts ({limit} bytes).");
        Unreadable { line, status: 413, message }
    }
}

/// Decompresses and parses the body. Also returns remarks on the way it was read.
fn read<'a>(endpoint: &Endpoint, limits: &StreamLimits, call: &'a Call) -> Result<(View<'a>, Vec<String>), Unreadable> {
    let content_type = call.header("content-type");
    let media = content_type.split(';').next().unwrap_or_default().trim();
    let encoding = ContentEncoding::detect(call.header("content-encoding").as_bytes());
    let unsupported = |message: &str| Unreadable {
        line: "The body has a content-encoding that the gateway does not read.".to_owned(),
        status: 415,
        message: message.to_owned(),
    };
    let encoding =
        encoding.map_err(|_| unsupported("This gateway reads request bodies in gzip, deflate, br and zstd."))?;
    if let Some(wanted) = endpoint.dialect.form().filter(|_| media.eq_ignore_ascii_case("multipart/form-data")) {
        if encoding.is_some() {
            return Err(unsupported("This gateway reads forms without content-encoding only."));
        }
        let mut form = Scanner::new(content_type.as_bytes(), wanted).map_err(|error| Unreadable::malformed(&error))?;
        form.push(&call.body).and_then(|()| form.finish()).map_err(|error| Unreadable::malformed(&error))?;
        let request = Request::of_form(endpoint, &form, &call.body);
        let note = match endpoint.dialect.is_upload() {
            true => "The body is a form: its texts and its file are read.".to_owned(),
            false => "The body is a form: its texts are read, its files pass unread.".to_owned(),
        };
        return Ok((View { request, body: Cow::Borrowed(&call.body) }, vec![note]));
    }
    let size = call.body.len();
    if size > limits.max_request_bytes {
        let line = format!("The body has {size} bytes, more than `limits.max_request_bytes`.");
        return Err(Unreadable::too_large(line, limits));
    }
    let (body, notes) = match encoding {
        None => (Cow::Borrowed(&*call.body), Vec::new()),
        Some(encoding) => {
            let caps = InflateLimits { max_bytes: limits.max_request_bytes, ..InflateLimits::default() };
            let body = inflate(encoding, &call.body, caps).map_err(|error| match error {
                InflateError::TooLarge | InflateError::TooDense => {
                    let line = "The decompressed body is larger than `limits.max_request_bytes`.".to_owned();
                    Unreadable::too_large(line, limits)
                }
                error => Unreadable::malformed(&error),
            })?;
            let note = format!("The body is compressed ({}): {size} of {} bytes.", encoding.name(), body.len());
            (Cow::Owned(body), vec![note])
        }
    };
    let request =
        Request::parse_at(endpoint, &body, &limits.for_parser()).map_err(|error| Unreadable::malformed(&error))?;
    Ok((View { request, body }, notes))
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
        TextKind::Document => "document",
        TextKind::Model => "model",
        _ => "other",
    }
}
