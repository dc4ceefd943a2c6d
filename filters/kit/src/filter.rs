//! The traits that a filter crate implements: [`Filter`], its configuration, and [`Exchange`], its work on one LLM call.
//!
//! The lifecycle (holding, reading, framing, editing, replying) is the kit's; an exchange only judges.

use std::rc::Rc;

use tollgate_llm::{Endpoint, ParsedEvent};

use crate::Limits;
use crate::call::Call;
use crate::callout::{Callout, CalloutError, CalloutResponse};
use crate::config::{ConfigError, Configuration};
use crate::local_reply::LocalReply;
use crate::response::{Response, ResponseHead, StreamEnd};

/// Configured filter; one per plugin and virtual machine.
pub trait Filter: 'static {
    /// Returns the `root_id` (Istio: `pluginName`) that selects the filter in the bundle.
    fn name() -> &'static str
    where
        Self: Sized;

    /// Builds the filter from its configuration.
    ///
    /// Envoy configures a plugin once per virtual machine, i.e. `workers + 2` times: an implementation may define
    /// metrics, but must not have effects that add up.
    fn configure(configuration: &Configuration<'_>) -> Result<Self, ConfigError>
    where
        Self: Sized;

    /// Returns the bounds on what one stream may make this filter read.
    fn limits(&self) -> &Limits;

    /// Detects a call on a path that only the configuration tells to be one: that of an MCP server.
    fn configured_endpoint(&self, _method: &[u8], _path: &[u8]) -> Option<Endpoint> {
        None
    }

    /// Returns how much of a request body the exchanges need.
    fn body_scope(&self) -> BodyScope {
        BodyScope::Whole
    }

    /// Returns the request headers that name the consumer and the team of a call, in lower case, if the filter is configured with
    /// them. Each must occur only once, else the request gets 400; the kit keeps them when it removes `x-tollgate-*` headers.
    fn identity_headers(&self) -> [Option<&str>; 2] {
        [None, None]
    }

    /// Returns `true` if the filter only records what it would do: [`property::set_verdict`](crate::property::set_verdict)
    /// then publishes names of its own. The exchange still has to refuse and edit nothing.
    fn is_audit(&self) -> bool {
        false
    }

    /// Returns `true` if the exchanges judge texts of requests. Forms are then held until they are complete, and uploaded files are
    /// read.
    fn judges_texts(&self) -> bool {
        false
    }

    /// Returns `true` if batches are refused: the filter limits what is used, and cannot charge them.
    fn refuses_batches(&self) -> bool {
        false
    }

    /// Returns `true` if exchanges make [callouts](Exchange::callouts). Forms are then held until they are complete.
    fn makes_callouts(&self) -> bool {
        false
    }

    /// Returns the names of the properties that are published; `None` for all.
    fn published(&self) -> Option<Vec<&'static str>> {
        None
    }

    /// Creates the exchange of one call, once the request is complete and well-formed.
    fn exchange(self: Rc<Self>) -> Box<dyn Exchange>;
}

/// Part of a request body that a filter needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyScope {
    /// The whole body.
    Whole,
    /// The model only. Scanning stops at it if an earlier Tollgate filter of the chain has read the whole body, and so
    /// has refused a body that names two models.
    ModelOnly {
        /// Stops at the model in the first filter of the chain too. Nothing then reads the remaining body.
        even_if_first: bool,
    },
}

/// Decision on a request, or on a response that was read as a whole.
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    /// Let the message pass, with the edits that were made.
    Continue,
    /// Send this reply instead; nothing that was held passes.
    Reply(Box<LocalReply>),
}

/// Access to a response body that an exchange asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BodyMode {
    /// No access: bytes pass untouched and are not copied.
    Pass,
    /// Read access while the body passes: nothing is delayed and nothing can be changed.
    Observe,
    /// Read and write access: JSON is held until it is complete, events leave when [`Exchange::on_event`] releases them.
    /// A body that cannot be read passes.
    Edit,
    /// As [`Edit`](BodyMode::Edit), but an unreadable body passes only if the filter's [`Limits`] say so. For filters
    /// that enforce a policy.
    Enforce,
}

impl BodyMode {
    /// Returns `true` if the body is held back until the exchange has read it.
    pub(crate) fn holds(self) -> bool {
        matches!(self, BodyMode::Edit | BodyMode::Enforce)
    }
}

/// Action on a streamed response after an event.
#[derive(Debug)]
#[must_use]
pub enum StreamAction {
    /// Let the stream go on.
    Continue,
    /// End the stream: the bytes in `out` leave, then the dialect's error event, and nothing after it. Under
    /// [`BodyMode::Observe`] the stream goes on.
    Abort(Box<LocalReply>),
}

/// Action on one text of a response that passes text by text.
#[derive(Debug)]
#[must_use]
pub enum TextAction {
    /// Let the text pass.
    Pass,
    /// Send this text in its place.
    Replace(String),
    /// Send nothing more of the response. The client gets the reply if the head of the response has not been sent; else
    /// the response is incomplete.
    Abort(Box<LocalReply>),
}

/// Work of a filter on one LLM call. The callbacks are declared in the order in which they run.
pub trait Exchange {
    /// Judges the complete request. Nothing of it has been sent upstream yet.
    fn on_request(&mut self, call: &mut Call<'_>) -> Verdict;

    /// Returns the callouts whose responses the exchange needs before the request may pass, or `None` if it needs no further
    /// verdict. Runs once [`on_request`](Self::on_request) has let the request pass; nothing of it is sent upstream before the
    /// verdict of [`on_callouts`](Self::on_callouts), which follows at once if there are no callouts. The edits so far are kept.
    fn callouts(&mut self) -> Option<Vec<Callout>> {
        None
    }

    /// Judges the request of [`on_request`](Self::on_request) once more, by the responses to its [`callouts`](Self::callouts), in
    /// their order. Does not run if the stream ends before.
    fn on_callouts(&mut self, _call: &mut Call<'_>, _responses: Vec<Result<CalloutResponse, CalloutError>>) -> Verdict {
        Verdict::Continue
    }

    /// Judges texts of a form that arrive after [`on_request`](Self::on_request): files of a form are forwarded as they
    /// arrive, and fields may follow them.
    ///
    /// `call` has these texts only, and they are held meanwhile. An edit makes the request fail, since its length has
    /// already been sent upstream. Runs once per batch of such texts, before [`on_log`](Self::on_log).
    fn on_late_form_fields(&mut self, _call: &mut Call<'_>) -> Verdict {
        Verdict::Continue
    }

    /// Returns `true` if [`on_response_head`](Self::on_response_head) may ask for more than [`BodyMode::Pass`]. The
    /// upstream is then asked for a response without content-encoding.
    fn reads_response(&self) -> bool {
        false
    }

    /// Receives the head of the response, whether of the upstream or a local reply of another filter. Its headers can be
    /// changed here.
    fn on_response_head(&mut self, _head: &mut ResponseHead) -> BodyMode {
        BodyMode::Pass
    }

    /// Judges a complete JSON response. Edits and replies take effect only under [`BodyMode::Edit`] and
    /// [`BodyMode::Enforce`].
    fn on_response(&mut self, _response: &mut Response<'_>) -> Verdict {
        Verdict::Continue
    }

    /// Judges one text of a JSON response that is too large to be held: the response passes text by text. Runs only under
    /// [`BodyMode::Edit`] and [`BodyMode::Enforce`], in place of [`on_response`](Self::on_response).
    fn on_text(&mut self, _text: &str) -> TextAction {
        TextAction::Pass
    }

    /// Judges a text like [`on_text`](Self::on_text), which must not be changed: an identifier, a signature. `Some`: the
    /// response may not pass.
    fn on_opaque_text(&mut self, _text: &str) -> Option<Box<LocalReply>> {
        None
    }

    /// Receives a copy of a response whose texts went through [`on_text`](Self::on_text): its usage, model and end are those of
    /// the response, data and long texts are left out.
    fn on_condensed(&mut self, _response: &mut Response<'_>) {}

    /// Receives one event of a streamed response.
    ///
    /// Under [`BodyMode::Edit`] and [`BodyMode::Enforce`] only the bytes appended to `out` leave, so
    /// `out.extend_from_slice(event.raw())` lets the event pass. Under [`BodyMode::Observe`] `out` is ignored.
    fn on_event(&mut self, _event: &ParsedEvent<'_>, _out: &mut Vec<u8>) -> StreamAction {
        StreamAction::Continue
    }

    /// Returns the bytes of a streamed response that the exchange holds back. They count in `max_held_bytes`.
    fn held_bytes(&self) -> usize {
        0
    }

    /// Returns `true` if [`on_other_line`](Self::on_other_line) shall run.
    fn judges_lines(&self) -> bool {
        false
    }

    /// Judges a text of a streamed response that stands beside its events: a comment, the name or id of an event, or a line
    /// that is no field of an event. Receivers ignore most of them, but some show them. Under [`BodyMode::Observe`] the
    /// result is ignored.
    fn on_other_line(&mut self, _text: &str) -> TextAction {
        TextAction::Pass
    }

    /// Judges the name or the value of a trailer of the response. A trailer that would be replaced is removed; of a response that
    /// is held, one that would be refused makes it a reply. Under [`BodyMode::Observe`] the result is ignored.
    fn on_trailer(&mut self, _text: &str) -> TextAction {
        TextAction::Pass
    }

    /// Receives the end of a streamed body: the last chance to release bytes that are held back.
    fn on_events_end(&mut self, _out: &mut Vec<u8>) -> StreamAction {
        StreamAction::Continue
    }

    /// Returns `true` if [`on_aborted_event`](Self::on_aborted_event) shall run for the remaining events of a stream that this
    /// exchange has ended.
    fn meters_aborted(&self) -> bool {
        false
    }

    /// Receives an event of a stream after the exchange has ended it. The client does not get it, but the provider charges
    /// for it.
    fn on_aborted_event(&mut self, _event: &ParsedEvent<'_>) {}

    /// Reports that a part of the response body has arrived, under every [`BodyMode`]. `bytes` is the size of a part that passes or is dropped unread, else 0.
    fn on_progress(&mut self, _bytes: u64) {}

    /// Reports texts of a response, `bytes` in all, that were too large to be held and have not been shown. The rest of the
    /// response, its usage included, is. Only under [`BodyMode::Observe`].
    fn on_elided(&mut self, _bytes: u64) {}

    /// Reports that the response, or its remainder, cannot be read, whether it passes or not. `bytes` is the number of
    /// bytes received so far.
    fn on_unscanned(&mut self, _bytes: u64) {}

    /// Returns `true` if [`on_log`](Self::on_log) shall also run for the call that [`on_request`](Self::on_request) has just
    /// refused: of several stages of an exchange, some may have let it pass.
    fn settles_refusal(&self) -> bool {
        false
    }

    /// Settles the call. Runs exactly once for every call whose `on_request` returned [`Verdict::Continue`], however the
    /// stream ended, in the order of the filter chain. The last place where properties can be set.
    fn on_log(&mut self, _end: &StreamEnd) {}
}
