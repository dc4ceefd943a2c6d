//! Traces: the lines of the plugins, then what the upstreams received, then what the client received.

use crate::normal::Numbers;
use crate::seen::Seen;

/// Trace of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Name within the setup.
    pub scenario: String,
    /// Lines.
    pub lines: Vec<String>,
}

/// Returns the trace line of a log line, if that is about a plugin: a line of the probe, or the end of a virtual machine.
pub(crate) fn trace_line(line: &str, numbers: &mut Numbers) -> Option<String> {
    if let Some((_, text)) = line.split_once("PROBE ") {
        let text = text.trim_end();
        return Some(match text.strip_prefix("  ") {
            // Logged by a command of the script, not by the probe itself.
            Some(text) => format!("  log {text}"),
            None => numbers.line(text),
        });
    }
    let (_, failed) = line.split_once("Function: ")?;
    let (function, _) = failed.split_once(" failed")?;
    Some(format!("the virtual machine fails in {function}"))
}

/// Returns the lines of the upstreams, cluster by cluster: which of two connections is read first is a matter of chance.
pub(crate) fn by_cluster(mut seen: Vec<(String, Seen)>) -> Vec<String> {
    seen.sort_by(|(one, _), (other, _)| one.cmp(other));
    seen.iter().flat_map(|(cluster, message)| message.lines(cluster)).collect()
}

/// Sorts lines of several threads: workers that start at the same time, timers that tick in each of them and in the main
/// thread.
pub(crate) fn unordered(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}
