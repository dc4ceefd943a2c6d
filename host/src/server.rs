//! The Envoy server behind a process's handles: virtual machines, listeners, streams, and the event loop.

mod attempt;
mod callout_response;
mod callouts;
mod client;
mod filters;
mod finish;
mod listen;
mod response_steps;
mod router;
mod routing;
#[cfg(test)]
mod tests;
mod time;
mod upstream_failure;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::host_state::{Cluster, HostState, RespondFn};
use crate::random::Random;
use crate::stream::Stream;
use crate::vm::Vm;
use crate::{
    ClientResponse, Exchange, Level, LogEntry, Plugin, ReceivedRequest, ResponseTrigger, Route, Stats, Thread,
};
use client::ClientSession;

/// Options of a server.
#[derive(Clone, Debug)]
pub(crate) struct ServerOptions {
    pub(crate) workers: usize,
    pub(crate) seed: u64,
    /// Start of the virtual clock, in nanoseconds since the Unix epoch.
    pub(crate) clock_start: u64,
    pub(crate) trace: bool,
    /// `true` if plugins are configured in a canary and on the main thread too.
    pub(crate) canary: bool,
    pub(crate) log_level: Level,
    pub(crate) node: Vec<(String, String)>,
}

impl Default for ServerOptions {
    fn default() -> ServerOptions {
        ServerOptions {
            workers: 1,
            seed: 1,
            clock_start: 1_767_225_600_000_000_000,
            trace: false,
            canary: true,
            log_level: Level::Warn,
            node: Vec::new(),
        }
    }
}

/// Running listener.
struct RunningListener {
    plugins: Vec<Arc<Plugin>>,
    upstream_plugins: Vec<Arc<Plugin>>,
    /// Cluster of each upstream plugin; `None` for all clusters.
    upstream_clusters: Vec<Option<String>>,
    /// Limits of Envoy's own `buffer` filters, by their index in the chain.
    buffer_filters: BTreeMap<usize, usize>,
    routes: Vec<Route>,
    buffer_limit: usize,
    h2_window: usize,
}

/// Key of a plugin's instance: listener, chain, plugin and worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PluginKey {
    listener: usize,
    upstream: bool,
    plugin: usize,
    worker: usize,
}

/// Instance of a plugin on a worker.
#[derive(Clone, Copy, Debug)]
struct PluginInstance {
    vm: usize,
    root: u32,
    /// Time of the last attempt to load it, in nanoseconds since the process started.
    loaded: u64,
}

/// All state of a process.
pub(crate) struct Server {
    options: ServerOptions,
    host: Box<HostState>,
    vms: Vec<Vm>,
    vms_by_key: BTreeMap<(Thread, String), usize>,
    /// Keys of virtual machines that have a base, and of plugins that a canary has tried.
    bases: BTreeSet<String>,
    listeners: Vec<Arc<RunningListener>>,
    instances: BTreeMap<PluginKey, PluginInstance>,
    sessions: BTreeMap<u64, ClientSession>,
    finished: BTreeMap<u64, Exchange>,
    next_stream: u64,
    next_attempt: u64,
}

impl Server {
    pub(crate) fn new(options: ServerOptions) -> Server {
        let host = HostState {
            clock_start: options.clock_start,
            tracing: options.trace,
            log_level: options.log_level as u32,
            random: Random::new(options.seed),
            node: options.node.iter().cloned().collect(),
            ..HostState::default()
        };
        Server {
            options,
            host: Box::new(host),
            vms: Vec::new(),
            vms_by_key: BTreeMap::new(),
            bases: BTreeSet::new(),
            listeners: Vec::new(),
            instances: BTreeMap::new(),
            sessions: BTreeMap::new(),
            finished: BTreeMap::new(),
            next_stream: 1,
            next_attempt: 1,
        }
    }

    pub(crate) fn cluster(&mut self, name: &str, trigger: ResponseTrigger, respond: RespondFn) {
        self.host.clusters.insert(name.to_owned(), Cluster { trigger, respond });
    }

    pub(crate) fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.host.now)
    }

    pub(crate) fn stats(&self) -> Stats {
        self.host.stats.clone()
    }

    pub(crate) fn log(&self) -> Vec<LogEntry> {
        self.host.log.clone()
    }

    pub(crate) fn take_log(&mut self) -> Vec<LogEntry> {
        let unread = self.host.log.get(self.host.log_read..);
        debug_assert!(unread.is_some(), "the log only grows");
        let unread = unread.unwrap_or_default().to_vec();
        self.host.log_read = self.host.log.len();
        unread
    }

    pub(crate) fn shared_data(&self, vm_id: &str, key: &[u8]) -> Option<(Vec<u8>, u32)> {
        self.host.shared.get(vm_id, key).map(|(value, cas)| (value.to_vec(), cas))
    }

    pub(crate) fn client_so_far(&mut self, id: u64) -> ClientResponse {
        if let Some(exchange) = self.finished.get(&id) {
            return exchange.client.clone();
        }
        self.host.stream(id).map(|stream| stream.client.clone()).unwrap_or_default()
    }

    pub(crate) fn upstream_so_far(&self, id: u64) -> Vec<ReceivedRequest> {
        if let Some(exchange) = self.finished.get(&id) {
            return exchange.upstream.clone();
        }
        self.host.records.get(&id).map(|record| record.upstream.clone()).unwrap_or_default()
    }

    /// Takes a stream out of the host state while its chain runs; [`Server::put_back`] must follow.
    fn take(&mut self, id: u64) -> Option<Stream> {
        self.host.streams.remove(&id)
    }

    fn put_back(&mut self, stream: Stream) {
        self.host.streams.insert(stream.id, stream);
    }
}
