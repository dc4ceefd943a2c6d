//! Connections that count what is written to them.
//!
//! A frame is a frame to a filter only if Envoy has read it before the next one is written. Envoy counts the bytes it has
//! read; as soon as its number is ours, the next frame may follow, and comes in a read, hence in a callback, of its own.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::process::Process;

/// Bytes written to one side of Envoy, by all connections since it started.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// Envoy's counter of what it has read there.
    counter: String,
    bytes: Arc<AtomicU64>,
    /// Those that Envoy will never read, since it closed the connection.
    lost: Arc<AtomicU64>,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Counted {
    stream: TcpStream,
    written: Written,
}

impl Counted {
    pub(super) fn new(stream: TcpStream, written: Written) -> io::Result<Counted> {
        stream.set_nodelay(true)?;
        Ok(Counted { stream, written })
    }
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let Poll::Ready(Ok(size)) = &poll {
            self.written.bytes.fetch_add(*size as u64, Ordering::Relaxed);
        }
        poll
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// How long Envoy may take to read. It may not read at all, because a filter holds the stream and a buffer is full.
const LIMIT: Duration = Duration::from_millis(1000);

/// For writes of a library to reach the socket.
const FLUSH: Duration = Duration::from_millis(2);

impl Written {
    pub(super) fn new(counter: impl Into<String>) -> Written {
        Written { counter: counter.into(), bytes: Arc::default(), lost: Arc::default() }
    }

    /// Waits until Envoy has read all that was written, as its counter says.
    pub(super) async fn settled(&self, process: &Process) {
        let end = Instant::now() + LIMIT;
        tokio::time::sleep(FLUSH).await;
        loop {
            let before = self.bytes.load(Ordering::Relaxed);
            let accounted = self.read(process).await + self.lost.load(Ordering::Relaxed);
            if accounted >= before && self.bytes.load(Ordering::Relaxed) == before {
                return;
            }
            if Instant::now() > end {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Once nothing is on its way any more: what has not been read will never be.
    pub(super) async fn account(&self, process: &Process) {
        let unread = self.bytes.load(Ordering::Relaxed).saturating_sub(self.read(process).await);
        self.lost.store(unread, Ordering::Relaxed);
    }

    async fn read(&self, process: &Process) -> u64 {
        let filter = format!("^{}$", self.counter.replace('.', "%5C."));
        process.stats(&filter).await.ok().and_then(|stats| stats.into_values().next()).unwrap_or_default()
    }
}
