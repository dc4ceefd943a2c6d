//! The request half of a stream.

use std::rc::Rc;

use tollgate_llm::{Endpoint, ErrorKind};

use super::{Phase, Step, Stream};
use crate::abi::{self, Buffer};
use crate::call::Call;
use crate::config::OnUnscannable;
use crate::filter::Verdict;
use crate::headers::Headers;
use crate::plugin::{Plugin, Unscanned};
use crate::property;
use crate::reply::Reply;

/// Headers that only Tollgate may set: a client that sent one could choose its own route or upstream.
const OWNED_HEADERS: [&str; 12] = [
    "x-tollgate-model",
    "x-tollgate-route",
    "x-tollgate-prefix-hash",
    "x-gateway-model-name",
    "x-gateway-model-name-rewrite",
    "x-gateway-base-model-name",
    "x-gateway-inference-objective",
    "x-gateway-inference-fairness-id",
    "x-gateway-destination-endpoint",
    "x-gateway-destination-endpoint-subset",
    "x-gateway-destination-endpoint-fallback",
    "x-gateway-destination-endpoint-served",
];

impl Stream {
    pub(crate) fn request_headers(&mut self, end: bool) -> Step {
        let Some(plugin) = self.plugin.clone() else {
            return self.reply(&Reply::internal());
        };
        self.strip_owned_headers();
        let headers = Headers::REQUEST;
        let method = headers.get(":method").unwrap_or_default();
        let path = headers.get(":path").unwrap_or_default();
        self.endpoint = Endpoint::detect(&method, &path);
        if self.endpoint.is_none() {
            return if end { Step::Continue } else { self.unknown_path(&plugin) };
        }
        if let Some((reason, reply)) = unreadable(headers, &plugin) {
            return self.unscannable(&plugin, reason, reply);
        }
        if end {
            return self.judge(&plugin, Vec::new());
        }
        self.phase = Phase::Holding(0);
        plugin.watchdog.watch(self.id);
        Step::Hold
    }

    pub(crate) fn request_body(&mut self, size: usize, end: bool) -> Step {
        let Some(plugin) = self.plugin.clone() else {
            return Step::Hold;
        };
        match self.phase {
            Phase::Holding(_) => {}
            Phase::Replied => return Step::Hold,
            Phase::Passing | Phase::Admitted => return Step::Continue,
        }
        plugin.watchdog.release(self.id);
        let limit = plugin.limits().max_request_bytes;
        if size > limit {
            return self.unscannable(&plugin, Unscanned::RequestTooLarge, too_large(limit));
        }
        if end {
            return self.judge_held(&plugin, size);
        }
        self.phase = Phase::Holding(size);
        Step::Hold
    }

    /// With trailers no body callback ever says that the body has ended: this one does.
    pub(crate) fn request_trailers(&mut self) -> Step {
        let Some(plugin) = self.plugin.clone() else {
            return Step::Hold;
        };
        match std::mem::replace(&mut self.phase, Phase::Passing) {
            Phase::Holding(size) => {
                plugin.watchdog.release(self.id);
                self.judge_held(&plugin, size)
            }
            Phase::Replied => {
                self.phase = Phase::Replied;
                Step::Hold
            }
            phase @ (Phase::Passing | Phase::Admitted) => {
                self.phase = phase;
                Step::Continue
            }
        }
    }

    /// The first Tollgate filter of the chain removes what only Tollgate may set, and leaves word that it has: a later
    /// one would remove what an earlier one has set.
    fn strip_owned_headers(&mut self) {
        if property::get(property::EDGE).is_some() {
            return;
        }
        self.edge = true;
        for name in OWNED_HEADERS {
            if let Err(status) = Headers::REQUEST.remove(name) {
                log::error!("tollgate: header {name} not removed: {status}");
            }
        }
        property::set(property::EDGE, "1");
    }

    /// A body that goes to a path that is no LLM call as far as Tollgate knows.
    fn unknown_path(&mut self, plugin: &Plugin) -> Step {
        if plugin.limits().on_unknown_path == OnUnscannable::Refuse {
            let message = "This gateway does not know this path.";
            return self.reply(&Reply::invalid_request(404, "unknown_path", message).with_code("unknown_url"));
        }
        if self.edge {
            plugin.report_unscanned(Unscanned::Path);
        }
        Step::Continue
    }

    fn unscannable(&mut self, plugin: &Plugin, reason: Unscanned, reply: Reply) -> Step {
        match plugin.limits().on_unscannable {
            OnUnscannable::Refuse => self.reply(&reply),
            OnUnscannable::Pass => {
                self.phase = Phase::Passing;
                plugin.report_unscanned(reason);
                Step::Continue
            }
        }
    }

    /// The body is complete: reads the `size` bytes that Envoy holds of it. Not before: what is held here as well would
    /// fill the memory of the virtual machine (1 GiB, shared by all streams of a worker) while clients send slowly.
    fn judge_held(&mut self, plugin: &Rc<Plugin>, size: usize) -> Step {
        if size == 0 {
            return self.judge(plugin, Vec::new());
        }
        match abi::get_buffer(Buffer::RequestBody, 0, size) {
            Ok(body) if body.len() == size => self.judge(plugin, body),
            Ok(body) => {
                log::error!("tollgate: {}: request body of {size} bytes has {}", plugin.name, body.len());
                self.reply(&Reply::internal())
            }
            Err(status) => {
                log::error!("tollgate: {}: request body not readable: {status}", plugin.name);
                self.reply(&Reply::internal())
            }
        }
    }

    /// The body is complete: lets the filter judge it, and carries the verdict out.
    fn judge(&mut self, plugin: &Rc<Plugin>, body: Vec<u8>) -> Step {
        let Some(endpoint) = &self.endpoint else {
            return Step::Continue;
        };
        let size = body.len();
        let parsed = match plugin.recent.parse(endpoint, body, &plugin.parser_limits) {
            Ok(parsed) => parsed,
            Err(error) => return self.unscannable(plugin, Unscanned::Malformed, malformed(&error)),
        };
        self.streamed = parsed.view.stream;
        let mut call = Call::new(&parsed);
        if self.edge {
            publish(&call);
        }
        let mut exchange = Rc::clone(&plugin.filter).exchange();
        if let Verdict::Reply(reply) = exchange.on_request(&mut call) {
            return self.reply(&reply);
        }
        publish_model(&call, self.edge);
        let headers = Headers::REQUEST;
        if exchange.reads_response() && headers.get("accept-encoding").is_some() {
            // An answer that comes compressed could not be read.
            if let Err(status) = headers.set("accept-encoding", "identity") {
                log::warn!("tollgate: {}: accept-encoding not set: {status}", plugin.name);
            }
        }
        // From here on the exchange is settled in `log`, also if the edit fails.
        self.exchange = Some(exchange);
        if call.edits_overlap {
            log::error!("tollgate: {}: overlapping edits", plugin.name);
            return self.reply(&Reply::internal());
        }
        if !call.edits.is_empty() {
            let edited = call.edits.apply(&parsed.body);
            if let Err(status) = replace_body(headers, size, &edited) {
                log::error!("tollgate: {}: request body not replaced: {status}", plugin.name);
                return self.reply(&Reply::internal());
            }
        }
        self.phase = Phase::Admitted;
        Step::Continue
    }
}

/// What the head already says about whether the body can be read.
fn unreadable(headers: Headers, plugin: &Plugin) -> Option<(Unscanned, Reply)> {
    if let Some(encoding) = headers.get("content-encoding")
        && !encoding.is_empty()
        && !encoding.eq_ignore_ascii_case(b"identity")
    {
        let reply = Reply::invalid_request(
            415,
            "unscannable",
            "This gateway does not accept compressed request bodies: send the body without content-encoding.",
        );
        return Some((Unscanned::RequestEncoding, reply));
    }
    if headers.get("content-type").is_some_and(|content_type| !is_utf8(&content_type)) {
        let message = "This gateway reads JSON in UTF-8 only: send the body without another charset.";
        return Some((Unscanned::RequestEncoding, Reply::invalid_request(415, "unscannable", message)));
    }
    let limit = plugin.limits().max_request_bytes;
    let length = headers.get_ascii("content-length").and_then(|length| length.parse::<usize>().ok());
    length.is_some_and(|length| length > limit).then(|| (Unscanned::RequestTooLarge, too_large(limit)))
}

/// JSON is UTF-8 (RFC 8259, 8.1), but there are servers that decode it by the charset they are told: what is read here
/// would not be what they read.
fn is_utf8(content_type: &[u8]) -> bool {
    content_type.split(|&byte| matches!(byte, b';' | b',')).skip(1).all(|parameter| {
        let mut halves = parameter.splitn(2, |&byte| byte == b'=').map(<[u8]>::trim_ascii);
        let is_charset = halves.next().is_some_and(|name| name.eq_ignore_ascii_case(b"charset"));
        let value = halves.next().unwrap_or_default();
        let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        !is_charset || [&b"utf-8"[..], b"utf8", b"us-ascii"].iter().any(|known| value.eq_ignore_ascii_case(known))
    })
}

fn too_large(limit: usize) -> Reply {
    let message = format!("The request body is larger than this gateway accepts ({limit} bytes).");
    Reply::invalid_request(413, "too_large", message).with_code("request_too_large")
}

fn malformed(error: &tollgate_llm::Error) -> Reply {
    let mut reply =
        Reply::invalid_request(400, "malformed", format!("The request body is not a chat completion: {error}."));
    if let ErrorKind::WrongType(field) = error.kind {
        reply.param = Some(field);
        reply.code = Some("invalid_type");
    }
    reply
}

/// What every log line of an LLM call has, whichever filters are in the chain.
fn publish(call: &Call<'_>) {
    property::set(property::DIALECT, call.view().dialect.name());
    property::set(property::STREAM, if call.view().stream { "true" } else { "false" });
    property::set(property::VERDICT, "allow");
}

/// The model the client asked for. The client chose the name, so it may be what a rule blocks or redacts: it is
/// published by the first filter that lets it pass as it is.
fn publish_model(call: &Call<'_>, edge: bool) {
    let Some(model) = call.model() else { return };
    let edited =
        call.view().path_model.is_none() && call.view().model.is_some_and(|model| call.edits.touch(model.span));
    if !edited && (edge || property::get(property::MODEL).is_none()) {
        property::set_name(property::MODEL, &model);
    }
}

/// Puts another body in place of the `size` bytes that are held. An HTTP/1.1 upstream that were left with the old
/// `content-length` would read the rest of the body as the next request.
fn replace_body(headers: Headers, size: usize, body: &[u8]) -> Result<(), abi::Status> {
    abi::set_buffer(Buffer::RequestBody, 0, size, body)?;
    if headers.get("content-length").is_some() {
        headers.set("content-length", body.len().to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_utf8_is_read() {
        for (content_type, want) in [
            ("application/json", true),
            ("application/json; charset=utf-8", true),
            ("application/json;charset=\"UTF-8\"; x=y", true),
            ("text/plain; charset=us-ascii", true),
            ("", true),
            ("application/json; charset=utf-7", false),
            ("application/json; CharSet = \"utf-16le\"", false),
            ("application/json; charset=utf-8; charset=utf-7", false),
            ("application/json; charset=", false),
            ("application/json, application/json;charset=utf-32", false),
        ] {
            assert_eq!(is_utf8(content_type.as_bytes()), want, "{content_type}");
        }
    }
}
