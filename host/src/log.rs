//! What guests log.

use std::fmt;

/// Severity of a message; the numbers are the ABI's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Level {
    /// 0
    Trace = 0,
    /// 1
    Debug = 1,
    /// 2
    StreamInfo = 2,
    /// 3
    Warn = 3,
    /// 4
    Error = 4,
    /// 5
    Critical = 5,
}

impl Level {
    pub(crate) fn of(number: u32) -> Option<Level> {
        Some(match number {
            0 => Level::Trace,
            1 => Level::Debug,
            2 => Level::StreamInfo,
            3 => Level::Warn,
            4 => Level::Error,
            5 => Level::Critical,
            _ => return None,
        })
    }
}

/// On which thread of Envoy something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thread {
    /// The virtual machine in which Envoy tries a plugin before it accepts it.
    Canary,
    /// The main thread, which runs no streams but ticks.
    Main,
    /// A worker.
    Worker(usize),
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEntry {
    /// Its severity.
    pub level: Level,
    /// The plugin's name; empty for the proxy itself.
    pub plugin: String,
    /// The thread.
    pub thread: Thread,
    /// The stream whose callback logged it (see [`Exchange::log`](crate::Exchange::log)), if one did.
    pub stream: Option<u64>,
    /// The text, as the guest gave it.
    pub text: String,
}

impl fmt::Display for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}: {}", self.level, self.plugin, self.text)
    }
}
