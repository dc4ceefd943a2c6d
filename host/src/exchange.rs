//! Outcome of one request, on all sides of the proxy.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Headers, LogEntry, Trace};

/// Outcome of one request.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Exchange {
    /// Response that the client has received.
    pub client: ClientResponse,
    /// Requests that upstreams have received for this stream, in order; callouts are not included.
    pub upstream: Vec<ReceivedRequest>,
    /// Callouts that the stream's filters have made during the exchange.
    pub callouts: Vec<ReceivedRequest>,
    /// Name of the route, if one matched.
    pub route: Option<String>,
    /// Name of the cluster, if one was chosen.
    pub cluster: Option<String>,
    /// Messages that the filters have logged for this stream, in order.
    pub log: Vec<LogEntry>,
    /// Filter state at the end, after `proxy_on_log`; properties set by filters are named `wasm.<name>`.
    pub filter_state: BTreeMap<String, Vec<u8>>,
    /// Some of Envoy's attributes at the end: `response.code_details`, `response.flags`, `request.total_size`, ...
    pub attributes: BTreeMap<String, Vec<u8>>,
    /// Callbacks, host calls and actions of the proxy; empty unless the process records traces.
    pub trace: Trace,
}

impl Exchange {
    /// Returns a property that a filter has set with `proxy_set_property`, as text.
    pub fn property(&self, name: &str) -> Option<String> {
        self.filter_state.get(&format!("wasm.{name}")).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// Returns the body sent upstream, all attempts together.
    pub fn upstream_body(&self) -> Vec<u8> {
        self.upstream.iter().flat_map(|seen| seen.frames.iter().flatten().copied()).collect()
    }
}

/// Response as the client has received it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ClientResponse {
    /// Status; 0 if no headers were received.
    pub status: u16,
    /// Response headers, `:status` among them.
    pub headers: Headers,
    /// Non-empty frames of the body.
    pub frames: Vec<Vec<u8>>,
    /// Number of bytes sent beyond the announced `content-length` (HTTP/1). They are not in `frames`: a client reads them
    /// as the beginning of the next response.
    pub excess_bytes: usize,
    /// Trailers, if any were received.
    pub trailers: Option<Headers>,
    /// End of the response.
    pub end: End,
    /// `response.code_details`: Envoy's reason for the response.
    pub details: String,
}

impl ClientResponse {
    /// Returns the whole body.
    pub fn body(&self) -> Vec<u8> {
        self.frames.concat()
    }

    /// Returns the body as text, with replacement characters where it is not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }
}

/// End of an exchange for the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// The stream is open (in a snapshot of a stream driven step by step).
    #[default]
    Open,
    /// The response is complete.
    Complete,
    /// The stream was reset before any headers were received.
    Reset,
    /// The stream was cut after the headers.
    Truncated,
    /// The client disconnected, as its request says.
    Disconnected,
    /// Nothing could advance the stream any more, for the given reason. The client disconnected after its idle timeout.
    Stalled(String),
}

/// Request as an upstream has received it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ReceivedRequest {
    /// Name of the cluster.
    pub cluster: String,
    /// Name of the route.
    pub route: String,
    /// Headers as received.
    pub headers: Headers,
    /// Body frames as received.
    pub frames: Vec<Vec<u8>>,
    /// Trailers, if any were received.
    pub trailers: Option<Headers>,
    /// `true` if the request has ended properly.
    pub complete: bool,
    /// `true` if the request continued after its end, which Envoy permits: an HTTP/1.1 upstream reads the rest as the
    /// beginning of the next request.
    pub ended_twice: bool,
    /// `true` if the proxy has reset it.
    pub reset: bool,
    /// Number of guest callbacks of the stream that had started when the headers were sent.
    pub callbacks_before: usize,
    /// Number of guest callbacks of the stream that had started when each frame was sent.
    pub callbacks_before_frames: Vec<usize>,
    /// Virtual time, since the process started, at which the headers were sent.
    pub at: Duration,
}

impl ReceivedRequest {
    /// Returns the whole body.
    pub fn body(&self) -> Vec<u8> {
        self.frames.concat()
    }

    /// Returns the body as text, with replacement characters where it is not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }

    /// Returns `true` if the body's size equals its `content-length`; an upstream that believes a wrong one loses the boundary
    /// between two requests.
    pub fn content_length_matches(&self) -> bool {
        let size: usize = self.frames.iter().map(Vec::len).sum();
        match self.headers.text("content-length") {
            Some(length) => length.parse() == Ok(size),
            None => true,
        }
    }
}
