//! What became of one request, on all sides of the proxy.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Headers, LogEntry, Trace};

/// The outcome of one request.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Exchange {
    /// What the client got.
    pub client: ClientResponse,
    /// What upstreams got for this stream, in order; empty if nothing went there. Callouts are not among it.
    pub upstream: Vec<ReceivedRequest>,
    /// Callouts that the stream's filters made while the exchange ran.
    pub callouts: Vec<ReceivedRequest>,
    /// The route that was taken (its name), if one was.
    pub route: Option<String>,
    /// The cluster that was chosen, if one was.
    pub cluster: Option<String>,
    /// What the filters logged for this stream, in order.
    pub log: Vec<LogEntry>,
    /// Filter state at the end, after `proxy_on_log`; what a filter has set stands under `wasm.<name>`.
    pub filter_state: BTreeMap<String, Vec<u8>>,
    /// Some of Envoy's attributes at the end: `response.code_details`, `response.flags`, `request.total_size`, ...
    pub attributes: BTreeMap<String, Vec<u8>>,
    /// Callbacks, host calls and what the proxy did; empty unless the process traces.
    pub trace: Trace,
}

impl Exchange {
    /// What a filter has set with `proxy_set_property`, as text.
    pub fn property(&self, name: &str) -> Option<String> {
        self.filter_state.get(&format!("wasm.{name}")).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// The body that went upstream, all attempts together.
    pub fn upstream_body(&self) -> Vec<u8> {
        self.upstream.iter().flat_map(|seen| seen.frames.iter().flatten().copied()).collect()
    }
}

/// What the client got.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ClientResponse {
    /// The status; 0 if no headers came.
    pub status: u16,
    /// The response's headers, `:status` among them.
    pub headers: Headers,
    /// The body's non-empty frames.
    pub frames: Vec<Vec<u8>>,
    /// Bytes that were sent beyond what `content-length` announced (HTTP/1): they are not in `frames`, a client takes
    /// them for the beginning of the next answer.
    pub excess_bytes: usize,
    /// The trailers, if any came.
    pub trailers: Option<Headers>,
    /// How it ended.
    pub end: End,
    /// `response.code_details`: why the answer is what it is, in Envoy's words.
    pub details: String,
}

impl ClientResponse {
    /// The whole body.
    pub fn body(&self) -> Vec<u8> {
        self.frames.concat()
    }

    /// The body as text, with replacement characters where it is not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }
}

/// How an exchange ended for the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// Still open (a snapshot of a stream that is being driven step by step).
    #[default]
    Open,
    /// The answer is complete.
    Complete,
    /// The stream was reset before any headers came.
    Reset,
    /// Headers came, then the stream was cut.
    Truncated,
    /// The client itself went away, as it was told to.
    Disconnected,
    /// Nothing more would ever have happened; the reason in words. The client went away after its idle_timeout.
    Stalled(String),
}

/// What one upstream request looked like from the upstream.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ReceivedRequest {
    /// The cluster.
    pub cluster: String,
    /// The route's name.
    pub route: String,
    /// Headers as they arrived.
    pub headers: Headers,
    /// Body frames as they arrived.
    pub frames: Vec<Vec<u8>>,
    /// Trailers, if any arrived.
    pub trailers: Option<Headers>,
    /// Whether the request ended properly.
    pub complete: bool,
    /// Whether it went on when it had ended, as Envoy lets it: what comes then, an HTTP/1.1 upstream takes for the beginning
    /// of the next request.
    pub ended_twice: bool,
    /// Whether the proxy reset it.
    pub reset: bool,
    /// How many guest callbacks of the stream had begun when the headers left.
    pub callbacks_before: usize,
    /// How many guest callbacks of the stream had begun when each frame left.
    pub callbacks_before_frames: Vec<usize>,
    /// Virtual time, since the process started, at which the headers left.
    pub at: Duration,
}

impl ReceivedRequest {
    /// The whole body.
    pub fn body(&self) -> Vec<u8> {
        self.frames.concat()
    }

    /// The body as text, with replacement characters where it is not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }

    /// Whether the body's size is what its `content-length` says; an upstream that believes a wrong one loses the
    /// boundary between two requests.
    pub fn content_length_matches(&self) -> bool {
        let size: usize = self.frames.iter().map(Vec::len).sum();
        match self.headers.text("content-length") {
            Some(length) => length.parse() == Ok(size),
            None => true,
        }
    }
}
