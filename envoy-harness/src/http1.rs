//! HTTP/1.1 without I/O: functions that write a message, and a [`Decoder`] that reads one from whatever bytes have arrived.
//!
//! The blocking client, the asynchronous client and the upstream share this code. The decoder is strict, since it judges what
//! Envoy sends: a line must end in CRLF, a message has one way to find its end, and a chunk is as long as it says.

use std::fmt;

use crate::message::{BodyLength, Headers, RequestHead, ResponseHead, header};

/// Writes the head of a request.
pub fn write_request_head(to: &mut Vec<u8>, head: &RequestHead, length: BodyLength) {
    to.extend_from_slice(format!("{} {} HTTP/1.1\r\n", head.method, head.path).as_bytes());
    write_field(to, "host", head.authority.as_bytes());
    write_fields(to, &head.headers, length);
}

/// Writes the head of a response.
pub fn write_response_head(to: &mut Vec<u8>, head: &ResponseHead, length: BodyLength) {
    to.extend_from_slice(format!("HTTP/1.1 {} Scripted\r\n", head.status).as_bytes());
    write_fields(to, &head.headers, length);
}

fn write_fields(to: &mut Vec<u8>, headers: &Headers, length: BodyLength) {
    for (name, value) in headers {
        write_field(to, name, value);
    }
    match length {
        BodyLength::NoBody => {}
        BodyLength::Known(length) => write_field(to, "content-length", length.to_string().as_bytes()),
        BodyLength::Unknown => write_field(to, "transfer-encoding", b"chunked"),
    }
    to.extend_from_slice(b"\r\n");
}

fn write_field(to: &mut Vec<u8>, name: &str, value: &[u8]) {
    to.extend_from_slice(name.as_bytes());
    to.extend_from_slice(b": ");
    to.extend_from_slice(value);
    to.extend_from_slice(b"\r\n");
}

/// Writes a piece of a body, as a chunk if the length is unknown. An empty piece writes nothing: an empty chunk would end the
/// body.
pub fn write_piece(to: &mut Vec<u8>, piece: &[u8], length: BodyLength) {
    if length == BodyLength::Unknown && !piece.is_empty() {
        to.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        to.extend_from_slice(piece);
        to.extend_from_slice(b"\r\n");
    } else {
        to.extend_from_slice(piece);
    }
}

/// Writes the end of a body: the last chunk and the trailers if the length is unknown, else nothing.
pub fn write_end(to: &mut Vec<u8>, trailers: &Headers, length: BodyLength) {
    if length == BodyLength::Unknown {
        to.extend_from_slice(b"0\r\n");
        for (name, value) in trailers {
            write_field(to, name, value);
        }
        to.extend_from_slice(b"\r\n");
    }
}

/// Way in which the end of a received body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// The message has no body.
    NoBody,
    /// The body has this many bytes.
    Length(u64),
    /// The body comes in chunks.
    Chunks,
    /// The body ends with the connection.
    UntilClose,
}

/// Part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Head.
    Head {
        /// Request line or status line.
        start_line: String,
        /// Headers.
        headers: Headers,
        /// Framing of the body.
        framing: Framing,
    },
    /// Bytes of the body, as many as have arrived; never empty.
    Data {
        /// The bytes.
        bytes: Vec<u8>,
        /// `true` if they end a chunk, or the body.
        ends_frame: bool,
    },
    /// Trailers.
    Trailers(Headers),
    /// End of the message.
    End,
}

/// Reason why a message cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The connection ended before the message began.
    NoMessage,
    /// The connection ended within the message.
    Closed,
    /// The bytes are not HTTP/1.1.
    Malformed(&'static str),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DecodeError::NoMessage => "the connection was closed",
            DecodeError::Closed => "the connection was closed before the end of the message",
            DecodeError::Malformed(reason) => reason,
        })
    }
}

impl std::error::Error for DecodeError {}

/// Kind of message to decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// Request.
    Request,
    /// Response to any request but HEAD. Informational responses (1xx) are skipped.
    Response,
    /// Response to HEAD, which has no body whatever its headers say.
    ResponseToHead,
}

/// Decoder of the messages on one connection, one after the other.
#[derive(Debug)]
pub struct Decoder {
    kind: MessageKind,
    buffer: Vec<u8>,
    /// Offset of the first byte in `buffer` that is not decoded yet.
    at: usize,
    closed: bool,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Start,
    Headers { start_line: String, headers: Headers },
    Length(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailers(Headers),
    UntilClose,
    Malformed(&'static str),
    End,
}

/// Outcome of one step of the decoder.
enum Step {
    /// Next part of the message.
    Part(Part),
    /// More bytes must arrive before the next step.
    NeedsBytes,
    /// The next step follows at once.
    Continue,
}

/// Name and value of a header field.
type Field = (String, Vec<u8>);

/// Longest line that is buffered.
const MAX_LINE: usize = 1 << 20;

impl Decoder {
    /// Creates a decoder that expects this kind of message first.
    pub fn new(kind: MessageKind) -> Decoder {
        Decoder { kind, buffer: Vec::new(), at: 0, closed: false, state: State::Start }
    }

    /// Expects another message on the same connection.
    pub fn expect(&mut self, kind: MessageKind) {
        (self.kind, self.state) = (kind, State::Start);
    }

    /// Takes bytes that have arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..std::mem::take(&mut self.at));
        self.buffer.extend_from_slice(bytes);
    }

    /// Records that no more bytes will arrive.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Returns the bytes that have arrived and are not decoded yet.
    pub fn remaining(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let taken = self.remaining().get(..length).unwrap_or_default().to_vec();
        debug_assert_eq!(taken.len(), length);
        self.at += taken.len();
        taken
    }

    /// Returns the next part of the message; `None` if more bytes must arrive first.
    ///
    /// # Errors
    /// The message is malformed, or the connection was closed too early.
    pub fn decode(&mut self) -> Result<Option<Part>, DecodeError> {
        loop {
            let step = match self.state {
                State::Start => self.start_line()?,
                State::Headers { .. } => self.header()?,
                State::Length(_) | State::Chunk(_) => self.counted()?,
                State::ChunkSize => self.chunk_size()?,
                State::ChunkEnd => self.chunk_end()?,
                State::Trailers(_) => self.trailer()?,
                State::UntilClose => self.until_close(),
                State::Malformed(reason) => return Err(DecodeError::Malformed(reason)),
                State::End => Step::Part(Part::End),
            };
            match step {
                Step::Part(part) => return Ok(Some(part)),
                Step::NeedsBytes => return Ok(None),
                Step::Continue => {}
            }
        }
    }

    fn start_line(&mut self) -> Result<Step, DecodeError> {
        if self.closed && self.remaining().is_empty() {
            return Err(DecodeError::NoMessage);
        }
        let Some(start_line) = self.line()? else { return Ok(Step::NeedsBytes) };
        self.state = State::Headers { start_line, headers: Vec::new() };
        Ok(Step::Continue)
    }

    /// Decodes a header, or the end of the head, which determines how the body ends.
    fn header(&mut self) -> Result<Step, DecodeError> {
        let Some(field) = self.field()? else { return Ok(Step::NeedsBytes) };
        let State::Headers { start_line, headers } = &mut self.state else { return Ok(Step::Continue) };
        if let Some(field) = field {
            headers.push(field);
            return Ok(Step::Continue);
        }
        let (start_line, headers) = (std::mem::take(start_line), std::mem::take(headers));
        if self.kind != MessageKind::Request && status(&start_line).is_none() {
            return Err(DecodeError::Malformed("the status line is malformed"));
        }
        if self.kind != MessageKind::Request && matches!(status(&start_line), Some(100..200)) {
            self.state = State::Start;
            return Ok(Step::Continue);
        }
        let framing = self.framing(&start_line, &headers);
        self.state = match framing {
            Ok(Framing::NoBody | Framing::Length(0)) => State::End,
            Ok(Framing::Length(length)) => State::Length(length),
            Ok(Framing::Chunks) => State::ChunkSize,
            Ok(Framing::UntilClose) => State::UntilClose,
            Err(reason) => State::Malformed(reason),
        };
        let framing = framing.unwrap_or(Framing::NoBody);
        Ok(Step::Part(Part::Head { start_line, headers, framing }))
    }

    fn chunk_size(&mut self) -> Result<Step, DecodeError> {
        let Some(line) = self.line()? else { return Ok(Step::NeedsBytes) };
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16);
        self.state = match size.map_err(|_| DecodeError::Malformed("the chunk size is malformed"))? {
            0 => State::Trailers(Vec::new()),
            size => State::Chunk(size),
        };
        Ok(Step::Continue)
    }

    fn chunk_end(&mut self) -> Result<Step, DecodeError> {
        match self.line()? {
            None => Ok(Step::NeedsBytes),
            Some(line) if line.is_empty() => {
                self.state = State::ChunkSize;
                Ok(Step::Continue)
            }
            Some(_) => Err(DecodeError::Malformed("a chunk is longer than its size")),
        }
    }

    fn trailer(&mut self) -> Result<Step, DecodeError> {
        let Some(field) = self.field()? else { return Ok(Step::NeedsBytes) };
        let State::Trailers(trailers) = &mut self.state else { return Ok(Step::Continue) };
        if let Some(field) = field {
            trailers.push(field);
            return Ok(Step::Continue);
        }
        let trailers = std::mem::take(trailers);
        self.state = State::End;
        Ok(if trailers.is_empty() { Step::Continue } else { Step::Part(Part::Trailers(trailers)) })
    }

    /// Decodes bytes of a body that ends with the connection.
    fn until_close(&mut self) -> Step {
        if !self.remaining().is_empty() {
            let bytes = self.take(self.remaining().len());
            return Step::Part(Part::Data { bytes, ends_frame: false });
        }
        if !self.closed {
            return Step::NeedsBytes;
        }
        self.state = State::End;
        Step::Continue
    }

    /// Decodes bytes of a body, or of a chunk, whose length is known.
    fn counted(&mut self) -> Result<Step, DecodeError> {
        let (State::Length(left) | State::Chunk(left)) = self.state else { return Ok(Step::Continue) };
        if self.remaining().is_empty() {
            return if self.closed { Err(DecodeError::Closed) } else { Ok(Step::NeedsBytes) };
        }
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(self.remaining().len());
        let bytes = self.take(taken);
        let left = left - bytes.len() as u64;
        self.state = match self.state {
            State::Chunk(_) if left == 0 => State::ChunkEnd,
            State::Chunk(_) => State::Chunk(left),
            _ if left == 0 => State::End,
            _ => State::Length(left),
        };
        Ok(Step::Part(Part::Data { bytes, ends_frame: left == 0 }))
    }

    fn framing(&self, start_line: &str, headers: &Headers) -> Result<Framing, &'static str> {
        let chunked = header(headers, "transfer-encoding").is_some();
        let mut lengths = headers.iter().filter(|(name, _)| name == "content-length");
        let length = lengths.next();
        if self.kind == MessageKind::ResponseToHead {
            return Ok(Framing::NoBody);
        }
        match length {
            Some(_) if chunked => Err("both content-length and transfer-encoding"),
            Some(_) if lengths.next().is_some() => Err("two content-lengths"),
            Some((_, length)) => {
                let length = std::str::from_utf8(length).ok().and_then(|length| length.parse().ok());
                length.map(Framing::Length).ok_or("content-length is not a number")
            }
            None if chunked => Ok(Framing::Chunks),
            None if self.kind == MessageKind::Request || matches!(status(start_line), Some(204 | 304)) => {
                Ok(Framing::NoBody)
            }
            None => Ok(Framing::UntilClose),
        }
    }

    /// Takes a line without its CRLF.
    fn line(&mut self) -> Result<Option<String>, DecodeError> {
        let Some(end) = self.remaining().iter().position(|&byte| byte == b'\n') else {
            return match self.closed {
                true => Err(DecodeError::Closed),
                false if self.remaining().len() > MAX_LINE => Err(DecodeError::Malformed("a line is too long")),
                false => Ok(None),
            };
        };
        let line = self.take(end + 1);
        match line.strip_suffix(b"\r\n") {
            // One character per octet: a header value is not UTF-8.
            Some(line) => Ok(Some(line.iter().copied().map(char::from).collect())),
            None => Err(DecodeError::Malformed("a line does not end in CRLF")),
        }
    }

    /// Takes a header field; `Some(None)` at the empty line that ends the fields.
    fn field(&mut self) -> Result<Option<Option<Field>>, DecodeError> {
        let Some(line) = self.line()? else { return Ok(None) };
        if line.is_empty() {
            return Ok(Some(None));
        }
        let (name, value) = line.split_once(':').ok_or(DecodeError::Malformed("a header field has no colon"))?;
        let value = value.trim_matches([' ', '\t']).chars().map(|octet| octet as u8).collect();
        Ok(Some(Some((name.to_ascii_lowercase(), value))))
    }
}

/// Returns the status code of a status line.
pub fn status(start_line: &str) -> Option<u16> {
    start_line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes a response that arrives in pieces of `step` bytes: status, body in frames, trailers, or the error.
    fn decode(kind: MessageKind, wire: &[u8], step: usize) -> Result<(u16, Vec<Vec<u8>>, Headers), String> {
        let mut decoder = Decoder::new(kind);
        let mut pieces = wire.chunks(step);
        let (mut code, mut frames, mut trailers, mut open) = (0, Vec::new(), Vec::new(), false);
        loop {
            match decoder.decode().map_err(|error| error.to_string())? {
                None => match pieces.next() {
                    Some(piece) => decoder.feed(piece),
                    None => decoder.close(),
                },
                Some(Part::Head { start_line, .. }) => code = status(&start_line).unwrap(),
                Some(Part::Data { bytes, ends_frame }) => {
                    if !open {
                        frames.push(Vec::new());
                    }
                    frames.last_mut().unwrap().extend(bytes);
                    open = !ends_frame;
                }
                Some(Part::Trailers(found)) => trailers = found,
                Some(Part::End) => return Ok((code, frames, trailers)),
            }
        }
    }

    #[test]
    fn every_framing_gives_the_same_body_however_it_arrives() {
        let trailers = vec![("t".to_owned(), b"v".to_vec())];
        for (wire, frames, trailers) in [
            (&b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello"[..], &["hello"][..], vec![]),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nT: v\r\n\r\n",
                &["he", "llo"],
                trailers,
            ),
            (b"HTTP/1.1 200 OK\r\nx-a:  b\r\n\r\nhello", &["hello"], vec![]),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", &["hello"], vec![]),
        ] {
            let frames: Vec<Vec<u8>> = frames.iter().map(|frame| frame.as_bytes().to_vec()).collect();
            for step in [1, 2, 7, 1000] {
                assert_eq!(decode(MessageKind::Response, wire, step), Ok((200, frames.clone(), trailers.clone())));
            }
        }
    }

    #[test]
    fn a_response_may_have_no_body() {
        for (kind, wire) in [
            (MessageKind::Response, &b"HTTP/1.1 204 No Content\r\n\r\n"[..]),
            (MessageKind::Response, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
            (MessageKind::ResponseToHead, b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
        ] {
            assert!(decode(kind, wire, 1).unwrap().1.is_empty());
        }
    }

    #[test]
    fn a_status_below_100_is_a_response() {
        let decoded = decode(MessageKind::Response, b"HTTP/1.1 0 \r\ncontent-length: 1\r\n\r\na", 1).unwrap();
        assert_eq!((decoded.0, decoded.1), (0, vec![b"a".to_vec()]));
    }

    #[test]
    fn malformed_and_truncated_messages_are_errors() {
        for (wire, reason) in [
            (&b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello"[..], "before the end"),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", "before the end"),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel", "before the end"),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhello\r\n", "longer than its size"),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n", "chunk size"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na", "two content-lengths"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\na", "both"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: a\r\n\r\na", "not a number"),
            (b"HTTP/1.1 200 OK\ncontent-length: 1\r\n\r\na", "CRLF"),
            (b"HTTP/1.1 200 OK\r\nno field\r\n\r\na", "no colon"),
            (b"200 OK\r\n\r\n", "status line"),
            (b"", "the connection was closed"),
        ] {
            for step in [1, 1000] {
                let error = decode(MessageKind::Response, wire, step).unwrap_err();
                assert!(error.contains(reason), "{error}, not {reason}");
            }
        }
    }

    #[test]
    fn messages_follow_each_other_on_a_connection() {
        let mut decoder = Decoder::new(MessageKind::Request);
        let (mut wire, head) =
            (Vec::new(), RequestHead { method: "POST".into(), path: "/a".into(), ..Default::default() });
        for _ in 0..2 {
            write_request_head(&mut wire, &head, BodyLength::Unknown);
            write_piece(&mut wire, b"hello", BodyLength::Unknown);
            write_piece(&mut wire, b"", BodyLength::Unknown);
            write_end(&mut wire, &vec![("t".into(), b"v".to_vec())], BodyLength::Unknown);
        }
        decoder.feed(&wire);
        for _ in 0..2 {
            decoder.expect(MessageKind::Request);
            assert!(matches!(decoder.decode(), Ok(Some(Part::Head { framing: Framing::Chunks, .. }))));
            let hello = Part::Data { bytes: b"hello".to_vec(), ends_frame: true };
            assert_eq!(decoder.decode(), Ok(Some(hello)));
            assert_eq!(decoder.decode(), Ok(Some(Part::Trailers(vec![("t".into(), b"v".to_vec())]))));
            assert_eq!(decoder.decode(), Ok(Some(Part::End)));
        }
        assert!(decoder.remaining().is_empty());
        decoder.close();
        decoder.expect(MessageKind::Request);
        assert_eq!(decoder.decode(), Err(DecodeError::NoMessage));
    }
}
