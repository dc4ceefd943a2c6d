//! HTTP/1.1 on the socket.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::{Answer, End, Framing, Headers, Request, Stay, pause};

/// A connection.
pub struct Http1 {
    to: SocketAddr,
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Http1 {
    pub async fn connect(to: SocketAddr) -> Result<Http1, String> {
        let stream = TcpStream::connect(to).await.map_err(|error| format!("connect: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let (reader, writer) = stream.into_split();
        Ok(Http1 { to, reader: BufReader::new(reader), writer })
    }

    /// Sends a request and reads its answer. The connection can be used again if that ended cleanly.
    pub async fn exchange(&mut self, request: &Request, framing: Framing, stay: Stay) -> Result<Answer, String> {
        let start = Instant::now();
        let head = head(request, framing, self.to);
        let answer = {
            let mut writing = pin!(write(&mut self.writer, &head, &request.body, framing));
            let mut reading = pin!(read(&mut self.reader, stay, start));
            // An answer may come before the request is whole (413): what could not be written any more is no failure then.
            tokio::select! {
                biased;
                answer = &mut reading => answer,
                written = &mut writing => match (written, reading.await) {
                    (Err(written), Err(error)) => Err(format!("{error}, after writing failed: {written}")),
                    (_, answer) => answer,
                },
            }?
        };
        if answer.end == End::Clean && !self.reader.buffer().is_empty() {
            let more = String::from_utf8_lossy(self.reader.buffer()).into_owned();
            return Ok(Answer { end: End::Broken(format!("bytes after its end: {more:?}")), ..answer });
        }
        Ok(answer)
    }

    /// Sends the head of a request and half of its body, and closes the connection.
    pub async fn abandon(mut self, request: &Request, framing: Framing) -> Result<(), String> {
        let head = head(request, framing, self.to);
        let mut wire = Vec::new();
        write(&mut wire, &head, &request.body, framing).await.map_err(|error| error.to_string())?;
        let half = head.len() + (wire.len() - head.len()) / 2;
        self.writer.write_all(&wire[..half]).await.map_err(|error| error.to_string())
    }
}

fn head(request: &Request, framing: Framing, to: SocketAddr) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\nhost: {to}\r\n", request.method, request.path).into_bytes();
    for (name, value) in &request.headers {
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value);
        head.extend_from_slice(b"\r\n");
    }
    let bodiless = request.method == "GET" && request.body.is_empty();
    match framing {
        _ if bodiless => {}
        Framing::Http1Bytes => head.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::Http1Trailers => {
            head.extend_from_slice(b"transfer-encoding: chunked\r\ntrailer: x-checksum\r\nte: trailers\r\n");
        }
        _ => head.extend_from_slice(format!("content-length: {}\r\n", request.body.len()).as_bytes()),
    }
    head.extend_from_slice(b"\r\n");
    head
}

async fn write(to: &mut (impl AsyncWrite + Unpin), head: &[u8], body: &[u8], framing: Framing) -> std::io::Result<()> {
    let bodiless = head.starts_with(b"GET ") && body.is_empty();
    match framing {
        Framing::Http1Bytes if !bodiless => {
            to.write_all(head).await?;
            for &byte in body {
                pause().await;
                to.write_all(&[b'1', b'\r', b'\n', byte, b'\r', b'\n']).await?;
            }
            pause().await;
            to.write_all(b"0\r\n\r\n").await
        }
        Framing::Http1Trailers if !bodiless => {
            to.write_all(head).await?;
            if !body.is_empty() {
                to.write_all(format!("{:x}\r\n", body.len()).as_bytes()).await?;
                to.write_all(body).await?;
                to.write_all(b"\r\n").await?;
            }
            pause().await;
            to.write_all(b"0\r\nx-checksum: none\r\n\r\n").await
        }
        _ => to.write_all(&[head, body].concat()).await,
    }
}

type Reader = BufReader<OwnedReadHalf>;

async fn read(from: &mut Reader, stay: Stay, start: Instant) -> Result<Answer, String> {
    let (status, headers) = loop {
        let line = line(from).await.map_err(|error| format!("no answer: {error}"))?;
        let code = line.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
        let status = code.ok_or_else(|| format!("no status line: {line:?}"))?;
        let headers = fields(from).await.map_err(|error| format!("no whole head: {error}"))?;
        if status >= 200 {
            break (status, headers);
        }
    };
    let mut answer = Answer { status, headers, pieces: Vec::new(), trailers: Vec::new(), end: End::Clean };
    let stop = match stay {
        Stay::ToTheEnd => usize::MAX,
        Stay::Bytes(bytes) => bytes,
    };
    match body(from, &mut answer, stop, start).await {
        Ok(end) => answer.end = end,
        Err(error) => answer.end = End::Broken(error.to_string()),
    }
    Ok(answer)
}

async fn body(from: &mut Reader, answer: &mut Answer, stop: usize, start: Instant) -> std::io::Result<End> {
    let lengths: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "content-length").collect();
    let chunked = answer.headers.iter().any(|(name, _)| name == "transfer-encoding");
    let broken = |what: &str| Ok(End::Broken(what.to_owned()));
    match lengths.as_slice() {
        [_, ..] if chunked => return broken("content-length and transfer-encoding"),
        [_, _, ..] => return broken("two content-lengths"),
        [(_, length)] => {
            let length = std::str::from_utf8(length).ok().and_then(|length| length.parse::<usize>().ok());
            let Some(length) = length else { return broken("content-length is no number") };
            return take(from, length, answer, stop, start).await;
        }
        [] if matches!(answer.status, 204 | 304) => return Ok(End::Clean),
        [] if !chunked => return broken("no end is said"),
        [] => {}
    }
    loop {
        let size = line(from).await?;
        let Ok(size) = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16) else {
            return broken("no chunk size");
        };
        if size == 0 {
            answer.trailers = fields(from).await?;
            return Ok(End::Clean);
        }
        if take(from, size, answer, stop, start).await? == End::Left {
            return Ok(End::Left);
        }
        if !line(from).await?.is_empty() {
            return broken("a chunk is longer than it says");
        }
    }
}

/// Reads exactly so many bytes of body, in the pieces in which they come.
async fn take(
    from: &mut Reader,
    mut left: usize,
    answer: &mut Answer,
    stop: usize,
    start: Instant,
) -> std::io::Result<End> {
    let mut seen: usize = answer.pieces.iter().map(|(_, bytes)| bytes.len()).sum();
    while left > 0 {
        let mut piece = vec![0; left.min(64 << 10)];
        let read = from.read(&mut piece).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        piece.truncate(read);
        left -= read;
        seen += read;
        answer.pieces.push((start.elapsed(), piece));
        if seen >= stop {
            return Ok(End::Left);
        }
    }
    Ok(End::Clean)
}

/// A line without its end, which has to be CRLF.
async fn line(from: &mut Reader) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    loop {
        let byte = from.read_u8().await?;
        if byte == b'\n' {
            let end = bytes.pop();
            if end != Some(b'\r') {
                return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "a line without CR"));
            }
            // Octets, one by one: a header value is not UTF-8.
            return Ok(bytes.into_iter().map(char::from).collect());
        }
        bytes.push(byte);
    }
}

async fn fields(from: &mut Reader) -> std::io::Result<Headers> {
    let mut headers = Vec::new();
    loop {
        let line = line(from).await?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.trim().chars().map(|octet| octet as u8).collect();
        headers.push((name.to_ascii_lowercase(), value));
    }
}
