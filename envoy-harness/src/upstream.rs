//! Scripted upstreams: servers on loopback that record what reaches them and respond as a test says.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use h2::Reason;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::client;
use crate::connection::{self, BodyPart, Http1Server, Receiver, Sender};
use crate::gateway::Admin;
use crate::message::{BodyLength, End, Headers, OutgoingBody, Protocol, ResponseHead};
use crate::read_barrier::ReadBarrier;
use crate::{Context, Result};

/// Response of an upstream.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// Head.
    pub head: ResponseHead,
    /// Body.
    pub body: OutgoingBody,
    /// Time between the request and the head.
    pub delay: Duration,
    /// `true` if the response starts as soon as the head of the request is there. On HTTP/1.1 the connection is closed after
    /// the exchange.
    pub early: bool,
    /// Point at which the response stops before its end.
    pub stop: Option<Stop>,
}

/// Early end of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Number of pieces before the end; `None` stops before the head.
    pub after: Option<usize>,
    /// `true` to keep the stream open for ever; else HTTP/1.1 closes the connection and HTTP/2 resets the stream.
    pub stall: bool,
    /// Time before the reset, in which the pieces before it can arrive.
    pub pause: Duration,
}

/// Request as an upstream received it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceivedRequest {
    /// Name of the upstream.
    pub cluster: String,
    /// Method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// `:authority` on HTTP/2; empty on HTTP/1.1, where it is the header `host`.
    pub authority: String,
    /// Headers.
    pub headers: Headers,
    /// Body in the frames in which it came: chunks on HTTP/1.1, DATA frames on HTTP/2.
    pub frames: Vec<Vec<u8>>,
    /// Trailers.
    pub trailers: Headers,
    /// End of the request; `None` while it has not ended.
    pub end: Option<End>,
}

impl ReceivedRequest {
    /// Returns the whole body.
    pub fn body(&self) -> Vec<u8> {
        self.frames.concat()
    }
}

/// Chooses the response to a request. Called when the head of the request is there, and again when the request is complete,
/// unless the first response is an early one. `None` closes the connection, or resets the stream.
pub type Respond = dyn Fn(&ReceivedRequest) -> Option<Script> + Send + Sync;

/// Running upstreams, on a thread of their own. They end on drop.
pub struct Upstreams {
    addresses: BTreeMap<String, SocketAddr>,
    barriers: Vec<ReadBarrier>,
    record: Arc<Record>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstreams").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// Requests in the order in which they began.
#[derive(Debug, Default)]
struct Record(Mutex<Vec<Arc<Mutex<ReceivedRequest>>>>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Upstreams {
    /// Starts one server per cluster, on ports that the kernel picks.
    pub fn start(
        clusters: &[(&str, Protocol)],
        respond: impl Fn(&ReceivedRequest) -> Option<Script> + Send + Sync + 'static,
    ) -> Result<Upstreams> {
        let (record, respond): (_, Arc<Respond>) = (Arc::<Record>::default(), Arc::new(respond));
        let (mut addresses, mut barriers, mut servers) = (BTreeMap::new(), Vec::new(), Vec::new());
        for &(cluster, protocol) in clusters {
            let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context(|| "cannot listen".into())?;
            listener.set_nonblocking(true).context(|| "cannot listen".into())?;
            addresses.insert(cluster.to_owned(), listener.local_addr().context(|| "no address".into())?);
            let barrier = ReadBarrier::new(format!("cluster.{cluster}.upstream_cx_rx_bytes_total"));
            barriers.push(barrier.clone());
            let cluster = cluster.to_owned();
            servers.push((
                listener,
                Server { cluster, protocol, record: record.clone(), respond: respond.clone(), barrier },
            ));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context(|| "no runtime".into())?;
        let (end, ended) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                let mut running = JoinSet::new();
                for (listener, server) in servers {
                    running.spawn(server.run(listener));
                }
                // Also when the sender is dropped.
                let _ = ended.await;
            });
        });
        Ok(Upstreams { addresses, barriers, record, end: Some(end), thread: Some(thread) })
    }

    /// Returns the address of each cluster.
    pub fn addresses(&self) -> &BTreeMap<String, SocketAddr> {
        &self.addresses
    }

    /// Makes every server wait, after each piece that it writes, until this Envoy has read the piece.
    pub fn wait_for_reads_of(&self, admin: Admin) {
        for barrier in &self.barriers {
            barrier.attach(admin);
        }
    }

    /// Writes off what Envoy has not read of the responses so far, and never will.
    pub async fn write_off_unread(&self) {
        for barrier in &self.barriers {
            barrier.write_off_unread().await;
        }
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        lock(&self.record.0).clear();
    }

    /// Returns the requests since the start or the last [`Upstreams::forget`], in the order in which they began. Waits up to
    /// `limit` for those that have not ended.
    pub fn received(&self, limit: Duration) -> Vec<ReceivedRequest> {
        let end = Instant::now() + limit;
        loop {
            let received: Vec<_> = lock(&self.record.0).iter().map(|request| lock(request).clone()).collect();
            if received.iter().all(|request| request.end.is_some()) || Instant::now() >= end {
                return received;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Upstreams {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Clone)]
struct Server {
    cluster: String,
    protocol: Protocol,
    record: Arc<Record>,
    respond: Arc<Respond>,
    barrier: ReadBarrier,
}

/// State of a connection after a response.
#[derive(PartialEq)]
enum Next {
    KeepAlive,
    Close,
}

impl Server {
    async fn run(self, listener: std::net::TcpListener) {
        let Ok(listener) = TcpListener::from_std(listener) else { return };
        // Connections end with their server.
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let server = self.clone();
            connections.spawn(async move {
                // Envoy sees a failure of the connection as well, and the test with it.
                let _ = match server.protocol {
                    Protocol::Http1 => server.http1(stream).await,
                    Protocol::Http2 => server.http2(stream).await,
                };
            });
        }
    }

    /// Records the head of a request.
    fn arrived(&self, request: ReceivedRequest) -> Arc<Mutex<ReceivedRequest>> {
        let request = Arc::new(Mutex::new(ReceivedRequest { cluster: self.cluster.clone(), ..request }));
        lock(&self.record.0).push(request.clone());
        request
    }

    fn script(&self, request: &Mutex<ReceivedRequest>) -> Option<Script> {
        let request = lock(request).clone();
        (self.respond)(&request)
    }

    async fn http1(&self, stream: TcpStream) -> Result<()> {
        stream.set_nodelay(true).context(|| "upstream".into())?;
        let mut server = Http1Server::over(self.barrier.count(stream));
        loop {
            let Ok(head) = server.request_head().await else { return Ok(()) };
            let (method, path, headers) = (head.method, head.path, head.headers);
            let request = self.arrived(ReceivedRequest { method, path, headers, ..ReceivedRequest::default() });
            let (mut receiver, response) = server.exchange();
            let early = self.script(&request).filter(|script| script.early);
            if let Some(script) = early {
                let mut reading = pin!(read(&mut receiver, &request));
                let mut responding = pin!(self.respond_http1(script, response));
                let responded = tokio::select! {
                    () = &mut reading => None,
                    next = &mut responding => Some(next),
                };
                match responded {
                    None => drop(responding.await),
                    Some(Ok(Next::KeepAlive)) => reading.await,
                    Some(_) => lock(&request).end = Some(End::Broken("the upstream closed the connection".into())),
                }
                return Ok(());
            }
            read(&mut receiver, &request).await;
            if !matches!(lock(&request).end, Some(End::Complete)) {
                return Ok(());
            }
            let Some(script) = self.script(&request) else { return Ok(()) };
            if self.respond_http1(script, response).await? == Next::Close {
                return Ok(());
            }
            if !server.surplus().is_empty() {
                lock(&request).end = Some(surplus());
                return Ok(());
            }
        }
    }

    async fn respond_http1(&self, script: Script, response: connection::Http1Response<'_>) -> Result<Next> {
        if self.stops_before_head(&script).await {
            return Ok(Next::Close);
        }
        let sender = response.start(&script.head, script.body.length);
        self.send(sender, &script).await
    }

    async fn http2(&self, stream: TcpStream) -> Result<()> {
        stream.set_nodelay(true).context(|| "upstream".into())?;
        // Envoy forwards pieces of one byte as frames of one byte; h2 takes too many unread ones for an attack.
        let handshake = h2::server::Builder::new().data_frame_budget(usize::MAX).handshake(self.barrier.count(stream));
        let mut connection = handshake.await.context(|| "HTTP/2 handshake".into())?;
        let mut streams = JoinSet::new();
        while let Some(Ok((request, respond))) = connection.accept().await {
            let server = self.clone();
            streams.spawn(async move { server.http2_stream(request, respond).await });
        }
        // The streams see the end of the connection, and record it.
        while streams.join_next().await.is_some() {}
        Ok(())
    }

    async fn http2_stream(
        &self,
        request: http::Request<h2::RecvStream>,
        mut respond: h2::server::SendResponse<bytes::Bytes>,
    ) -> Result<()> {
        let (head, body) = request.into_parts();
        let request = self.arrived(ReceivedRequest {
            method: head.method.to_string(),
            path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            authority: head.uri.authority().map(ToString::to_string).unwrap_or_default(),
            headers: connection::header_list(&head.headers),
            ..ReceivedRequest::default()
        });
        let mut receiver = connection::http2_request_body(body);
        let early = self.script(&request).filter(|script| script.early);
        if let Some(script) = early {
            return tokio::join!(read(&mut receiver, &request), self.respond_http2(script, &mut respond)).1;
        }
        read(&mut receiver, &request).await;
        if !matches!(lock(&request).end, Some(End::Complete)) {
            return Ok(());
        }
        match self.script(&request) {
            Some(script) => self.respond_http2(script, &mut respond).await,
            None => {
                respond.send_reset(Reason::REFUSED_STREAM);
                Ok(())
            }
        }
    }

    async fn respond_http2(&self, script: Script, respond: &mut h2::server::SendResponse<bytes::Bytes>) -> Result<()> {
        if self.stops_before_head(&script).await {
            respond.send_reset(Reason::INTERNAL_ERROR);
            return Ok(());
        }
        let sender = connection::http2_response(respond, &script.head, script.body.length)?;
        self.send(sender, &script).await.map(|_| ())
    }

    /// Waits for the script's delay, and for ever if it stalls before the head; `true` if it resets before the head.
    async fn stops_before_head(&self, script: &Script) -> bool {
        let stop = script.stop.filter(|stop| stop.after.is_none());
        if stop.is_some_and(|stop| stop.stall) {
            return std::future::pending().await;
        }
        tokio::time::sleep(script.delay).await;
        stop.is_some()
    }

    /// Sends the head and the body.
    async fn send(&self, mut sender: Sender<'_>, script: &Script) -> Result<Next> {
        sender.flush().await?;
        self.barrier.settled().await;
        let body = &script.body;
        if body.length == BodyLength::NoBody {
            return Ok(Next::KeepAlive);
        }
        let with_end = !body.empty_last && body.trailers.is_empty() && script.stop.is_none();
        for (at, piece) in body.pieces.iter().enumerate() {
            if self.stops(script, at).await {
                sender.reset(Reason::INTERNAL_ERROR);
                return Ok(Next::Close);
            }
            client::pause(body.pause).await;
            sender.data(piece, with_end && at + 1 == body.pieces.len()).await?;
            self.barrier.settled().await;
        }
        if self.stops(script, body.pieces.len()).await {
            sender.reset(Reason::INTERNAL_ERROR);
            return Ok(Next::Close);
        }
        sender.finish(&body.trailers).await?;
        Ok(Next::KeepAlive)
    }

    /// Returns `true` if the response resets after this many pieces; waits for ever if it stalls there.
    async fn stops(&self, script: &Script, pieces: usize) -> bool {
        let Some(stop) = script.stop.filter(|stop| stop.after == Some(pieces)) else { return false };
        if stop.stall {
            return std::future::pending().await;
        }
        tokio::time::sleep(stop.pause).await;
        true
    }
}

/// Returns the end of a request with bytes after it. Envoy sends no second request before the response to the first.
fn surplus() -> End {
    End::Broken("bytes after its end".into())
}

/// Reads the rest of a request into its record.
async fn read(receiver: &mut Receiver<'_>, request: &Mutex<ReceivedRequest>) {
    let mut open = false;
    let end = loop {
        match receiver.next().await {
            Ok(BodyPart::Data { bytes, ends_frame }) => {
                let mut request = lock(request);
                match request.frames.last_mut() {
                    Some(frame) if open => frame.extend(bytes),
                    _ => request.frames.push(bytes),
                }
                open = !ends_frame;
            }
            Ok(BodyPart::Trailers(trailers)) => lock(request).trailers = trailers,
            // Before the response, so that whoever has read the response finds the request broken.
            Ok(BodyPart::End) if !receiver.surplus().is_empty() => break surplus(),
            Ok(BodyPart::End) => break End::Complete,
            Err(error) => break End::Broken(error.to_string()),
        }
    };
    lock(request).end = Some(end);
}
