//! Listeners: an HTTP filter chain with its routes.

use crate::listener_config::{FilterConfig, ListenerConfig, StartError};
use crate::{Exchange, OpenStream, Plugin, Process, Request, Route};

/// Listener: a filter chain, its routes and its limits, running on every worker of a process.
#[derive(Clone)]
pub struct Listener {
    process: Process,
    id: usize,
}

/// Builder of a [`Listener`].
#[derive(Clone, Debug, Default)]
pub struct ListenerBuilder {
    config: ListenerConfig,
}

impl ListenerBuilder {
    /// Appends a filter: requests pass the chain in this order, responses in reverse.
    pub fn plugin(mut self, plugin: Plugin) -> Self {
        self.config.filters.push(FilterConfig::Plugin(Box::new(plugin)));
        self
    }

    /// Appends Envoy's own `buffer` filter, which holds a request until it is complete and replaces the stream's buffer
    /// limit with its own.
    pub fn buffer_filter(mut self, max_request_bytes: usize) -> Self {
        self.config.filters.push(FilterConfig::Buffer { max_request_bytes });
        self
    }

    /// Appends a filter to the chain between router and upstream (a cluster's own `http_filters`), which runs once per
    /// attempt.
    pub fn upstream_plugin(mut self, plugin: Plugin) -> Self {
        self.config.upstream_plugins.push((None, plugin));
        self
    }

    /// Appends a filter as [`ListenerBuilder::upstream_plugin`] does, for one cluster only.
    pub fn upstream_plugin_of(mut self, cluster: impl Into<String>, plugin: Plugin) -> Self {
        self.config.upstream_plugins.push((Some(cluster.into()), plugin));
        self
    }

    /// Appends a route; the first that matches wins. A request that no route matches gets 404.
    pub fn route(mut self, route: Route) -> Self {
        self.config.routes.push(route);
        self
    }

    /// Sets `per_connection_buffer_limit_bytes`, the bytes that an HTTP/1 stream may buffer; 1 MiB by default.
    pub fn buffer_limit(mut self, bytes: usize) -> Self {
        self.config.buffer_limit = bytes;
        self
    }

    /// Sets `initial_stream_window_size`, the bytes that an HTTP/2 stream may buffer; 16 MiB by default.
    pub fn h2_window(mut self, bytes: usize) -> Self {
        self.config.h2_window = bytes;
        self
    }

    /// Starts the chain on every worker.
    ///
    /// # Errors
    /// A plugin that refuses its configuration, as Envoy refuses the listener then.
    pub fn start(self, process: &Process) -> Result<Listener, StartError> {
        let id = process.lock().listen(self.config)?;
        Ok(Listener { process: process.clone(), id })
    }
}

impl Listener {
    /// Returns a builder with Envoy's defaults: no filter, no route.
    pub fn builder() -> ListenerBuilder {
        ListenerBuilder::default()
    }

    /// Sends a request and runs the process until the exchange is over: delayed responses and timeouts happen in virtual
    /// time, and a stream that nothing will ever advance ends as [`End::Stalled`](crate::End::Stalled).
    pub fn send(&self, request: Request) -> Exchange {
        self.open(request).finish()
    }

    /// Opens a stream and delivers the request's headers only. The body, a manual upstream's response and the end are
    /// driven through the [`OpenStream`].
    pub fn open(&self, request: Request) -> OpenStream {
        let id = self.process.lock().open(self.id, request);
        OpenStream::new(self.process.clone(), id)
    }

    /// Returns the process that the listener runs in.
    pub fn process(&self) -> &Process {
        &self.process
    }
}
