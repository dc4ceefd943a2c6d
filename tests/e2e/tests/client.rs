//! Requests in the framings that can make a difference to a filter.
//!
//! A filter bug may show in some framings only: when the body ends with trailers instead of a last frame, when a frame is one
//! byte, when the length of the body is unknown. The clients themselves are those of the harness.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use tollgate_envoy_harness::client;
pub use tollgate_envoy_harness::connection::{Http1, Http2};
use tollgate_envoy_harness::message::{BodyLength, NoResponse, OutgoingBody, Protocol, RequestHead};
pub use tollgate_envoy_harness::message::{End, Headers, Response};

/// Longest wait for a response, and for each part of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Pause between bytes that are sent one by one, in which the other side reads.
const PAUSE: Duration = Duration::from_micros(100);

/// Framing of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Framing {
    /// HTTP/1.1, `content-length`, in one write.
    Http1Length,
    /// HTTP/1.1, every byte a chunk and a write of its own.
    Http1Bytes,
    /// HTTP/1.1, one chunk, then trailers.
    Http1Trailers,
    /// HTTP/2, one DATA frame that ends the stream.
    Http2Whole,
    /// HTTP/2, every byte a DATA frame of its own, the last one empty.
    Http2Bytes,
    /// HTTP/2, one DATA frame, then trailers.
    Http2Trailers,
}

impl Framing {
    /// All framings.
    pub const ALL: &[Framing] = &[
        Framing::Http1Length,
        Framing::Http1Bytes,
        Framing::Http1Trailers,
        Framing::Http2Whole,
        Framing::Http2Bytes,
        Framing::Http2Trailers,
    ];

    /// The plainest framing of each protocol, for what does not depend on how the request arrives.
    pub const PLAIN: &[Framing] = &[Framing::Http1Length, Framing::Http2Whole];

    /// Returns the protocol.
    pub fn protocol(self) -> Protocol {
        match self {
            Framing::Http1Length | Framing::Http1Bytes | Framing::Http1Trailers => Protocol::Http1,
            Framing::Http2Whole | Framing::Http2Bytes | Framing::Http2Trailers => Protocol::Http2,
        }
    }
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Framing::Http1Length => "HTTP/1.1 whole",
            Framing::Http1Bytes => "HTTP/1.1 byte by byte",
            Framing::Http1Trailers => "HTTP/1.1 with trailers",
            Framing::Http2Whole => "HTTP/2 whole",
            Framing::Http2Bytes => "HTTP/2 byte by byte",
            Framing::Http2Trailers => "HTTP/2 with trailers",
        })
    }
}

/// Request without its framing.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST`, ...
    pub method: &'static str,
    /// Path and query.
    pub path: String,
    /// Headers besides host and those of the framing.
    pub headers: Headers,
    /// Body, possibly empty.
    pub body: Vec<u8>,
}

impl Request {
    /// Returns the request as the harness sends it.
    pub fn framed(&self, to: SocketAddr, framing: Framing) -> client::Request {
        let mut headers = self.headers.clone();
        let body = self.outgoing(framing);
        if framing == Framing::Http1Trailers && !body.trailers.is_empty() {
            headers.push(("trailer".into(), b"x-checksum".to_vec()));
            headers.push(("te".into(), b"trailers".to_vec()));
        }
        if framing == Framing::Http2Trailers {
            headers.push(("te".into(), b"trailers".to_vec()));
        }
        if framing == Framing::Http2Whole && body.length == BodyLength::NoBody && self.method != "GET" {
            headers.push(("content-length".into(), b"0".to_vec()));
        }
        let (method, path, authority) = (self.method.to_owned(), self.path.clone(), to.to_string());
        client::Request { head: RequestHead { method, path, authority, headers }, body }
    }

    fn outgoing(&self, framing: Framing) -> OutgoingBody {
        let (body, empty) = (self.body.as_slice(), self.body.is_empty());
        if empty && (self.method == "GET" || framing == Framing::Http2Whole) {
            return OutgoingBody::default();
        }
        let bytes = || body.iter().map(|byte| vec![*byte]).collect();
        let one = if empty { Vec::new() } else { vec![body.to_vec()] };
        let unknown = OutgoingBody { length: BodyLength::Unknown, ..OutgoingBody::default() };
        let trailers = vec![("x-checksum".to_owned(), b"none".to_vec())];
        match framing {
            Framing::Http2Whole if self.method == "GET" => OutgoingBody { pieces: one, ..unknown },
            Framing::Http1Length | Framing::Http2Whole => OutgoingBody::whole(body),
            Framing::Http1Bytes => OutgoingBody { pieces: bytes(), pause: Some(PAUSE), ..unknown },
            Framing::Http2Bytes => OutgoingBody { pieces: bytes(), empty_last: true, ..unknown },
            Framing::Http1Trailers => OutgoingBody { pieces: one, trailers, pause: Some(PAUSE), ..unknown },
            Framing::Http2Trailers => OutgoingBody { pieces: one, trailers, ..unknown },
        }
    }
}

/// Time at which the client leaves.
#[derive(Clone, Copy, Debug)]
pub enum Stay {
    /// It reads the response to its end.
    ToTheEnd,
    /// It leaves once this many bytes of the response's body have arrived.
    Bytes(usize),
}

impl Stay {
    fn is_over(self, response: &Response) -> bool {
        match self {
            Stay::ToTheEnd => false,
            Stay::Bytes(bytes) => response.pieces.iter().map(|piece| piece.bytes.len()).sum::<usize>() >= bytes,
        }
    }
}

/// Sends a request over a connection of its own and reads the response.
///
/// # Errors
/// No response began, or it stopped in the middle.
pub async fn exchange(to: SocketAddr, request: &Request, framing: Framing, stay: Stay) -> Result<Response, String> {
    let leave = |response: &Response| stay.is_over(response);
    let request = request.framed(to, framing);
    checked(client::exchange(to, framing.protocol(), &request, &leave, PATIENCE).await, framing)
}

/// Sends a request over an HTTP/1.1 connection that may be used again.
pub async fn exchange_http1(connection: &mut Http1, to: SocketAddr, request: &Request) -> Result<Response, String> {
    let framing = Framing::Http1Length;
    checked(connection.exchange(&request.framed(to, framing), &client::stay).await, framing)
}

/// Sends a request over an HTTP/2 connection, on which other exchanges may run at the same time.
pub async fn exchange_http2(connection: &Http2, to: SocketAddr, request: &Request) -> Result<Response, String> {
    let framing = Framing::Http2Whole;
    checked(connection.exchange(&request.framed(to, framing), &client::stay).await, framing)
}

/// Sends the head of a request and half of its body, and leaves.
pub async fn abandon(to: SocketAddr, request: &Request, framing: Framing) -> Result<(), String> {
    let request = request.framed(to, framing);
    let abandoned = client::abandon(to, framing.protocol(), &request, PATIENCE).await;
    abandoned.map_err(|error| error.to_string())
}

/// Marks a response as broken if it does not say where it ends, or says something wrong.
fn checked(response: Result<Response, NoResponse>, framing: Framing) -> Result<Response, String> {
    let mut response = response.map_err(|error| error.to_string())?;
    if response.end == End::Stalled {
        return Err(format!("the response stopped for {PATIENCE:?} in the middle: {:?}", response.text()));
    }
    if response.end != End::Complete {
        return Ok(response);
    }
    if response.until_close {
        response.end = End::Broken("neither content-length nor chunks".into());
    } else if framing.protocol() == Protocol::Http2
        && let Some(length) = response.header("content-length")
    {
        // On HTTP/2 a wrong content-length breaks nothing by itself, but it is wrong.
        let bytes = response.body().len();
        if length != bytes.to_string() {
            response.end = End::Broken(format!("content-length {length} of {bytes} bytes"));
        }
    }
    Ok(response)
}
