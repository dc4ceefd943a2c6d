//! HTTP/1.1, just as much as the two ends of a scenario need.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::seen::{End, Seen};

/// What is seen of a message, growing while it is read.
pub(super) type Growing = Arc<Mutex<Seen>>;

/// Changes what is seen.
pub(super) fn grow<R>(seen: &Growing, change: impl FnOnce(&mut Seen) -> R) -> R {
    change(&mut seen.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Reads messages from one connection.
#[derive(Debug)]
pub(super) struct Reader<R> {
    stream: R,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    pub(super) fn new(stream: R) -> Reader<R> {
        Reader { stream, buffer: Vec::new() }
    }

    /// The head of the next message into `seen`: false if there is none any more.
    pub(super) async fn head(&mut self, seen: &Growing) -> io::Result<bool> {
        let Some(first) = self.line().await? else { return Ok(false) };
        let mut headers = Vec::new();
        while let Some(line) = self.line().await? {
            if line.is_empty() {
                let head = match first.strip_prefix("HTTP/1.1 ") {
                    Some(status) => status.split(' ').next().unwrap_or_default().to_owned(),
                    None => first.trim_end_matches(" HTTP/1.1").to_owned(),
                };
                if head == "100" {
                    return Box::pin(self.head(seen)).await;
                }
                grow(seen, |seen| (seen.head, seen.headers) = (head, headers));
                return Ok(true);
            }
            headers
                .extend(line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())));
        }
        Ok(false)
    }

    /// The body and the trailers. `answer`: of an answer, which may go on until the connection closes; `Some(false)` if it
    /// answers HEAD and has no body whatever its headers say.
    pub(super) async fn body(&mut self, seen: &Growing, answer: Option<bool>) -> io::Result<()> {
        let header = |name: &str| {
            grow(seen, |seen| seen.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone()))
        };
        let mut complete = false;
        let bare = grow(seen, |seen| seen.head == "204") && header("content-length").is_none();
        if answer == Some(false) || bare {
            complete = true;
        } else if header("transfer-encoding").is_some_and(|value| value == "chunked") {
            complete = self.chunks(seen).await?.is_some();
        } else if let Some(length) = header("content-length").and_then(|length| length.parse::<usize>().ok()) {
            complete = self.exactly(length, seen).await?;
        } else if answer.is_none() {
            complete = true;
        } else {
            while self.fill().await? {}
            let rest = std::mem::take(&mut self.buffer);
            grow(seen, |seen| seen.data.push(rest));
        }
        grow(seen, |seen| seen.end = Some(if complete { End::Complete } else { End::Cut }));
        Ok(())
    }

    async fn chunks(&mut self, seen: &Growing) -> io::Result<Option<()>> {
        loop {
            let Some(size) = self.line().await? else { return Ok(None) };
            let size = usize::from_str_radix(size.trim(), 16).unwrap_or_default();
            if size == 0 {
                break;
            }
            while self.buffer.len() < size + 2 {
                if !self.fill().await? {
                    let rest = std::mem::take(&mut self.buffer);
                    grow(seen, |seen| seen.data.push(rest));
                    return Ok(None);
                }
            }
            let mut chunk: Vec<u8> = self.buffer.drain(..size + 2).collect();
            chunk.truncate(size);
            grow(seen, |seen| seen.data.push(chunk));
        }
        while let Some(line) = self.line().await? {
            if line.is_empty() {
                return Ok(Some(()));
            }
            if let Some((name, value)) = line.split_once(':') {
                let trailer = (name.to_ascii_lowercase(), value.trim().to_owned());
                grow(seen, |seen| seen.trailers.push(trailer));
            }
        }
        Ok(None)
    }

    /// So many bytes, in one frame: where reads end says nothing.
    async fn exactly(&mut self, length: usize, seen: &Growing) -> io::Result<bool> {
        loop {
            let so_far = self.buffer.clone();
            grow(seen, |seen| seen.data = if so_far.is_empty() { Vec::new() } else { vec![so_far] });
            if self.buffer.len() >= length || !self.fill().await? {
                break;
            }
        }
        let whole = self.buffer.len() >= length;
        let data: Vec<u8> = self.buffer.drain(..length.min(self.buffer.len())).collect();
        grow(seen, |seen| seen.data = if data.is_empty() { Vec::new() } else { vec![data] });
        Ok(whole)
    }

    async fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Ok(Some(String::from_utf8_lossy(line.get(..end).unwrap_or_default()).into_owned()));
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    async fn fill(&mut self) -> io::Result<bool> {
        let mut chunk = [0; 65536];
        // A reset is an end as well.
        let size = self.stream.read(&mut chunk).await.unwrap_or(0);
        self.buffer.extend_from_slice(chunk.get(..size).unwrap_or_default());
        Ok(size > 0)
    }
}

/// A header block.
pub(super) fn block(first: &str, headers: &[(String, String)]) -> Vec<u8> {
    let mut text = format!("{first}\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// A frame in its chunk, or as it is.
pub(super) fn framed(data: &[u8], chunked: bool) -> Vec<u8> {
    if chunked { [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat() } else { data.to_vec() }
}

/// What ends a body in chunks.
pub(super) fn last_chunk(trailers: &[(String, String)]) -> Vec<u8> {
    let mut text = "0\r\n".to_owned();
    for (name, value) in trailers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}
