//! Traces of exchanges.

use std::fmt;

/// Guest callbacks, host calls and actions of the proxy, in order; printed one per line. Recorded only with
/// [`ProcessBuilder::trace`](crate::ProcessBuilder::trace).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    lines: Vec<TraceLine>,
}

/// Line of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceLine {
    /// Name of the plugin; empty for the proxy itself.
    pub plugin: String,
    /// Context id of the guest; 0 for the proxy itself.
    pub context: u32,
    /// Event.
    pub event: TraceEvent,
}

/// Event in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceEvent {
    /// Start of a callback: its name and arguments.
    Callback(String),
    /// Return of a callback: its name and result.
    Returned(String),
    /// Host call: its name, arguments without content, and status.
    HostCall(String),
    /// Memory that the guest allocates for the result of the host call that is being made, in bytes.
    Allocation(usize),
    /// Action of the proxy.
    Proxy(String),
}

impl Trace {
    /// Returns all lines.
    pub fn lines(&self) -> &[TraceLine] {
        &self.lines
    }

    /// Returns the callbacks only, as printed.
    pub fn callbacks(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|line| match &line.event {
            TraceEvent::Callback(text) => Some(text.as_str()),
            _ => None,
        })
    }

    pub(crate) fn push(&mut self, plugin: &str, context: u32, event: TraceEvent) {
        self.lines.push(TraceLine { plugin: plugin.to_owned(), context, event });
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl fmt::Display for TraceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.event {
            TraceEvent::Callback(text) => write!(f, "{} c{} > {text}", self.plugin, self.context),
            TraceEvent::Returned(text) => write!(f, "{} c{} < {text}", self.plugin, self.context),
            TraceEvent::HostCall(text) => write!(f, "{} c{}     {text}", self.plugin, self.context),
            TraceEvent::Allocation(bytes) => {
                write!(f, "{} c{}       allocates {bytes} bytes", self.plugin, self.context)
            }
            TraceEvent::Proxy(text) => write!(f, "proxy: {text}"),
        }
    }
}
