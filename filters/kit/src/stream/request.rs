//! The request half of a stream.

use std::rc::Rc;

use tollgate_llm::content_encoding::{ContentEncoding, InflateError, InflateLimits, inflate};
use tollgate_llm::multipart::FormErrorKind;
use tollgate_llm::{Endpoint, ErrorKind, Request};

use super::head::{self, Body, malformed, too_large};
use super::{Phase, Step, Stream};
use crate::abi::{self, Buffer};
use crate::call::Call;
use crate::config::OnUnscannable;
use crate::filter::{Needs, Verdict};
use crate::headers::{Head, Headers};
use crate::plugin::{Plugin, Unscanned};
use crate::property;
use crate::recent::Parsed;
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

/// So many bytes of a body are looked at first where only its model is needed.
const MODEL_BYTES: usize = 4 << 10;

impl Stream {
    pub(crate) fn request_headers(&mut self, end: bool) -> Step {
        let Some(plugin) = self.plugin.clone() else {
            return self.reply(&Reply::internal());
        };
        let head = Headers::REQUEST.read();
        self.strip_owned_headers(&head);
        self.endpoint = Endpoint::detect(&head.get(":method"), &head.get(":path"));
        let Some(dialect) = self.dialect() else {
            return if end { Step::Continue } else { self.unknown_path(&plugin) };
        };
        let body = match head::read(&head, plugin.limits(), dialect) {
            Ok(body) => body,
            Err(unreadable) => {
                let (reason, reply) = *unreadable;
                return self.unscannable(&plugin, reason, reply);
            }
        };
        if end {
            return self.judge(&plugin, Vec::new(), None);
        }
        self.phase = match body {
            Body::Json(encoding) => Phase::Holding { size: 0, encoding },
            Body::Form(scanner) => Phase::Form { size: 0, scanner },
        };
        plugin.watchdog.watch(self.id, dialect);
        Step::Hold
    }

    pub(crate) fn request_body(&mut self, size: usize, end: bool) -> Step {
        let Some(plugin) = self.plugin.clone() else {
            return Step::Hold;
        };
        let encoding = match &mut self.phase {
            Phase::Holding { encoding, .. } => *encoding,
            Phase::Form { .. } => return self.form_bytes(&plugin, size, end),
            Phase::Rest(_) => return self.rest_of_form(&plugin, size, end),
            Phase::Replied => return Step::Hold,
            Phase::Passing | Phase::Admitted => return Step::Continue,
        };
        plugin.watchdog.release(self.id);
        let limit = plugin.limits().max_request_bytes;
        if size > limit {
            return self.unscannable(&plugin, Unscanned::RequestTooLarge, too_large(limit));
        }
        if end {
            return self.judge_held(&plugin, size, encoding);
        }
        self.phase = Phase::Holding { size, encoding };
        Step::Hold
    }

    /// With trailers no body callback ever says that the body has ended: this one does.
    pub(crate) fn request_trailers(&mut self) -> Step {
        let Some(plugin) = self.plugin.clone() else {
            return Step::Hold;
        };
        match std::mem::replace(&mut self.phase, Phase::Passing) {
            Phase::Holding { size, encoding } => {
                plugin.watchdog.release(self.id);
                self.judge_held(&plugin, size, encoding)
            }
            Phase::Form { size, scanner } => {
                plugin.watchdog.release(self.id);
                property::set(property::TRAILERS, "1");
                self.end_form(&plugin, *scanner, size)
            }
            Phase::Rest(rest) => {
                property::set(property::TRAILERS, "1");
                self.phase = Phase::Admitted;
                self.check_rest(&plugin, &rest.scanner)
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
    fn strip_owned_headers(&mut self, head: &Head) {
        if property::get(property::EDGE).is_some() {
            return;
        }
        self.edge = true;
        // Every request has a path: a head without one was not read.
        let is_known = head.has(":path");
        for name in OWNED_HEADERS.into_iter().filter(|name| !is_known || head.has(name)) {
            if let Err(status) = Headers::REQUEST.remove(name) {
                log::error!("tollgate: header {name} not removed: {status}");
            }
        }
        property::set(property::EDGE, "1");
    }

    /// A body that goes to a path that is no LLM call as far as Tollgate knows.
    fn unknown_path(&mut self, plugin: &Plugin) -> Step {
        if plugin.limits().on_unknown_path == OnUnscannable::Refuse {
            plugin.count_refused(Unscanned::Path.name());
            let message = "This gateway does not know this path.";
            return self.reply(&Reply::invalid_request(404, "unknown_path", message).with_code("unknown_url"));
        }
        if self.edge {
            plugin.report_unscanned(Unscanned::Path);
        }
        Step::Continue
    }

    pub(super) fn unscannable(&mut self, plugin: &Plugin, reason: Unscanned, reply: Reply) -> Step {
        match plugin.limits().on_unscannable {
            OnUnscannable::Refuse => {
                plugin.count_refused(reason.name());
                self.reply(&reply)
            }
            OnUnscannable::Pass => {
                self.phase = Phase::Passing;
                plugin.report_unscanned(reason);
                Step::Continue
            }
        }
    }

    pub(super) fn failed(&mut self, plugin: &Plugin) -> Step {
        plugin.count_refused("internal");
        self.reply(&Reply::internal())
    }

    // === JSON ===

    /// The body is complete: reads the `size` bytes that Envoy holds of it. Not before: what is held here as well would
    /// fill the memory of the virtual machine (1 GiB, shared by all streams of a worker) while clients send slowly.
    fn judge_held(&mut self, plugin: &Rc<Plugin>, size: usize, encoding: Option<ContentEncoding>) -> Step {
        if size == 0 {
            return self.judge(plugin, Vec::new(), None);
        }
        if let Some(parsed) = self.model_only(plugin, size, encoding) {
            return self.decide(plugin, &parsed, size, encoding);
        }
        match held(plugin, size) {
            Some(body) => self.judge(plugin, body, encoding),
            None => self.failed(plugin),
        }
    }

    /// The model alone, where the filter needs no more and the rest need not be read: what stands behind it was read by
    /// a filter before this one, which has refused a second model, or the filter does not mind.
    fn model_only(&self, plugin: &Plugin, size: usize, encoding: Option<ContentEncoding>) -> Option<Parsed> {
        let Needs::Model { first } = plugin.filter.needs() else { return None };
        let endpoint = self.endpoint.as_ref()?;
        let is_read = !self.edge && property::get(property::UNSCANNED).is_none();
        if !(first || is_read) || encoding.is_some() {
            return None;
        }
        let body = abi::get_buffer(Buffer::RequestBody, 0, size.min(MODEL_BYTES)).ok()?;
        let model = Request::model_only(&body, &plugin.parser_limits);
        let model = match model {
            Ok(Some(model)) => Some(model),
            _ if endpoint.model.is_some() => None,
            _ => return None,
        };
        let view = Request::of_model(endpoint, model);
        Some(Parsed { view, body, endpoint: endpoint.clone(), is_whole: false, form: None })
    }

    /// The body is complete: lets the filter judge it.
    fn judge(&mut self, plugin: &Rc<Plugin>, body: Vec<u8>, encoding: Option<ContentEncoding>) -> Step {
        let Some(endpoint) = &self.endpoint else {
            return Step::Continue;
        };
        let size = body.len();
        let limit = plugin.limits().max_request_bytes;
        let body = match encoding {
            None => body,
            Some(encoding) => {
                match inflate(encoding, &body, InflateLimits { max_bytes: limit, ..InflateLimits::default() }) {
                    Ok(body) => body,
                    Err(InflateError::TooLarge | InflateError::TooDense) => {
                        return self.unscannable(plugin, Unscanned::RequestTooLarge, too_large(limit));
                    }
                    Err(error) => return self.unscannable(plugin, Unscanned::RequestEncoding, malformed(&error)),
                }
            }
        };
        match plugin.recent.parse(endpoint, body, &plugin.parser_limits) {
            Ok(parsed) => self.decide(plugin, &parsed, size, encoding),
            Err(error) => {
                let mut reply = malformed(&error);
                if let ErrorKind::WrongType(field) = error.kind {
                    reply.param = Some(field);
                    reply.code = Some("invalid_type");
                }
                self.unscannable(plugin, Unscanned::Malformed, reply)
            }
        }
    }

    // === the verdict ===

    /// Lets the filter judge a request, of whose body `size` bytes are held, and carries the verdict out.
    pub(super) fn decide(
        &mut self,
        plugin: &Rc<Plugin>,
        parsed: &Parsed,
        size: usize,
        encoding: Option<ContentEncoding>,
    ) -> Step {
        self.streamed = parsed.view.stream;
        let mut call = Call::new(parsed);
        if self.edge {
            publish(&call, parsed.is_whole);
        }
        let mut exchange = Rc::clone(&plugin.filter).exchange();
        if let Verdict::Reply(reply) = exchange.on_request(&mut call) {
            return self.reply(&reply);
        }
        publish_model(&call, self.edge);
        let headers = Headers::REQUEST;
        if exchange.reads_response() && headers.get("accept-encoding").is_some() {
            // An answer that comes compressed costs inflating, or could not be read.
            if let Err(status) = headers.set("accept-encoding", "identity") {
                log::warn!("tollgate: {}: accept-encoding not set: {status}", plugin.name);
            }
        }
        // From here on the exchange is settled in `log`, also if the edit fails.
        self.exchange = Some(exchange);
        if call.edits_overlap {
            log::error!("tollgate: {}: overlapping edits", plugin.name);
            return self.failed(plugin);
        }
        if !call.edits.is_empty() {
            let whole = if parsed.is_whole { None } else { held(plugin, size) };
            let edited = call.edits.apply(whole.as_ref().unwrap_or(&parsed.body));
            if !parsed.is_whole && whole.is_none() {
                return self.failed(plugin);
            }
            if parsed.form.as_ref().is_some_and(|form| !form.is_same_form(&edited)) {
                // What a redaction took out of a field has brought a boundary together: a client made it so.
                plugin.count_refused(Unscanned::Malformed.name());
                return self.reply(&malformed(&FormErrorKind::Malformed));
            }
            if let Err(status) = replace_body(headers, size, &edited, encoding.is_some()) {
                log::error!("tollgate: {}: request body not replaced: {status}", plugin.name);
                return self.failed(plugin);
            }
        }
        self.phase = Phase::Admitted;
        Step::Continue
    }
}

/// The `size` bytes of the body that Envoy holds.
pub(super) fn held(plugin: &Plugin, size: usize) -> Option<Vec<u8>> {
    match abi::get_buffer(Buffer::RequestBody, 0, size) {
        Ok(body) if body.len() == size => Some(body),
        Ok(body) => {
            log::error!("tollgate: {}: request body of {size} bytes has {}", plugin.name, body.len());
            None
        }
        Err(status) => {
            log::error!("tollgate: {}: request body not readable: {status}", plugin.name);
            None
        }
    }
}

/// What every log line of an LLM call has, whichever filters are in the chain.
fn publish(call: &Call<'_>, is_whole: bool) {
    property::set(property::DIALECT, call.view().dialect.name());
    if is_whole {
        property::set(property::STREAM, if call.view().stream { "true" } else { "false" });
    }
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

/// Puts another body in place of the `size` bytes that are held, perhaps the first of more to come. An HTTP/1.1 upstream
/// that were left with the old `content-length` would read the rest of the body as the next request. What was compressed
/// goes on as it is now: without.
fn replace_body(headers: Headers, size: usize, body: &[u8], was_encoded: bool) -> Result<(), abi::Status> {
    abi::set_buffer(Buffer::RequestBody, 0, size, body)?;
    if was_encoded {
        headers.remove("content-encoding")?;
    }
    if let Some(length) = headers.get("content-length") {
        let said = std::str::from_utf8(&length).ok().and_then(|length| length.trim().parse::<usize>().ok());
        let length = said.unwrap_or(size).saturating_sub(size).saturating_add(body.len());
        headers.set("content-length", length.to_string())?;
    }
    Ok(())
}
