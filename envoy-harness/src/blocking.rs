//! Blocking HTTP/1.1 client: one request per connection.
//!
//! For Envoy's admin interface, for programs without a runtime, and for code that must also work inside of one: a blocking
//! wrapper around the asynchronous client could not, since a runtime does not start within another. Both clients share the
//! code of [`crate::http1`].

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::Context;
use crate::http1::{self, DecodeError, Decoder, MessageKind, Part};
use crate::message::{BodyLength, RequestHead};
use crate::{Error, Result};

/// Request to send.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// `GET`, `POST`, ...
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Further headers. `host`, `connection: close` and, with a body, `content-length` are added.
    pub headers: &'a [(&'a str, &'a str)],
    /// Body.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// Creates a GET.
    pub fn get(path: &'a str) -> Request<'a> {
        Request { method: "GET", path, headers: &[], body: b"" }
    }

    /// Creates a POST.
    pub fn post(path: &'a str, headers: &'a [(&'a str, &'a str)], body: &'a [u8]) -> Request<'a> {
        Request { method: "POST", path, headers, body }
    }

    /// Sends the request and reads the head of the response. `timeout` applies to every single read and write.
    pub fn send(&self, to: SocketAddr, timeout: Duration) -> Result<Response> {
        self.send_paced(usize::MAX, Duration::ZERO, to, timeout)
    }

    /// As [`Request::send`], with the body in pieces of `bytes` and a pause before every piece but the first.
    pub fn send_paced(&self, bytes: usize, pause: Duration, to: SocketAddr, timeout: Duration) -> Result<Response> {
        let sent = self.exchange(bytes, pause, to, timeout);
        sent.context(|| format!("{} http://{to}{}", self.method, self.path))
    }

    fn exchange(&self, bytes: usize, pause: Duration, to: SocketAddr, timeout: Duration) -> Result<Response> {
        let io = |error: io::Error| Error::new(error.to_string());
        let mut stream = TcpStream::connect_timeout(&to, timeout).map_err(io)?;
        stream.set_read_timeout(Some(timeout)).map_err(io)?;
        stream.set_write_timeout(Some(timeout)).map_err(io)?;
        stream.set_nodelay(true).map_err(io)?;
        let bodiless = self.body.is_empty() && self.method == "GET";
        let length = if bodiless { BodyLength::NoBody } else { BodyLength::Known(self.body.len()) };
        let (first, rest) = self.body.split_at_checked(bytes).unwrap_or((self.body, b""));
        let mut wire = Vec::new();
        http1::write_request_head(&mut wire, &self.head(to), length);
        wire.extend_from_slice(first);
        stream.write_all(&wire).map_err(io)?;
        for piece in rest.chunks(bytes.max(1)) {
            std::thread::sleep(pause);
            stream.write_all(piece).map_err(io)?;
        }
        Response::read_head(stream)
    }

    fn head(&self, to: SocketAddr) -> RequestHead {
        let close = ("connection".to_owned(), b"close".to_vec());
        let headers = self.headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        RequestHead {
            method: self.method.to_owned(),
            path: self.path.to_owned(),
            authority: to.to_string(),
            headers: std::iter::once(close).chain(headers).collect(),
        }
    }
}

/// Response: its head, and a body that is [`Read`] as it arrives.
#[derive(Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    stream: TcpStream,
    decoder: Decoder,
    /// Decoded bytes of the body that are not read yet.
    unread: Vec<u8>,
}

impl Response {
    fn read_head(mut stream: TcpStream) -> Result<Response> {
        let mut decoder = Decoder::new(MessageKind::Response);
        match next(&mut decoder, &mut stream).context(|| "no response".into())? {
            Part::Head { start_line, headers, .. } => {
                let status = http1::status(&start_line).unwrap_or_default();
                let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
                let headers = headers.into_iter().map(|(name, value)| (name, text(value))).collect();
                Ok(Response { status, headers, stream, decoder, unread: Vec::new() })
            }
            part => Err(Error::new(format!("{part:?} in the place of a head"))),
        }
    }

    /// Returns the first value of a header (name in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Reads the rest of the body as text.
    pub fn text(&mut self) -> Result<String> {
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes).context(|| "the response is incomplete".into())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Read for Response {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.unread.is_empty() {
            match next(&mut self.decoder, &mut self.stream)? {
                Part::Data { bytes, .. } => self.unread = bytes,
                Part::End => return Ok(0),
                Part::Head { .. } | Part::Trailers(_) => {}
            }
        }
        let count = self.unread.as_slice().read(buffer)?;
        self.unread.drain(..count);
        Ok(count)
    }
}

fn next(decoder: &mut Decoder, stream: &mut TcpStream) -> io::Result<Part> {
    loop {
        match decoder.decode() {
            Ok(Some(part)) => return Ok(part),
            Ok(None) => {}
            Err(error @ DecodeError::Malformed(_)) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            Err(error) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, error)),
        }
        let mut bytes = [0; 16 << 10];
        match stream.read(&mut bytes)? {
            0 => decoder.close(),
            count => decoder.feed(bytes.get(..count).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Serves one connection with these bytes; the thread returns the request.
    fn serve(response: &'static [u8]) -> (SocketAddr, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 1024];
            while !request.ends_with(b"\r\n\r\n") && !request.ends_with(b"body") {
                let n = stream.read(&mut buffer).unwrap();
                request.extend_from_slice(&buffer[..n]);
            }
            stream.write_all(response).unwrap();
            String::from_utf8(request).unwrap()
        });
        (address, server)
    }

    #[test]
    fn every_framing_gives_the_same_body() {
        let cases: [&[u8]; 4] = [
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhellothis is not read",
            b"HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nt: v\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nx-a:  b\r\n\r\nhello",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nx-a: b\r\ncontent-length: 5\r\n\r\nhello",
        ];
        for wire in cases {
            let (address, server) = serve(wire);
            let mut response = Request::get("/x?y").send(address, Duration::from_secs(5)).unwrap();
            assert_eq!((response.status, response.header("x-a")), (200, Some("b")));
            assert_eq!(response.text().unwrap(), "hello");
            assert!(server.join().unwrap().starts_with("GET /x?y HTTP/1.1\r\nhost: 127.0.0.1:"));
        }
    }

    #[test]
    fn a_truncated_body_is_an_error() {
        for wire in [
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello".as_slice(),
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",
        ] {
            let (address, server) = serve(wire);
            let mut response = Request::get("/").send(address, Duration::from_secs(5)).unwrap();
            assert!(response.text().is_err());
            server.join().unwrap();
        }
    }

    #[test]
    fn a_post_has_a_content_length() {
        let (address, server) = serve(b"HTTP/1.1 204 No Content\r\n\r\n");
        let mut response = Request::post("/", &[("a", "b")], b"body").send(address, Duration::from_secs(5)).unwrap();
        assert_eq!(response.text().unwrap(), "");
        let request = server.join().unwrap();
        assert!(request.contains("\r\na: b\r\n") && request.contains("\r\ncontent-length: 4\r\n"), "{request}");
    }
}
