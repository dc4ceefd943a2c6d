//! Client of a scenario.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tollgate_envoy_harness::connection::{self, BodyPart, Http1, Http2, Reason, Receiver, Sender};
use tollgate_envoy_harness::http1::Framing;
use tollgate_envoy_harness::message::{BodyLength, Headers, RequestHead};
use tollgate_envoy_harness::read_barrier::ReadBarrier;
use tollgate_envoy_harness::{Gateway, Result};

use crate::scenario::{Exchange, Leaves};
use crate::seen::{End, Seen};

/// Envoy's counter of the bytes that it has read from clients.
pub(super) const COUNTER: &str = "http.p.downstream_cx_rx_bytes_total";

/// Runs one exchange and returns what the client saw. A piece of the request is written once Envoy has read the one before.
pub(super) async fn exchange(exchange: &Exchange, gateway: &Gateway, barrier: &ReadBarrier) -> Result<Seen> {
    let seen = Growing::default();
    let stream = barrier.count(connection::connect(gateway.address()).await?);
    let client = Client { exchange, barrier, seen: &seen };
    let (head, length) = request(exchange);
    if exchange.http == 2 {
        let connection = Http2::over(stream).await?;
        barrier.settled().await;
        let (sender, receiver) = connection.start(&head, length).await?;
        client.run(sender, receiver).await;
        connection.close().await;
    } else {
        let mut connection = Http1::over(stream);
        let (sender, receiver) = connection.start(&head, length);
        client.run(sender, receiver).await;
    }
    let mut seen = seen.with(|seen| seen.clone());
    if exchange.http != 2 && seen.headers.iter().any(|(name, _)| name == "content-length") {
        seen = seen.joined();
    }
    Ok(seen)
}

fn request(exchange: &Exchange) -> (RequestHead, BodyLength) {
    let mut headers = octets(exchange.all_headers());
    let length = match (exchange.bodiless(), exchange.length) {
        (true, length) => {
            if length {
                headers.push(("content-length".into(), exchange.size().to_string().into_bytes()));
            }
            BodyLength::NoBody
        }
        (false, true) => BodyLength::Known(exchange.size()),
        (false, false) => BodyLength::Unknown,
    };
    let (method, path) = (exchange.method().to_owned(), exchange.path.clone());
    (RequestHead { method, path, authority: "h".into(), headers }, length)
}

/// Response as far as it is read.
#[derive(Clone, Debug, Default)]
struct Growing(Arc<Mutex<Seen>>);

impl Growing {
    fn with<R>(&self, change: impl FnOnce(&mut Seen) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Client<'a> {
    exchange: &'a Exchange,
    barrier: &'a ReadBarrier,
    seen: &'a Growing,
}

impl Client<'_> {
    /// Sends the request and reads the response at the same time, until the response has ended or the client leaves.
    async fn run(&self, mut sender: Sender<'_>, mut receiver: Receiver<'_>) {
        let mut sending = pin!(self.send(&mut sender));
        let mut reading = pin!(self.read(&mut receiver));
        let mut reads = true;
        loop {
            tokio::select! {
                () = &mut reading, if reads => reads = false,
                () = &mut sending => return,
            }
        }
    }

    /// Sends the request and waits for the end. A write may fail because Envoy has responded and closed the connection: the
    /// response shows that.
    async fn send(&self, sender: &mut Sender<'_>) {
        let exchange = self.exchange;
        let _ = sender.flush().await;
        self.barrier.settled().await;
        if exchange.upstream.early {
            // The upstream responds before the body is sent.
            self.wait_for(|_| false).await;
        }
        let mut leaves = self.leaves_after(0);
        if !exchange.bodiless() && !leaves {
            leaves = self.send_body(sender).await;
        }
        if !leaves {
            leaves = self.read_to_end().await;
        }
        if leaves {
            self.seen.with(|seen| {
                seen.end.get_or_insert(End::Left);
            });
            if exchange.http == 2 {
                sender.reset(Reason::CANCEL);
                self.barrier.settled().await;
            }
        }
    }

    /// Sends the body; `true` if the client leaves in the middle of it.
    async fn send_body(&self, sender: &mut Sender<'_>) -> bool {
        let exchange = self.exchange;
        let last = exchange.body.len();
        for (at, piece) in exchange.body.iter().enumerate() {
            if at > 0 {
                tokio::time::sleep(Duration::from_millis(exchange.pace_ms)).await;
            }
            if self.has_ended() {
                break;
            }
            let ends = at + 1 == last && exchange.trailers.is_empty() && !self.leaves_after(last);
            let _ = sender.data(&piece.bytes(), ends).await;
            self.barrier.settled().await;
            if self.leaves_after(at + 1) {
                return true;
            }
        }
        if !self.has_ended() {
            let _ = sender.finish(&octets(exchange.trailers.clone())).await;
            self.barrier.settled().await;
        }
        false
    }

    fn has_ended(&self) -> bool {
        self.seen.with(|seen| seen.end.is_some())
    }

    fn leaves_after(&self, frames: usize) -> bool {
        matches!(self.exchange.leaves, Some(Leaves::Sent(sent)) if sent == frames)
    }

    /// Waits until the response satisfies `wanted` or has ended. Gives up when the client's patience is over.
    async fn wait_for(&self, wanted: impl Fn(&Seen) -> bool) {
        let end = Instant::now() + Duration::from_millis(self.exchange.patience_ms);
        while !self.seen.with(|seen| wanted(seen) || seen.end.is_some()) {
            if Instant::now() > end {
                self.seen.with(|seen| seen.end = Some(End::Hung));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits for the end of the response; `true` if the client leaves before it.
    async fn read_to_end(&self) -> bool {
        if let Some(Leaves::Seen(frames)) = self.exchange.leaves {
            self.wait_for(|seen| !seen.head.is_empty() && seen.data.len() >= frames).await;
            return true;
        }
        self.wait_for(|_| false).await;
        false
    }

    /// Reads the response into what is seen.
    async fn read(&self, receiver: &mut Receiver<'_>) {
        let end = self.read_response(receiver).await;
        self.seen.with(|seen| {
            seen.end.get_or_insert(end);
        });
    }

    async fn read_response(&self, receiver: &mut Receiver<'_>) -> End {
        let Ok((head, framing)) = receiver.response_head().await else { return End::Cut };
        self.seen.with(|seen| (seen.head, seen.headers) = (head.status.to_string(), texts(head.headers)));
        // The boundaries of reads mean nothing: a body without frames is one frame, which grows.
        let framed = matches!(framing, None | Some(Framing::Chunks));
        let mut frame = Vec::new();
        loop {
            match receiver.next().await {
                Ok(BodyPart::Data { bytes, ends_frame }) if framed => {
                    frame.extend(bytes);
                    if ends_frame {
                        let frame = std::mem::take(&mut frame);
                        self.seen.with(|seen| seen.data.push(frame));
                    }
                }
                Ok(BodyPart::Data { bytes, .. }) => self.seen.with(|seen| match seen.data.first_mut() {
                    Some(data) => data.extend(bytes),
                    None => seen.data.push(bytes),
                }),
                Ok(BodyPart::Trailers(trailers)) => self.seen.with(|seen| seen.trailers = texts(trailers)),
                Ok(BodyPart::End) if framing == Some(Framing::UntilClose) => return End::Cut,
                Ok(BodyPart::End) => return End::Complete,
                Err(_) => {
                    if !frame.is_empty() {
                        self.seen.with(|seen| seen.data.push(frame));
                    }
                    return End::Cut;
                }
            }
        }
    }
}

/// Returns headers with values as octets.
pub(super) fn octets(headers: Vec<(String, String)>) -> Headers {
    headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect()
}

/// Returns headers with values as text.
pub(super) fn texts(headers: Headers) -> Vec<(String, String)> {
    headers.into_iter().map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned())).collect()
}
