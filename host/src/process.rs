//! An Envoy process: what its workers share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::server::Server;
use crate::{Level, LogEntry, ResponseTrigger, Stats, UpstreamRequest, UpstreamResponse};

/// One Envoy process: workers, shared data and queues, stats, clusters, a virtual clock, a log. Cheap to clone; clones
/// are the same process. Processes share nothing with each other.
#[derive(Clone)]
pub struct Process {
    machine: Arc<Mutex<Server>>,
}

/// How a [`Process`] is set up.
#[derive(Clone, Debug)]
pub struct ProcessBuilder {
    pub(crate) workers: usize,
    pub(crate) seed: u64,
    pub(crate) clock_start: u64,
    pub(crate) trace: bool,
    pub(crate) canary: bool,
    pub(crate) log_level: Level,
    pub(crate) node: Vec<(String, String)>,
}

impl ProcessBuilder {
    /// Number of workers (Envoy's `--concurrency`), 1 by default, at least 1.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// Seed of everything random: request ids, `random_get`.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Where the virtual clock starts, in nanoseconds since the Unix epoch. 2026-01-01T00:00:00Z unless told.
    pub fn clock_start(mut self, unix_ns: u64) -> Self {
        self.clock_start = unix_ns;
        self
    }

    /// Whether exchanges carry a trace. Off by default: it costs time and memory.
    pub fn trace(mut self, on: bool) -> Self {
        self.trace = on;
        self
    }

    /// Whether every plugin is configured in a canary and on the main thread too, as Envoy does (the default). Off, a
    /// listener starts its workers only: three times as fast, but what `proxy_on_configure` does happens once per worker.
    pub fn canary(mut self, on: bool) -> Self {
        self.canary = on;
        self
    }

    /// What `proxy_get_log_level` says, and which messages the process keeps. [`Level::Warn`] by default.
    pub fn log_level(mut self, level: Level) -> Self {
        self.log_level = level;
        self
    }

    /// An attribute `node.<key>` (`id`, `cluster`, ...), a text.
    pub fn node(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.node.push((key.into(), value.into()));
        self
    }

    /// Starts the process: no plugin yet, no cluster.
    pub fn build(self) -> Process {
        Process { machine: Arc::new(Mutex::new(Server::new(self))) }
    }
}

impl Process {
    /// Starts describing a process.
    pub fn builder() -> ProcessBuilder {
        ProcessBuilder {
            workers: 1,
            seed: 1,
            clock_start: 1_767_225_600_000_000_000,
            trace: false,
            canary: true,
            log_level: Level::Warn,
            node: Vec::new(),
        }
    }

    /// Adds (or replaces) a scripted cluster, asked when a request to it has ended. The function must not call back into
    /// this process.
    pub fn cluster(&self, name: &str, answer: impl FnMut(&UpstreamRequest) -> UpstreamResponse + Send + 'static) {
        self.cluster_with_trigger(name, ResponseTrigger::RequestEnd, answer);
    }

    /// Adds (or replaces) a scripted cluster that is asked at the given moment.
    pub fn cluster_with_trigger(
        &self,
        name: &str,
        trigger: ResponseTrigger,
        answer: impl FnMut(&UpstreamRequest) -> UpstreamResponse + Send + 'static,
    ) {
        self.lock().cluster(name, trigger, Box::new(answer));
    }

    /// Lets virtual time pass: timers tick, callouts time out, delayed answers arrive.
    pub fn advance(&self, time: Duration) {
        self.lock().advance(time);
    }

    /// Virtual time since the process started.
    pub fn elapsed(&self) -> Duration {
        self.lock().elapsed()
    }

    /// The process's metrics as they are now.
    pub fn stats(&self) -> Stats {
        self.lock().stats()
    }

    /// Everything logged so far, in order.
    pub fn log(&self) -> Vec<LogEntry> {
        self.lock().log()
    }

    /// Everything logged since the last call of this.
    pub fn take_log(&self) -> Vec<LogEntry> {
        self.lock().take_log()
    }

    /// The value of a shared-data key, with its compare-and-swap number.
    pub fn shared_data(&self, vm_id: &str, key: &[u8]) -> Option<(Vec<u8>, u32)> {
        self.lock().shared_data(vm_id, key)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Server> {
        // A test that panicked while it held the lock has failed already; what it left behind is still consistent
        // enough for the others to read.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
