//! Requests that come as forms: judged as soon as their model is there, so that a file of any size need not be held.

use std::rc::Rc;

use tollgate_llm::Request;
use tollgate_llm::multipart::Scanner;

use super::head::{malformed, too_large};
use super::request::held;
use super::{Phase, Step, Stream};
use crate::abi::{self, Buffer};
use crate::config::OnUnscannable;
use crate::filter::Needs;
use crate::plugin::{Plugin, Unscanned};
use crate::recent::Parsed;

impl Stream {
    /// More of a form has come, of which `size` bytes are held: it is judged as soon as its model is there.
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
        let has_model = scanner.field("model").is_some();
        if !has_model && !end && size <= plugin.limits().max_request_bytes {
            return Step::Hold;
        }
        let scanner = scanner.as_ref().clone();
        if end {
            return self.end_form(plugin, scanner, size);
        }
        if !has_model {
            let limit = plugin.limits().max_request_bytes;
            return self.unscannable(plugin, Unscanned::RequestTooLarge, too_large(limit));
        }
        let step = self.judge_form(plugin, &scanner, size);
        if matches!(self.phase, Phase::Admitted) {
            self.phase = Phase::Rest(Box::new(scanner));
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
        let view = Request::from_form(&endpoint, scanner.fields());
        let parsed = Parsed { view, body, endpoint, is_whole: true };
        let step = self.decide(plugin, &parsed, size, None);
        if matches!(self.phase, Phase::Admitted) && plugin.filter.needs() == Needs::Everything {
            plugin.report_unscanned(Unscanned::RequestForm);
        }
        step
    }

    /// A form that was judged goes on: that it has no second model is known at its end only.
    pub(super) fn rest_of_form(&mut self, plugin: &Rc<Plugin>, size: usize, end: bool) -> Step {
        let Phase::Rest(scanner) = &mut self.phase else { return Step::Continue };
        let bytes = if size == 0 { Ok(Vec::new()) } else { abi::get_buffer(Buffer::RequestBody, 0, size) };
        let Ok(bytes) = bytes else { return self.failed(plugin) };
        let pushed = scanner.push(&bytes);
        if end || pushed.is_err() {
            let scanner = scanner.as_ref().clone();
            self.phase = Phase::Admitted;
            return self.check_rest(plugin, &scanner);
        }
        Step::Continue
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
