//! A trace: the lines of the plugins, then what the upstreams saw, then what the client saw.

use crate::normal::Numbers;
use crate::seen::Seen;

/// The trace of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its name within the setup.
    pub scenario: String,
    /// Its lines.
    pub lines: Vec<String>,
}

/// What a line of a host's log tells, if it is about a plugin: a line of the probe, or the end of a virtual machine.
pub(crate) fn told(line: &str, numbers: &mut Numbers) -> Option<String> {
    if let Some((_, told)) = line.split_once("PROBE ") {
        let told = told.trim_end();
        return Some(match told.strip_prefix("  ") {
            // Said by a command, not by the probe.
            Some(text) => format!("  log {text}"),
            None => numbers.line(told),
        });
    }
    let (_, failed) = line.split_once("Function: ")?;
    let (function, _) = failed.split_once(" failed")?;
    Some(format!("the virtual machine fails in {function}"))
}

/// What upstreams saw, cluster by cluster: which of two connections is read first is chance.
pub(crate) fn by_cluster(mut seen: Vec<(String, Seen)>) -> Vec<String> {
    seen.sort_by(|(one, _), (other, _)| one.cmp(other));
    seen.iter().flat_map(|(cluster, message)| message.lines(cluster)).collect()
}

/// Lines of several threads: workers that start at the same time, timers that tick in each of them and in the main thread.
pub(crate) fn unordered(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}
