//! A client that keeps what it saw of a response frame by frame.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::HeaderMap;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tollgate_mock_llm::{MockLlm, Options};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

pub(crate) const BOTH: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];
pub(crate) const CHAT: &str = "/v1/chat/completions";

/// A mock with the one listener `openai`.
pub(crate) fn mock() -> MockLlm {
    MockLlm::start(Options::new(vec![("openai".to_owned(), "127.0.0.1:0".parse().unwrap())])).unwrap()
}

pub(crate) fn address(mock: &MockLlm) -> SocketAddr {
    mock.addresses()[0].1
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) frames: Vec<Bytes>,
    pub(crate) trailers: Option<HeaderMap>,
    /// The body broke off.
    pub(crate) broken: bool,
    /// The head of the response said that there is no body.
    pub(crate) ended_by_head: bool,
    /// From the request to the head, and to the end.
    pub(crate) head_after: Duration,
    pub(crate) end_after: Duration,
}

impl Seen {
    pub(crate) fn body(&self) -> Vec<u8> {
        self.frames.concat()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.get(name).map(|value| value.as_bytes())
    }

    /// The data of the events, read in the plainest way there is.
    pub(crate) fn data(&self) -> Vec<String> {
        let text = self.text();
        assert!(text.is_empty() || text.ends_with("\n\n"), "{text}");
        text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap().to_owned()).collect()
    }

    /// The chunks of a stream that ends as it should.
    pub(crate) fn chunks(&self) -> Vec<serde_json::Value> {
        let mut data = self.data();
        assert_eq!(data.pop().as_deref(), Some("[DONE]"));
        data.iter().map(|data| serde_json::from_str(data).unwrap()).collect()
    }
}

pub(crate) type Connection = hyper::client::conn::http2::SendRequest<BoxBody<Bytes, Infallible>>;

pub(crate) async fn http2(address: SocketAddr) -> Connection {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    sender
}

pub(crate) fn request(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> hyper::http::request::Builder {
    let mut request = Request::post(format!("http://{address}{path}")).header("host", address.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request
}

pub(crate) async fn send(
    protocol: Protocol,
    address: SocketAddr,
    request: Request<BoxBody<Bytes, Infallible>>,
) -> Response<Incoming> {
    match protocol {
        Protocol::Http1 => {
            let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
            let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            sender.send_request(request).await.unwrap()
        }
        Protocol::Http2 => http2(address).await.send_request(request).await.unwrap(),
    }
}

pub(crate) async fn see(start: Instant, response: Response<Incoming>) -> Seen {
    let head_after = start.elapsed();
    let (head, mut body) = response.into_parts();
    let mut seen = Seen {
        status: head.status.as_u16(),
        headers: head.headers,
        frames: Vec::new(),
        trailers: None,
        broken: false,
        ended_by_head: body.is_end_stream(),
        head_after,
        end_after: head_after,
    };
    while let Some(frame) = body.frame().await {
        match frame.map(|frame| frame.into_data()) {
            Ok(Ok(data)) => seen.frames.push(data),
            Ok(Err(frame)) => seen.trailers = frame.into_trailers().ok(),
            Err(_) => {
                seen.broken = true;
                break;
            }
        }
    }
    seen.end_after = start.elapsed();
    seen
}

pub(crate) fn full(body: &str) -> BoxBody<Bytes, Infallible> {
    Full::new(Bytes::copy_from_slice(body.as_bytes())).boxed()
}

/// A POST of `body` with `headers`; those of knobs without their prefix.
pub(crate) fn post(protocol: Protocol, mock: &MockLlm, path: &str, knobs: &[(&str, &str)], body: &str) -> Seen {
    run(async {
        let address = address(mock);
        let mut request = request(address, path, &[("content-type", "application/json")]);
        for (name, value) in knobs {
            request = request.header(format!("x-mock-{name}"), *value);
        }
        let start = Instant::now();
        let response = send(protocol, address, request.body(full(body)).unwrap()).await;
        tokio::time::timeout(Duration::from_secs(20), see(start, response)).await.unwrap()
    })
}

/// The same to the chat path.
pub(crate) fn chat(protocol: Protocol, mock: &MockLlm, knobs: &[(&str, &str)], body: &str) -> Seen {
    post(protocol, mock, CHAT, knobs, body)
}

/// A chat request of one user message; `members` as in `"stream":true`.
pub(crate) fn prompt(text: &str, members: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    let members = if members.is_empty() { String::new() } else { format!(",{members}") };
    format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":{text}}}]{members}}}"#)
}

/// A body of given frames.
pub(crate) struct Frames {
    frames: std::vec::IntoIter<Frame<Bytes>>,
    endless: bool,
}

impl Frames {
    pub(crate) fn of(frames: Vec<Frame<Bytes>>) -> BoxBody<Bytes, Infallible> {
        Frames { frames: frames.into_iter(), endless: false }.boxed()
    }

    /// One that goes on after them, with nothing yet.
    pub(crate) fn endless(frames: Vec<Frame<Bytes>>) -> BoxBody<Bytes, Infallible> {
        Frames { frames: frames.into_iter(), endless: true }.boxed()
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.frames.next() {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None if self.endless => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}
