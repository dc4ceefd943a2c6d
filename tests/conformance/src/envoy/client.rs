//! The client of a scenario.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use h2::Reason;
use hyper::body::Bytes;
use hyper::{HeaderMap, Request};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tollgate_testbed::{Context, Result};

use super::counted::{Counted, Written};
use super::http1::{Growing, Reader, block, framed, grow, last_chunk};
use super::process::Process;
use crate::scenario::{Exchange, Leaves};
use crate::seen::{End, Seen};

/// Envoy's counter of what it has read from clients.
pub(super) const COUNTER: &str = "http.p.downstream_cx_rx_bytes_total";

/// Does one exchange and tells what the client saw.
pub(super) async fn exchange(exchange: &Exchange, process: &Process, written: &Written) -> Result<Seen> {
    let seen = Growing::default();
    let stream = connect(process.address).await?;
    let stream = Counted::new(stream, written.clone()).context(|| "client".into())?;
    let ends = Ends { exchange, process, written, seen: &seen };
    match exchange.http {
        2 => ends.http2(stream).await?,
        _ => ends.http1(stream).await?,
    }
    let mut seen = grow(&seen, |seen| seen.clone());
    if exchange.http != 2 && seen.headers.iter().any(|(name, _)| name == "content-length") {
        seen = seen.joined();
    }
    Ok(seen)
}

async fn connect(address: SocketAddr) -> Result<TcpStream> {
    TcpStream::connect(address).await.context(|| "cannot connect".into())
}

struct Ends<'a> {
    exchange: &'a Exchange,
    process: &'a Process,
    written: &'a Written,
    seen: &'a Growing,
}

/// Whether the client goes on.
#[derive(PartialEq)]
enum Next {
    On,
    Gone,
}

impl Ends<'_> {
    async fn settled(&self) {
        self.written.settled(self.process).await;
    }

    /// Before every frame but the first.
    async fn paced(&self, frame: usize) {
        if frame > 0 {
            tokio::time::sleep(Duration::from_millis(self.exchange.pace_ms)).await;
        }
    }

    fn over(&self) -> bool {
        grow(self.seen, |seen| seen.end.is_some())
    }

    fn leave(&self) {
        grow(self.seen, |seen| {
            seen.end.get_or_insert(End::Left);
        });
    }

    fn leaves_after(&self, frames: usize) -> bool {
        matches!(self.exchange.leaves, Some(Leaves::Sent(sent)) if sent == frames)
    }

    /// After the head: an upstream that answers early has done so before the body is sent.
    async fn head_sent(&self) {
        self.settled().await;
        if self.exchange.upstream.early {
            self.until(|_| false).await;
        }
    }

    /// Waits for that, for the end, or until patience is at its end.
    async fn until(&self, wanted: impl Fn(&Seen) -> bool) {
        let end = Instant::now() + Duration::from_millis(self.exchange.patience_ms);
        while !grow(self.seen, |seen| wanted(seen) || seen.end.is_some()) {
            if Instant::now() > end {
                grow(self.seen, |seen| seen.end = Some(End::Hung));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Reads to the end, or goes away before.
    async fn rest(&self) -> Next {
        match self.exchange.leaves {
            Some(Leaves::Seen(frames)) => {
                self.until(|seen| !seen.head.is_empty() && seen.data.len() >= frames).await;
                self.leave();
                Next::Gone
            }
            _ => {
                self.until(|_| false).await;
                Next::On
            }
        }
    }

    async fn http1(&self, stream: Counted) -> Result<()> {
        let exchange = self.exchange;
        let chunked = !exchange.bodiless() && !exchange.length;
        let mut headers = vec![("host".to_owned(), "h".to_owned())];
        headers.extend(exchange.all_headers());
        if chunked {
            headers.push(("transfer-encoding".into(), "chunked".into()));
        } else if exchange.length {
            headers.push(("content-length".into(), exchange.size().to_string()));
        }
        let (reading, mut writing) = tokio::io::split(stream);
        let seen = self.seen.clone();
        let with_body = exchange.method() != "HEAD";
        let reader = tokio::spawn(async move {
            let mut reader = Reader::new(reading);
            let found = reader.head(&seen).await;
            if matches!(found, Ok(true)) {
                let _ = reader.body(&seen, Some(with_body)).await;
            }
            grow(&seen, |seen| {
                seen.end.get_or_insert(End::Cut);
            });
        });
        let first = format!("{} {} HTTP/1.1", exchange.method(), exchange.path);
        // A write may fail because Envoy has answered and closed: the answer tells.
        let _ = writing.write_all(&block(&first, &headers)).await;
        self.head_sent().await;
        let mut next = if self.leaves_after(0) { Next::Gone } else { Next::On };
        if !exchange.bodiless() && next == Next::On {
            for (at, piece) in exchange.body.iter().enumerate() {
                self.paced(at).await;
                if self.over() {
                    break;
                }
                let _ = writing.write_all(&framed(&piece.bytes(), chunked)).await;
                self.settled().await;
                if self.leaves_after(at + 1) {
                    next = Next::Gone;
                    break;
                }
            }
            if chunked && next == Next::On && !self.over() {
                let _ = writing.write_all(&last_chunk(&exchange.trailers)).await;
                self.settled().await;
            }
        }
        if next == Next::Gone {
            self.leave();
        } else {
            self.rest().await;
        }
        reader.abort();
        let _ = reader.await;
        Ok(())
    }

    async fn http2(&self, stream: Counted) -> Result<()> {
        let exchange = self.exchange;
        // Envoy hands on pieces of one byte as frames of one byte; h2 takes too many that are not yet read for an attack.
        let (client, connection) = h2::client::Builder::new()
            .data_frame_budget(usize::MAX)
            .handshake(stream)
            .await
            .context(|| "no HTTP/2".into())?;
        let connection = tokio::spawn(connection);
        self.settled().await;
        let mut client = client.ready().await.context(|| "no HTTP/2 stream".into())?;
        let mut head = Request::builder().method(exchange.method()).uri(format!("http://h{}", exchange.path));
        for (name, value) in exchange.all_headers() {
            head = head.header(name, value);
        }
        if exchange.length {
            head = head.header("content-length", exchange.size());
        }
        let head = head.body(()).context(|| "request".into())?;
        let (answer, mut sending) = client.send_request(head, exchange.bodiless()).context(|| "head".into())?;
        let seen = self.seen.clone();
        let reader = tokio::spawn(async move {
            let end = read(answer, &seen).await.unwrap_or(End::Cut);
            grow(&seen, |seen| {
                seen.end.get_or_insert(end);
            });
        });
        self.head_sent().await;
        let mut next = if self.leaves_after(0) { Next::Gone } else { Next::On };
        if !exchange.bodiless() && next == Next::On {
            let last = exchange.body.len();
            for (at, piece) in exchange.body.iter().enumerate() {
                self.paced(at).await;
                if self.over() {
                    break;
                }
                let ends = at + 1 == last && exchange.trailers.is_empty() && !self.leaves_after(last);
                let _ = sending.send_data(Bytes::from(piece.bytes()), ends);
                self.settled().await;
                if self.leaves_after(at + 1) {
                    next = Next::Gone;
                    break;
                }
            }
            if next == Next::On && !self.over() {
                if !exchange.trailers.is_empty() {
                    let _ = sending.send_trailers(map(&exchange.trailers)?);
                } else if last == 0 {
                    let _ = sending.send_data(Bytes::new(), true);
                }
                self.settled().await;
            }
        }
        if next == Next::On {
            next = self.rest().await;
        }
        if next == Next::Gone {
            self.leave();
            sending.send_reset(Reason::CANCEL);
            self.settled().await;
        }
        drop(sending);
        drop(client);
        reader.abort();
        let _ = reader.await;
        connection.abort();
        let _ = connection.await;
        Ok(())
    }
}

async fn read(answer: h2::client::ResponseFuture, seen: &Growing) -> std::result::Result<End, h2::Error> {
    let (head, mut body) = answer.await?.into_parts();
    grow(seen, |seen| {
        seen.head = head.status.as_str().to_owned();
        seen.headers = list(&head.headers);
    });
    read_body(&mut body, seen).await
}

/// Frames and trailers of HTTP/2.
pub(super) async fn read_body(body: &mut h2::RecvStream, seen: &Growing) -> std::result::Result<End, h2::Error> {
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        if !data.is_empty() {
            grow(seen, |seen| seen.data.push(data.to_vec()));
        }
    }
    if let Some(trailers) = body.trailers().await? {
        grow(seen, |seen| seen.trailers = list(&trailers));
    }
    Ok(End::Complete)
}

/// Headers as pairs.
pub(super) fn list(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

/// Pairs as headers.
pub(super) fn map(pairs: &[(String, String)]) -> Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        let name = hyper::header::HeaderName::from_bytes(name.as_bytes()).context(|| name.clone())?;
        map.append(name, value.parse().context(|| value.clone())?);
    }
    Ok(map)
}
