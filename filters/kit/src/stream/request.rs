//! The request half: a request is held until it is complete, then judged.

mod admission;
mod candidate;
mod form;
mod json;
mod media;
mod owned_headers;
mod waiting;

use std::rc::Rc;

use tollgate_llm::{Dialect, Endpoint, PathClass, UnreadKind, has_escaped_slash, is_websocket_api};

use self::candidate::Candidate;
use self::form::FormBody;
use self::json::JsonBody;
use self::media::BodyFormat;
use self::owned_headers::Identity;
use super::Admitted;
use crate::filter::BodyMode;
use crate::headers::{Head, Headers};
use crate::local_reply::LocalReply;
use crate::plugin::{OVERLOADED, Plugin};
use crate::property;
use crate::unreadable::{Disposition, Unreadable, UnreadableRequest};

pub(super) use self::form::LateForm;
pub(super) use self::media::{charsets, is_utf8};
pub(super) use self::owned_headers::remove_from_trailers;
pub(super) use self::waiting::Waiting;

/// Facts of an LLM call that its head establishes.
pub(super) struct CallHead {
    endpoint: Endpoint,
    /// `true` in the first Tollgate filter of the chain.
    is_first: bool,
    headers: Head,
}

/// Request of an LLM call whose head and body Envoy holds.
pub(super) struct Held {
    head: CallHead,
    body: HeldBody,
}

/// Body that is held, by its format.
enum HeldBody {
    Json(JsonBody),
    Form(FormBody),
    /// The body decides whether the request is a call at all.
    Candidate(Candidate),
}

/// Result of a callback on a request that has not been judged yet.
pub(super) enum Progress {
    /// More of the request is needed.
    Held(Held),
    /// The filter needs responses to callouts.
    Wait(Box<Waiting>),
    /// The request passes unread.
    Pass,
    /// The request is refused before it was admitted.
    Refuse(Dialect, Box<LocalReply>),
    /// The filter has let the request pass.
    Admit(Box<Admitted>),
    /// The filter has refused the request, and settles it.
    Settle(Box<Admitted>, Box<LocalReply>),
    /// The filter has let the request pass, but its edits could not be made.
    Fail(Box<Admitted>, Box<LocalReply>),
}

/// Handles the request head.
pub(super) fn headers(plugin: &Rc<Plugin>, id: u32, end: bool) -> Progress {
    let mut head = Headers::REQUEST.read();
    let edge = owned_headers::enforce(&head, plugin.filter.identity_headers());
    if edge.has_changed {
        head = Headers::REQUEST.read();
    }
    if is_websocket(&head) && is_websocket_api(&plugin.limits().paths, &head.get(":path")) {
        return refuse_websocket(plugin, &head, edge.is_first);
    }
    let (method, path) = (head.get(":method"), head.get(":path"));
    let configured = plugin.filter.configured_endpoint(&method, &path);
    // A server that the policy names has no pages.
    let may_be_page = configured.is_none();
    let class = match configured {
        Some(endpoint) => PathClass::Call(endpoint),
        None => PathClass::of(&plugin.limits().paths, &method, &path, !end),
    };
    let endpoint = match class {
        PathClass::Call(endpoint) if may_be_page && is_page(&endpoint, &head) => {
            return not_a_call(plugin, &PathClass::Other, &path, edge.is_first, !end);
        }
        PathClass::Call(endpoint) => endpoint,
        class => return not_a_call(plugin, &class, &path, edge.is_first, !end),
    };
    drop((method, path));
    if !endpoint.is_certain {
        let call = CallHead { endpoint, is_first: edge.is_first, headers: head };
        return candidate::begin(plugin, id, call, edge.ambiguous);
    }
    let call = CallHead { endpoint, is_first: edge.is_first, headers: head };
    call_head(plugin, id, call, edge.ambiguous, end)
}

/// Handles the head of an LLM call.
fn call_head(plugin: &Rc<Plugin>, id: u32, call: CallHead, ambiguous: Option<Identity>, end: bool) -> Progress {
    let CallHead { endpoint, is_first, headers: head } = call;
    let dialect = endpoint.dialect;
    // An audit treats the call as one without a consumer.
    if let Some(identity) = ambiguous.filter(|_| !plugin.filter.is_audit()) {
        return Progress::Refuse(dialect, Box::new(owned_headers::ambiguous_identity(identity)));
    }
    if has_escaped_slash(Some(&endpoint), &head.get(":path")) {
        return escaped_slash(plugin, dialect);
    }
    if end && endpoint.may_be_bodiless() {
        let call = CallHead { endpoint, is_first, headers: head };
        return json::decide(plugin, call, Vec::new(), None);
    }
    let judges_texts = plugin.filter.judges_texts();
    if dialect.is_upload() && !judges_texts && !media::is_form(&head, dialect) {
        // Nothing needs the file, which may have any size.
        let call = CallHead { endpoint, is_first, headers: head };
        return json::decide(plugin, call, Vec::new(), None);
    }
    let format = match media::read(&head, plugin.limits(), dialect) {
        Ok(format) => format,
        Err(unreadable) => return refuse_or_pass(plugin, dialect, *unreadable),
    };
    let limit = plugin.limits().max_request_bytes;
    if dialect.is_upload() && judges_texts && head.number("content-length").is_some_and(|length: usize| length > limit)
    {
        return refuse_or_pass(plugin, dialect, UnreadableRequest::too_large(limit));
    }
    let call = CallHead { endpoint, is_first, headers: head };
    if end {
        return json::decide(plugin, call, Vec::new(), None);
    }
    let body = match format {
        BodyFormat::Json(encoding) => HeldBody::Json(JsonBody { size: 0, encoding }),
        BodyFormat::Form(scanner) => HeldBody::Form(FormBody { size: 0, scanner }),
    };
    plugin.watchdog.watch(id, dialect, is_first, call.headers.byte_size() as u64);
    Progress::Held(Held { head: call, body })
}

impl Held {
    /// Handles a body frame; Envoy holds `size` bytes of the body so far.
    pub(super) fn body(self, plugin: &Rc<Plugin>, size: usize, end: bool) -> Progress {
        let dialect = self.head.endpoint.dialect;
        // A body that waits for a service is held even if it is complete.
        if plugin.refuses_request(size, !plugin.filter.makes_callouts()) {
            return overloaded(plugin, dialect);
        }
        let progress = match self.body {
            HeldBody::Json(body) => body.frame(plugin, self.head, size, end),
            HeldBody::Form(body) => body.frame(plugin, self.head, size, end),
            HeldBody::Candidate(body) => body.frame(plugin, self.head, size, end),
        };
        match progress {
            Progress::Held(held) if plugin.refuses_request(size, false) && !held.is_received(size) => {
                overloaded(plugin, dialect)
            }
            progress => progress,
        }
    }

    /// Returns `true` if all of the body has arrived although its end has not been shown: over HTTP/1, Envoy shows it in a callback
    /// of its own right after. Over HTTP/2 a client can omit the end.
    #[cold]
    fn is_received(&self, size: usize) -> bool {
        is_http1() && self.head.headers.number("content-length") == Some(size)
    }

    /// Returns the bytes of the body that Envoy holds.
    pub(super) fn size(&self) -> usize {
        match &self.body {
            HeldBody::Json(body) => body.size,
            HeldBody::Form(body) => body.size,
            HeldBody::Candidate(body) => body.size(),
        }
    }

    /// Handles the end of a body that trailers follow.
    pub(super) fn trailers(self, plugin: &Rc<Plugin>) -> Progress {
        match self.body {
            HeldBody::Json(body) => body.complete(plugin, self.head),
            HeldBody::Form(body) => body.trailers(plugin, self.head),
            HeldBody::Candidate(body) => body.complete(plugin, self.head),
        }
    }
}

/// Returns `true` for a `GET` of a browser on a path such as those of MCP servers: it asks for a page. Servers also stream to clients
/// that accept anything.
fn is_page(endpoint: &Endpoint, head: &Head) -> bool {
    let is_get = endpoint.dialect == Dialect::Mcp && head.get(":method").eq_ignore_ascii_case(b"GET");
    let accept = head.get("accept").to_ascii_lowercase();
    let accepts = |media: &[u8]| accept.windows(media.len()).any(|part| part == media);
    is_get && !accepts(b"text/event-stream") && (accept.is_empty() || accepts(b"text/html"))
}

/// Decides on a request that is no call.
#[cold]
fn not_a_call(plugin: &Plugin, class: &PathClass, path: &[u8], is_first: bool, has_body: bool) -> Progress {
    match *class {
        PathClass::Call(_) => {
            debug_assert!(false, "a call is read");
            unread(plugin, UnreadableRequest::unknown_path(), Dialect::OpenAiChat, is_first)
        }
        PathClass::Unread { dialect, is_certain: true, .. } if has_escaped_slash(None, path) => {
            escaped_slash(plugin, dialect)
        }
        PathClass::Unread { kind: UnreadKind::Batch, dialect, .. } if has_body && plugin.filter.refuses_batches() => {
            refuse_batch(plugin, dialect)
        }
        PathClass::Unread { kind, dialect, is_certain: true } => {
            unread(plugin, UnreadableRequest::unread_path(kind), dialect, is_first)
        }
        // Its receiver may take it for a path that is not open.
        PathClass::Open { .. } if has_escaped_slash(None, path) => escaped_slash(plugin, Dialect::OpenAiChat),
        // A request that asks for something that nobody knows may get a text.
        PathClass::Open { is_listed } => {
            if is_first && (has_body || !is_listed) {
                plugin.report_unscanned(Unreadable::UnreadPath);
            }
            Progress::Pass
        }
        // The dialect of errors where none is known.
        PathClass::Other | PathClass::Unread { .. } if has_body => {
            unread(plugin, UnreadableRequest::unknown_path(), Dialect::OpenAiChat, is_first)
        }
        PathClass::Other | PathClass::Unread { .. } => Progress::Pass,
    }
}

/// Decides on a request that is not read.
fn unread(plugin: &Plugin, request: UnreadableRequest, dialect: Dialect, is_first: bool) -> Progress {
    let UnreadableRequest { reason, reply } = request;
    match reason.disposition(plugin.limits(), BodyMode::Enforce) {
        Disposition::Refuse => {
            plugin.count_refused(reason.name());
            Progress::Refuse(dialect, Box::new(reply))
        }
        Disposition::Pass => {
            // Every filter of the chain sees the request; it is reported once.
            if is_first {
                plugin.report_unscanned(reason);
            }
            Progress::Pass
        }
    }
}

/// Returns `true` if a request asks for a WebSocket: over HTTP/1.1 (RFC 6455), to which Envoy converts extended CONNECT of HTTP/2
/// (RFC 8441), or in that form.
fn is_websocket(head: &Head) -> bool {
    let names = |value: &[u8]| {
        value.split(|byte| *byte == b',').any(|name| {
            let name = name.trim_ascii();
            let protocol = name.split(|byte| *byte == b'/').next().unwrap_or_default();
            protocol.eq_ignore_ascii_case(b"websocket")
        })
    };
    names(&head.get("upgrade")) || names(&head.get(":protocol"))
}

/// Refuses a WebSocket to a model, whose messages no filter could read. An audit lets it pass.
#[cold]
fn refuse_websocket(plugin: &Plugin, head: &Head, is_first: bool) -> Progress {
    if plugin.filter.is_audit() {
        if is_first {
            plugin.report_unscanned(Unreadable::Path);
        }
        return Progress::Pass;
    }
    let UnreadableRequest { reason, reply } = UnreadableRequest::websocket();
    plugin.count_refused(reason.name());
    // RFC 9110, 15.5.22: the response names the protocol to use. HTTP/2 has no such headers.
    let names = [("connection", "upgrade"), ("upgrade", "HTTP/1.1")];
    let names = names.into_iter().filter(|_| is_http1()).map(|(name, value)| (name.to_owned(), value.to_owned()));
    let reply = reply.with_headers(names.collect());
    let path = head.get(":path");
    let endpoint = Endpoint::detect(b"POST", &path).or_else(|| Endpoint::detect(b"GET", &path));
    Progress::Refuse(endpoint.map_or(Dialect::OpenAiChat, |endpoint| endpoint.dialect), Box::new(reply))
}

/// Returns `true` if the client speaks HTTP/1.
fn is_http1() -> bool {
    property::attribute(&["request", "protocol"]).is_some_and(|protocol| protocol.starts_with(b"HTTP/1"))
}

/// Refuses a path with an escaped slash.
#[cold]
fn escaped_slash(plugin: &Plugin, dialect: Dialect) -> Progress {
    let UnreadableRequest { reason, reply } = UnreadableRequest::escaped_slash();
    plugin.count_refused(reason.name());
    Progress::Refuse(dialect, Box::new(reply))
}

/// Refuses a batch, whose work would count in no budget.
#[cold]
fn refuse_batch(plugin: &Plugin, dialect: Dialect) -> Progress {
    let UnreadableRequest { reason, reply } = UnreadableRequest::batch();
    plugin.count_refused(reason.name());
    Progress::Refuse(dialect, Box::new(reply))
}

/// Refuses a request beyond what this worker may hold. An audit lets it pass.
fn overloaded(plugin: &Plugin, dialect: Dialect) -> Progress {
    overload(plugin).map_or(Progress::Pass, |reply| Progress::Refuse(dialect, Box::new(reply)))
}

/// Returns the reply to a request beyond what this worker may hold; `None` if an audit lets it pass.
#[cold]
fn overload(plugin: &Plugin) -> Option<LocalReply> {
    if plugin.filter.is_audit() {
        plugin.report_unscanned(Unreadable::RequestTooLarge);
        return None;
    }
    plugin.count_refused(OVERLOADED);
    Some(LocalReply::overloaded())
}

/// Decides on a request that cannot be read.
#[cold]
fn refuse_or_pass(plugin: &Plugin, dialect: Dialect, unreadable: UnreadableRequest) -> Progress {
    match plugin.dispose(unreadable.reason, BodyMode::Enforce) {
        Disposition::Refuse => Progress::Refuse(dialect, Box::new(unreadable.reply)),
        Disposition::Pass => Progress::Pass,
    }
}
