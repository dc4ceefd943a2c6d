//! State of the process that guests can access through host calls. It is moved into a virtual machine for the time of a
//! callback, so that host functions use it without a lock, and moved back afterwards.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::callout::{Callout, CalloutResult};
use crate::event_queue::EventQueue;
use crate::random::Random;
use crate::shared::Shared;
use crate::stream::{Direction, LocalReply, Stream};
use crate::{
    Level, LogEntry, ReceivedRequest, ResponseTrigger, Stats, Thread, Trace, TraceEvent, UpstreamRequest,
    UpstreamResponse,
};

pub(crate) type RespondFn = Box<dyn FnMut(&UpstreamRequest) -> UpstreamResponse + Send>;

/// Scripted cluster.
pub(crate) struct Cluster {
    pub(crate) trigger: ResponseTrigger,
    pub(crate) respond: RespondFn,
}

/// Action that a guest has asked for, deferred until its callback has returned.
#[derive(Clone, Debug)]
pub(crate) enum DeferredAction {
    Continue { stream: u64, filter: usize, direction: Direction },
    LocalReply { stream: u64, filter: usize, local: LocalReply },
    Close { stream: u64 },
}

impl DeferredAction {
    /// Returns the id of the stream that the action is for.
    pub(crate) fn stream(&self) -> u64 {
        match self {
            DeferredAction::Continue { stream, .. }
            | DeferredAction::LocalReply { stream, .. }
            | DeferredAction::Close { stream } => *stream,
        }
    }
}

/// Parts of a stream's [`Exchange`](crate::Exchange) that are not in the stream's own state.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExchangeRecord {
    pub(crate) log: Vec<LogEntry>,
    pub(crate) trace: Trace,
    pub(crate) upstream: Vec<ReceivedRequest>,
    pub(crate) callouts: Vec<ReceivedRequest>,
}

/// State of the process.
#[derive(Default)]
pub(crate) struct HostState {
    /// Nanoseconds since the process started.
    pub(crate) now: u64,
    pub(crate) clock_start: u64,
    pub(crate) tracing: bool,
    pub(crate) log_level: u32,
    pub(crate) random: Random,
    pub(crate) shared: Shared,
    pub(crate) stats: Stats,
    pub(crate) clusters: BTreeMap<String, Cluster>,
    pub(crate) log: Vec<LogEntry>,
    pub(crate) log_read: usize,
    pub(crate) events: EventQueue,
    /// Stream whose chain is running; the others are in `streams`.
    pub(crate) current: Stream,
    pub(crate) streams: BTreeMap<u64, Stream>,
    pub(crate) records: BTreeMap<u64, ExchangeRecord>,
    pub(crate) actions: VecDeque<DeferredAction>,
    /// Streams with outputs or an end that have not been processed.
    pub(crate) pending_streams: BTreeSet<u64>,
    /// Callouts started in the running callback.
    pub(crate) outgoing: VecDeque<Callout>,
    /// gRPC streams opened in the running callback to clusters that respond at once: virtual machine and token.
    pub(crate) opened_streams: Vec<(usize, u32)>,
    /// Response to the callout whose callback is running.
    pub(crate) call: Option<CalloutResult>,
    /// Stream for which a root context's callback is running, or 0.
    pub(crate) root_callback_stream: u64,
    /// Queues that got an item in the running callback; their readers are notified afterwards.
    pub(crate) queues_ready: Vec<u32>,
    pub(crate) node: BTreeMap<String, String>,
}

impl HostState {
    /// Returns a stream, whether its chain is running or not.
    pub(crate) fn stream(&mut self, id: u64) -> Option<&mut Stream> {
        if id == 0 {
            None
        } else if self.current.id == id {
            Some(&mut self.current)
        } else {
            self.streams.get_mut(&id)
        }
    }

    /// Returns the id of the downstream stream: the parent of a chain in front of an upstream, or the stream itself.
    pub(crate) fn origin(&mut self, id: u64) -> u64 {
        match self.stream(id) {
            Some(stream) if stream.parent != 0 => stream.parent,
            _ => id,
        }
    }

    pub(crate) fn unix_ns(&self) -> u64 {
        self.clock_start.saturating_add(self.now)
    }

    /// Keeps a message in the log of the process and of the stream in whose callback it was logged.
    pub(crate) fn log(&mut self, level: Level, plugin: &str, thread: Thread, stream: u64, text: String) {
        let stream = self.origin(if stream == 0 { self.root_callback_stream } else { stream });
        if (level as u32) < self.log_level {
            return;
        }
        let entry =
            LogEntry { level, plugin: plugin.to_owned(), thread, stream: (stream != 0).then_some(stream), text };
        if let Some(record) = self.records.get_mut(&stream) {
            record.log.push(entry.clone());
        }
        self.log.push(entry);
    }

    /// Adds a line to the stream's trace. The caller checks that tracing is on.
    pub(crate) fn trace(&mut self, stream: u64, plugin: &str, context: u32, event: TraceEvent) {
        let stream = self.origin(stream);
        if let Some(record) = self.records.get_mut(&stream) {
            record.trace.push(plugin, context, event);
        }
    }

    /// Traces an action of the proxy itself.
    pub(crate) fn note(&mut self, stream: u64, text: impl FnOnce() -> String) {
        if self.tracing {
            self.trace(stream, "", 0, TraceEvent::Proxy(text()));
        }
    }
}
