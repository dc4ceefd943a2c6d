//! Scripted upstreams: the requests they get and the responses they send.

use std::time::Duration;

use crate::{Framing, Headers, Split};

/// Request to a scripted cluster: a routed request, or an HTTP or gRPC callout of a filter.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UpstreamRequest {
    /// Name of the cluster.
    pub cluster: String,
    /// Sender of the request.
    pub origin: Origin,
    /// Headers as they left the proxy.
    pub headers: Headers,
    /// Body frames as they left the proxy.
    pub frames: Vec<Vec<u8>>,
    /// Trailers, if any left.
    pub trailers: Option<Headers>,
    /// `true` if the request has ended; `false` for a cluster that responds as soon as the headers arrive.
    pub complete: bool,
    /// Virtual time since the process started.
    pub at: Duration,
}

impl UpstreamRequest {
    /// Returns the whole body.
    pub fn body(&self) -> Vec<u8> {
        self.frames.concat()
    }

    /// Returns the body as text, with replacement characters where it is not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }
}

/// Sender of a request to a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The router, for a stream.
    Route,
    /// `proxy_http_call`.
    HttpCall,
    /// `proxy_grpc_call` or `proxy_grpc_stream`.
    GrpcCall,
}

/// Fault of a scripted response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    Refuse,
    Never,
    Reset,
    ResetAfter(usize),
}

/// Response of a scripted cluster.
#[derive(Clone, Debug)]
pub struct UpstreamResponse {
    pub(crate) headers: Headers,
    pub(crate) frames: Vec<Vec<u8>>,
    pub(crate) has_body: bool,
    pub(crate) sized: bool,
    pub(crate) split: Split,
    pub(crate) trailers: Option<Headers>,
    pub(crate) framing: Framing,
    pub(crate) delay: Duration,
    pub(crate) frame_interval: Duration,
    pub(crate) fault: Fault,
}

impl UpstreamResponse {
    /// Creates a response without a body, over HTTP/1.
    pub fn status(status: u16) -> UpstreamResponse {
        UpstreamResponse {
            headers: [(":status", status.to_string())].into_iter().collect(),
            frames: Vec::new(),
            has_body: false,
            sized: false,
            split: Split::Whole,
            trailers: None,
            framing: Framing::Http1,
            delay: Duration::ZERO,
            frame_interval: Duration::ZERO,
            fault: Fault::None,
        }
    }

    /// Creates a response 200 with a body and `content-type: application/json`.
    pub fn json(body: impl Into<Vec<u8>>) -> UpstreamResponse {
        UpstreamResponse::status(200).header("content-type", "application/json").body(body)
    }

    /// Creates a response 200 with `content-type: text/event-stream` and one frame per event, sent as given (the caller adds
    /// the blank lines).
    pub fn sse<E: Into<Vec<u8>>>(events: impl IntoIterator<Item = E>) -> UpstreamResponse {
        UpstreamResponse::status(200).header("content-type", "text/event-stream").frames(events)
    }

    /// Creates a unary gRPC response with status 0. `message` is the serialised message, without its five-byte prefix.
    pub fn grpc(message: impl AsRef<[u8]>) -> UpstreamResponse {
        let message = message.as_ref();
        let mut frame = vec![0];
        frame.extend(u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
        frame.extend(message);
        UpstreamResponse::status(200)
            .header("content-type", "application/grpc")
            .frames([frame])
            .trailers([("grpc-status", "0")])
            .http2()
    }

    /// Creates a gRPC response that is only an error.
    pub fn grpc_error(code: u32, message: &str) -> UpstreamResponse {
        UpstreamResponse::status(200)
            .header("content-type", "application/grpc")
            .header("grpc-status", code.to_string())
            .header("grpc-message", message)
            .http2()
    }

    /// Refuses the connection.
    pub fn refuse() -> UpstreamResponse {
        UpstreamResponse { fault: Fault::Refuse, ..UpstreamResponse::status(503) }
    }

    /// Never responds; whoever waits for the response times out.
    pub fn never() -> UpstreamResponse {
        UpstreamResponse { fault: Fault::Never, ..UpstreamResponse::status(504) }
    }

    /// Resets the stream (HTTP/1: closes the connection) before any headers.
    pub fn reset() -> UpstreamResponse {
        UpstreamResponse { fault: Fault::Reset, ..UpstreamResponse::status(503) }
    }

    /// Adds a header.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> UpstreamResponse {
        self.headers.add(name, value);
        self
    }

    /// Adds headers.
    pub fn headers<K: AsRef<str>, V: AsRef<[u8]>>(
        mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> UpstreamResponse {
        self.headers.extend(pairs);
        self
    }

    /// Sets a body of known size; a `content-length` is added unless a header exists.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> UpstreamResponse {
        let bytes = bytes.into();
        self.frames = if bytes.is_empty() { Vec::new() } else { vec![bytes] };
        (self.has_body, self.sized) = (true, true);
        self
    }

    /// Sets a body in frames, without a `content-length`; over HTTP/1 with `transfer-encoding: chunked`.
    pub fn frames<F: Into<Vec<u8>>>(mut self, frames: impl IntoIterator<Item = F>) -> UpstreamResponse {
        self.frames = frames.into_iter().map(Into::into).collect();
        (self.has_body, self.sized) = (true, false);
        self
    }

    /// Sets the split of the body into frames.
    pub fn split(mut self, split: Split) -> UpstreamResponse {
        self.split = split;
        self
    }

    /// Adds trailers after the body.
    pub fn trailers<K: AsRef<str>, V: AsRef<[u8]>>(
        mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> UpstreamResponse {
        self.trailers = Some(pairs.into_iter().collect());
        self
    }

    /// Uses HTTP/1 (the default).
    pub fn http1(self) -> UpstreamResponse {
        self.framing(Framing::Http1)
    }

    /// Uses HTTP/2.
    pub fn http2(self) -> UpstreamResponse {
        self.framing(Framing::Http2)
    }

    /// Sets the framing.
    pub fn framing(mut self, framing: Framing) -> UpstreamResponse {
        self.framing = framing;
        self
    }

    /// Sets the virtual time before the headers.
    pub fn delay(mut self, delay: Duration) -> UpstreamResponse {
        self.delay = delay;
        self
    }

    /// Sets the virtual time before each frame.
    pub fn frame_interval(mut self, interval: Duration) -> UpstreamResponse {
        self.frame_interval = interval;
        self
    }

    /// Resets the stream after the headers and a number of frames.
    pub fn reset_after(mut self, frames: usize) -> UpstreamResponse {
        self.fault = Fault::ResetAfter(frames);
        self
    }
}

/// Moment at which a scripted cluster responds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseTrigger {
    /// At the end of the request.
    #[default]
    RequestEnd,
    /// As soon as the request's headers have arrived.
    RequestHeaders,
    /// Never by itself: the test responds through [`OpenStream`](crate::OpenStream).
    Manual,
}
