//! Messages of HTTP as clients and upstreams of the harness see them, independent of the protocol version.

use std::fmt;
use std::time::Duration;

use crate::DecodedResponse;

/// Header or trailer fields in order. Names that were received are in lower case; values are octets.
pub type Headers = Vec<(String, Vec<u8>)>;

/// Version of HTTP on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.1
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
}

/// Head of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHead {
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path and query.
    pub path: String,
    /// `host` or `:authority`.
    pub authority: String,
    /// Further headers. Those that delimit the body are added when the request is sent.
    pub headers: Headers,
}

/// Head of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseHead {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: Headers,
}

/// Length of a body as its sender announces it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyLength {
    /// No body: the head ends the message, and nothing is added to its headers.
    #[default]
    NoBody,
    /// `content-length`. The sender may send fewer bytes than it announces.
    Known(usize),
    /// HTTP/1.1: chunks. HTTP/2: no `content-length`.
    Unknown,
}

/// Body to send, in the exact pieces in which it is written to the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutgoingBody {
    /// Announced length.
    pub length: BodyLength,
    /// Pieces, none of them empty. Each is one write on HTTP/1.1 (one chunk if the length is unknown) and one DATA frame on
    /// HTTP/2 (several if it exceeds the frame size).
    pub pieces: Vec<Vec<u8>>,
    /// `true` if an empty DATA frame ends the body. HTTP/1.1 with chunks always ends in an empty chunk.
    pub empty_last: bool,
    /// Trailers. On HTTP/1.1 they need [`BodyLength::Unknown`].
    pub trailers: Headers,
    /// Pause before every piece. With a pause the head is a write of its own; without one, HTTP/1.1 sends the head in the same
    /// write as the first piece.
    pub pause: Option<Duration>,
}

impl OutgoingBody {
    /// Returns a body of known length in one piece.
    pub fn whole(body: impl Into<Vec<u8>>) -> OutgoingBody {
        let body = body.into();
        let length = BodyLength::Known(body.len());
        let pieces = if body.is_empty() { Vec::new() } else { vec![body] };
        OutgoingBody { length, pieces, ..OutgoingBody::default() }
    }
}

/// End of a message as its reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The message is complete.
    Complete,
    /// The other side ended the message early, or sent something malformed. Holds the reason.
    Broken(String),
    /// The message stopped in the middle: nothing more of it arrived within the reader's limit.
    Stalled,
    /// The reader left before the end.
    Left,
}

/// Piece of a body as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Time since the request was sent.
    pub at: Duration,
    /// Bytes, never empty.
    pub bytes: Vec<u8>,
}

/// Response as a client received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: Headers,
    /// Body in the pieces that were read.
    pub pieces: Vec<Piece>,
    /// Trailers.
    pub trailers: Headers,
    /// `true` if the body has neither a length nor chunks, so that only the end of the connection ends it (HTTP/1.1).
    pub until_close: bool,
    /// End of the response.
    pub end: End,
}

impl Response {
    /// Returns the first value of a header (name in lower case) as text.
    pub fn header(&self, name: &str) -> Option<String> {
        header(&self.headers, name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// Decodes the response as one of the chat completions API.
    pub fn decoded(&self) -> DecodedResponse {
        DecodedResponse::of(&self.headers, &self.body())
    }

    /// Returns the whole body.
    pub fn body(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(|piece| piece.bytes.iter().copied()).collect()
    }

    /// Returns the whole body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }
}

/// Reason why an exchange gave no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoResponse {
    /// The other side took the request and closed the connection without a response.
    Closed,
    /// Anything else, such as a refused connection, a timeout or a malformed head.
    Failed(String),
}

impl fmt::Display for NoResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoResponse::Closed => f.write_str("no response: the connection was closed"),
            NoResponse::Failed(reason) => write!(f, "no response: {reason}"),
        }
    }
}

impl std::error::Error for NoResponse {}

/// Returns the first value of a header.
pub fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a [u8]> {
    headers.iter().find(|(named, _)| named.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
}
