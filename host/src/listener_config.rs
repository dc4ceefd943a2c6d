//! Configuration of a listener.

use crate::{LogEntry, Plugin, Route};

/// Filter of a listener's chain.
#[derive(Clone, Debug)]
pub(crate) enum FilterConfig {
    Plugin(Box<Plugin>),
    /// Envoy's own `buffer` filter.
    Buffer {
        max_request_bytes: usize,
    },
}

/// Filter chain, routes and limits of a listener.
#[derive(Clone, Debug)]
pub(crate) struct ListenerConfig {
    pub(crate) filters: Vec<FilterConfig>,
    /// Filters between router and upstream, each for one cluster or for all.
    pub(crate) upstream_plugins: Vec<(Option<String>, Plugin)>,
    pub(crate) routes: Vec<Route>,
    /// Bytes that an HTTP/1 stream may buffer.
    pub(crate) buffer_limit: usize,
    /// Bytes that an HTTP/2 stream may buffer.
    pub(crate) h2_window: usize,
}

impl Default for ListenerConfig {
    /// Returns Envoy's defaults: no filter, no route, 1 MiB for HTTP/1, 16 MiB for HTTP/2.
    fn default() -> ListenerConfig {
        ListenerConfig {
            filters: Vec::new(),
            upstream_plugins: Vec::new(),
            routes: Vec::new(),
            buffer_limit: 1 << 20,
            h2_window: 16 << 20,
        }
    }
}

/// Reason a listener cannot start: a plugin refused its configuration, or its module could not be instantiated.
#[derive(Debug, thiserror::Error)]
#[error("plugin {plugin}: {reason}")]
#[non_exhaustive]
pub struct StartError {
    /// Name of the plugin.
    pub plugin: String,
    /// Description of the failure.
    pub reason: String,
    /// Messages that the guest has logged in the attempt.
    pub log: Vec<LogEntry>,
}
