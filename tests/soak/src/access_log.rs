//! Access log of a running gateway, read while it grows.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tollgate_envoy_harness::{Context as _, Error, Result};

/// Longest wait for entries. Envoy flushes the log every 50 ms.
const LIMIT: Duration = Duration::from_secs(60);

/// Reader of an access log.
#[derive(Debug)]
pub(crate) struct AccessLog {
    file: BufReader<File>,
    /// Beginning of a line that Envoy is still writing.
    partial: Vec<u8>,
    /// Entries that were read and not taken, by path.
    entries: BTreeMap<String, Vec<Value>>,
    count: usize,
}

impl AccessLog {
    pub(crate) fn open(path: &Path) -> Result<AccessLog> {
        let file = File::open(path).context(|| "cannot read the access log".into())?;
        Ok(AccessLog { file: BufReader::new(file), partial: Vec::new(), entries: BTreeMap::new(), count: 0 })
    }

    /// Waits for this many entries and takes all, by path.
    pub(crate) fn take(&mut self, count: usize) -> Result<BTreeMap<String, Vec<Value>>> {
        let end = Instant::now() + LIMIT;
        loop {
            self.read()?;
            if self.count >= count {
                self.count = 0;
                return Ok(std::mem::take(&mut self.entries));
            }
            if Instant::now() > end {
                return Err(Error::new(format!("{} access log entries of {count} within {LIMIT:?}", self.count)));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Reads the entries that were added.
    fn read(&mut self) -> Result<()> {
        loop {
            let read = self.file.read_until(b'\n', &mut self.partial);
            read.context(|| "cannot read the access log".into())?;
            if !self.partial.ends_with(b"\n") {
                return Ok(());
            }
            let line = std::mem::take(&mut self.partial);
            let entry: Value = serde_json::from_slice(&line).context(|| "the access log is not JSON".into())?;
            let path = entry["path"].as_str().unwrap_or_default().to_owned();
            self.entries.entry(path).or_default().push(entry);
            self.count += 1;
        }
    }
}
