//! Upstreams of a scenario: every cluster has a server, which responds as the exchange says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tollgate_envoy_harness::gateway::Admin;
use tollgate_envoy_harness::message::{self, BodyLength, OutgoingBody, Protocol, ResponseHead};
use tollgate_envoy_harness::upstream::{self, ReceivedRequest, Script, Stop};
use tollgate_envoy_harness::{Context, Result};

use super::client::{octets, texts};
use crate::scenario::{CLUSTERS, Exchange, ScriptedResponse};
use crate::seen::{End, Seen};

/// Upstreams of one Envoy process.
#[derive(Debug)]
pub(super) struct Upstreams {
    /// Address of each cluster.
    pub(super) addresses: BTreeMap<String, SocketAddr>,
    running: upstream::Upstreams,
    responses: Arc<Mutex<Responses>>,
    /// Bound but not listening: a connection to it is refused.
    _dead: tokio::net::TcpSocket,
}

/// Responses of the current exchange.
#[derive(Debug, Default)]
struct Responses {
    routed: ScriptedResponse,
    calls: BTreeMap<String, ScriptedResponse>,
}

/// Longest wait for the end of a request that has reached an upstream.
const LIMIT: Duration = Duration::from_millis(300);

impl Upstreams {
    /// Starts them on ports that the kernel picks.
    pub(super) fn start() -> Result<Upstreams> {
        let responses: Arc<Mutex<Responses>> = Arc::default();
        let current = responses.clone();
        let clusters = CLUSTERS.map(|(name, http2)| (name, if http2 { Protocol::Http2 } else { Protocol::Http1 }));
        let running = upstream::Upstreams::start(&clusters, move |request| {
            let responses = lock(&current);
            Some(script(responses.calls.get(&request.cluster).unwrap_or(&responses.routed)))
        })?;
        let dead = tokio::net::TcpSocket::new_v4().context(|| "no socket".into())?;
        dead.bind(SocketAddr::from(([127, 0, 0, 1], 0))).context(|| "cannot bind".into())?;
        let mut addresses = running.addresses().clone();
        addresses.insert("dead".into(), dead.local_addr().context(|| "no address".into())?);
        Ok(Upstreams { addresses, running, responses, _dead: dead })
    }

    /// Sets the Envoy whose reads they wait for.
    pub(super) fn behind(&self, admin: Admin) {
        self.running.wait_for_reads_of(admin);
    }

    /// Sets how they respond from now on, and forgets the requests so far.
    pub(super) fn prepare(&self, exchange: &Exchange) {
        let mut calls = exchange.calls.clone();
        for cluster in ["side", "grpc"] {
            calls.entry(cluster.into()).or_default();
        }
        *lock(&self.responses) = Responses { routed: exchange.upstream.clone(), calls };
        self.running.forget();
    }

    /// Writes off what Envoy has not read of their responses, and never will.
    pub(super) async fn write_off_unread(&self) {
        self.running.write_off_unread().await;
    }

    /// Returns what they have seen since, in the order in which it began; waits a little for messages that have not ended.
    pub(super) fn seen(&self) -> Vec<(String, Seen)> {
        self.running.received(LIMIT).into_iter().map(|request| (request.cluster.clone(), seen(request))).collect()
    }
}

fn lock(responses: &Mutex<Responses>) -> MutexGuard<'_, Responses> {
    responses.lock().unwrap_or_else(PoisonError::into_inner)
}

fn script(response: &ScriptedResponse) -> Script {
    let (mut headers, pieces, trailers) = (response.all_headers(), response.frames(), octets(response.all_trailers()));
    let length = if pieces.is_empty() && trailers.is_empty() {
        BodyLength::NoBody
    } else if response.has_length() {
        // The server adds it again.
        headers.pop();
        BodyLength::Known(pieces.iter().map(Vec::len).sum())
    } else {
        BodyLength::Unknown
    };
    let stop = |after: Option<usize>, stall: bool| Stop { after, stall, pause: Duration::ZERO };
    let stop = match (response.never, response.stall, response.reset) {
        (true, ..) => Some(stop(None, true)),
        (false, Some(after), _) => Some(stop(Some(after), true)),
        (false, None, Some(after)) => Some(stop(usize::try_from(after).ok(), false)),
        (false, None, None) => None,
    };
    Script {
        head: ResponseHead { status: response.status, headers: octets(headers) },
        body: OutgoingBody { length, pieces, trailers, ..OutgoingBody::default() },
        delay: Duration::from_millis(response.delay_ms),
        early: response.early,
        stop,
    }
}

fn seen(request: ReceivedRequest) -> Seen {
    let mut headers = texts(request.headers);
    if !request.authority.is_empty() {
        headers.push((":authority".into(), request.authority));
    }
    let seen = Seen {
        head: format!("{} {}", request.method, request.path),
        headers,
        data: request.frames,
        trailers: texts(request.trailers),
        end: request.end.map(|end| if end == message::End::Complete { End::Complete } else { End::Cut }),
    };
    seen.joined()
}
