//! Waits until Envoy has read what was written to it.
//!
//! A piece is a piece to a filter only if Envoy has read it before the next one is written. Envoy counts the bytes it has
//! read from all clients and from each cluster. Once that counter equals the bytes written, the next piece may follow: Envoy
//! then reads it separately, and the filter gets a callback of its own for it.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::gateway::{Admin, parse_stats};

/// Bytes written to one side of Envoy by all connections since Envoy started, compared with Envoy's counter.
#[derive(Clone, Debug)]
pub struct ReadBarrier {
    counter: String,
    admin: Arc<OnceLock<Admin>>,
    written: Arc<AtomicU64>,
    /// Bytes that Envoy will never read, because it has closed the connection.
    lost: Arc<AtomicU64>,
}

/// Connection whose written bytes are counted.
#[derive(Debug)]
pub struct CountedStream {
    stream: TcpStream,
    barrier: ReadBarrier,
}

/// Longest wait. Envoy may not read at all: a filter holds the stream and a buffer is full.
const LIMIT: Duration = Duration::from_millis(1000);

/// Time for buffered writes of a library to reach the socket.
const FLUSH: Duration = Duration::from_millis(2);

impl ReadBarrier {
    /// Creates a barrier for the side of Envoy that has this counter, such as `cluster.up.upstream_cx_rx_bytes_total`.
    pub fn new(counter: impl Into<String>) -> ReadBarrier {
        let counter = counter.into();
        ReadBarrier { counter, admin: Arc::default(), written: Arc::default(), lost: Arc::default() }
    }

    /// Sets the Envoy to ask. Until then [`ReadBarrier::settled`] returns at once.
    pub fn attach(&self, admin: Admin) {
        let first = self.admin.set(admin).is_ok();
        debug_assert!(first, "a barrier belongs to one Envoy");
    }

    /// Counts the bytes that are written to a connection.
    pub fn count(&self, stream: TcpStream) -> CountedStream {
        CountedStream { stream, barrier: self.clone() }
    }

    /// Waits until Envoy has read everything that was written, but at most a second.
    pub async fn settled(&self) {
        let Some(admin) = self.admin.get() else { return };
        let end = Instant::now() + LIMIT;
        tokio::time::sleep(FLUSH).await;
        loop {
            let before = self.written.load(Ordering::Relaxed);
            let accounted = self.read(admin).await + self.lost.load(Ordering::Relaxed);
            if accounted >= before && self.written.load(Ordering::Relaxed) == before {
                return;
            }
            if Instant::now() > end {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Writes off what Envoy has not read. To be called when nothing is on its way any more.
    pub async fn write_off_unread(&self) {
        let Some(admin) = self.admin.get() else { return };
        let unread = self.written.load(Ordering::Relaxed).saturating_sub(self.read(admin).await);
        self.lost.store(unread, Ordering::Relaxed);
    }

    async fn read(&self, admin: &Admin) -> u64 {
        let filter = format!("/stats?filter=^{}$", self.counter.replace('.', "%5C."));
        let text = admin.get_async(&filter).await;
        text.ok().and_then(|text| parse_stats(&text).next()).map_or(0, |(_, value)| value)
    }
}

impl AsyncRead for CountedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for CountedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let Poll::Ready(Ok(size)) = &poll {
            self.barrier.written.fetch_add(*size as u64, Ordering::Relaxed);
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
