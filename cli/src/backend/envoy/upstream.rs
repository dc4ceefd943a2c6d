//! Upstreams of a test: they record what reaches them and respond as the exchange at hand says.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tollgate_envoy_harness::message::{End, OutgoingBody, Protocol, ResponseHead};
use tollgate_envoy_harness::{Result, upstream};

use crate::delivery::{CutPoints, Delivery};
use crate::file::GuardResponse;
use crate::observation::UpstreamRequest;
use crate::plan::{Exchange, ResolvedChain, guard_cluster};

use super::client::outgoing;

/// Upstreams of a chain.
pub(super) struct Upstreams {
    running: upstream::Upstreams,
    /// Clusters of guards, whose requests are not those of the client.
    guards: BTreeSet<String>,
    script: Arc<Mutex<Option<Script>>>,
}

/// Exchange at hand, and the delivery of its response.
#[derive(Clone)]
pub(super) struct Script {
    pub(super) exchange: Exchange,
    pub(super) number: usize,
    pub(super) cut_points: CutPoints,
    pub(super) delivery: Delivery,
}

/// Pause between the events of a response that the client leaves before its end.
const PACE: Duration = Duration::from_millis(10);

/// Longest wait for the end of a request that has reached an upstream.
const LIMIT: Duration = Duration::from_millis(300);

impl Upstreams {
    /// Starts one server per cluster.
    pub(super) fn start(chain: &ResolvedChain) -> Result<Upstreams> {
        let script: Arc<Mutex<Option<Script>>> = Arc::default();
        let current = script.clone();
        let guards: BTreeMap<String, String> =
            chain.guards().into_iter().map(|name| (guard_cluster(name), name.to_owned())).collect();
        let of_guards: BTreeSet<String> = guards.keys().cloned().collect();
        let names = chain.clusters().into_iter().chain(of_guards.iter().map(String::as_str));
        let clusters: Vec<_> = names.map(|cluster| (cluster, Protocol::Http1)).collect();
        let running = upstream::Upstreams::start(&clusters, move |request| {
            let script = lock(&current).clone()?;
            if let Some(name) = guards.get(&request.cluster) {
                return guard(script.exchange.guards.get(name)?);
            }
            Some(response(&script, &request.body()))
        })?;
        Ok(Upstreams { running, script, guards: of_guards })
    }

    pub(super) fn addresses(&self) -> Vec<(&str, SocketAddr)> {
        self.running.addresses().iter().map(|(cluster, address)| (cluster.as_str(), *address)).collect()
    }

    /// Sets how the next requests are responded to, and forgets the requests so far.
    pub(super) fn script(&self, script: Script) {
        *lock(&self.script) = Some(script);
        self.running.forget();
    }

    /// Returns the requests since the last script.
    pub(super) fn received(&self) -> Vec<UpstreamRequest> {
        let received = self.running.received(LIMIT).into_iter();
        let received = received.filter(|request| !self.guards.contains(&request.cluster));
        received
            .map(|request| {
                let body = request.body();
                let mut headers = request.headers;
                headers.insert(0, (":method".into(), request.method.into_bytes()));
                headers.insert(0, (":path".into(), request.path.clone().into_bytes()));
                UpstreamRequest {
                    cluster: request.cluster,
                    path: request.path,
                    headers,
                    body,
                    trailers: request.trailers,
                    complete: request.end == Some(End::Complete),
                    // The server marks bytes after the end as a broken request.
                    ended_twice: false,
                }
            })
            .collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the response of a guard; `None` closes the connection.
fn guard(response: &GuardResponse) -> Option<upstream::Script> {
    if response.refuse {
        return None;
    }
    let content_type = ("content-type".to_owned(), b"application/json".to_vec());
    Some(upstream::Script {
        head: ResponseHead { status: response.status.unwrap_or(200), headers: vec![content_type] },
        body: OutgoingBody::whole(response.octets()),
        delay: response.delay.map_or(Duration::ZERO, |delay| delay.0),
        ..upstream::Script::default()
    })
}

/// Returns the response to a request with this body.
fn response(script: &Script, request: &[u8]) -> upstream::Script {
    let Script { exchange, number, cut_points, delivery } = script;
    let response = &exchange.response;
    let whole = response.body(request);
    let body = whole.get(..response.reset_after.unwrap_or(usize::MAX)).unwrap_or(whole);
    let mut outgoing =
        outgoing(body, whole.len(), &delivery.response(*number, exchange, whole, cut_points), &response.trailers);
    if exchange.request.leave_after.is_some() {
        outgoing.pause = Some(PACE);
    }
    let pieces = outgoing.pieces.len();
    upstream::Script {
        head: ResponseHead { status: response.status, headers: response.headers.clone() },
        body: outgoing,
        stop: (body.len() < whole.len()).then_some(upstream::Stop {
            after: Some(pieces),
            stall: false,
            // The pieces must arrive before the reset does.
            pause: PACE * 5,
        }),
        ..upstream::Script::default()
    }
}
