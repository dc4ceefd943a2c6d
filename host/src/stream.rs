//! One HTTP stream in one filter chain: Envoy's filter manager as a state machine that knows no guest.
//!
//! The state is here, what moves it is in the modules below: [`decode`] and [`encode`] iterate the chain, [`reply`]
//! answers instead of the upstream, [`around`] is what surrounds each callback of a filter. All of it reaches guests only
//! through [`FilterCallbacks`], so it is tested with filters that are closures. The rules follow Envoy's
//! `source/common/http/filter_manager.cc` and `source/extensions/common/wasm/context.cc`, from which the names of the
//! states are taken too; nothing is simplified that a filter could tell.

pub(crate) mod callback_scope;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod flags;
pub(crate) mod info;
pub(crate) mod local_reply;
mod stall_report;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};

use crate::{ClientResponse, Headers};
pub(crate) use info::StreamInfo;
pub(crate) use local_reply::LocalReply;

/// What a filter is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callback {
    RequestHeaders { count: usize, end: bool },
    RequestBody { size: usize, end: bool },
    RequestTrailers { count: usize },
    ResponseHeaders { count: usize, end: bool },
    ResponseBody { size: usize, end: bool },
    ResponseTrailers { count: usize },
}

/// What a filter answers, for headers, data and trailers alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallbackStatus {
    Continue,
    /// Headers and trailers: stop the iteration; data: stop and buffer.
    Stop,
    /// Data: stop, and what was given is lost.
    StopNoBuffer,
    /// Data: stop and buffer, without the limit's local reply.
    StopWatermark,
    /// Headers: stop everything, buffer what comes, with the limit's local reply.
    StopAllBuffer,
    /// Headers: stop everything, and stop reading at the limit.
    StopAllWatermark,
}

/// What a stream needs of the host around it.
pub(crate) trait FilterCallbacks {
    /// Runs one filter's callback, its deferred actions included.
    fn call(&mut self, stream: &mut Stream, filter: usize, callback: Callback) -> CallbackStatus;
    /// The end of the decoding chain has the headers: picks the route, or answers instead.
    fn route(&mut self, stream: &mut Stream) -> Option<LocalReply>;
}

/// How far a filter lets the iteration go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum IterationState {
    #[default]
    Continue,
    StopSingle,
    StopAllBuffer,
    StopAllWatermark,
}

/// One filter in one direction.
#[derive(Clone, Debug, Default)]
pub(crate) struct FilterState {
    pub(crate) iteration: IterationState,
    /// Whether the headers have come as far as this filter.
    pub(crate) reached: bool,
    pub(crate) headers_continued: bool,
    pub(crate) from_current: bool,
    pub(crate) end: bool,
}

impl FilterState {
    fn stopped_all(&self) -> bool {
        matches!(self.iteration, IterationState::StopAllBuffer | IterationState::StopAllWatermark)
    }
}

/// Where the body is that a filter may look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BodySource {
    /// Nowhere.
    #[default]
    None,
    /// In the frame that is on its way.
    Frame,
    /// In the chain's buffer.
    Buffer,
}

/// What stands at a place of the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FilterKind {
    /// Nothing: a failed plugin that fails open.
    #[default]
    Absent,
    /// A context in a virtual machine.
    Guest { vm: usize, root: u32, context: u32 },
    /// A plugin whose virtual machine has failed: every stream is refused.
    Failed,
    /// Envoy's own `buffer` filter, with its limit.
    Buffer { limit: usize },
}

/// One place of the chain: the filter's state in both directions and what its context sees.
#[derive(Clone, Debug, Default)]
pub(crate) struct FilterSlot {
    pub(crate) kind: FilterKind,
    /// Which plugin of the listener's chain this is.
    pub(crate) plugin: usize,
    pub(crate) decode: FilterState,
    pub(crate) encode: FilterState,
    /// Whether the context exists in the virtual machine.
    pub(crate) created: bool,
    pub(crate) end_of_stream: bool,
    pub(crate) request_headers: bool,
    pub(crate) request_trailers: bool,
    pub(crate) response_headers: bool,
    pub(crate) response_trailers: bool,
    pub(crate) request_body: BodySource,
    pub(crate) response_body: BodySource,
    pub(crate) buffering_request: bool,
    pub(crate) buffering_response: bool,
    /// A local reply was asked for.
    pub(crate) local_reply_pending: bool,
    /// The stream was answered as its virtual machine had failed.
    pub(crate) failed: bool,
}

/// One direction of the stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    pub(crate) headers: Option<Headers>,
    pub(crate) trailers: Option<Headers>,
    /// The one buffer of the whole chain.
    pub(crate) buffer: Option<Vec<u8>>,
    /// The frame on its way through the filters.
    pub(crate) frame: Vec<u8>,
    /// Whether what is buffered counts as streaming: no local reply at the limit.
    pub(crate) streaming: bool,
    /// The end has been seen at the entrance.
    pub(crate) observed_end: bool,
    /// A filter has answered in this direction's callback: nothing goes on.
    pub(crate) aborted: bool,
    pub(crate) too_large: bool,
}

impl Message {
    /// Whether a body or trailers can come: behind headers, before the end.
    fn is_coming(&self) -> bool {
        self.headers.is_some() && !self.observed_end
    }
}

/// In which kind of callback the chain is at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RunningCallback {
    #[default]
    Nothing,
    Decoding,
    Encoding,
}

/// Why a stream is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    /// The answer is complete.
    Complete,
    /// The stream was reset.
    Reset,
}

/// What leaves the chain at its ends, for the router and (of a chain in front of an upstream) back to it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ChainOutput {
    RequestHeaders(Headers, bool),
    RequestData(Vec<u8>, bool),
    RequestTrailers(Headers),
    ResponseHeaders(Headers, bool),
    ResponseData(Vec<u8>, bool),
    ResponseTrailers(Headers),
    /// A filter in front of an upstream answers instead of it.
    LocalReply(LocalReply),
}

/// The state of a stream. [`Stream`] boxes it, so that it can be handed into a virtual machine and back cheaply.
#[derive(Clone, Debug, Default)]
pub(crate) struct ActiveStream {
    /// Unique in the process; 0 is nobody.
    pub(crate) id: u64,
    /// The stream in whose chain's end this one runs (a chain in front of an upstream), or 0.
    pub(crate) parent: u64,
    pub(crate) listener: usize,
    pub(crate) worker: usize,
    pub(crate) filters: Vec<FilterSlot>,
    pub(crate) request: Message,
    pub(crate) response: Message,
    pub(crate) buffer_limit: usize,
    pub(crate) calling: RunningCallback,
    pub(crate) prepared: Option<LocalReply>,
    /// Response headers have left towards the client.
    pub(crate) headers_sent: bool,
    /// The response headers that have left, before the codec's touch: what access logs see.
    pub(crate) sent: Option<Headers>,
    pub(crate) over: Option<StreamEnd>,
    /// How many filters are letting go, one within the callback that another's letting go has led to.
    pub(crate) resuming: usize,
    pub(crate) outputs: VecDeque<ChainOutput>,
    pub(crate) info: StreamInfo,
    pub(crate) client: ClientResponse,
    /// HTTP/2 downstream.
    pub(crate) http2: bool,
    pub(crate) head_request: bool,
    pub(crate) grpc_request: bool,
    /// The callbacks of `proxy_on_log` are running.
    pub(crate) logging: bool,
}

/// A stream.
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
    /// Whether nothing may happen in the chain any more.
    pub(crate) fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// The stream ends without an answer, or in the middle of one.
    pub(crate) fn reset(&mut self, details: &str) {
        if self.over.is_none() {
            self.over = Some(StreamEnd::Reset);
            if self.info.details.as_deref().is_none_or(|details| details == "via_upstream") {
                self.info.details = Some(details.to_owned());
            }
        }
    }

    /// Enters what a filter's letting go leads to; `false` when filters do nothing else any more. A filter that lets go in
    /// the very callback which that brings about does so for ever: Envoy's stack overflows, here the stream is reset.
    fn enter_resume(&mut self) -> bool {
        /// More than there are filters in a chain, few enough for a thread's stack.
        const DEPTH: usize = 32;
        if self.resuming < DEPTH {
            self.resuming += 1;
            return true;
        }
        self.reset("wasm_continue_stream_for_ever");
        self.client.end = if self.headers_sent { crate::End::Truncated } else { crate::End::Reset };
        false
    }

    /// The body a context may read and edit, in one direction.
    pub(crate) fn body(&mut self, filter: usize, request: bool) -> Option<&mut Vec<u8>> {
        let place = self.filters.get(filter)?;
        let (way, at) = if request {
            let at = if place.buffering_request { BodySource::Buffer } else { place.request_body };
            (&mut self.request, at)
        } else {
            let at = if place.buffering_response { BodySource::Buffer } else { place.response_body };
            (&mut self.response, at)
        };
        match at {
            BodySource::None => None,
            BodySource::Frame => Some(&mut way.frame),
            BodySource::Buffer => way.buffer.as_mut(),
        }
    }
}
