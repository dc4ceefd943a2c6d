//! A client that decides how its request is cut, and sees how the answer is.
//!
//! What a filter does wrong, it does wrong in some framings only: when the body ends with trailers instead of a last
//! frame, when a frame is a byte, when nobody said how long the body is. No HTTP library lets its caller choose those, so
//! HTTP/1.1 is spoken on the socket itself, and HTTP/2 frame by frame.

mod http1;
mod http2;

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub use http1::Http1;
pub use http2::Http2;

/// For one exchange; whoever needs longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two bytes that are sent each on its own, so that the other side reads before the next comes.
const PAUSE: Duration = Duration::from_micros(100);

/// How the body of a request goes over the wire.
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
    /// All of them.
    pub const ALL: &[Framing] = &[
        Framing::Http1Length,
        Framing::Http1Bytes,
        Framing::Http1Trailers,
        Framing::Http2Whole,
        Framing::Http2Bytes,
        Framing::Http2Trailers,
    ];

    /// The plainest of each protocol: for what does not depend on how the request came.
    pub const PLAIN: &[Framing] = &[Framing::Http1Length, Framing::Http2Whole];

    /// HTTP/1.1.
    pub fn is_http1(self) -> bool {
        matches!(self, Framing::Http1Length | Framing::Http1Bytes | Framing::Http1Trailers)
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

/// Header pairs as they stand on the wire; values are octets.
pub type Headers = Vec<(String, Vec<u8>)>;

/// A request without its framing.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST`, ...
    pub method: &'static str,
    /// Path and query.
    pub path: String,
    /// Besides host and those of the framing.
    pub headers: Headers,
    /// Possibly empty.
    pub body: Vec<u8>,
}

/// When the client goes away.
#[derive(Clone, Copy, Debug)]
pub enum Stay {
    /// It reads the answer to its end.
    ToTheEnd,
    /// It leaves once so many bytes of the answer's body are there.
    Bytes(usize),
}

/// An answer, as it came.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Headers,
    /// The body as it arrived: since the request was sent, and the bytes.
    pub pieces: Vec<(Duration, Vec<u8>)>,
    /// Trailers.
    pub trailers: Headers,
    /// How it ended.
    pub end: End,
}

/// How an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// As its framing says it must.
    Clean,
    /// Before that, by the other side.
    Broken(String),
    /// The client left.
    Left,
}

impl Answer {
    /// The first value of a header (name in lower case), as text.
    pub fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().find(|(n, _)| n == name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// The whole body.
    pub fn body(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect()
    }

    /// The whole body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }
}

/// Sends a request over a connection of its own and reads the answer. An error: there was no head of an answer.
pub async fn exchange(to: SocketAddr, request: &Request, framing: Framing, stay: Stay) -> Result<Answer, String> {
    let exchange = async {
        if framing.is_http1() {
            Http1::connect(to).await?.exchange(request, framing, stay).await
        } else {
            Http2::connect(to).await?.exchange(request, framing, stay).await
        }
    };
    within(exchange).await
}

/// Sends the head of a request and half of its body, and leaves.
pub async fn abandon(to: SocketAddr, request: &Request, framing: Framing) -> Result<(), String> {
    let abandon = async {
        if framing.is_http1() {
            Http1::connect(to).await?.abandon(request, framing).await
        } else {
            Http2::connect(to).await?.abandon(request, framing).await
        }
    };
    within(abandon).await
}

async fn within<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => Err(format!("no answer, or no end of it, within {PATIENCE:?}")),
    }
}

/// Waits for the time of [`PAUSE`], which is shorter than what the runtime's timer keeps.
async fn pause() {
    let end = Instant::now() + PAUSE;
    while Instant::now() < end {
        tokio::task::yield_now().await;
    }
}
