//! Client that records a response frame by frame.

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

/// Starts a mock with one listener, `openai`.
pub(crate) fn mock() -> MockLlm {
    MockLlm::start(Options::new(vec![("openai".to_owned(), "127.0.0.1:0".parse().unwrap())])).unwrap()
}

pub(crate) fn address(mock: &MockLlm) -> SocketAddr {
    mock.addresses()[0].1
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Response as the client received it.
#[derive(Debug)]
pub(crate) struct TestResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) frames: Vec<Bytes>,
    pub(crate) trailers: Option<HeaderMap>,
    /// `true` if the body ended with an error.
    pub(crate) aborted: bool,
    /// `true` if the response headers ended the response.
    pub(crate) ended_by_head: bool,
    /// Time from the request to the response headers.
    pub(crate) head_after: Duration,
    /// Time from the request to the end of the response.
    pub(crate) end_after: Duration,
}

impl TestResponse {
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

    /// Returns the data of the events of an SSE body without names, comments and CR.
    pub(crate) fn data(&self) -> Vec<String> {
        let text = self.text();
        assert!(text.is_empty() || text.ends_with("\n\n"), "{text}");
        text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap().to_owned()).collect()
    }

    /// Returns the chunks of a stream that ends with `[DONE]`.
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

pub(crate) async fn read_response(start: Instant, response: Response<Incoming>) -> TestResponse {
    let head_after = start.elapsed();
    let (head, mut body) = response.into_parts();
    let mut response = TestResponse {
        status: head.status.as_u16(),
        headers: head.headers,
        frames: Vec::new(),
        trailers: None,
        aborted: false,
        ended_by_head: body.is_end_stream(),
        head_after,
        end_after: head_after,
    };
    while let Some(frame) = body.frame().await {
        match frame.map(|frame| frame.into_data()) {
            Ok(Ok(data)) => response.frames.push(data),
            Ok(Err(frame)) => response.trailers = frame.into_trailers().ok(),
            Err(_) => {
                response.aborted = true;
                break;
            }
        }
    }
    response.end_after = start.elapsed();
    response
}

pub(crate) fn full(body: &str) -> BoxBody<Bytes, Infallible> {
    Full::new(Bytes::copy_from_slice(body.as_bytes())).boxed()
}

/// Sends a POST request with these knobs, named without the header prefix, and reads the response.
pub(crate) fn post(protocol: Protocol, mock: &MockLlm, path: &str, knobs: &[(&str, &str)], body: &str) -> TestResponse {
    run(async {
        let address = address(mock);
        let mut request = request(address, path, &[("content-type", "application/json")]);
        for (name, value) in knobs {
            request = request.header(format!("x-mock-{name}"), *value);
        }
        let start = Instant::now();
        let response = send(protocol, address, request.body(full(body)).unwrap()).await;
        tokio::time::timeout(Duration::from_secs(20), read_response(start, response)).await.unwrap()
    })
}

/// Sends a POST request to the chat path.
pub(crate) fn chat(protocol: Protocol, mock: &MockLlm, knobs: &[(&str, &str)], body: &str) -> TestResponse {
    post(protocol, mock, CHAT, knobs, body)
}

/// Returns a chat request with one user message; `members` are further members, e.g. `"stream":true`.
pub(crate) fn prompt(text: &str, members: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    let members = if members.is_empty() { String::new() } else { format!(",{members}") };
    format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":{text}}}]{members}}}"#)
}

/// Body of the given frames.
pub(crate) struct Frames {
    frames: std::vec::IntoIter<Frame<Bytes>>,
    endless: bool,
}

impl Frames {
    /// Creates a body that ends after the frames.
    pub(crate) fn ended(frames: Vec<Frame<Bytes>>) -> BoxBody<Bytes, Infallible> {
        Frames { frames: frames.into_iter(), endless: false }.boxed()
    }

    /// Creates a body that stays open after the frames.
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
