//! Requests that come as forms: their texts are read, their files pass, except those of an upload, which are texts themselves.
//!
//! A filter that judges texts holds a form until it is complete, or larger than the limit of requests. Any other holds
//! [`HELD_BYTES`] of it: by then its texts have usually come, and the remainder is a file. From there on its bytes are forwarded
//! as they arrive, and a text that follows a file is held and judged on its own. A filter that needs only the model forwards the
//! form as soon as the model is known. An upload above the limit passes only if nothing judges its file, or if unreadable
//! requests pass.

use std::rc::Rc;

use tollgate_llm::multipart::{Field, Scanner};
use tollgate_llm::{Endpoint, Request, Span};

use super::{CallHead, Held, HeldBody, Progress, admission, refuse_or_pass};
use crate::abi::{self, Buffer};
use crate::call::Call;
use crate::filter::{BodyMode, BodyScope, Exchange, Verdict};
use crate::headers::Head;
use crate::local_reply::LocalReply;
use crate::parse_cache::ParsedRequest;
use crate::plugin::Plugin;
use crate::property;
use crate::stream::{Admitted, FilterStatus, Next, State};
use crate::unreadable::{Disposition, Unreadable, UnreadableRequest};

/// Bytes of a form that are held, once its model is known, while more arrives, for filters that judge no texts.
///
/// Far below Envoy's buffer: Envoy hands on the data of a fast client in pieces of any size, and answers 413 itself if
/// the held bytes and such a piece exceed its limit (see "Buffer limits" in docs/deploying.md).
const HELD_BYTES: usize = 256 << 10;

/// Form that is held, of which `size` bytes have been scanned.
pub(super) struct FormBody {
    pub(super) size: usize,
    pub(super) scanner: Box<Scanner>,
}

/// Form whose first part has been forwarded.
pub(in crate::stream) struct LateForm {
    scanner: Box<Scanner>,
    /// Bytes that are held again because they may hold a text.
    held: usize,
    /// Numbers of fields and of other texts that were judged.
    judged: (usize, usize),
}

impl FormBody {
    /// Handles a body frame; Envoy holds `size` bytes of the body so far.
    pub(super) fn frame(mut self, plugin: &Rc<Plugin>, head: CallHead, size: usize, end: bool) -> Progress {
        let dialect = head.endpoint.dialect;
        if size > self.size {
            let Ok(bytes) = abi::get_buffer(Buffer::RequestBody, self.size, size - self.size) else {
                return Progress::Refuse(dialect, plugin.internal_error());
            };
            self.size = size;
            if let Err(error) = self.scanner.push(&bytes) {
                return refuse_or_pass(plugin, dialect, UnreadableRequest::malformed(&error));
            }
        }
        let limit = plugin.limits().max_request_bytes;
        let has_model =
            self.scanner.field("model").is_some() || head.endpoint.model.is_some() || !dialect.names_model();
        let is_enough = has_model && plugin.filter.body_scope() != BodyScope::Whole;
        let judges_texts = plugin.filter.judges_texts();
        // A service is asked about complete requests only, and a file is read when it is complete.
        let is_partial = has_model && !plugin.filter.makes_callouts() && !(judges_texts && dialect.is_upload());
        let held_bytes = if is_partial && !judges_texts { limit.min(HELD_BYTES) } else { limit };
        // A text that continues at the limit is held to its end, which is bounded.
        let is_pending = !is_enough && (size <= held_bytes || is_partial && self.scanner.is_in_text());
        if !end && (is_pending || has_trailers()) {
            return Progress::Held(Held { head, body: HeldBody::Form(self) });
        }
        if end {
            return FormBody { size, ..self }.complete(plugin, head);
        }
        if !is_partial {
            return refuse_or_pass(plugin, dialect, UnreadableRequest::too_large(limit));
        }
        let (mut progress, scanner) = decide(plugin, head, self.scanner, size);
        if let (Progress::Admit(call), Some(scanner)) = (&mut progress, scanner) {
            let judged = (scanner.fields().len(), scanner.others().len());
            call.late_form = Some(Box::new(LateForm { scanner, held: 0, judged }));
        }
        progress
    }

    /// Handles the end of a form that trailers follow.
    pub(super) fn trailers(self, plugin: &Rc<Plugin>, head: CallHead) -> Progress {
        property::set(property::TRAILERS, "1");
        self.complete(plugin, head)
    }

    #[inline(never)]
    fn complete(self, plugin: &Rc<Plugin>, head: CallHead) -> Progress {
        match self.scanner.finish() {
            Ok(()) => decide(plugin, head, self.scanner, self.size).0,
            Err(error) => refuse_or_pass(plugin, head.endpoint.dialect, UnreadableRequest::malformed(&error)),
        }
    }
}

/// Lets the filter judge the texts of a form, of which Envoy holds `size` bytes. Returns the scanner for the remainder.
#[inline(never)]
fn decide(plugin: &Rc<Plugin>, head: CallHead, scanner: Box<Scanner>, size: usize) -> (Progress, Option<Box<Scanner>>) {
    let body = if size == 0 { Some(Vec::new()) } else { admission::held_body(plugin, size) };
    let Some(body) = body else {
        return (Progress::Refuse(head.endpoint.dialect, plugin.internal_error()), None);
    };
    let endpoint = head.endpoint.clone();
    let view = Request::of_form(&endpoint, &scanner, &body);
    // Of an upload, `admission` has reported the files that are no texts.
    let is_read = endpoint.dialect.is_upload() || !scanner.has_files() && scanner.finish().is_ok();
    let mut parsed = ParsedRequest { view, body, endpoint, is_whole: true, form: Some(scanner) };
    let mut progress = admission::decide(plugin, head, &parsed, size, None);
    if let Progress::Wait(waiting) = &mut progress {
        waiting.form = parsed.form.take();
        return (progress, None);
    }
    if matches!(progress, Progress::Admit(_)) && plugin.filter.body_scope() == BodyScope::Whole && !is_read {
        plugin.report_unscanned(Unreadable::RequestForm);
    }
    (progress, parsed.form.take())
}

impl Admitted {
    /// Handles a body frame of an admitted request: only a form still has texts to judge, and only at its end it is
    /// certain that it has no second model.
    pub(in crate::stream) fn request_body(mut self: Box<Self>, plugin: &Rc<Plugin>, size: usize, end: bool) -> Next {
        let Some(mut form) = self.late_form.take() else { return (State::Admitted(self), FilterStatus::Continue) };
        let fresh = size.saturating_sub(form.held);
        let bytes = if fresh == 0 { Ok(Vec::new()) } else { abi::get_buffer(Buffer::RequestBody, form.held, fresh) };
        let Ok(bytes) = bytes else { return self.replied(&plugin.internal_error()) };
        let pushed = form.scanner.push(&bytes);
        if plugin.filter.body_scope() == BodyScope::Whole {
            form.held = if form.scanner.is_in_text() { size } else { 0 };
            if let Some(reply) = form.decide_late(plugin, &self.endpoint, self.settlement.exchange.as_mut()) {
                return self.replied(&reply);
            }
        }
        if plugin.refuses_request(form.held, end) {
            return match super::overload(plugin) {
                Some(reply) => self.replied(&reply),
                None => (State::Admitted(self), FilterStatus::Continue),
            };
        }
        if !end && has_trailers() {
            self.late_form = Some(form);
            return (State::Admitted(self), FilterStatus::StopIteration);
        }
        if end || pushed.is_err() {
            return self.end_form(plugin, &form.scanner);
        }
        let status = if form.held > 0 { FilterStatus::StopIteration } else { FilterStatus::Continue };
        self.late_form = Some(form);
        (State::Admitted(self), status)
    }

    /// Handles request trailers of an admitted request.
    pub(in crate::stream) fn request_trailers(mut self: Box<Self>, plugin: &Rc<Plugin>) -> Next {
        let Some(form) = self.late_form.take() else { return (State::Admitted(self), FilterStatus::Continue) };
        property::set(property::TRAILERS, "1");
        self.end_form(plugin, &form.scanner)
    }

    fn end_form(self: Box<Self>, plugin: &Plugin, scanner: &Scanner) -> Next {
        if let Err(error) = scanner.finish() {
            let UnreadableRequest { reason, reply } = UnreadableRequest::malformed(&error);
            // A reply here makes Envoy reset the upstream request, part of which has been sent.
            if plugin.dispose(reason, BodyMode::Enforce) == Disposition::Refuse {
                return self.replied(&reply);
            }
        }
        (State::Admitted(self), FilterStatus::Continue)
    }
}

impl LateForm {
    /// Returns the bytes that Envoy holds.
    pub(in crate::stream) fn size(&self) -> usize {
        self.held
    }

    /// Lets the filter judge the texts that have arrived since it last did. Returns the reply if they must not pass.
    fn decide_late(&mut self, plugin: &Plugin, endpoint: &Endpoint, exchange: &mut dyn Exchange) -> Option<LocalReply> {
        let (fields, others) = (self.scanner.fields(), self.scanner.others());
        let fresh = fields.iter().skip(self.judged.0).chain(others.iter().skip(self.judged.1));
        let parsed = request_of_texts(endpoint, fresh)?;
        self.judged = (fields.len(), others.len());
        let head = Head::default();
        let mut call = Call::new(plugin, &head, &parsed);
        match exchange.on_late_form_fields(&mut call) {
            Verdict::Reply(reply) => Some(*reply),
            Verdict::Continue if call.edits.is_empty() && !call.edits_overlap => None,
            Verdict::Continue => {
                let message = "A field of this form would have to be redacted, but follows a large file: send the \
                               fields of a form before its files.";
                Some(LocalReply::new(400, "unscannable", message))
            }
        }
    }
}

/// Returns `true` if the trailers have already arrived: a filter before this one held the form until then.
///
/// Data that is released in a body callback now would take the trailers along, and Envoy would send them once more for
/// that filter: a second end of the request, which an HTTP/1.1 upstream reads as the beginning of the next one (seen in
/// 1.40.0). The trailers callback follows.
fn has_trailers() -> bool {
    property::get(property::TRAILERS).is_some()
}

/// Returns a request that consists of these texts; `None` if there is none.
fn request_of_texts<'f>(endpoint: &Endpoint, texts: impl Iterator<Item = &'f Field>) -> Option<ParsedRequest> {
    let mut body = Vec::new();
    let mut fields = Vec::new();
    for text in texts {
        let start = body.len();
        body.extend_from_slice(text.value.as_bytes());
        fields.push(Field { span: Span::new(start, body.len()), ..text.clone() });
    }
    let view = Request::from_form(endpoint, &fields);
    (!fields.is_empty()).then(|| ParsedRequest { view, body, endpoint: endpoint.clone(), is_whole: true, form: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_llm::Dialect;

    #[test]
    fn late_texts_form_a_request_of_their_own() {
        let endpoint = Endpoint::from(Dialect::OpenAiTranscriptions);
        assert!(request_of_texts(&endpoint, [].iter()).is_none());
        let field =
            |name, value: &str, start| Field { name, value: value.to_owned(), span: Span::new(start, start + 1) };
        let texts = [field("prompt", "sa\u{e9}y", 900), field("", "\"x\"", 20)];
        let parsed = request_of_texts(&endpoint, texts.iter()).unwrap();
        let decoded: Vec<_> = parsed.view.texts.iter().map(|text| text.str.decode(&parsed.body).into_owned()).collect();
        assert_eq!(decoded, ["sa\u{e9}y", "\"x\""]);
    }
}
