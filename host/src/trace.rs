//! What happened, line by line.

use std::fmt;

/// What the guests were called for, what they asked of the host, and what the proxy did, in order. Printed one line
/// each; recorded only if [`ProcessBuilder::trace`](crate::ProcessBuilder::trace) says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    lines: Vec<TraceLine>,
}

/// One line of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceLine {
    /// Plugin name, empty for the proxy itself.
    pub plugin: String,
    /// The guest's context id, 0 for the proxy itself.
    pub context: u32,
    /// What happened.
    pub event: TraceEvent,
}

/// What a line of a trace says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceEvent {
    /// A callback began: its name and arguments.
    Callback(String),
    /// A callback returned: its name and what.
    Returned(String),
    /// A host call: its name, its arguments as far as they carry no content, and its status.
    HostCall(String),
    /// The proxy did something.
    Proxy(String),
}

impl Trace {
    /// All lines.
    pub fn lines(&self) -> &[TraceLine] {
        &self.lines
    }

    /// The callbacks only, as printed.
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
            TraceEvent::Proxy(text) => write!(f, "proxy: {text}"),
        }
    }
}
