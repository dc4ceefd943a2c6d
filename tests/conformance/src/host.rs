//! Runs scenarios in the host.
//!
//! The host is driven with the same data as Envoy, and its trace is put together in the same way: what the probe logged,
//! what upstreams saw, what the client saw. Headers that an HTTP codec would add on the wire are left out on both sides (see
//! `seen`), as the host has none.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tollgate_envoy_harness::{Context, Error, Result};
use tollgate_host::{
    Disconnect, End as HostEnd, Exchange as HostExchange, FailurePolicy as HostPolicy, Headers, Listener, LogEntry,
    Module, Origin, Plugin as HostPlugin, Process, ReceivedRequest, Request, ResponseTrigger, Route, UpstreamRequest,
    UpstreamResponse,
};

use crate::normal::Numbers;
use crate::scenario::{CLUSTERS, Exchange, FailurePolicy, Leaves, Plugin, Scenario, ScriptedResponse, Setup, WIDE};
use crate::seen::{End, Seen};
use crate::trace::{Recorded, by_cluster, trace_line, unordered};

/// The probe, compiled once for all setups.
#[derive(Clone)]
pub struct Probe(Module);

impl Probe {
    /// Compiles it.
    pub fn load(path: &Path) -> Result<Probe> {
        let bytes = std::fs::read(path).context(|| format!("cannot read {}", path.display()))?;
        Ok(Probe(Module::new(&bytes).context(|| path.display().to_string())?))
    }
}

/// Runs a setup in the host and returns the trace of each of its scenarios.
pub fn run(probe: &Probe, setup: &Setup) -> Result<Vec<Recorded>> {
    let process = Process::builder()
        .workers(usize::try_from(setup.workers).unwrap_or(1))
        .node("id", "node-1")
        .node("cluster", "edge")
        .node("metadata.tier", "gold")
        .build();
    let listener = match listener(probe, setup).start(&process) {
        Ok(_) if setup.refused => return Err(Error::new("the host starts a plugin that Envoy refuses")),
        Ok(listener) => listener,
        Err(refused) if setup.refused => {
            let lines = log_lines(&refused.log, &mut Numbers::default());
            return Ok(vec![Recorded { scenario: "start".into(), lines }]);
        }
        Err(refused) => return Err(Error::new(format!("the host does not start: {refused}: {:?}", refused.log))),
    };
    let mut recorded = Vec::new();
    let started = process.take_log();
    if setup.start {
        let lines = log_lines(&started, &mut Numbers::default());
        let lines = if setup.workers > 1 { unordered(lines) } else { lines };
        recorded.push(Recorded { scenario: "start".into(), lines });
    }
    for scenario in &setup.scenarios {
        let lines = run_scenario(scenario, &process, &listener);
        recorded.push(Recorded { scenario: scenario.name.clone(), lines });
    }
    if !setup.stats.is_empty() {
        let stats = process.stats();
        // A gauge hides a counter of the same name, as in what Envoy's admin interface lists.
        let listed: BTreeMap<&str, u64> = stats.counters().chain(stats.gauges()).collect();
        let lines = listed
            .iter()
            .filter(|(name, _)| setup.stats.iter().any(|prefix| name.starts_with(prefix)))
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        recorded.push(Recorded { scenario: "stats".into(), lines });
    }
    Ok(recorded)
}

fn listener(probe: &Probe, setup: &Setup) -> tollgate_host::ListenerBuilder {
    let mut listener = Listener::builder();
    for one in &setup.plugins {
        listener = listener.plugin(plugin(probe, one));
        if let Some(limit) = one.buffer_after {
            listener = listener.buffer_filter(usize::try_from(limit).unwrap_or(usize::MAX));
        }
    }
    for one in &setup.upstream_plugins {
        listener = listener.upstream_plugin_of("up", plugin(probe, one));
    }
    if let Some(limit) = setup.buffer_limit {
        listener = listener.buffer_limit(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    if let Some(window) = setup.h2_window {
        listener = listener.h2_window(usize::try_from(window).unwrap_or(usize::MAX));
    }
    listener
        .route(Route::prefix("/h2").cluster("up2").name("h2"))
        .route(Route::prefix("/dead").cluster("dead").name("dead"))
        .route(Route::prefix("/wide").cluster("up").name("wide").request_buffer_limit(WIDE as usize))
        .route(Route::prefix("/quick").cluster("up").name("quick").timeout(Some(Duration::from_millis(300))))
        .route(Route::prefix("/direct").direct_response(299, "direct"))
        .route(Route::header_equals("x-model", "a").cluster("alt").name("model-a"))
        .route(Route::prefix("/").cluster("up").name("default"))
}

fn plugin(probe: &Probe, plugin: &Plugin) -> HostPlugin {
    let made = HostPlugin::new(&plugin.name, probe.0.clone())
        .root_id(&plugin.root_id)
        .vm_id(&plugin.vm_id)
        .configuration(plugin.configuration())
        .vm_configuration(plugin.vm_script.clone())
        .allow_on_headers_stop_iteration(plugin.allow)
        .failure_policy(match plugin.failure_policy {
            FailurePolicy::Closed => HostPolicy::FailClosed,
            FailurePolicy::Open => HostPolicy::FailOpen,
            FailurePolicy::Reload => HostPolicy::FailReload,
        });
    plugin.env.iter().fold(made, |plugin, (key, value)| plugin.env(key, value))
}

/// Requests that calls of plugins have sent to clusters.
type Asks = Arc<Mutex<Vec<(String, Seen)>>>;

fn run_scenario(scenario: &Scenario, process: &Process, listener: &Listener) -> Vec<String> {
    let (mut lines, mut numbers) = (Vec::new(), Numbers::default());
    for (at, step) in scenario.steps.iter().enumerate() {
        let asks = Asks::default();
        prepare(process, step, &asks);
        process.advance(Duration::from_millis(step.after_ms));
        let exchange = (!step.nothing).then(|| send(step, listener, at));
        process.advance(Duration::from_millis(step.linger_ms));
        let new = log_lines(&process.take_log(), &mut numbers);
        lines.extend(if step.nothing { unordered(new) } else { new });
        let mut seen = std::mem::take(&mut *asks.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(exchange) = &exchange {
            // Clusters that respond early and calls that broke off did not receive the whole request.
            let early = |cluster: &str| step.calls.get(cluster).is_some_and(|response| response.early);
            let others = exchange.callouts.iter().filter(|seen| !seen.complete || early(&seen.cluster));
            seen.extend(exchange.upstream.iter().chain(others).filter_map(upstream));
        }
        lines.extend(by_cluster(seen));
        lines.extend(exchange.map(|exchange| client(step, &exchange).lines("client")).unwrap_or_default());
    }
    lines
}

/// Sets the response of every cluster, as the step says.
fn prepare(process: &Process, step: &Exchange, asks: &Asks) {
    for (cluster, http2) in CLUSTERS {
        let usual = matches!(cluster, "side" | "grpc").then(ScriptedResponse::default);
        let response = step.calls.get(cluster).cloned().or(usual).unwrap_or_else(|| step.upstream.clone());
        let trigger = match (response.early, by_hand(&response)) {
            (_, true) => ResponseTrigger::Manual,
            (true, _) => ResponseTrigger::RequestHeaders,
            _ => ResponseTrigger::RequestEnd,
        };
        let asks = asks.clone();
        process.cluster_with_trigger(cluster, trigger, move |request| {
            if request.origin != Origin::Route && request.complete {
                let mut asks = asks.lock().unwrap_or_else(PoisonError::into_inner);
                asks.push((request.cluster.clone(), called(request)));
            }
            reply(&response, http2)
        });
    }
    // Nobody is there from the beginning, not only once the request is complete.
    process.cluster_with_trigger("dead", ResponseTrigger::RequestHeaders, |_| UpstreamResponse::refuse());
}

/// Returns `true` if a response must be sent step by step: it stops without an end.
fn by_hand(response: &ScriptedResponse) -> bool {
    response.stall.is_some()
}

fn reply(response: &ScriptedResponse, http2: bool) -> UpstreamResponse {
    if response.never {
        return UpstreamResponse::never();
    }
    if response.reset == Some(-1) {
        return if http2 { UpstreamResponse::reset().http2() } else { UpstreamResponse::reset() };
    }
    let mut reply = UpstreamResponse::status(response.status).headers(response.all_headers());
    let frames = response.frames();
    let trailers = response.all_trailers();
    // A known length is among the headers.
    if !frames.is_empty() || response.in_chunks() {
        reply = reply.frames(frames);
    }
    if !trailers.is_empty() {
        reply = reply.trailers(trailers);
    }
    reply = if http2 { reply.http2() } else { reply.http1() };
    reply = reply.delay(Duration::from_millis(response.delay_ms));
    match response.reset {
        Some(after) => reply.reset_after(usize::try_from(after).unwrap_or_default()),
        None => reply,
    }
}

fn send(step: &Exchange, listener: &Listener, at: usize) -> HostExchange {
    let mut request = Request::new(step.method(), &step.path).header("host", "h");
    if step.length {
        request = request.header("content-length", step.size().to_string());
    }
    request = request.headers(step.all_headers());
    if !step.bodiless() && (step.size() > 0 || !step.length || step.http == 2) {
        request = request.frames(step.body.iter().map(crate::scenario::Piece::bytes));
    }
    if !step.trailers.is_empty() {
        request = request.trailers(step.trailers.clone());
    }
    request = if step.http == 2 { request.http2() } else { request.http1() };
    request = request
        .worker(at)
        .idle_timeout(Duration::from_millis(step.patience_ms))
        .frame_interval(Duration::from_millis(step.pace_ms));
    request = match step.leaves {
        Some(Leaves::Sent(frames)) => request.disconnect_after(Disconnect::RequestFrames(frames)),
        Some(Leaves::Seen(0)) => request.disconnect_after(Disconnect::ResponseHeaders),
        Some(Leaves::Seen(frames)) => request.disconnect_after(Disconnect::ResponseFrames(frames)),
        None => request,
    };
    let response = &step.upstream;
    let Some(stall) = response.stall else { return listener.send(request) };
    let stream = listener.open(request);
    let mut headers = vec![(":status".to_owned(), response.status.to_string())];
    headers.extend(response.all_headers());
    if response.in_chunks() && !step.path.starts_with("/h2") {
        headers.push(("transfer-encoding".into(), "chunked".into()));
    }
    stream.respond_headers(headers, false);
    for frame in response.frames().into_iter().take(stall) {
        stream.respond_data(frame, false);
    }
    stream.finish()
}

fn pairs(headers: &Headers) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned())).collect()
}

/// Returns a request as an upstream received it; `None` if nothing was written to the upstream.
fn upstream(seen: &ReceivedRequest) -> Option<(String, Seen)> {
    if seen.cluster == "dead" || seen.headers.is_empty() {
        return None;
    }
    let message = message(&seen.cluster, &seen.headers, &seen.frames, seen.trailers.as_ref(), seen.complete);
    Some((seen.cluster.clone(), message))
}

fn called(request: &UpstreamRequest) -> Seen {
    message(&request.cluster, &request.headers, &request.frames, request.trailers.as_ref(), request.complete)
}

/// Returns a message as it is on the wire: `POST /p` and the other headers. This does what a codec would do: HTTP/1.1 sends
/// trailers only after chunks, and `content-length: 0` for a request that could have a body but has none.
fn message(cluster: &str, headers: &Headers, frames: &[Vec<u8>], trailers: Option<&Headers>, complete: bool) -> Seen {
    let text = |name: &str| headers.text(name).unwrap_or_default().to_owned();
    let method = text(":method");
    let head = format!("{method} {}", text(":path"));
    let mut headers = pairs(headers);
    headers.retain(|(name, _)| !matches!(name.as_str(), ":method" | ":path" | ":scheme"));
    let mut trailers = trailers.map(pairs).unwrap_or_default();
    if !CLUSTERS.contains(&(cluster, true)) {
        let has_length = headers.iter().any(|(name, _)| name == "content-length");
        let has_body = frames.iter().any(|frame| !frame.is_empty()) || !trailers.is_empty();
        if has_length {
            trailers.clear();
        } else if complete && !has_body && method == "PUT" {
            headers.push(("content-length".into(), "0".into()));
        }
    }
    let end = Some(if complete { End::Complete } else { End::Cut });
    Seen { head, headers, data: frames.to_vec(), trailers, end }.joined()
}

fn client(step: &Exchange, exchange: &HostExchange) -> Seen {
    let client = &exchange.client;
    let mut headers = pairs(&client.headers);
    headers.retain(|(name, _)| name != ":status");
    let has_length = headers.iter().any(|(name, _)| name == "content-length");
    let seen = Seen {
        head: if client.headers.is_empty() { String::new() } else { client.status.to_string() },
        headers,
        data: if step.http == 2 { in_frames(&client.frames) } else { client.frames.clone() },
        trailers: client.trailers.as_ref().map(pairs).unwrap_or_default(),
        end: match &client.end {
            HostEnd::Open => None,
            HostEnd::Complete => Some(End::Complete),
            HostEnd::Reset | HostEnd::Truncated => Some(End::Cut),
            HostEnd::Disconnected => Some(End::Left),
            HostEnd::Stalled(_) => Some(End::Hung),
        },
    };
    if step.http != 2 && has_length { seen.joined() } else { seen }
}

/// Splits frames at HTTP/2's default maximum frame size.
fn in_frames(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    frames.iter().flat_map(|frame| frame.chunks(16_384).map(<[u8]>::to_vec)).collect()
}

/// Returns the lines of the log that are about the plugins.
fn log_lines(log: &[LogEntry], numbers: &mut Numbers) -> Vec<String> {
    log.iter().flat_map(|entry| entry.text.lines()).filter_map(|line| trace_line(line, numbers)).collect()
}
