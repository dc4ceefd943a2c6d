//! The upstreams of a scenario: every cluster has a server, and a server answers as the exchange says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use h2::Reason;
use hyper::Response;
use hyper::body::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tollgate_testbed::{Context, Error, Result};

use super::client::{list, map, read_body};
use super::counted::{Counted, Written};
use super::http1::{Growing, Reader, block, framed, grow, last_chunk};
use super::process::Process;
use crate::scenario::{Answer, CLUSTERS, Exchange};
use crate::seen::{End, Seen};

/// All upstreams of one Envoy process.
#[derive(Debug)]
pub(super) struct Upstreams {
    /// Where each cluster is.
    pub(super) addresses: BTreeMap<String, SocketAddr>,
    shared: Arc<Shared>,
    servers: Vec<tokio::task::JoinHandle<()>>,
    written: Vec<Written>,
    /// Bound and never listening: a connection to it is refused.
    _dead: tokio::net::TcpSocket,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    process: Option<Arc<Process>>,
    routed: Answer,
    calls: BTreeMap<String, Answer>,
    seen: Vec<(String, Growing)>,
}

impl Shared {
    fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn answer(&self, cluster: &str) -> Answer {
        self.with(|state| state.calls.get(cluster).unwrap_or(&state.routed).clone())
    }

    /// A request has begun.
    fn arrived(&self, cluster: &str, seen: &Growing) {
        self.with(|state| state.seen.push((cluster.to_owned(), seen.clone())));
    }

    fn process(&self) -> Option<Arc<Process>> {
        self.with(|state| state.process.clone())
    }
}

impl Upstreams {
    /// Starts them on ports that the kernel picks.
    pub(super) async fn start() -> Result<Upstreams> {
        let shared = Arc::new(Shared::default());
        let (mut addresses, mut servers, mut all_written) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (cluster, http2) in CLUSTERS {
            let listener = TcpListener::bind("127.0.0.1:0").await.context(|| "cannot listen".into())?;
            addresses.insert(cluster.to_owned(), listener.local_addr().context(|| "no address".into())?);
            let written = Written::new(format!("cluster.{cluster}.upstream_cx_rx_bytes_total"));
            all_written.push(written.clone());
            let server = Server { cluster, shared: shared.clone(), written };
            servers.push(tokio::spawn(server.run(listener, http2)));
        }
        let dead = tokio::net::TcpSocket::new_v4().context(|| "no socket".into())?;
        dead.bind(SocketAddr::from(([127, 0, 0, 1], 0))).context(|| "cannot bind".into())?;
        addresses.insert("dead".into(), dead.local_addr().context(|| "no address".into())?);
        Ok(Upstreams { addresses, shared, servers, written: all_written, _dead: dead })
    }

    /// Which Envoy they are behind.
    pub(super) fn behind(&self, process: Arc<Process>) {
        self.shared.with(|state| state.process = Some(process));
    }

    /// What they answer from now on.
    pub(super) fn prepare(&self, exchange: &Exchange) {
        self.shared.with(|state| {
            state.routed = exchange.upstream.clone();
            state.calls = exchange.calls.clone();
            for cluster in ["side", "grpc"] {
                state.calls.entry(cluster.into()).or_default();
            }
            state.seen.clear();
        });
    }

    /// Accounts for what Envoy has not read of their answers, and will not.
    pub(super) async fn account(&self, process: &Process) {
        for written in &self.written {
            written.account(process).await;
        }
    }

    /// What they have seen since, in the order in which it began; waits a little for messages that have not ended.
    pub(super) async fn seen(&self) -> Vec<(String, Seen)> {
        let end = Instant::now() + Duration::from_millis(300);
        loop {
            let seen: Vec<(String, Seen)> = self.shared.with(|state| {
                state.seen.iter().map(|(cluster, seen)| (cluster.clone(), grow(seen, |seen| seen.clone()))).collect()
            });
            if seen.iter().all(|(_, seen)| seen.end.is_some()) || Instant::now() > end {
                return seen.into_iter().map(|(cluster, seen)| (cluster, seen.joined())).collect();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Drop for Upstreams {
    fn drop(&mut self) {
        self.shared.with(|state| state.process = None);
        for server in &self.servers {
            server.abort();
        }
    }
}

#[derive(Clone)]
struct Server {
    cluster: &'static str,
    shared: Arc<Shared>,
    written: Written,
}

/// What is left to do with a connection.
#[derive(PartialEq)]
enum Then {
    Next,
    Close,
}

impl Server {
    async fn run(self, listener: TcpListener, http2: bool) {
        // Connections end with their server.
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let server = self.clone();
            connections.spawn(async move {
                let _ = match http2 {
                    true => server.http2(stream).await,
                    false => server.http1(stream).await,
                };
            });
        }
    }

    async fn settled(&self) {
        if let Some(process) = self.shared.process() {
            self.written.settled(&process).await;
        }
    }

    async fn http1(&self, stream: TcpStream) -> Result<()> {
        let stream = Counted::new(stream, self.written.clone()).context(|| "upstream".into())?;
        let (reading, mut writing) = tokio::io::split(stream);
        let mut reader = Reader::new(reading);
        loop {
            let seen = Growing::default();
            if !reader.head(&seen).await.unwrap_or_default() {
                return Ok(());
            }
            self.shared.arrived(self.cluster, &seen);
            let answer = self.shared.answer(self.cluster);
            if answer.early {
                // Both directions at once; a connection that is answered early is not used again.
                let mut reading = std::pin::pin!(reader.body(&seen, None));
                let mut answering = std::pin::pin!(self.http1_answer(&answer, &mut writing));
                let answered = tokio::select! {
                    _ = &mut reading => None,
                    then = &mut answering => Some(then),
                };
                match answered {
                    None => {
                        answering.await?;
                    }
                    Some(Ok(Then::Next)) => {
                        let _ = reading.await;
                    }
                    Some(_) => grow(&seen, |seen| seen.end = Some(End::Cut)),
                }
                return Ok(());
            }
            reader.body(&seen, None).await.context(|| "request".into())?;
            if grow(&seen, |seen| seen.end == Some(End::Cut)) {
                return Ok(());
            }
            if self.http1_answer(&answer, &mut writing).await? == Then::Close {
                return Ok(());
            }
        }
    }

    async fn http1_answer(&self, answer: &Answer, writing: &mut (impl AsyncWriteExt + Unpin)) -> Result<Then> {
        if answer.never {
            return std::future::pending().await;
        }
        tokio::time::sleep(Duration::from_millis(answer.delay_ms)).await;
        if answer.reset == Some(-1) {
            return Ok(Then::Close);
        }
        let chunked = answer.in_chunks();
        let mut headers = answer.all_headers();
        if chunked {
            headers.push(("transfer-encoding".into(), "chunked".into()));
        }
        let failed = || "answer".to_owned();
        writing.write_all(&block(&format!("HTTP/1.1 {} Said", answer.status), &headers)).await.context(failed)?;
        self.settled().await;
        for (at, frame) in answer.frames().iter().enumerate() {
            if let Some(then) = self.stops(answer, at).await {
                return Ok(then);
            }
            writing.write_all(&framed(frame, chunked)).await.context(failed)?;
            self.settled().await;
        }
        if let Some(then) = self.stops(answer, answer.body.len()).await {
            return Ok(then);
        }
        if chunked {
            writing.write_all(&last_chunk(&answer.all_trailers())).await.context(failed)?;
        }
        Ok(Then::Next)
    }

    /// Whether an answer stops after so many frames; one that stalls does so for ever.
    async fn stops(&self, answer: &Answer, frames: usize) -> Option<Then> {
        if answer.stall == Some(frames) {
            std::future::pending::<()>().await;
        }
        let reset = answer.reset.and_then(|after| usize::try_from(after).ok());
        (reset == Some(frames)).then_some(Then::Close)
    }

    async fn http2(&self, stream: TcpStream) -> Result<()> {
        let stream = Counted::new(stream, self.written.clone()).context(|| "upstream".into())?;
        // Envoy hands on pieces of one byte as frames of one byte; h2 takes too many that are not yet read for an attack.
        let mut connection = h2::server::Builder::new()
            .data_frame_budget(usize::MAX)
            .handshake(stream)
            .await
            .context(|| "no HTTP/2".into())?;
        let mut streams = tokio::task::JoinSet::new();
        while let Some(request) = connection.accept().await {
            let (request, respond) = request.context(|| "no request".into())?;
            let server = self.clone();
            streams.spawn(async move { server.http2_stream(request, respond).await });
        }
        Ok(())
    }

    async fn http2_stream(
        &self,
        request: hyper::Request<h2::RecvStream>,
        respond: h2::server::SendResponse<Bytes>,
    ) -> Result<()> {
        let seen = Growing::default();
        self.shared.arrived(self.cluster, &seen);
        let (head, mut body) = request.into_parts();
        grow(&seen, |seen| {
            let path = head.uri.path_and_query().map(|path| path.as_str()).unwrap_or_default();
            seen.head = format!("{} {path}", head.method);
            seen.headers = list(&head.headers);
            if let Some(authority) = head.uri.authority() {
                seen.headers.push((":authority".into(), authority.to_string()));
            }
        });
        let answer = self.shared.answer(self.cluster);
        let reading = async {
            let end = read_body(&mut body, &seen).await.unwrap_or(End::Cut);
            grow(&seen, |seen| seen.end = Some(end));
        };
        if answer.early {
            let writing = self.http2_answer(&answer, respond);
            return tokio::join!(reading, writing).1;
        }
        reading.await;
        if grow(&seen, |seen| seen.end == Some(End::Cut)) {
            return Ok(());
        }
        self.http2_answer(&answer, respond).await
    }

    async fn http2_answer(&self, answer: &Answer, mut respond: h2::server::SendResponse<Bytes>) -> Result<()> {
        if answer.never {
            return std::future::pending().await;
        }
        tokio::time::sleep(Duration::from_millis(answer.delay_ms)).await;
        if answer.reset == Some(-1) {
            respond.send_reset(Reason::INTERNAL_ERROR);
            return Ok(());
        }
        let mut head = Response::builder().status(answer.status);
        for (name, value) in answer.all_headers() {
            head = head.header(name, value);
        }
        let head = head.body(()).context(|| "answer".into())?;
        let trailers = answer.all_trailers();
        let frames = answer.frames();
        let bare = frames.is_empty() && trailers.is_empty();
        let mut sending = respond.send_response(head, bare).context(|| "answer".into())?;
        self.settled().await;
        if bare {
            return Ok(());
        }
        for (at, frame) in frames.iter().enumerate() {
            match self.stops(answer, at).await {
                Some(_) => {
                    sending.send_reset(Reason::INTERNAL_ERROR);
                    return Ok(());
                }
                None => {
                    let stalls = answer.stall.is_some() || answer.reset.is_some();
                    let ends = at + 1 == frames.len() && trailers.is_empty() && !stalls;
                    sending.send_data(Bytes::from(frame.clone()), ends).context(|| "answer".into())?;
                }
            }
            self.settled().await;
        }
        if self.stops(answer, frames.len()).await.is_some() {
            sending.send_reset(Reason::INTERNAL_ERROR);
        } else if !trailers.is_empty() {
            sending.send_trailers(map(&trailers)?).map_err(|error| Error::new(error.to_string()))?;
        }
        Ok(())
    }
}
