//! What a filter is: a configuration that makes one [`Exchange`] per LLM call, and the handful of callbacks of an
//! exchange. All of the lifecycle (holding, reading, framing, editing, replying) is kit's; an exchange only judges.

use std::rc::Rc;

use tollgate_llm::Event;

use crate::call::Call;
use crate::config::{ConfigError, Configuration, Limits};
use crate::reply::Reply;
use crate::response::{End, Response, ResponseHead};

/// A configured filter: one per plugin and virtual machine.
pub trait Filter: 'static {
    /// The `root_id` (Istio: `pluginName`) that chooses it in the bundle.
    fn name() -> &'static str
    where
        Self: Sized;

    /// Makes the filter from its configuration. Runs once per virtual machine, that is workers + 2 times: it may define
    /// metrics, but must not do anything that counts.
    fn configure(configuration: &Configuration<'_>) -> Result<Self, ConfigError>
    where
        Self: Sized;

    /// Bounds on what one stream may make this filter read.
    fn limits(&self) -> &Limits;

    /// How much of a request its exchanges need.
    fn needs(&self) -> Needs {
        Needs::Everything
    }

    /// The state of one call; made when the call's request is complete and well-formed.
    fn exchange(self: Rc<Self>) -> Box<dyn Exchange>;
}

/// How much of a request a filter needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// The whole view.
    Everything,
    /// The model. The scan ends with it where another Tollgate filter has read the whole before, and refused what has two
    /// models; `first`: also where none has.
    Model {
        /// Also as the first filter of the chain: what stands behind the model is then not read by anybody.
        first: bool,
    },
}

/// What is to become of a request, or of an answer that was read as a whole.
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    /// Let it pass, with the edits that were made.
    Continue,
    /// Answer with this instead. Nothing of what was held goes on.
    Reply(Box<Reply>),
}

/// How much of an answer an exchange wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reading {
    /// Nothing: bytes pass untouched and uncopied.
    Pass,
    /// Everything, while it passes: nothing is delayed, nothing can be changed.
    Observe,
    /// Everything, before it passes: JSON is held to its end, events go out when [`Exchange::on_event`] says so. An
    /// answer that cannot be read passes: for filters that would change it and can do without.
    Edit,
    /// As [`Edit`](Reading::Edit), but nothing passes unread unless policy says so: for filters that must see it.
    Gate,
}

/// What is to become of a streamed answer after an event.
#[derive(Debug)]
#[must_use]
pub enum Flow {
    /// Go on.
    Continue,
    /// End it here: what was appended to `out` leaves, then the dialect's error event, and nothing after it.
    Cut(Box<Reply>),
}

/// The judgement of a filter over one LLM call. Callbacks come in the order in which they stand here.
pub trait Exchange {
    /// The whole request is there and nothing has gone upstream.
    fn on_request(&mut self, call: &mut Call<'_>) -> Verdict;

    /// Texts of a form have come behind what the verdict on it let go: the files of a form are not held, and fields may
    /// stand behind them. `call` has these texts alone, and they are held until this has judged them; an edit of one makes
    /// the request fail, since its length has gone upstream. Called for every such batch, before
    /// [`on_log`](Self::on_log).
    fn on_request_rest(&mut self, _call: &mut Call<'_>) -> Verdict {
        Verdict::Continue
    }

    /// Whether [`on_response_head`](Self::on_response_head) may ask for more than [`Reading::Pass`]. If so the upstream
    /// is asked for an answer without content-encoding.
    fn reads_response(&self) -> bool {
        false
    }

    /// The head of the answer, of the upstream or of another filter. Its headers can be changed here.
    fn on_response_head(&mut self, _head: &ResponseHead) -> Reading {
        Reading::Pass
    }

    /// The whole of an answer in JSON. Edits count and a reply is possible only under [`Reading::Edit`]
    /// and [`Reading::Gate`].
    fn on_response(&mut self, _response: &mut Response<'_>) -> Verdict {
        Verdict::Continue
    }

    /// One event of a streamed answer. Under [`Reading::Edit`] and [`Reading::Gate`] only what is appended to `out` leaves,
    /// so that an event passes with `out.extend_from_slice(event.raw())`; under [`Reading::Observe`] `out` is ignored.
    fn on_event(&mut self, _event: &Event<'_>, _out: &mut Vec<u8>) -> Flow {
        Flow::Continue
    }

    /// The body of a streamed answer has ended; the last chance to let out what is held.
    fn on_events_end(&mut self, _out: &mut Vec<u8>) -> Flow {
        Flow::Continue
    }

    /// A piece of the answer has come, whatever is read of it. The time is in nanoseconds since the Unix epoch; `bytes` is
    /// the size of a piece that passes unread, else 0.
    fn on_progress(&mut self, _now_ns: fn() -> u64, _bytes: u64) {}

    /// The answer, or the rest of it, cannot be read, whether it passes or not; `bytes` of it have come so far.
    fn on_unscanned(&mut self, _bytes: u64) {}

    /// The stream is over, however it ended. Called once for every call whose `on_request` said
    /// [`Verdict::Continue`], in the order of the filter chain; the last place where properties can be set.
    fn on_log(&mut self, _end: &End) {}
}
