//! The process behind its handles: virtual machines, listeners, streams, and what drives them.

mod answer;
mod attempt;
mod callout;
mod chain;
mod client;
mod finish;
mod gone;
mod listen;
mod router;
mod steps;
#[cfg(test)]
mod tests;
mod time;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::process::ProcessBuilder;
use crate::random::Random;
use crate::vm::Vm;
use crate::world::{AnswerFn, Cluster, World};
use crate::{Asked, Client, Exchange, LogEntry, Plugin, Route, Stats, Thread, UpstreamSeen};
use client::Session;

/// A listener as it runs.
struct ListenerState {
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
struct Seat {
    listener: usize,
    upstream: bool,
    plugin: usize,
    worker: usize,
}

/// Where a plugin runs.
#[derive(Clone, Copy, Debug)]
struct Handle {
    vm: usize,
    root: u32,
    /// Nanoseconds since the start at which it was loaded last, with or without success.
    loaded: u64,
}

/// Everything of a process.
pub(crate) struct Machine {
    setup: ProcessBuilder,
    world: Box<World>,
    vms: Vec<Vm>,
    by_key: BTreeMap<(Thread, String), usize>,
    /// Keys of which there is a base virtual machine, and plugins that a canary has tried.
    bases: BTreeSet<String>,
    listeners: Vec<Arc<ListenerState>>,
    handles: BTreeMap<Seat, Handle>,
    sessions: BTreeMap<u64, Session>,
    finished: BTreeMap<u64, Exchange>,
    next_stream: u64,
    next_attempt: u64,
}

impl Machine {
    pub(crate) fn new(setup: ProcessBuilder) -> Machine {
        let world = World {
            clock_start: setup.clock_start,
            tracing: setup.trace,
            log_level: setup.log_level as u32,
            random: Random::new(setup.seed),
            node: setup.node.iter().cloned().collect(),
            ..World::default()
        };
        Machine {
            setup,
            world: Box::new(world),
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

    pub(crate) fn cluster(&mut self, name: &str, asked: Asked, answer: AnswerFn) {
        self.world.clusters.insert(name.to_owned(), Cluster { asked, answer });
    }

    pub(crate) fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.world.now)
    }

    pub(crate) fn stats(&self) -> Stats {
        self.world.stats.clone()
    }

    pub(crate) fn log(&self) -> Vec<LogEntry> {
        self.world.log.clone()
    }

    pub(crate) fn take_log(&mut self) -> Vec<LogEntry> {
        let taken = self.world.log.get(self.world.log_taken..).unwrap_or_default().to_vec();
        self.world.log_taken = self.world.log.len();
        taken
    }

    pub(crate) fn shared_data(&self, vm_id: &str, key: &[u8]) -> Option<(Vec<u8>, u32)> {
        self.world.shared.get(vm_id, key).map(|(value, cas)| (value.to_vec(), cas))
    }

    pub(crate) fn client_so_far(&mut self, id: u64) -> Client {
        if let Some(exchange) = self.finished.get(&id) {
            return exchange.client.clone();
        }
        self.world.stream(id).map(|stream| stream.client.clone()).unwrap_or_default()
    }

    pub(crate) fn upstream_so_far(&self, id: u64) -> Vec<UpstreamSeen> {
        if let Some(exchange) = self.finished.get(&id) {
            return exchange.upstream.clone();
        }
        self.world.records.get(&id).map(|record| record.upstream.clone()).unwrap_or_default()
    }

    /// A stream taken out of the world while its chain runs; every way back is [`Machine::put_back`].
    fn take(&mut self, id: u64) -> Option<crate::stream::Stream> {
        self.world.streams.remove(&id)
    }

    fn put_back(&mut self, stream: crate::stream::Stream) {
        self.world.streams.insert(stream.id, stream);
    }
}
