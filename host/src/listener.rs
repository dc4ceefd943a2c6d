//! A listener: an HTTP filter chain with its routes.

use crate::{Exchange, LogEntry, Plugin, Process, Request, Route};

/// Where streams come in: a filter chain, its routes and its limits, running on every worker of a process.
#[derive(Clone)]
pub struct Listener {
    pub(crate) process: Process,
    pub(crate) id: usize,
}

/// A filter of the chain.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
    Plugin(Box<Plugin>),
    Buffer { max_request_bytes: usize },
}

/// How a [`Listener`] is set up.
#[derive(Clone, Debug)]
pub struct ListenerBuilder {
    pub(crate) filters: Vec<Filter>,
    pub(crate) upstream_plugins: Vec<(Option<String>, Plugin)>,
    pub(crate) routes: Vec<Route>,
    pub(crate) buffer_limit: usize,
    pub(crate) h2_window: usize,
}

/// Why a listener cannot start: a plugin refused its configuration, or its module could not be instantiated.
#[derive(Debug, thiserror::Error)]
#[error("plugin {plugin}: {reason}")]
#[non_exhaustive]
pub struct StartError {
    /// The plugin.
    pub plugin: String,
    /// What went wrong, in words.
    pub reason: String,
    /// What the guest logged meanwhile.
    pub log: Vec<LogEntry>,
}

impl ListenerBuilder {
    /// Appends a filter: requests pass the chain in this order, responses in reverse.
    pub fn plugin(mut self, plugin: Plugin) -> Self {
        self.filters.push(Filter::Plugin(Box::new(plugin)));
        self
    }

    /// Appends Envoy's stock `buffer` filter, which holds a request until it is complete, and raises the stream's limit
    /// to its own.
    pub fn buffer_filter(mut self, max_request_bytes: usize) -> Self {
        self.filters.push(Filter::Buffer { max_request_bytes });
        self
    }

    /// Appends a filter to the chain between router and upstream (a cluster's own `http_filters`), which runs once per
    /// attempt.
    pub fn upstream_plugin(mut self, plugin: Plugin) -> Self {
        self.upstream_plugins.push((None, plugin));
        self
    }

    /// As [`ListenerBuilder::upstream_plugin`], for one cluster only.
    pub fn upstream_plugin_of(mut self, cluster: impl Into<String>, plugin: Plugin) -> Self {
        self.upstream_plugins.push((Some(cluster.into()), plugin));
        self
    }

    /// Appends a route; the first that matches wins. Without one that matches the answer is 404.
    pub fn route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    /// `per_connection_buffer_limit_bytes`, 1 MiB by default: what an HTTP/1 stream may buffer.
    pub fn buffer_limit(mut self, bytes: usize) -> Self {
        self.buffer_limit = bytes;
        self
    }

    /// `initial_stream_window_size`, 16 MiB by default: what an HTTP/2 stream may buffer.
    pub fn h2_window(mut self, bytes: usize) -> Self {
        self.h2_window = bytes;
        self
    }

    /// Starts the chain on every worker. Fails if a plugin refuses its configuration, as Envoy refuses the listener.
    pub fn start(self, process: &Process) -> Result<Listener, StartError> {
        let id = process.lock().listen(self)?;
        Ok(Listener { process: process.clone(), id })
    }
}

impl Listener {
    /// Starts describing a listener.
    pub fn builder() -> ListenerBuilder {
        ListenerBuilder {
            filters: Vec::new(),
            upstream_plugins: Vec::new(),
            routes: Vec::new(),
            buffer_limit: 1 << 20,
            h2_window: 16 << 20,
        }
    }

    /// Sends a request and lets the process run until the exchange is over: delayed answers and timeouts come in
    /// virtual time, and a stream that nothing will ever move ends as [`End::Stalled`](crate::End::Stalled).
    pub fn send(&self, request: Request) -> Exchange {
        self.open(request).finish()
    }

    /// Opens a stream and delivers the request's headers, nothing else: the body, what an upstream that is answered by
    /// hand says, and the end come through [`OpenStream`].
    pub fn open(&self, request: Request) -> OpenStream {
        let id = self.process.lock().open(self.id, request);
        OpenStream { process: self.process.clone(), id }
    }

    /// The process it runs in.
    pub fn process(&self) -> &Process {
        &self.process
    }
}

/// A stream that a test drives step by step. Dropped without [`OpenStream::finish`], it stays open.
#[derive(Clone)]
pub struct OpenStream {
    pub(crate) process: Process,
    pub(crate) id: u64,
}
