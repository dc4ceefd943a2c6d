//! The process behind its handles: virtual machines, listeners, streams, and what drives them.

mod attempt;
mod callout_response;
mod callouts;
mod chain;
mod client;
mod finish;
mod listen;
mod response_steps;
mod router;
#[cfg(test)]
mod tests;
mod time;
mod upstream_failure;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::host_state::{Cluster, HostState, RespondFn};
use crate::process::ProcessBuilder;
use crate::random::Random;
use crate::vm::Vm;
use crate::{ClientResponse, Exchange, LogEntry, Plugin, ReceivedRequest, ResponseTrigger, Route, Stats, Thread};
use client::ClientSession;

/// A listener as it runs.
struct RunningListener {
    plugins: Vec<Arc<Plugin>>,
    upstream_plugins: Vec<Arc<Plugin>>,
    /// For each of them, the cluster it is for; all if none.
    upstream_clusters: Vec<Option<String>>,
    stock: BTreeMap<usize, usize>,
    routes: Vec<Route>,
    buffer_limit: usize,
    h2_window: usize,
}

/// Which plugin of which listener on which worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PluginKey {
    listener: usize,
    upstream: bool,
    plugin: usize,
    worker: usize,
}

/// Where a plugin runs.
#[derive(Clone, Copy, Debug)]
struct PluginInstance {
    vm: usize,
    root: u32,
    /// Nanoseconds since the start at which it was loaded last, with or without success.
    loaded: u64,
}

/// Everything of a process.
pub(crate) struct Server {
    setup: ProcessBuilder,
    host: Box<HostState>,
    vms: Vec<Vm>,
    by_key: BTreeMap<(Thread, String), usize>,
    /// Keys of which there is a base virtual machine, and plugins that a canary has tried.
    bases: BTreeSet<String>,
    listeners: Vec<Arc<RunningListener>>,
    handles: BTreeMap<PluginKey, PluginInstance>,
    sessions: BTreeMap<u64, ClientSession>,
    finished: BTreeMap<u64, Exchange>,
    next_stream: u64,
    next_attempt: u64,
}

impl Server {
    pub(crate) fn new(setup: ProcessBuilder) -> Server {
        let host = HostState {
            clock_start: setup.clock_start,
            tracing: setup.trace,
            log_level: setup.log_level as u32,
            random: Random::new(setup.seed),
            node: setup.node.iter().cloned().collect(),
            ..HostState::default()
        };
        Server {
            setup,
            host: Box::new(host),
            vms: Vec::new(),
            by_key: BTreeMap::new(),
            bases: BTreeSet::new(),
            listeners: Vec::new(),
            handles: BTreeMap::new(),
            sessions: BTreeMap::new(),
            finished: BTreeMap::new(),
            next_stream: 1,
            next_attempt: 1,
        }
    }

    pub(crate) fn cluster(&mut self, name: &str, trigger: ResponseTrigger, answer: RespondFn) {
        self.host.clusters.insert(name.to_owned(), Cluster { trigger, answer });
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
        let taken = self.host.log.get(self.host.log_read..).unwrap_or_default().to_vec();
        self.host.log_read = self.host.log.len();
        taken
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

    /// A stream taken out of the host while its chain runs; every way back is [`Server::put_back`].
    fn take(&mut self, id: u64) -> Option<crate::stream::Stream> {
        self.host.streams.remove(&id)
    }

    fn put_back(&mut self, stream: crate::stream::Stream) {
        self.host.streams.insert(stream.id, stream);
    }
}
