//! The module that ships, in a host that behaves as Envoy does.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use serde_json::Value;
use tollgate_host::{
    ClientResponse, Disconnect, End as HostEnd, FailurePolicy, Level, Listener, Module, Plugin, Process,
    ReceivedRequest, Request, Route, Split, StartError, UpstreamRequest as Asked, UpstreamResponse as HostResponse,
};

use crate::delivery::{CutPoints, Delivery, Frames, Framing, TRAILER};
use crate::file::{BackendName, ResponseEnd};
use crate::observation::{Observation, UpstreamRequest};
use crate::plan::{Action, Case, Exchange, HeaderList, ResolvedChain, RouteRule, Target, UpstreamResponse};
use crate::problem::Problem;

use super::{Backend, RunOutput};

/// A chain in our own host. Every run has a process of its own.
#[derive(Debug)]
pub struct Wasm {
    module: Module,
    chain: Arc<ResolvedChain>,
}

/// One virtual machine for the whole chain, as the reference bootstrap has it.
const VM_ID: &str = "tollgate";

/// Properties that one filter sets for those behind it; no word for anybody else.
const INTERNAL: [&str; 2] = ["tollgate.edge", "tollgate.request_trailers"];

impl Wasm {
    /// A back end for a chain.
    ///
    /// # Errors
    /// A configuration that a filter refuses.
    pub fn new(module: &Module, chain: &Arc<ResolvedChain>) -> Result<Wasm, Problem> {
        let wasm = Wasm { module: module.clone(), chain: chain.clone() };
        // As Envoy does when it is given a configuration.
        let process = Process::builder().build();
        wasm.start(&process).map_err(|error| refused(chain, &error))?;
        Ok(wasm)
    }

    fn start(&self, process: &Process) -> Result<Listener, StartError> {
        let mut listener = Listener::builder();
        for filter in &self.chain.filters {
            let root_id = filter.name.root_id();
            let plugin = Plugin::new(root_id, self.module.clone())
                .root_id(root_id)
                .vm_id(VM_ID)
                .configuration(filter.configuration.to_string())
                .failure_policy(FailurePolicy::FailReload)
                .allow_on_headers_stop_iteration(true);
            listener = listener.plugin(plugin);
        }
        self.chain.routes.iter().fold(listener, |listener, rule| listener.route(route(rule))).start(process)
    }
}

/// A module that was built, from its file.
///
/// # Errors
/// A file that is not there, or that is no such module.
pub fn module(path: &Path) -> Result<Module, Problem> {
    Module::from_file(path).map_err(|error| Problem::of(path, error.to_string()))
}

/// A unit of patience with guests: a callback that takes ten of them traps, see [`Module::tick`].
const TICK: Duration = Duration::from_secs(1);

/// Runs tests with a module, and lets real time pass for it: a filter that does not come to its end fails its test instead
/// of keeping the command from ending.
pub fn patiently<T>(module: &Module, work: impl FnOnce() -> T) -> T {
    let (working, over) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while over.recv_timeout(TICK) == Err(mpsc::RecvTimeoutError::Timeout) {
                module.tick();
            }
        });
        let result = work();
        drop(working);
        result
    })
}

/// A refused configuration: in the words of the filter, which never quotes values.
fn refused(chain: &ResolvedChain, error: &StartError) -> Problem {
    let filter = chain.filters.iter().find(|filter| filter.name.root_id() == error.plugin);
    let source = filter.or(chain.filters.first()).map(|filter| filter.source.clone());
    let mut words: Vec<&str> =
        error.log.iter().filter(|entry| entry.level >= Level::Warn).map(|e| e.text.as_str()).collect();
    words.dedup();
    let said = if words.is_empty() { error.to_string() } else { words.join("; ") };
    Problem { file: source, ..Problem::new(format!("{} refuses its configuration: {said}", error.plugin)) }
}

fn route(rule: &RouteRule) -> Route {
    let mut headers = rule.headers.iter();
    let mut route = match (&rule.prefix, headers.next()) {
        (Some(prefix), None) => Route::prefix(prefix.as_str()),
        (prefix, Some((name, value))) => {
            let route = match value {
                Some(value) => Route::header_equals(name, value.as_str()),
                None => Route::header_present(name),
            };
            prefix.iter().fold(route, |route, prefix| route.and_prefix(prefix.as_str()))
        }
        (None, None) => Route::prefix("/"),
    };
    for (name, value) in headers {
        route = route.and_header(name, value.as_deref().unwrap_or_default());
    }
    match &rule.target {
        // Streams may take as long as they like in virtual time, as in the reference.
        Target::Cluster(cluster) => route.cluster(cluster.as_str()).timeout(None),
        Target::Direct(status, body) => route.direct_response(*status, body.as_str()),
    }
}

impl Backend for Wasm {
    fn name(&self) -> BackendName {
        BackendName::Wasm
    }

    fn deliveries(&self, _: &Case, all: Vec<Delivery>) -> Vec<Delivery> {
        all
    }

    fn run(&self, case: &Case, cut_points: &[CutPoints], delivery: &Delivery) -> Result<RunOutput, String> {
        // The configuration was tried as Envoy would when the chain was made; here only the worker counts.
        let process = Process::builder().canary(false).build();
        let listener = self.start(&process).map_err(|error| error.to_string())?;
        let (mut ran, mut number) = (RunOutput::default(), 0);
        for action in &case.actions {
            match action {
                Action::Advance(duration) => process.advance(*duration),
                Action::Send(exchange) => {
                    let cut_points = cut_points.get(number).cloned().unwrap_or_default();
                    ran.seen.push(self.send(&process, &listener, exchange, number, &cut_points, delivery));
                    number += 1;
                }
            }
        }
        Ok(ran)
    }
}

impl Wasm {
    fn send(
        &self,
        process: &Process,
        listener: &Listener,
        exchange: &Exchange,
        number: usize,
        cut_points: &CutPoints,
        delivery: &Delivery,
    ) -> Observation {
        for cluster in self.chain.clusters() {
            let (exchange, cut_points, delivery) = (exchange.clone(), cut_points.clone(), delivery.clone());
            process.cluster(cluster, move |asked| reply(asked, &exchange, number, &cut_points, &delivery));
        }
        let before: BTreeMap<String, u64> = counters(process);
        let request = request(exchange, &delivery.request(number, exchange, cut_points), delivery.framing);
        let seen = listener.send(request);
        let counters = counters(process).into_iter().filter_map(|(name, value)| {
            let grown = value - before.get(&name).copied().unwrap_or_default().min(value);
            (grown > 0).then_some((name, grown))
        });
        let properties = seen.filter_state.iter().filter_map(|(name, value)| {
            let name = name.strip_prefix("wasm.").filter(|name| name.starts_with("tollgate."))?;
            (!INTERNAL.contains(&name)).then(|| (name.to_owned(), String::from_utf8_lossy(value).into_owned()))
        });
        let ClientResponse { status, headers, trailers, details, .. } = &seen.client;
        let (end, note) = match &seen.client.end {
            HostEnd::Complete => (ResponseEnd::Complete, None),
            HostEnd::Disconnected => (ResponseEnd::Left, None),
            HostEnd::Stalled(why) => (ResponseEnd::Broken, Some(why.clone())),
            HostEnd::Reset | HostEnd::Truncated | HostEnd::Open => (ResponseEnd::Broken, None),
        };
        let log = seen.log.iter().filter(|entry| entry.level >= Level::Warn);
        Observation {
            status: (*status > 0).then_some(*status),
            headers: list(headers),
            body: seen.client.body(),
            trailers: trailers.as_ref().map(list).unwrap_or_default(),
            end,
            note,
            details: details.clone(),
            upstream: seen.upstream.iter().map(upstream).collect(),
            properties: properties.collect(),
            counters: counters.collect(),
            log: log.map(|entry| entry.text.clone()).collect(),
            real_clock: false,
        }
    }
}

fn counters(process: &Process) -> BTreeMap<String, u64> {
    let stats = process.stats();
    let ours = stats.counters().filter_map(|(name, value)| Some((name.strip_prefix("wasmcustom.")?.to_owned(), value)));
    ours.collect()
}

fn list(headers: &tollgate_host::Headers) -> HeaderList {
    let real = headers.iter().filter(|(name, _)| *name != ":status");
    real.map(|(name, value)| (name.to_owned(), value.to_vec())).collect()
}

fn upstream(seen: &ReceivedRequest) -> UpstreamRequest {
    UpstreamRequest {
        cluster: seen.cluster.clone(),
        path: seen.headers.text(":path").unwrap_or_default().to_owned(),
        headers: list(&seen.headers),
        body: seen.body(),
        trailers: seen.trailers.as_ref().map(list).unwrap_or_default(),
        complete: seen.complete,
        ended_twice: seen.ended_twice,
    }
}

fn request(exchange: &Exchange, frames: &Frames, framing: Framing) -> Request {
    let sent = &exchange.request;
    let mut request = Request::new(&sent.method, &sent.path);
    request = request.headers(sent.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())));
    request = request.framing(host_framing(framing));
    for (namespace, keys) in &sent.metadata {
        for (key, value) in keys {
            request = request.metadata(namespace, key, metadata(value));
        }
    }
    if let Some(body) = &sent.body {
        request = if frames.sized {
            request.body(body.as_slice()).split(Split::At(frames.cuts.clone()))
        } else {
            request.frames(pieces(frames, body))
        };
        let trailers = trailers(&sent.trailers, frames);
        if !trailers.is_empty() {
            request = request.trailers(trailers);
        }
    }
    match sent.leave_after.and_then(|events| usize::try_from(events).ok()) {
        Some(0) => request.disconnect_after(Disconnect::ResponseHeaders),
        Some(events) => request.disconnect_after(Disconnect::ResponseFrames(events)),
        None => request,
    }
}

fn host_framing(framing: Framing) -> tollgate_host::Framing {
    match framing {
        Framing::Http1 => tollgate_host::Framing::Http1,
        Framing::Http2 => tollgate_host::Framing::Http2,
    }
}

fn pieces(frames: &Frames, body: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces: Vec<Vec<u8>> = frames.of(body).into_iter().map(<[u8]>::to_vec).collect();
    if frames.empty_last {
        pieces.push(Vec::new());
    }
    pieces
}

fn trailers(own: &HeaderList, frames: &Frames) -> HeaderList {
    let ours = frames.trailers.then(|| (TRAILER.to_owned(), b"1".to_vec()));
    own.iter().cloned().chain(ours).collect()
}

// The depth is that of a file that its reader has bounded.
fn metadata(value: &Value) -> tollgate_host::MetadataValue {
    use tollgate_host::MetadataValue as Host;
    match value {
        Value::Null => Host::Null,
        Value::Bool(truth) => Host::Bool(*truth),
        Value::Number(number) => Host::Number(number.as_f64().unwrap_or_default()),
        Value::String(text) => Host::Text(text.clone()),
        Value::Array(list) => Host::List(list.iter().map(metadata).collect()),
        Value::Object(map) => Host::Struct(map.iter().map(|(key, value)| (key.clone(), metadata(value))).collect()),
    }
}

/// The upstream's answer.
fn reply(
    asked: &Asked,
    exchange: &Exchange,
    number: usize,
    cut_points: &CutPoints,
    delivery: &Delivery,
) -> HostResponse {
    let answer: &UpstreamResponse = &exchange.response;
    if answer.refuse {
        return HostResponse::refuse();
    }
    let whole = answer.body(&asked.body());
    let body = whole.get(..answer.reset_after.unwrap_or(usize::MAX)).unwrap_or(whole);
    let frames = delivery.response(number, exchange, whole, cut_points);
    let mut reply = HostResponse::status(answer.status).framing(host_framing(delivery.framing));
    reply = reply.headers(answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())));
    let sized = frames.sized && !whole.is_empty();
    if sized && body.len() < whole.len() {
        reply = reply.header("content-length", whole.len().to_string());
    }
    reply = if sized {
        reply.body(body).split(Split::At(frames.cuts.clone()))
    } else {
        reply.frames(pieces(&frames, body))
    };
    if body.len() < whole.len() {
        return reply.reset_after(frames.of(body).len());
    }
    let trailers = trailers(&answer.trailers, &frames);
    if trailers.is_empty() { reply } else { reply.trailers(trailers) }
}
