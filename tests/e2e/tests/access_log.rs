//! Access log of a running gateway, read while it grows.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Entries read so far.
pub struct AccessLog {
    file: BufReader<File>,
    /// Beginning of a line that Envoy is still writing.
    partial: Vec<u8>,
    by_path: BTreeMap<String, Vec<Value>>,
    count: u64,
}

impl AccessLog {
    pub fn open(path: &Path) -> AccessLog {
        let file = BufReader::new(File::open(path).unwrap());
        AccessLog { file, partial: Vec::new(), by_path: BTreeMap::new(), count: 0 }
    }

    /// Reads the entries that were added.
    fn read(&mut self) {
        loop {
            self.file.read_until(b'\n', &mut self.partial).unwrap();
            if !self.partial.ends_with(b"\n") {
                return;
            }
            let line = std::mem::take(&mut self.partial);
            let text = String::from_utf8_lossy(&line);
            let entry: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"));
            let path = entry["path"].as_str().unwrap_or_default().to_owned();
            self.by_path.entry(path).or_default().push(entry);
            self.count += 1;
        }
    }

    /// Returns the first entry of a path; waits for it.
    pub fn entry(&mut self, path: &str) -> Option<Value> {
        self.wait(|log| log.by_path.get(path)?.first().cloned())
    }

    /// Returns all entries by path, once there are `count`; the error is their actual number.
    pub fn all(&mut self, count: u64) -> Result<&BTreeMap<String, Vec<Value>>, u64> {
        match self.wait(|log| (log.count >= count).then_some(())) {
            Some(()) if self.count == count => Ok(&self.by_path),
            _ => Err(self.count),
        }
    }

    fn wait<T>(&mut self, found: impl Fn(&AccessLog) -> Option<T>) -> Option<T> {
        // Envoy flushes the log every 50 ms.
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            self.read();
            if let Some(found) = found(self) {
                return Some(found);
            }
            if Instant::now() > until {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
