//! Backend that runs the module in Tollgate's own host, which behaves like Envoy.

mod script;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tollgate_host::{
    ClientResponse, End as HostEnd, FailurePolicy, Level, Listener, Module, Plugin, Process, ReceivedRequest, Route,
    StartError,
};

use crate::buffer_limits::BufferLimits;
use crate::delivery::{CutPoints, Delivery};
use crate::file::{BackendName, ResponseEnd};
use crate::observation::{Observation, UpstreamRequest};
use crate::plan::{Action, Case, HeaderList, ResolvedChain, RouteRule, Target, guard_cluster};
use crate::problem::Problem;

use super::{Backend, RunOutput};
use script::Script;

/// A chain in Tollgate's own host. Every run starts a new process.
#[derive(Debug)]
pub struct Wasm {
    module: Module,
    chain: Arc<ResolvedChain>,
}

/// VM id shared by all filters, so that they run in one virtual machine as in the reference bootstrap.
const VM_ID: &str = "tollgate";

/// Properties that filters exchange among themselves; they are not part of the observation.
const INTERNAL: [&str; 2] = ["tollgate.edge", "tollgate.request_trailers"];

impl Wasm {
    /// Creates a backend for a chain.
    ///
    /// # Errors
    /// A filter rejects its configuration.
    pub fn new(module: &Module, chain: &Arc<ResolvedChain>) -> Result<Wasm, Problem> {
        let wasm = Wasm { module: module.clone(), chain: chain.clone() };
        // Includes the canary VM, in which Envoy tries a new configuration first.
        let process = Process::builder().build();
        wasm.start(&process).map_err(|error| refused(chain, &error))?;
        Ok(wasm)
    }

    fn start(&self, process: &Process) -> Result<Listener, StartError> {
        let limits = BufferLimits::of_bootstrap(self.chain.bootstrap.as_ref())
            .unwrap_or_else(|| BufferLimits::of_filters(self.chain.filters.iter().map(|filter| &filter.configuration)));
        let (body, request) = (bytes(limits.body), bytes(limits.request));
        let mut listener = Listener::builder().buffer_limit(body).h2_window(body);
        for filter in &self.chain.filters {
            let root_id = filter.name.root_id();
            let plugin = Plugin::new(root_id, self.module.clone())
                .root_id(root_id)
                .vm_id(VM_ID)
                .configuration(filter.configuration.to_string())
                .failure_policy(FailurePolicy::FailReload)
                .allow_on_headers_stop_iteration(true);
            let variables = self.chain.variables();
            let plugin = variables.into_iter().fold(plugin, |plugin, (name, value)| plugin.env(name, value));
            listener = listener.plugin(plugin);
        }
        let routes = self.chain.routes.iter().map(|rule| route(rule).request_buffer_limit(request));
        routes.fold(listener, |listener, route| listener.route(route)).start(process)
    }
}

/// Loads a compiled module from its file.
///
/// # Errors
/// The file does not exist or is not a valid module.
pub fn module(path: &Path) -> Result<Module, Problem> {
    Module::from_file(path).map_err(|error| Problem::of(path, error.to_string()))
}

/// Interval of watchdog ticks: a callback that runs for ten of them traps, see [`Module::tick`].
const TICK: Duration = Duration::from_secs(1);

/// Runs `work` with a watchdog on real time: a filter that does not terminate fails its test instead of hanging the
/// command.
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

/// Reports a rejected configuration in the filter's own words, which never quote values.
fn refused(chain: &ResolvedChain, error: &StartError) -> Problem {
    let filter = chain.filters.iter().find(|filter| filter.name.root_id() == error.plugin);
    let source = filter.or(chain.filters.first()).map(|filter| filter.source.clone());
    let mut words: Vec<&str> =
        error.log.iter().filter(|entry| entry.level >= Level::Warn).map(|e| e.text.as_str()).collect();
    words.dedup();
    let message = if words.is_empty() { error.to_string() } else { words.join("; ") };
    Problem { file: source, ..Problem::new(format!("{} rejects its configuration: {message}", error.plugin)) }
}

/// Returns a limit of Envoy's as the host takes it.
fn bytes(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

fn route(rule: &RouteRule) -> Route {
    let prefix = Route::prefix(rule.prefix.as_deref().unwrap_or("/"));
    let route = rule.headers.iter().fold(prefix, |route, (name, value)| match value {
        Some(value) => route.and_header(name, value.as_str()),
        None => route.and_header_present(name),
    });
    match &rule.target {
        // Streams may take any virtual time, as with the reference bootstrap.
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
        // The canary VM has already tried the configuration in `new`; here only the worker matters.
        let process = Process::builder().canary(false).build();
        let listener = self.start(&process).map_err(|error| error.to_string())?;
        let (mut output, mut number) = (RunOutput::default(), 0);
        for action in &case.actions {
            match action {
                Action::Advance(duration) => process.advance(*duration),
                Action::Send(exchange) => {
                    debug_assert!(number < cut_points.len(), "every exchange has cut points");
                    let script = Script {
                        exchange: (**exchange).clone(),
                        number,
                        cut_points: cut_points.get(number).cloned().unwrap_or_default(),
                        delivery: delivery.clone(),
                    };
                    output.seen.push(self.send(&process, &listener, &script));
                    number += 1;
                }
            }
        }
        Ok(output)
    }
}

impl Wasm {
    fn send(&self, process: &Process, listener: &Listener, script: &Script) -> Observation {
        for cluster in self.chain.clusters() {
            let script = script.clone();
            process.cluster(cluster, move |received| script.response(received));
        }
        for name in self.chain.guards() {
            let response = script.exchange.guards.get(name).cloned();
            process.cluster(&guard_cluster(name), move |_| script::guard(response.as_ref()));
        }
        let before: BTreeMap<String, u64> = counters(process);
        let seen = listener.send(script.request());
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
