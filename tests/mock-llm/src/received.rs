//! What reached the mock, recorded from the moment the headers are there: the proof that something did, or did not, leak.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::{HeaderMap, Version, http::request::Parts};
use serde::{Serialize, Serializer};

use crate::encoding::{base64_encode, escape};

/// Requests kept; older ones are forgotten.
pub const MOST_ENTRIES: usize = 10_000;
/// Bytes of bodies kept of all requests together; older ones are forgotten.
pub const MOST_BYTES: usize = 256 << 20;

/// One request, as far as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// Its number since the start, from 0.
    pub seq: u64,
    /// Name of the listener that it reached.
    pub upstream: String,
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path and query.
    pub path: String,
    /// `:authority` (HTTP/2) or, in absolute form, the authority of the target; HTTP/1.1's `host` is a header.
    pub authority: Option<String>,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: &'static str,
    /// Names in lower case; every value of a name that comes repeatedly.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body as far as it came, up to the recording limit.
    pub body: Vec<u8>,
    /// Bytes of body that came, recorded or not.
    pub body_bytes: u64,
    /// The body went on after the recording limit.
    pub body_truncated: bool,
    /// The request came to its proper end.
    pub body_complete: bool,
    /// Trailers of the request.
    pub trailers: Vec<(String, Vec<u8>)>,
    /// Milliseconds from the start of the mock to the headers.
    pub at_ms: u64,
    /// Status answered, once it is known.
    pub status: Option<u16>,
    /// Events of the answer handed to the connection (a JSON answer is one).
    pub events_sent: u64,
    /// Bytes of the body of the answer handed to the connection.
    pub bytes_sent: u64,
    /// Nothing more will happen to this entry.
    pub ended: bool,
    /// The request or the answer could not be finished because the other side went away.
    pub client_gone: bool,
}

impl Received {
    /// Only headers came: neither a byte of the body nor its end.
    pub fn headers_only(&self) -> bool {
        self.body_bytes == 0 && !self.body_complete
    }

    /// The first value of a header. `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.header_values(name).next()
    }

    /// All values of a header. `name` in lower case.
    pub fn header_values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(named, _)| named == name).map(|(_, value)| value.as_slice())
    }

    /// The body as text; empty if it is none.
    pub fn body_text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_default()
    }
}

/// As `GET /received` shows it: `body` is text, or base64 where `body_encoding` says so; values of headers are escaped
/// (a backslash is doubled, a byte outside UTF-8 is `\xNN`).
impl Serialize for Received {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            seq: u64,
            upstream: &'a str,
            method: &'a str,
            path: &'a str,
            authority: Option<&'a str>,
            version: &'a str,
            headers: BTreeMap<&'a str, Vec<String>>,
            body: &'a str,
            body_encoding: &'a str,
            body_bytes: u64,
            body_truncated: bool,
            body_complete: bool,
            headers_only: bool,
            trailers: BTreeMap<&'a str, Vec<String>>,
            at_ms: u64,
            status: Option<u16>,
            events_sent: u64,
            bytes_sent: u64,
            ended: bool,
            client_gone: bool,
        }
        let encoded;
        let (body, body_encoding) = match std::str::from_utf8(&self.body) {
            Ok(text) => (text, "utf-8"),
            Err(_) => {
                encoded = base64_encode(&self.body);
                (encoded.as_str(), "base64")
            }
        };
        Shown {
            seq: self.seq,
            upstream: &self.upstream,
            method: &self.method,
            path: &self.path,
            authority: self.authority.as_deref(),
            version: self.version,
            headers: by_name(&self.headers),
            body,
            body_encoding,
            body_bytes: self.body_bytes,
            body_truncated: self.body_truncated,
            body_complete: self.body_complete,
            headers_only: self.headers_only(),
            trailers: by_name(&self.trailers),
            at_ms: self.at_ms,
            status: self.status,
            events_sent: self.events_sent,
            bytes_sent: self.bytes_sent,
            ended: self.ended,
            client_gone: self.client_gone,
        }
        .serialize(serializer)
    }
}

fn by_name(pairs: &[(String, Vec<u8>)]) -> BTreeMap<&str, Vec<String>> {
    let mut named: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in pairs {
        named.entry(name).or_default().push(escape(value));
    }
    named
}

fn pairs(map: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    map.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

/// The record of all listeners.
#[derive(Debug)]
pub(crate) struct Log {
    entries: Mutex<Entries>,
    changed: Condvar,
    start: Instant,
    enabled: bool,
    body_limit: usize,
}

#[derive(Debug, Default)]
struct Entries {
    /// Number of the entry at the front.
    first: u64,
    kept: VecDeque<Received>,
    /// Bytes of all bodies kept.
    bytes: usize,
}

impl Entries {
    fn get(&mut self, seq: u64) -> Option<&mut Received> {
        let at = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.kept.get_mut(at)
    }

    fn forget(&mut self, most_entries: usize, most_bytes: usize) {
        while self.kept.len() > most_entries || self.bytes > most_bytes {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.bytes = self.bytes.saturating_sub(oldest.body.len());
            self.first += 1;
        }
    }
}

impl Log {
    pub(crate) fn new(enabled: bool, body_limit: usize) -> Log {
        let (entries, changed) = (Mutex::default(), Condvar::new());
        Log { entries, changed, start: Instant::now(), enabled, body_limit }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // An entry half written by a panicking thread is still worth showing.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a request is there.
    pub(crate) fn open(self: &Arc<Log>, upstream: &str, head: &Parts) -> Exchange {
        if !self.enabled {
            return Exchange::unrecorded();
        }
        let entry = Received {
            seq: 0,
            upstream: upstream.to_owned(),
            method: head.method.as_str().to_owned(),
            path: head.uri.path_and_query().map_or("", |path| path.as_str()).to_owned(),
            authority: head.uri.authority().map(|authority| authority.as_str().to_owned()),
            version: if head.version == Version::HTTP_2 { "HTTP/2.0" } else { "HTTP/1.1" },
            headers: pairs(&head.headers),
            body: Vec::new(),
            body_bytes: 0,
            body_truncated: false,
            body_complete: false,
            trailers: Vec::new(),
            at_ms: self.start.elapsed().as_millis() as u64,
            status: None,
            events_sent: 0,
            bytes_sent: 0,
            ended: false,
            client_gone: false,
        };
        let mut entries = self.lock();
        let seq = entries.first + entries.kept.len() as u64;
        entries.kept.push_back(Received { seq, ..entry });
        entries.forget(MOST_ENTRIES, MOST_BYTES);
        drop(entries);
        self.changed.notify_all();
        Exchange { log: Some(Arc::clone(self)), seq }
    }

    /// Everything received since the start or the last `clear`.
    pub(crate) fn entries(&self) -> Vec<Received> {
        self.lock().kept.iter().cloned().collect()
    }

    /// Waits until `enough` holds of everything received, at most `patience`; whether it came to hold, and the entries.
    pub(crate) fn wait(&self, patience: Duration, enough: impl Fn(&[Received]) -> bool) -> (bool, Vec<Received>) {
        let until = Instant::now() + patience;
        let mut entries = self.lock();
        loop {
            let holds = enough(entries.kept.make_contiguous());
            let left = until.saturating_duration_since(Instant::now());
            if holds || left.is_zero() {
                return (holds, entries.kept.iter().cloned().collect());
            }
            entries = self.changed.wait_timeout(entries, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Forgets all; numbers go on.
    pub(crate) fn clear(&self) {
        self.lock().forget(0, 0);
    }

    fn update(&self, seq: u64, change: impl FnOnce(&mut Received)) {
        let mut entries = self.lock();
        let Some(entry) = entries.get(seq) else { return };
        let before = entry.body.len();
        change(entry);
        let grown = entry.body.len().saturating_sub(before);
        entries.bytes += grown;
        if grown > 0 {
            entries.forget(MOST_ENTRIES, MOST_BYTES);
        }
        drop(entries);
        self.changed.notify_all();
    }
}

/// One request on its way. Dropped before its end, it is recorded as one whose client went away.
#[derive(Debug)]
pub(crate) struct Exchange {
    log: Option<Arc<Log>>,
    seq: u64,
}

impl Exchange {
    /// One that leaves no trace.
    pub(crate) fn unrecorded() -> Exchange {
        Exchange { log: None, seq: 0 }
    }

    fn update(&self, change: impl FnOnce(&mut Received)) {
        if let Some(log) = &self.log {
            log.update(self.seq, change);
        }
    }

    /// More of the body of the request.
    pub(crate) fn body(&self, bytes: &[u8]) {
        let Some(log) = &self.log else { return };
        self.update(|entry| {
            let room = log.body_limit.saturating_sub(entry.body.len());
            entry.body_bytes += bytes.len() as u64;
            entry.body_truncated |= bytes.len() > room;
            entry.body.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        });
    }

    /// The request ended, perhaps with trailers.
    pub(crate) fn body_complete(&self, trailers: Option<&HeaderMap>) {
        self.update(|entry| {
            entry.body_complete = true;
            entry.trailers = trailers.map(pairs).unwrap_or_default();
        });
    }

    /// The answer begins.
    pub(crate) fn answered(&self, status: u16) {
        self.update(|entry| entry.status = Some(status));
    }

    /// So much of the answer was handed to the connection so far.
    pub(crate) fn sent(&self, events: usize, bytes: usize) {
        self.update(|entry| {
            entry.events_sent = events as u64;
            entry.bytes_sent = bytes as u64;
        });
    }

    /// All of the answer that was to be sent has been.
    pub(crate) fn finished(&mut self) {
        self.update(|entry| entry.ended = true);
        self.log = None;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.update(|entry| {
            entry.ended = true;
            entry.client_gone = true;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(path: &str) -> Parts {
        let request = hyper::Request::post(path)
            .header("x-a", "1")
            .header("x-a", "2")
            .header("x-b", hyper::header::HeaderValue::from_bytes(b"caf\xe9").unwrap());
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn an_entry_tells_how_far_the_request_came() {
        let log = Arc::new(Log::new(true, 4));
        let mut exchange = log.open("openai", &head("/v1/chat/completions?a=b"));
        let entry = log.entries().remove(0);
        assert!(entry.headers_only() && !entry.ended && entry.status.is_none());
        assert_eq!((entry.path.as_str(), entry.upstream.as_str()), ("/v1/chat/completions?a=b", "openai"));
        assert_eq!(entry.header_values("x-a").collect::<Vec<_>>(), [b"1", b"2"]);

        exchange.body(b"abc");
        exchange.body(b"def");
        let entry = log.entries().remove(0);
        assert!(!entry.headers_only() && !entry.body_complete && entry.body_truncated);
        assert_eq!((entry.body_text(), entry.body_bytes), ("abcd", 6));

        exchange.body_complete(None);
        exchange.sent(1, 10);
        exchange.finished();
        drop(exchange);
        let entry = log.entries().remove(0);
        assert!(entry.body_complete && entry.ended && !entry.client_gone);

        drop(log.open("openai", &head("/")));
        let entry = log.entries().remove(1);
        assert!(entry.client_gone && entry.headers_only() && entry.seq == 1);
        log.clear();
        assert!(log.entries().is_empty());
        let _third = log.open("openai", &head("/"));
        assert_eq!(log.entries()[0].seq, 2);
    }

    #[test]
    fn json_is_lossless() {
        let log = Arc::new(Log::new(true, 100));
        let exchange = log.open("openai", &head("/"));
        exchange.body(b"\xff\x00");
        let shown = serde_json::to_value(&log.entries()[0]).unwrap();
        assert_eq!(shown["headers"], serde_json::json!({"x-a": ["1", "2"], "x-b": ["caf\\xe9"]}));
        assert_eq!((&shown["body"], &shown["body_encoding"]), (&"/wA=".into(), &"base64".into()));
        assert_eq!(shown["headers_only"], false);
    }

    #[test]
    fn is_bounded() {
        let log = Arc::new(Log::new(true, 100));
        let first = log.open("a", &head("/"));
        first.body(b"kept for a while");
        for _ in 0..MOST_ENTRIES {
            drop(log.open("a", &head("/")));
        }
        // Updates of a forgotten entry go nowhere.
        first.body(b"x");
        first.sent(1, 1);
        assert_eq!(log.entries().len(), MOST_ENTRIES);
        assert_eq!(log.entries()[0].seq, 1);
        assert_eq!(log.lock().bytes, 0);
    }

    #[test]
    fn off_records_nothing() {
        let log = Arc::new(Log::new(false, 100));
        log.open("a", &head("/")).body(b"x");
        assert!(log.entries().is_empty());
    }
}
