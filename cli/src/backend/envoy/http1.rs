//! HTTP/1.1 to the octet: messages are written in exactly the pieces that a test wants, and read as they come.

use std::io::{self, BufRead, BufReader, Read, Write};

use crate::plan::HeaderList;
use crate::point::{Frames, TRAILER};

/// A message that was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    /// The request line or the status line.
    pub(super) start: String,
    /// Names in lower case.
    pub(super) headers: HeaderList,
    pub(super) body: Vec<u8>,
    pub(super) trailers: HeaderList,
    /// Whether it ended as it should.
    pub(super) complete: bool,
}

/// The largest body that is kept.
const MAX_BODY: u64 = 64 << 20;

impl Message {
    /// Reads the head of a message; none if the connection ends before it.
    pub(super) fn read_head(from: &mut impl BufRead) -> io::Result<Option<Message>> {
        let start = line(from)?;
        if start.is_empty() {
            return Ok(None);
        }
        let headers = header_lines(from)?;
        Ok(Some(Message { start: String::from_utf8_lossy(&start).into_owned(), headers, ..Message::default() }))
    }

    /// Reads the body. `until`: what says, of what is there, that enough is. `closing`: a body without a length goes on
    /// until the connection ends. Nothing follows a message before it is answered: what came with it all the same is
    /// taken for more of its body, so that it does not go unnoticed.
    pub(super) fn read_body(&mut self, from: &mut BufReader<impl Read>, closing: bool, until: impl Fn(&[u8]) -> bool) {
        self.complete = self.body(from, closing, &until).unwrap_or(false);
        if self.complete {
            let surplus = from.buffer().len();
            self.body.extend_from_slice(from.buffer());
            from.consume(surplus);
        }
    }

    /// The first value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(named, _)| named == name).map(|(_, value)| value.as_slice())
    }

    fn body(&mut self, from: &mut impl BufRead, closing: bool, until: &impl Fn(&[u8]) -> bool) -> io::Result<bool> {
        if self.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case(b"chunked")) {
            loop {
                let head = line(from)?;
                let size = head.split(|&byte| byte == b';').next().unwrap_or_default();
                let size = std::str::from_utf8(size).ok().and_then(|size| u64::from_str_radix(size.trim(), 16).ok());
                let Some(size) = size.filter(|&size| size <= MAX_BODY) else { return Ok(false) };
                if size == 0 {
                    self.trailers = header_lines(from)?;
                    return Ok(true);
                }
                if from.by_ref().take(size).read_to_end(&mut self.body)? as u64 != size {
                    return Ok(false);
                }
                line(from)?;
                if until(&self.body) {
                    return Ok(false);
                }
            }
        }
        let length =
            self.header("content-length").and_then(|value| std::str::from_utf8(value).ok()?.parse::<u64>().ok());
        match length {
            Some(length) => Ok(from.by_ref().take(length.min(MAX_BODY)).read_to_end(&mut self.body)? as u64 == length),
            None if closing => {
                from.by_ref().take(MAX_BODY).read_to_end(&mut self.body)?;
                Ok(true)
            }
            None => Ok(true),
        }
    }
}

fn header_lines(from: &mut impl BufRead) -> io::Result<HeaderList> {
    let mut headers = Vec::new();
    loop {
        let line = line(from)?;
        if line.is_empty() {
            return Ok(headers);
        }
        let colon = line.iter().position(|&byte| byte == b':').ok_or(io::ErrorKind::InvalidData)?;
        let (name, value) = line.split_at(colon);
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        headers.push((name, value.get(1..).unwrap_or_default().trim_ascii().to_vec()));
    }
}

/// A line without its end; empty at the end of the connection, too.
fn line(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    from.by_ref().take(1 << 20).read_until(b'\n', &mut line)?;
    while line.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
        line.pop();
    }
    Ok(line)
}

/// What is to be written.
pub(super) struct Outgoing<'a> {
    /// The request line or the status line.
    pub(super) start: String,
    pub(super) headers: &'a HeaderList,
    pub(super) body: Option<&'a [u8]>,
    /// Of the whole message, of which `body` may be the beginning only.
    pub(super) length: usize,
    pub(super) frames: &'a Frames,
    pub(super) trailers: &'a HeaderList,
}

impl Outgoing<'_> {
    /// Writes it, a piece at a time; `pause` is called between the pieces.
    pub(super) fn write(&self, to: &mut impl Write, mut pause: impl FnMut()) -> io::Result<()> {
        let mut head = format!("{}\r\n", self.start).into_bytes();
        for (name, value) in self.headers {
            field(&mut head, name, value);
        }
        let chunked = self.body.is_some() && !self.frames.sized;
        match self.body {
            Some(_) if chunked => field(&mut head, "transfer-encoding", b"chunked"),
            Some(_) => field(&mut head, "content-length", self.length.to_string().as_bytes()),
            None => {}
        }
        head.extend_from_slice(b"\r\n");
        to.write_all(&head)?;
        let Some(body) = self.body else { return to.flush() };
        for piece in self.frames.of(body) {
            if chunked {
                let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
                chunk.extend_from_slice(piece);
                chunk.extend_from_slice(b"\r\n");
                to.write_all(&chunk)?;
            } else {
                to.write_all(piece)?;
            }
            pause();
        }
        if chunked && body.len() == self.length {
            let mut end = b"0\r\n".to_vec();
            for (name, value) in self.trailers {
                field(&mut end, name, value);
            }
            if self.frames.trailers {
                field(&mut end, TRAILER, b"1");
            }
            end.extend_from_slice(b"\r\n");
            to.write_all(&end)?;
        }
        to.flush()
    }
}

fn field(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}
