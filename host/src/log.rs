//! Messages that guests log.

use std::fmt;

/// Severity of a message, in the ABI's numbers.
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

/// Thread of Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thread {
    /// Canary: the virtual machine in which Envoy tries a plugin before accepting it.
    Canary,
    /// Main thread, which runs timers but no streams.
    Main,
    /// Worker.
    Worker(usize),
}

/// Logged message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEntry {
    /// Severity.
    pub level: Level,
    /// Name of the plugin; empty for the proxy itself.
    pub plugin: String,
    /// Thread of the virtual machine.
    pub thread: Thread,
    /// Stream in whose callback it was logged (see [`Exchange::log`](crate::Exchange::log)), if any.
    pub stream: Option<u64>,
    /// Text, unchanged.
    pub text: String,
}

impl fmt::Display for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}: {}", self.level, self.plugin, self.text)
    }
}
