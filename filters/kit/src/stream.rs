//! The lifecycle of one stream as a state machine: a callback consumes a [`State`] and returns the next one.
//!
//! ```text
//! Passing ── LLM call with a body ──> Held ──[callouts: Waiting]── verdict: continue ──> Admitted ── response cannot pass ──> Replied
//!                                      └───── verdict: reply, or the body is refused ──────────────────────^
//! ```
//!
//! The request half ([`request`]) holds the head until the verdict, reads the body once it is complete, and handles the
//! three ends of a request: `end_of_stream` on the head, on a body frame, or trailers. The response half ([`response`])
//! distinguishes local replies from responses of the upstream, holds JSON or frames events as far as the exchange asks
//! for, and corrects `content-length` after every edit. [`Stream::log`] settles an admitted call once, however the
//! stream ended.

mod request;
mod response;

use std::rc::Rc;

use tollgate_llm::{Dialect, Endpoint, RpcCalls};

use crate::abi;
use crate::clock;
use crate::filter::{BodyMode, Exchange};
use crate::held_bytes::Share;
use crate::local_reply::LocalReply;
use crate::plugin::Plugin;
use crate::property::{self, PendingProperties};
use crate::response::{Origin, StreamEnd};

use request::{Held, LateForm, Progress, Waiting};
use response::ResponseBody;

/// Status of a callback, in Envoy's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FilterStatus {
    Continue,
    StopIteration,
}

/// State of a stream.
enum State {
    /// The request is not an LLM call, or passes unread.
    Passing,
    /// Envoy holds head and body of the request until the filter has judged it.
    Held(Held),
    /// The request is complete and held until callouts of the filter have responses.
    Waiting(Box<Waiting>),
    /// The filter has let the request pass.
    Admitted(Box<Admitted>),
    /// Tollgate has replied in the upstream's place. A call that was admitted before is still settled.
    Replied(Option<Settlement>),
}

impl State {
    /// Returns the bytes of bodies that Envoy or this virtual machine holds for the stream.
    fn held_bytes(&self) -> u64 {
        let bytes = match self {
            State::Passing | State::Replied(_) => 0,
            State::Held(held) => held.size(),
            State::Waiting(waiting) => waiting.size(),
            State::Admitted(call) => {
                let form = call.late_form.as_ref().map_or(0, |form| form.size());
                form.saturating_add(call.response.held_bytes()).saturating_add(call.settlement.exchange.held_bytes())
            }
        };
        bytes as u64
    }
}

/// Exchange of an admitted call and the facts by which it is settled.
struct Settlement {
    exchange: Box<dyn Exchange>,
    /// Sender of the response; `None` before its head.
    origin: Option<Origin>,
    /// `true` once the upstream has answered with a 2xx status.
    succeeded: bool,
    /// `true` once the response is complete.
    finished: bool,
}

/// Call that the filter has let pass. Request and response may run at the same time.
struct Admitted {
    endpoint: Endpoint,
    /// `true` if the client asked for a streamed response.
    streamed: bool,
    settlement: Settlement,
    /// Calls of a JSON-RPC request, which an error must answer.
    calls: Option<RpcCalls>,
    /// Remainder of a form whose first part has been forwarded.
    late_form: Option<Box<LateForm>>,
    /// Access to the response that the exchange has asked for.
    mode: BodyMode,
    response: ResponseBody,
}

/// Next state and the status that Envoy gets.
type Next = (State, FilterStatus);

pub(crate) struct Stream {
    id: u32,
    plugin: Rc<Plugin>,
    state: State,
    properties: PendingProperties,
    share: Share,
}

impl Stream {
    pub(crate) fn new(id: u32, plugin: Rc<Plugin>) -> Stream {
        let properties = PendingProperties::new(plugin.filter.is_audit(), plugin.published.clone());
        let share = Share::new(&plugin.held_bytes);
        Stream { id, plugin, state: State::Passing, properties, share }
    }

    /// Runs one callback: replaces the state by the one that `callback` returns.
    fn advance(&mut self, callback: impl FnOnce(&Rc<Plugin>, u32, State) -> Next) -> FilterStatus {
        let state = self.replace(State::Passing);
        self.share.set(0);
        let Stream { id, plugin, properties, .. } = self;
        clock::start_callback();
        let (state, status) = properties.during(|| callback(plugin, *id, state));
        self.share.set(state.held_bytes());
        self.replace(state);
        status
    }

    #[inline(never)]
    fn replace(&mut self, state: State) -> State {
        std::mem::replace(&mut self.state, state)
    }

    // === request ===

    pub(crate) fn request_headers(&mut self, end: bool) -> FilterStatus {
        self.advance(|plugin, id, _| request::headers(plugin, id, end).apply())
    }

    pub(crate) fn request_body(&mut self, size: usize, end: bool) -> FilterStatus {
        self.advance(|plugin, id, state| match state {
            State::Held(held) => {
                plugin.watchdog.body_shown(id);
                held.body(plugin, size, end).apply()
            }
            State::Admitted(call) => flushed(call.request_body(plugin, size, end)),
            State::Replied(_) | State::Waiting(_) => (state, FilterStatus::StopIteration),
            State::Passing => (state, FilterStatus::Continue),
        })
    }

    /// Handles request trailers. A request with trailers has no body callback with `end_of_stream`.
    pub(crate) fn request_trailers(&mut self) -> FilterStatus {
        request::remove_from_trailers();
        self.advance(|plugin, id, state| match state {
            State::Held(held) => {
                plugin.watchdog.body_shown(id);
                held.trailers(plugin).apply()
            }
            State::Admitted(call) => flushed(call.request_trailers(plugin)),
            State::Replied(_) | State::Waiting(_) => (state, FilterStatus::StopIteration),
            State::Passing => (state, FilterStatus::Continue),
        })
    }

    /// Handles the response to a callout. A request that may pass goes on.
    pub(crate) fn callout_response(&mut self, token: u32, headers: usize, size: usize) {
        let status = self.advance(|plugin, _, state| match state {
            State::Waiting(waiting) => waiting.response(plugin, token, headers, size).apply(),
            // The stream has ended, or Envoy has responded to it.
            _ => (state, FilterStatus::StopIteration),
        });
        if status == FilterStatus::Continue
            && let Err(status) = abi::continue_request()
        {
            log::error!("tollgate: held request not continued: {status}");
        }
    }

    // === response ===

    pub(crate) fn response_headers(&mut self, end: bool) -> FilterStatus {
        self.advance(|plugin, _, state| match state {
            State::Admitted(call) => call.response_headers(plugin, end),
            // Envoy runs our own local reply through the encoder filters too; there is nothing to read in it.
            State::Passing | State::Held(_) | State::Waiting(_) | State::Replied(_) => (state, FilterStatus::Continue),
        })
    }

    pub(crate) fn response_body(&mut self, size: usize, end: bool) -> FilterStatus {
        self.advance(|plugin, _, state| match state {
            State::Admitted(call) => call.response_body(plugin, size, end),
            State::Replied(Some(mut settlement)) => {
                settlement.finished |= end;
                settlement.exchange.on_progress(size as u64);
                (State::Replied(Some(settlement)), FilterStatus::Continue)
            }
            State::Passing | State::Held(_) | State::Waiting(_) | State::Replied(None) => {
                (state, FilterStatus::Continue)
            }
        })
    }

    pub(crate) fn response_trailers(&mut self) -> FilterStatus {
        self.advance(|plugin, _, state| match state {
            State::Admitted(call) => call.response_trailers(plugin),
            State::Replied(Some(mut settlement)) => {
                settlement.finished = true;
                (State::Replied(Some(settlement)), FilterStatus::Continue)
            }
            State::Passing | State::Held(_) | State::Waiting(_) | State::Replied(None) => {
                (state, FilterStatus::Continue)
            }
        })
    }

    /// Settles the call. Envoy calls this once per stream, in chain order, unless the virtual machine has trapped.
    pub(crate) fn log(&mut self) {
        self.plugin.watchdog.release(self.id);
        self.share.set(0);
        let mut was_waiting = false;
        let (settlement, unread) = match self.replace(State::Passing) {
            State::Admitted(call) => (call.settlement, call.response.unread()),
            State::Replied(Some(settlement)) => (settlement, None),
            State::Waiting(waiting) => {
                was_waiting = true;
                (waiting.settlement(), None)
            }
            State::Passing | State::Held(_) | State::Replied(None) => return,
        };
        let Settlement { mut exchange, origin, succeeded, finished } = settlement;
        clock::start_callback();
        self.properties.during(|| {
            if was_waiting {
                // Nothing was counted or sent.
                property::set_zero_usage();
            }
            let end = StreamEnd::read(origin, succeeded, finished);
            // Of a client that leaves, the exchange knows that no more was seen.
            if let Some(bytes) = unread.filter(|_| !finished && !end.was_abandoned()) {
                exchange.on_unscanned(bytes);
            }
            exchange.on_log(&end);
            property::flush();
        });
    }
}

impl Admitted {
    fn dialect(&self) -> Dialect {
        self.endpoint.dialect
    }

    /// Ends the call with a local reply.
    #[cold]
    fn replied(mut self, reply: &LocalReply) -> Next {
        let dialect = self.dialect();
        let calls = self.calls.take().or_else(|| reply.calls.clone());
        send(&LocalReply { calls, ..reply.clone() }, dialect, Some(self.settlement))
    }
}

impl Progress {
    /// Carries out what the request half has decided, which may send a local reply, and returns the next state.
    #[inline(never)]
    fn apply(self) -> Next {
        match self {
            Progress::Held(held) => (State::Held(held), FilterStatus::StopIteration),
            Progress::Wait(waiting) => (State::Waiting(waiting), FilterStatus::StopIteration),
            Progress::Pass => {
                property::flush();
                (State::Passing, FilterStatus::Continue)
            }
            Progress::Refuse(dialect, reply) => send(&reply, dialect, None),
            Progress::Settle(call, reply) => {
                property::set_zero_usage();
                call.replied(&reply)
            }
            Progress::Admit(call) => {
                property::flush();
                (State::Admitted(call), FilterStatus::Continue)
            }
            Progress::Fail(call, reply) => call.replied(&reply),
        }
    }
}

/// Publishes what a callback of an admitted request has set, before later filters run.
fn flushed(next: Next) -> Next {
    property::flush();
    next
}

/// Sends a local reply. If Envoy refuses even that, the stream stays held: a stream that times out is better than one
/// that passes unread.
#[cold]
fn send(reply: &LocalReply, dialect: Dialect, settlement: Option<Settlement>) -> Next {
    if settlement.is_none() {
        // No exchange will publish in `on_log` what the call used.
        property::set_zero_usage();
    }
    property::set(property::VERDICT, reply.verdict);
    property::flush();
    if let Err(status) = reply.send(dialect) {
        log::error!("tollgate: local reply not sent: {status}");
    }
    (State::Replied(settlement), FilterStatus::StopIteration)
}
