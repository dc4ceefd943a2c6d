//! Envoy processes: the state that workers share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::server::{Server, ServerOptions};
use crate::{Level, LogEntry, ResponseTrigger, Stats, UpstreamRequest, UpstreamResponse};

/// Envoy process: workers, shared data and queues, stats, clusters, a virtual clock, a log. Cheap to clone; clones are the
/// same process. Processes share nothing with each other.
#[derive(Clone)]
pub struct Process {
    server: Arc<Mutex<Server>>,
}

/// Builder of a [`Process`].
#[derive(Clone, Debug, Default)]
pub struct ProcessBuilder {
    options: ServerOptions,
}

impl ProcessBuilder {
    /// Sets the number of workers (Envoy's `--concurrency`): 1 by default, at least 1.
    pub fn workers(mut self, workers: usize) -> Self {
        self.options.workers = workers.max(1);
        self
    }

    /// Sets the seed of everything random: request ids, `random_get`.
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.seed = seed;
        self
    }

    /// Sets the virtual clock's start, in nanoseconds since the Unix epoch; 2026-01-01T00:00:00Z by default.
    pub fn clock_start(mut self, unix_ns: u64) -> Self {
        self.options.clock_start = unix_ns;
        self
    }

    /// Records a trace of every exchange. Off by default: it costs time and memory.
    pub fn trace(mut self, on: bool) -> Self {
        self.options.trace = on;
        self
    }

    /// Configures every plugin in a canary and on the main thread too, as Envoy does (the default). Off, a listener starts
    /// its workers only: three times as fast, but `proxy_on_configure` runs only once per worker.
    pub fn canary(mut self, on: bool) -> Self {
        self.options.canary = on;
        self
    }

    /// Sets the level that `proxy_get_log_level` returns, and below which the process drops messages; [`Level::Warn`] by
    /// default.
    pub fn log_level(mut self, level: Level) -> Self {
        self.options.log_level = level;
        self
    }

    /// Sets an attribute `node.<key>` (`id`, `cluster`, ...) to a text.
    pub fn node(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.node.push((key.into(), value.into()));
        self
    }

    /// Starts the process, without plugins and clusters.
    pub fn build(self) -> Process {
        Process { server: Arc::new(Mutex::new(Server::new(self.options))) }
    }
}

impl Process {
    /// Returns a builder with one worker and the other defaults.
    pub fn builder() -> ProcessBuilder {
        ProcessBuilder::default()
    }

    /// Adds (or replaces) a scripted cluster that responds when a request to it has ended. The function must not call back
    /// into this process.
    pub fn cluster(&self, name: &str, respond: impl FnMut(&UpstreamRequest) -> UpstreamResponse + Send + 'static) {
        self.cluster_with_trigger(name, ResponseTrigger::RequestEnd, respond);
    }

    /// Adds (or replaces) a scripted cluster that responds at the given moment.
    pub fn cluster_with_trigger(
        &self,
        name: &str,
        trigger: ResponseTrigger,
        respond: impl FnMut(&UpstreamRequest) -> UpstreamResponse + Send + 'static,
    ) {
        self.lock().cluster(name, trigger, Box::new(respond));
    }

    /// Advances virtual time: timers tick, callouts time out, delayed responses arrive.
    pub fn advance(&self, time: Duration) {
        self.lock().advance(time);
    }

    /// Returns the virtual time since the process started.
    pub fn elapsed(&self) -> Duration {
        self.lock().elapsed()
    }

    /// Returns a snapshot of the process's metrics.
    pub fn stats(&self) -> Stats {
        self.lock().stats()
    }

    /// Returns all messages logged so far, in order.
    pub fn log(&self) -> Vec<LogEntry> {
        self.lock().log()
    }

    /// Returns the messages logged since the last call of this method.
    pub fn take_log(&self) -> Vec<LogEntry> {
        self.lock().take_log()
    }

    /// Returns the value of a shared-data key with its compare-and-swap number.
    pub fn shared_data(&self, vm_id: &str, key: &[u8]) -> Option<(Vec<u8>, u32)> {
        self.lock().shared_data(vm_id, key)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Server> {
        // A test that panicked while it held the lock has failed already; the state it has left is consistent enough for
        // the others to read.
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
