//! One HTTP stream in one filter chain: Envoy's filter manager as a state machine that knows no guest.
//!
//! The state is here; the modules below change it: [`chain`] iterates the filters, [`local_reply`] responds instead of the
//! upstream, [`callback_scope`] surrounds each callback of a filter, [`downstream`] sends to the client. They reach guests
//! only through [`FilterCallbacks`], so tests run them with filters that are closures. The rules follow Envoy's
//! `source/common/http/filter_manager.cc` and `source/extensions/common/wasm/context.cc`, from which the names of the
//! states are taken too; nothing that a filter can observe is simplified.

pub(crate) mod callback_scope;
pub(crate) mod chain;
mod downstream;
pub(crate) mod flags;
mod http_date;
pub(crate) mod info;
pub(crate) mod local_reply;
pub(crate) mod stall_report;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};

use crate::{ClientResponse, Headers};
pub(crate) use chain::FilterChain;
pub(crate) use info::StreamInfo;
pub(crate) use local_reply::LocalReply;

/// Direction of a message through the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Requests, from the first filter to the router.
    Decode,
    /// Responses, from the last filter to the client.
    Encode,
}

/// Callback of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Callback {
    pub(crate) direction: Direction,
    pub(crate) part: CallbackPart,
}

/// Part of a message that a callback is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallbackPart {
    Headers { count: usize, end: bool },
    Body { size: usize, end: bool },
    Trailers { count: usize },
}

/// Status a filter returns from a callback, for headers, data and trailers alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallbackStatus {
    Continue,
    /// Headers and trailers: stop the iteration; data: stop and buffer.
    Stop,
    /// Data: stop, and drop the data.
    StopNoBuffer,
    /// Data: stop and buffer, without a local reply at the limit.
    StopWatermark,
    /// Headers: stop everything and buffer the body, with a local reply at the limit.
    StopAllBuffer,
    /// Headers: stop everything, and stop reading at the limit.
    StopAllWatermark,
}

/// Filters and router as a stream calls them.
pub(crate) trait FilterCallbacks {
    /// Runs one filter's callback, including its deferred actions.
    fn call(&mut self, stream: &mut Stream, filter: usize, callback: Callback) -> CallbackStatus;
    /// Picks the route for headers at the end of the decoding chain, or returns a local reply.
    fn route(&mut self, stream: &mut Stream) -> Option<LocalReply>;
}

/// Envoy's iteration state of a filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum IterationState {
    #[default]
    Continue,
    StopSingle,
    StopAllBuffer,
    StopAllWatermark,
}

/// State of one filter in one direction.
#[derive(Clone, Debug, Default)]
pub(crate) struct FilterState {
    pub(crate) iteration: IterationState,
    /// `true` once the headers have reached this filter.
    pub(crate) reached: bool,
    pub(crate) headers_continued: bool,
    /// `true` while the iteration continues with this filter instead of the next.
    pub(crate) from_current: bool,
    /// `true` once the filter has seen the message's end.
    pub(crate) end: bool,
    /// `true` while the context can access the headers.
    pub(crate) headers_visible: bool,
    /// `true` while the context can access the trailers.
    pub(crate) trailers_visible: bool,
    /// Body that the context can access.
    pub(crate) body: BodySource,
    /// `true` while the filter's last status asks for the body to be buffered.
    pub(crate) buffering: bool,
}

impl FilterState {
    fn stopped_all(&self) -> bool {
        matches!(self.iteration, IterationState::StopAllBuffer | IterationState::StopAllWatermark)
    }
}

/// Location of the body that a filter can access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BodySource {
    /// No body.
    #[default]
    None,
    /// The frame that passes the chain at the moment.
    Frame,
    /// The chain's buffer.
    Buffer,
}

/// Filter in a slot of the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FilterKind {
    /// No filter: a failed plugin that fails open.
    #[default]
    Absent,
    /// Context in a virtual machine.
    Guest { vm: usize, root: u32, context: u32 },
    /// Plugin whose virtual machine has failed: every stream is refused.
    Failed,
    /// Envoy's own `buffer` filter, with its limit in bytes.
    Buffer { limit: usize },
}

/// Slot of the chain: a filter, its state in both directions, and the state of its context.
#[derive(Clone, Debug, Default)]
pub(crate) struct FilterSlot {
    pub(crate) kind: FilterKind,
    /// Index of the plugin in the listener's chain.
    pub(crate) plugin: usize,
    pub(crate) decode: FilterState,
    pub(crate) encode: FilterState,
    /// `true` once the context exists in the virtual machine.
    pub(crate) created: bool,
    /// `end_of_stream` of the last headers or data callback.
    pub(crate) end_of_stream: bool,
    /// `true` while a local reply that the filter has asked for is waiting to be sent.
    pub(crate) local_reply_pending: bool,
    /// `true` once the stream was refused because the filter's virtual machine has failed.
    pub(crate) failed: bool,
}

impl FilterSlot {
    /// Returns the filter's state in one direction.
    pub(crate) fn state(&self, direction: Direction) -> &FilterState {
        match direction {
            Direction::Decode => &self.decode,
            Direction::Encode => &self.encode,
        }
    }

    /// Returns the filter's state in one direction, to be changed.
    pub(crate) fn state_mut(&mut self, direction: Direction) -> &mut FilterState {
        match direction {
            Direction::Decode => &mut self.decode,
            Direction::Encode => &mut self.encode,
        }
    }
}

/// Message in one direction of the stream: the request or the response.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    pub(crate) headers: Option<Headers>,
    pub(crate) trailers: Option<Headers>,
    /// Buffer of the whole chain; there is only one per direction.
    pub(crate) buffer: Option<Vec<u8>>,
    /// Frame that passes the filters at the moment.
    pub(crate) frame: Vec<u8>,
    /// `true` if the buffer counts as streaming: no local reply at the limit.
    pub(crate) streaming: bool,
    /// `true` once the message's end has arrived at the chain.
    pub(crate) observed_end: bool,
    /// `true` once a local reply was asked for in this direction's callback: the iteration ends.
    pub(crate) aborted: bool,
    /// `true` once the buffer has exceeded its limit.
    pub(crate) too_large: bool,
}

impl Message {
    /// Returns `true` between the headers and the end of the message, when a body or trailers can arrive.
    fn is_incomplete(&self) -> bool {
        self.headers.is_some() && !self.observed_end
    }
}

/// Kind of callback that the chain is running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RunningCallback {
    #[default]
    None,
    Decoding,
    Encoding,
}

/// Reason a stream is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    /// The response is complete.
    Complete,
    /// The stream was reset.
    Reset,
}

/// Part of a message that leaves the chain at one of its ends, for the router or, from a chain in front of an upstream, back
/// to the stream's own chain.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ChainOutput {
    RequestHeaders(Headers, bool),
    RequestData(Vec<u8>, bool),
    RequestTrailers(Headers),
    ResponseHeaders(Headers, bool),
    ResponseData(Vec<u8>, bool),
    ResponseTrailers(Headers),
    /// A filter in front of an upstream responds instead of it.
    LocalReply(LocalReply),
}

/// State of a stream. [`Stream`] boxes it, so that moving it into a virtual machine and back is cheap.
#[derive(Clone, Debug, Default)]
pub(crate) struct ActiveStream {
    /// Id, unique in the process; 0 is no stream.
    pub(crate) id: u64,
    /// Stream for whose upstream this chain runs (a chain in front of an upstream), or 0.
    pub(crate) parent: u64,
    pub(crate) listener: usize,
    pub(crate) worker: usize,
    pub(crate) filters: Vec<FilterSlot>,
    pub(crate) request: Message,
    pub(crate) response: Message,
    pub(crate) buffer_limit: usize,
    pub(crate) running: RunningCallback,
    /// Local reply to send once the running decoding callback has returned.
    pub(crate) prepared: Option<LocalReply>,
    /// `true` once response headers were sent to the client.
    pub(crate) headers_sent: bool,
    /// Response headers as sent, before the codec's changes: what access logs see.
    pub(crate) sent: Option<Headers>,
    pub(crate) over: Option<StreamEnd>,
    /// Number of nested `resume` calls: a filter may continue in a callback that another's continuing has caused.
    pub(crate) resuming: usize,
    pub(crate) outputs: VecDeque<ChainOutput>,
    pub(crate) info: StreamInfo,
    pub(crate) client: ClientResponse,
    /// `true` for HTTP/2 downstream.
    pub(crate) http2: bool,
    pub(crate) head_request: bool,
    pub(crate) grpc_request: bool,
    /// `true` while `proxy_on_log` callbacks run.
    pub(crate) logging: bool,
}

/// Stream, cheap to move.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream(Box<ActiveStream>);

impl Stream {
    pub(crate) fn new(state: ActiveStream) -> Stream {
        Stream(Box::new(state))
    }
}

impl Deref for Stream {
    type Target = ActiveStream;
    fn deref(&self) -> &ActiveStream {
        &self.0
    }
}

impl DerefMut for Stream {
    fn deref_mut(&mut self) -> &mut ActiveStream {
        &mut self.0
    }
}

impl ActiveStream {
    /// Returns `true` once nothing may happen in the chain any more.
    pub(crate) fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// Returns the message of a direction, to be changed.
    pub(crate) fn message(&mut self, direction: Direction) -> &mut Message {
        match direction {
            Direction::Decode => &mut self.request,
            Direction::Encode => &mut self.response,
        }
    }

    /// Resets the stream: it ends without a response, or in the middle of one.
    pub(crate) fn reset(&mut self, details: &str) {
        if self.over.is_none() {
            self.over = Some(StreamEnd::Reset);
            if self.info.details.as_deref().is_none_or(|details| details == "via_upstream") {
                self.info.details = Some(details.to_owned());
            }
        }
    }

    /// Resets the stream and records the end that the client observes.
    pub(crate) fn cut(&mut self, details: &str) {
        self.reset(details);
        self.client.end = if self.headers_sent { crate::End::Truncated } else { crate::End::Reset };
    }

    /// Enters a nested `resume`, or resets the stream and returns `false` if the nesting never ends: a filter that continues
    /// in every callback which its continuing causes overflows Envoy's stack.
    fn enter_resume(&mut self) -> bool {
        /// More than there are filters in a chain, few enough for a thread's stack.
        const DEPTH: usize = 32;
        if self.resuming < DEPTH {
            self.resuming += 1;
            return true;
        }
        self.cut("wasm_continue_stream_for_ever");
        false
    }

    /// Returns the body that a filter's context may read and edit in one direction.
    pub(crate) fn body(&mut self, filter: usize, direction: Direction) -> Option<&mut Vec<u8>> {
        let state = self.filters.get(filter)?.state(direction);
        let source = if state.buffering { BodySource::Buffer } else { state.body };
        let message = self.message(direction);
        match source {
            BodySource::None => None,
            BodySource::Frame => Some(&mut message.frame),
            BodySource::Buffer => message.buffer.as_mut(),
        }
    }
}
