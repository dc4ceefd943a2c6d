//! Requests that come as forms: their texts are read, and their files pass without being kept.
//!
//! A form is held until it is complete, or until so much of it is there that its texts have come, as a rule, and what is
//! more is a file. From there on its bytes go upstream as they come, and what turns out to be text behind a file is held
//! and judged by itself. A filter that needs no more than the model lets go as soon as that is there.

use std::rc::Rc;

use tollgate_llm::multipart::{Field, Scanner};
use tollgate_llm::{Endpoint, Request, Span};

use super::head::{malformed, too_large};
use super::request::held;
use super::{Phase, Step, Stream};
use crate::abi::{self, Buffer};
use crate::call::Call;
use crate::config::OnUnscannable;
use crate::filter::{Needs, Verdict};
use crate::plugin::{Plugin, Unscanned};
use crate::property;
use crate::recent::Parsed;
use crate::reply::Reply;

/// Bytes of a form that are held, model and all, while more comes. Far below what Envoy buffers: it hands on what a fast client
/// sends in pieces of any size, and answers 413 itself if what is held and such a piece are too much (see "Buffer limits" in
/// docs/deploying.md).
const HELD_BYTES: usize = 256 << 10;

/// A form of which a part has gone upstream.
pub(super) struct Rest {
    pub(super) scanner: Scanner,
    /// Bytes that are held again, since a text may be in them.
    held: usize,
    /// How many fields and other texts were judged.
    judged: (usize, usize),
}

impl Stream {
    /// More of a form has come, of which `size` bytes are held.
    pub(super) fn form_bytes(&mut self, plugin: &Rc<Plugin>, size: usize, end: bool) -> Step {
        plugin.watchdog.release(self.id);
        let Phase::Form { size: seen, scanner } = &mut self.phase else { return Step::Continue };
        if size > *seen {
            let Ok(bytes) = abi::get_buffer(Buffer::RequestBody, *seen, size - *seen) else {
                return self.failed(plugin);
            };
            *seen = size;
            if let Err(error) = scanner.push(&bytes) {
                return self.unscannable(plugin, Unscanned::Malformed, malformed(&error));
            }
        }
        let limit = plugin.limits().max_request_bytes;
        let has_model =
            scanner.field("model").is_some() || self.endpoint.as_ref().is_some_and(|endpoint| endpoint.model.is_some());
        let is_enough = has_model && plugin.filter.needs() != Needs::Everything;
        let bytes = if has_model { limit.min(HELD_BYTES) } else { limit };
        // Where a text goes on at the limit, it is held to its end, which is bounded.
        if !end && !is_enough && (size <= bytes || has_model && scanner.is_in_text()) {
            return Step::Hold;
        }
        if !end && has_trailers() {
            return Step::Hold;
        }
        let scanner = scanner.as_ref().clone();
        if end {
            return self.end_form(plugin, scanner, size);
        }
        if !has_model {
            return self.unscannable(plugin, Unscanned::RequestTooLarge, too_large(limit));
        }
        let step = self.judge_form(plugin, &scanner, size);
        if matches!(self.phase, Phase::Admitted) {
            let judged = (scanner.fields().len(), scanner.others().len());
            self.phase = Phase::Rest(Box::new(Rest { scanner, held: 0, judged }));
        }
        step
    }

    pub(super) fn end_form(&mut self, plugin: &Rc<Plugin>, scanner: Scanner, size: usize) -> Step {
        match scanner.finish() {
            Ok(()) => self.judge_form(plugin, &scanner, size),
            Err(error) => self.unscannable(plugin, Unscanned::Malformed, malformed(&error)),
        }
    }

    fn judge_form(&mut self, plugin: &Rc<Plugin>, scanner: &Scanner, size: usize) -> Step {
        let Some(endpoint) = self.endpoint.clone() else { return Step::Continue };
        let body = if size == 0 { Some(Vec::new()) } else { held(plugin, size) };
        let Some(body) = body else { return self.failed(plugin) };
        let view = Request::from_form(&endpoint, scanner.fields().iter().chain(scanner.others()));
        let parsed = Parsed { view, body, endpoint, is_whole: true, form: Some(Box::new(scanner.clone())) };
        let step = self.decide(plugin, &parsed, size, None);
        let is_read = !scanner.has_files() && scanner.finish().is_ok();
        if matches!(self.phase, Phase::Admitted) && plugin.filter.needs() == Needs::Everything && !is_read {
            plugin.report_unscanned(Unscanned::RequestForm);
        }
        step
    }

    /// A form that was judged goes on: that it has no second model is known at its end only.
    pub(super) fn rest_of_form(&mut self, plugin: &Rc<Plugin>, size: usize, end: bool) -> Step {
        let Phase::Rest(rest) = &mut self.phase else { return Step::Continue };
        let fresh = size.saturating_sub(rest.held);
        let bytes = if fresh == 0 { Ok(Vec::new()) } else { abi::get_buffer(Buffer::RequestBody, rest.held, fresh) };
        let Ok(bytes) = bytes else { return self.failed(plugin) };
        let pushed = rest.scanner.push(&bytes);
        if plugin.filter.needs() == Needs::Everything {
            rest.held = if rest.scanner.is_in_text() { size } else { 0 };
            if let Some(reply) = self.judge_rest() {
                return self.reply(&reply);
            }
        }
        let Phase::Rest(rest) = &mut self.phase else { return Step::Continue };
        if !end && has_trailers() {
            return Step::Hold;
        }
        if end || pushed.is_err() {
            let scanner = rest.scanner.clone();
            self.phase = Phase::Admitted;
            return self.check_rest(plugin, &scanner);
        }
        if rest.held > 0 { Step::Hold } else { Step::Continue }
    }

    /// Lets the filter judge the texts that have come since it last did; what to answer if they are not to pass.
    fn judge_rest(&mut self) -> Option<Reply> {
        let (Phase::Rest(rest), Some(exchange), Some(endpoint)) = (&mut self.phase, &mut self.exchange, &self.endpoint)
        else {
            return None;
        };
        let (fields, others) = (rest.scanner.fields(), rest.scanner.others());
        let fresh = fields.iter().skip(rest.judged.0).chain(others.iter().skip(rest.judged.1));
        let parsed = late(endpoint, fresh)?;
        rest.judged = (fields.len(), others.len());
        let mut call = Call::new(&parsed);
        match exchange.on_request_rest(&mut call) {
            Verdict::Reply(reply) => Some(*reply),
            Verdict::Continue if call.edits.is_empty() && !call.edits_overlap => None,
            Verdict::Continue => {
                let message = "A field of this form would have to be changed, and stands behind a large file: send the \
                               fields of a form before its files.";
                Some(Reply::invalid_request(400, "unscannable", message))
            }
        }
    }

    pub(super) fn check_rest(&mut self, plugin: &Plugin, scanner: &Scanner) -> Step {
        match scanner.finish() {
            Ok(()) => Step::Continue,
            // What has gone upstream is taken back: Envoy resets it when it is answered here.
            Err(error) => match plugin.limits().on_unscannable {
                OnUnscannable::Refuse => self.unscannable(plugin, Unscanned::Malformed, malformed(&error)),
                OnUnscannable::Pass => {
                    plugin.report_unscanned(Unscanned::Malformed);
                    Step::Continue
                }
            },
        }
    }
}

/// Whether the trailers are there already, since a filter before this one has held the form until then. What is let go in
/// a body callback now would take them along, and Envoy would send them once more for that filter: a second end of the
/// request, which an HTTP/1.1 upstream reads as the beginning of the next (seen in 1.40.0). Their own callback follows.
fn has_trailers() -> bool {
    property::get(property::TRAILERS).is_some()
}

/// A call of these texts alone, one after the other; `None` if there is none.
fn late<'f>(endpoint: &Endpoint, texts: impl Iterator<Item = &'f Field>) -> Option<Parsed> {
    let mut body = Vec::new();
    let mut fields = Vec::new();
    for text in texts {
        let start = body.len();
        body.extend_from_slice(text.value.as_bytes());
        fields.push(Field { span: Span::new(start, body.len()), ..text.clone() });
    }
    let view = Request::from_form(endpoint, &fields);
    (!fields.is_empty()).then(|| Parsed { view, body, endpoint: endpoint.clone(), is_whole: true, form: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_llm::Dialect;

    #[test]
    fn late_texts_are_a_call_of_their_own() {
        let endpoint = Endpoint::from(Dialect::OpenAiTranscriptions);
        assert!(late(&endpoint, [].iter()).is_none());
        let field =
            |name, value: &str, start| Field { name, value: value.to_owned(), span: Span::new(start, start + 1) };
        let parsed = late(&endpoint, [field("prompt", "sa\u{e9}y", 900), field("", "\"x\"", 20)].iter()).unwrap();
        let told: Vec<_> = parsed.view.texts.iter().map(|text| text.str.decode(&parsed.body).into_owned()).collect();
        assert_eq!(told, ["sa\u{e9}y", "\"x\""]);
    }
}
