//! Resources that the kernel has accounted to a process.

use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use tollgate_envoy_harness::{Context, Error, Result};

/// Running process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    id: u32,
}

impl Process {
    /// Creates a handle for a process id.
    pub(crate) fn new(id: u32) -> Process {
        Process { id }
    }

    /// Returns the CPU time of all threads so far, in user space and in the kernel.
    ///
    /// This is utime + stime of `/proc/<id>/stat`, but in nanoseconds instead of ticks of 10 ms: the scheduler's own sum per
    /// thread (`task/*/schedstat`). The time of ended threads is lost; Envoy's threads live as long as the process.
    pub(crate) fn cpu(self) -> Result<Duration> {
        let path = format!("/proc/{}/task", self.id);
        let what = || format!("the CPU time of process {} (benchmarks need Linux)", self.id);
        let mut sum = 0;
        for thread in fs::read_dir(path).context(what)? {
            let text = match fs::read_to_string(thread.context(what)?.path().join("schedstat")) {
                // The thread has ended since it was listed.
                Err(error) if matches!(error.kind(), ErrorKind::NotFound) || error.raw_os_error() == Some(ESRCH) => {
                    continue;
                }
                read => read.context(what)?,
            };
            sum += on_cpu(&text).ok_or_else(|| Error::new(format!("{}: schedstat says {text:?}", what())))?;
        }
        Ok(Duration::from_nanos(sum))
    }

    /// Returns the resident memory in bytes (`VmRSS`).
    pub(crate) fn resident(self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.id);
        let text = fs::read_to_string(&path).context(|| path.clone())?;
        resident(&text).ok_or_else(|| Error::new(format!("{path} has no VmRSS")))
    }
}

/// "No such process": error of reading a file of a thread that ends at that moment.
const ESRCH: i32 = 3;

/// Parses `time on the CPU in ns, time waiting for it in ns, time slices`.
fn on_cpu(schedstat: &str) -> Option<u64> {
    schedstat.split_ascii_whitespace().next()?.parse().ok()
}

/// Parses `VmRSS:     65504 kB`, where kB are KiB.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};
    use std::time::Instant;

    use super::*;

    #[test]
    fn parses_the_files_of_the_kernel() {
        assert_eq!(on_cpu("263654003 30651147 452\n"), Some(263_654_003));
        assert_eq!(on_cpu(""), None);
        assert_eq!(resident("Name:\tenvoy\nVmRSS:\t   65504 kB\nRssAnon:\t 1 kB\n"), Some(65_504 << 10));
        assert_eq!(resident("Name:\tenvoy\n"), None);
    }

    /// Starts a shell, which ends with the test.
    fn shell(script: &str) -> (Child, Process) {
        let child = Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).spawn().unwrap();
        let process = Process::new(child.id());
        (child, process)
    }

    #[test]
    fn cpu_time_counts_work_and_not_waiting() {
        let (mut worker, working) = shell("while :; do :; done");
        // Waits for its standard input to be closed.
        let (mut waiter, waiting) = shell("read -r line");
        let start = Instant::now();
        while working.cpu().unwrap() < Duration::from_millis(100) {
            assert!(start.elapsed() < Duration::from_secs(60), "no CPU time is accounted");
        }
        assert!(waiting.cpu().unwrap() < Duration::from_millis(100));
        assert!(waiting.resident().unwrap() > 100 << 10);
        worker.kill().unwrap();
        worker.wait().unwrap();
        waiter.wait().unwrap();
        assert!(working.cpu().unwrap_err().to_string().contains(&working.id.to_string()));
    }
}
