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
#[derive(Clone, Debug, Default)]
pub(super) struct Written(Arc<AtomicU64>);

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
            self.written.0.fetch_add(*size as u64, Ordering::Relaxed);
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
const LIMIT: Duration = Duration::from_millis(400);

/// For writes of a library to reach the socket.
const FLUSH: Duration = Duration::from_millis(2);

impl Written {
    /// Waits until Envoy has read all that was written, as its counter says.
    pub(super) async fn settled(&self, process: &Process, counter: &str) {
        let end = Instant::now() + LIMIT;
        tokio::time::sleep(FLUSH).await;
        loop {
            let before = self.0.load(Ordering::Relaxed);
            let filter = format!("^{}$", counter.replace('.', "%5C."));
            let read = process.stats(&filter).await.ok().and_then(|stats| stats.into_values().next());
            if read.unwrap_or_default() >= before && self.0.load(Ordering::Relaxed) == before {
                return;
            }
            if Instant::now() > end {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
