//! HTTP/2 with prior knowledge, frame by frame.

use std::net::SocketAddr;
use std::time::Instant;

use h2::client::SendRequest;
use h2::{Ping, PingPong, Reason, RecvStream, SendStream};
use hyper::body::Bytes;
use hyper::{HeaderMap, header};
use tokio::net::TcpStream;

use super::{Answer, End, Framing, Headers, Request, Stay};

/// A connection.
pub struct Http2 {
    to: SocketAddr,
    client: SendRequest<Bytes>,
    ping: PingPong,
}

impl Http2 {
    pub async fn connect(to: SocketAddr) -> Result<Http2, String> {
        let stream = TcpStream::connect(to).await.map_err(|error| format!("connect: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        // Envoy hands on pieces of one byte as frames of one byte; h2 takes too many that are not yet read for an attack.
        let (client, mut connection) = h2::client::Builder::new()
            .data_frame_budget(usize::MAX)
            .handshake(stream)
            .await
            .map_err(|error| format!("no HTTP/2: {error}"))?;
        let ping = connection.ping_pong().ok_or("no pings")?;
        // Ends with the client and the last stream.
        tokio::spawn(connection);
        Ok(Http2 { to, client, ping })
    }

    /// Sends a request and reads its answer; others may be on their way at the same time.
    pub async fn exchange(&self, request: &Request, framing: Framing, stay: Stay) -> Result<Answer, String> {
        let start = Instant::now();
        let mut client = self.client.clone().ready().await.map_err(|error| format!("connection: {error}"))?;
        let bodiless = request.body.is_empty() && (request.method == "GET" || framing == Framing::Http2Whole);
        let (response, stream) = client
            .send_request(head(request, framing, self.to)?, bodiless)
            .map_err(|error| format!("head: {error}"))?;
        let mut writer = Writer(stream);
        if !bodiless {
            // The other side may have answered and reset the stream without reading all of it: the answer tells.
            let _ = writer.write(&request.body, framing).await;
        }
        let response = response.await.map_err(|error| format!("no answer: {error}"))?;
        let (head, body) = response.into_parts();
        let headers = octets(&head.headers);
        let (pieces, trailers) = (Vec::new(), Vec::new());
        let mut answer = Answer { status: head.status.as_u16(), headers, pieces, trailers, end: End::Clean };
        let stop = match stay {
            Stay::ToTheEnd => usize::MAX,
            Stay::Bytes(bytes) => bytes,
        };
        answer.end = match read(body, &mut answer, stop, start).await {
            Ok(End::Clean) => length_is_true(&answer),
            Ok(end) => end,
            Err(error) => End::Broken(error.to_string()),
        };
        if answer.end == End::Left {
            writer.0.send_reset(Reason::CANCEL);
        }
        Ok(answer)
    }

    /// Sends the head of a request and half of its body, and resets the stream.
    pub async fn abandon(mut self, request: &Request, framing: Framing) -> Result<(), String> {
        let mut client = self.client.clone().ready().await.map_err(|error| format!("connection: {error}"))?;
        let (_response, mut stream) =
            client.send_request(head(request, framing, self.to)?, false).map_err(|error| format!("head: {error}"))?;
        for byte in &request.body[..request.body.len() / 2] {
            stream.send_data(Bytes::copy_from_slice(&[*byte]), false).map_err(|error| format!("body: {error}"))?;
        }
        // A reset throws away what still waits to be sent. What is answered to a ping was sent together with it.
        self.ping.ping(Ping::opaque()).await.map_err(|error| format!("ping: {error}"))?;
        stream.send_reset(Reason::CANCEL);
        Ok(())
    }
}

fn head(request: &Request, framing: Framing, to: SocketAddr) -> Result<hyper::Request<()>, String> {
    let mut head = hyper::Request::builder().method(request.method).uri(format!("http://{to}{}", request.path));
    for (name, value) in &request.headers {
        head = head.header(name, value.as_slice());
    }
    if framing == Framing::Http2Whole && request.method != "GET" {
        head = head.header(header::CONTENT_LENGTH, request.body.len());
    }
    if framing == Framing::Http2Trailers {
        head = head.header(header::TE, "trailers");
    }
    head.body(()).map_err(|error| format!("no request: {error}"))
}

struct Writer(SendStream<Bytes>);

impl Writer {
    async fn write(&mut self, body: &[u8], framing: Framing) -> Result<(), h2::Error> {
        match framing {
            Framing::Http2Bytes => {
                for (at, &byte) in body.iter().enumerate() {
                    self.0.send_data(Bytes::copy_from_slice(&[byte]), false)?;
                    if at % 16 == 15 {
                        // A frame stays a frame however many of them are written at once.
                        tokio::task::yield_now().await;
                    }
                }
                self.0.send_data(Bytes::new(), true)
            }
            Framing::Http2Trailers => {
                if !body.is_empty() {
                    self.0.send_data(Bytes::copy_from_slice(body), false)?;
                }
                let trailer = (header::HeaderName::from_static("x-checksum"), header::HeaderValue::from_static("none"));
                self.0.send_trailers(HeaderMap::from_iter([trailer]))
            }
            _ => self.0.send_data(Bytes::copy_from_slice(body), true),
        }
    }
}

async fn read(mut body: RecvStream, answer: &mut Answer, stop: usize, start: Instant) -> Result<End, h2::Error> {
    let mut seen = 0;
    while let Some(frame) = body.data().await {
        let frame = frame?;
        body.flow_control().release_capacity(frame.len())?;
        seen += frame.len();
        if !frame.is_empty() {
            answer.pieces.push((start.elapsed(), frame.to_vec()));
        }
        if seen >= stop {
            return Ok(End::Left);
        }
    }
    if let Some(trailers) = body.trailers().await? {
        answer.trailers = octets(&trailers);
    }
    Ok(End::Clean)
}

/// On HTTP/2 a wrong content-length breaks nothing by itself, but it is wrong.
fn length_is_true(answer: &Answer) -> End {
    match answer.header("content-length") {
        Some(length) if length != answer.body().len().to_string() => {
            End::Broken(format!("content-length {length} of {} bytes", answer.body().len()))
        }
        _ => End::Clean,
    }
}

fn octets(headers: &HeaderMap) -> Headers {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}
