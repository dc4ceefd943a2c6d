//! A small blocking HTTP/1.1 client for loopback: one request per connection, the answer read as it arrives.
//!
//! It exists for the admin interface and for the demo, which shows a streamed answer while it streams. It does not follow
//! the protocol into its corners; the end-to-end tests have real clients.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::Result;
use crate::error::Context;

/// What to ask.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// `GET`, `POST`, ...
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Further headers; host, content-length and `connection: close` are added.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// A GET.
    pub fn get(path: &'a str) -> Request<'a> {
        Request { method: "GET", path, headers: &[], body: b"" }
    }

    /// A POST of a body with headers.
    pub fn post(path: &'a str, headers: &'a [(&'a str, &'a str)], body: &'a [u8]) -> Request<'a> {
        Request { method: "POST", path, headers, body }
    }

    /// Sends it and reads the head of the answer. `timeout` is for every single read and write.
    pub fn send(&self, to: SocketAddr, timeout: Duration) -> Result<Response> {
        self.send_paced(usize::MAX, Duration::ZERO, to, timeout)
    }

    /// The same, with a pause before every so many bytes of the body but the first.
    pub fn send_paced(&self, bytes: usize, pause: Duration, to: SocketAddr, timeout: Duration) -> Result<Response> {
        let sent = self.exchange(bytes, pause, to, timeout);
        sent.context(|| format!("{} http://{to}{}", self.method, self.path))
    }

    fn exchange(&self, bytes: usize, pause: Duration, to: SocketAddr, timeout: Duration) -> io::Result<Response> {
        let mut stream = TcpStream::connect_timeout(&to, timeout)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        stream.set_nodelay(true)?;
        let mut head = format!("{} {} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n", self.method, self.path);
        for (name, value) in self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() || self.method != "GET" {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        let (first, rest) = self.body.split_at_checked(bytes).unwrap_or((self.body, b""));
        stream.write_all(&[head.as_bytes(), first].concat())?;
        for piece in rest.chunks(bytes.max(1)) {
            std::thread::sleep(pause);
            stream.write_all(piece)?;
        }
        Response::read(BufReader::new(stream))
    }
}

/// An answer: its head, and a body that is [`Read`] as it arrives.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    stream: BufReader<TcpStream>,
    framing: Framing,
}

#[derive(Clone, Copy, Debug)]
enum Framing {
    /// So many bytes are left.
    Length(u64),
    /// So many bytes are left of this chunk; `None`: a chunk's head comes next.
    Chunk(Option<u64>),
    /// Until the connection closes.
    Close,
    /// All read.
    End,
}

impl Response {
    fn read(mut stream: BufReader<TcpStream>) -> io::Result<Response> {
        loop {
            let status_line = line(&mut stream)?;
            let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
            let status: u16 = status.ok_or_else(|| malformed("status line"))?;
            let mut headers = Vec::new();
            loop {
                let line = line(&mut stream)?;
                if line.is_empty() {
                    break;
                }
                let (name, value) = line.split_once(':').ok_or_else(|| malformed("header"))?;
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            if status < 200 {
                continue;
            }
            let find = |name| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
            let framing = if find("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
                Framing::Chunk(None)
            } else if status == 204 || status == 304 {
                Framing::End
            } else if let Some(length) = find("content-length") {
                Framing::Length(length.parse().map_err(|_| malformed("content-length"))?)
            } else {
                Framing::Close
            };
            return Ok(Response { status, headers, stream, framing });
        }
    }

    /// The first value of a header (name in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The rest of the body as text.
    pub fn text(&mut self) -> Result<String> {
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes).context(|| "the answer broke off".into())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Read for Response {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Framing::Chunk(None) = self.framing {
            let head = line(&mut self.stream)?;
            let size = head.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(size, 16).map_err(|_| malformed("chunk size"))?;
            if size == 0 {
                while !line(&mut self.stream)?.is_empty() {}
                self.framing = Framing::End;
            } else {
                self.framing = Framing::Chunk(Some(size));
            }
        }
        let left = match self.framing {
            Framing::Length(left) | Framing::Chunk(Some(left)) => left,
            Framing::Close => u64::MAX,
            Framing::Chunk(None) | Framing::End => 0,
        };
        if left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let read = (&mut self.stream).take(left).read(buffer)?;
        let left = left - read as u64;
        self.framing = match self.framing {
            Framing::Close => Framing::Close,
            _ if read == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            Framing::Length(_) => Framing::Length(left),
            Framing::Chunk(_) if left > 0 => Framing::Chunk(Some(left)),
            Framing::Chunk(_) => {
                line(&mut self.stream)?;
                Framing::Chunk(None)
            }
            Framing::End => Framing::End,
        };
        Ok(read)
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed {what} in the answer"))
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    if stream.read_until(b'\n', &mut bytes)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Serves one connection with these bytes; gives back what was asked.
    fn serve(answer: &'static [u8]) -> (SocketAddr, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            let mut buffer = [0; 1024];
            while !asked.ends_with(b"\r\n\r\n") && !asked.ends_with(b"body") {
                let n = stream.read(&mut buffer).unwrap();
                asked.extend_from_slice(&buffer[..n]);
            }
            stream.write_all(answer).unwrap();
            String::from_utf8(asked).unwrap()
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
        for answer in cases {
            let (address, server) = serve(answer);
            let mut response = Request::get("/x?y").send(address, Duration::from_secs(5)).unwrap();
            assert_eq!((response.status, response.header("x-a")), (200, Some("b")));
            assert_eq!(response.text().unwrap(), "hello");
            assert!(server.join().unwrap().starts_with("GET /x?y HTTP/1.1\r\nhost: 127.0.0.1:"));
        }
    }

    #[test]
    fn a_body_cut_short_is_an_error() {
        for answer in [
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello".as_slice(),
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",
        ] {
            let (address, server) = serve(answer);
            let mut response = Request::get("/").send(address, Duration::from_secs(5)).unwrap();
            assert!(response.text().is_err());
            server.join().unwrap();
        }
    }

    #[test]
    fn a_post_says_how_long_it_is() {
        let (address, server) = serve(b"HTTP/1.1 204 No Content\r\n\r\n");
        let mut response = Request::post("/", &[("a", "b")], b"body").send(address, Duration::from_secs(5)).unwrap();
        assert_eq!(response.text().unwrap(), "");
        let asked = server.join().unwrap();
        assert!(asked.contains("\r\na: b\r\n") && asked.contains("\r\ncontent-length: 4\r\n"), "{asked}");
    }
}
