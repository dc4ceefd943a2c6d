//! Record of the requests that reached the mock, from the moment their headers arrive. Tests use it to prove that something
//! did or did not reach the upstream.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use hyper::{HeaderMap, Version, http::request::Parts};
use serde::{Serialize, Serializer};

use crate::text_codec::{base64_encode, escape};

/// Maximum number of recorded requests; the oldest are dropped.
pub const MAX_ENTRIES: usize = 10_000;
/// Maximum number of body bytes of all recorded requests together; the oldest requests are dropped.
pub const MAX_BYTES: usize = 256 << 20;

/// Recorded request, as far as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// Sequence number since the start of the mock, from 0.
    pub seq: u64,
    /// Name of the listener that received it.
    pub upstream: String,
    /// Method: `GET`, `POST`, ...
    pub method: String,
    /// Path and query.
    pub path: String,
    /// `:authority` (HTTP/2) or, in absolute form, the authority of the target; HTTP/1.1's `host` is a header.
    pub authority: Option<String>,
    /// Protocol: `HTTP/1.1` or `HTTP/2.0`.
    pub version: &'static str,
    /// Headers: names in lower case, one entry per value of a repeated name.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Body as far as it arrived, up to the recording limit.
    pub body: Vec<u8>,
    /// Number of body bytes that arrived, recorded or not.
    pub body_bytes: u64,
    /// `true` if the body exceeded the recording limit.
    pub body_truncated: bool,
    /// `true` once the end of the request arrived.
    pub body_complete: bool,
    /// Trailers of the request.
    pub trailers: Vec<(String, Vec<u8>)>,
    /// Milliseconds from the start of the mock to the arrival of the headers.
    pub at_ms: u64,
    /// Status of the response, once it is known.
    pub status: Option<u16>,
    /// Number of response events passed to the connection (a JSON response is one).
    pub events_sent: u64,
    /// Number of response body bytes passed to the connection.
    pub bytes_sent: u64,
    /// Body of the response as prepared, if [`Options::record_responses`](crate::Options::record_responses) is set; of it,
    /// the first `bytes_sent` bytes were sent.
    pub response: Bytes,
    /// `true` once this entry is final.
    pub ended: bool,
    /// `true` if the client disconnected before the end of the request or the response.
    pub client_gone: bool,
}

impl Received {
    /// Returns `true` if only headers arrived: neither a byte of the body nor its end.
    pub fn headers_only(&self) -> bool {
        self.body_bytes == 0 && !self.body_complete
    }

    /// Returns the first value of a header; `name` is in lower case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.header_values(name).next()
    }

    /// Returns all values of a header; `name` is in lower case.
    pub fn header_values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(header, _)| header == name).map(|(_, value)| value.as_slice())
    }

    /// Returns the bytes of the response that were passed to the connection.
    pub fn sent(&self) -> &[u8] {
        let sent = usize::try_from(self.bytes_sent).ok().and_then(|bytes| self.response.get(..bytes));
        sent.unwrap_or(&self.response)
    }

    /// Returns the body as text; empty if it is not UTF-8.
    pub fn body_text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_default()
    }
}

/// Serialises an entry for `GET /received`.
///
/// `body` is text, or base64 if `body_encoding` says so. Header values are escaped: backslashes are doubled, bytes outside of
/// UTF-8 are `\xNN`.
impl Serialize for Received {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Entry<'a> {
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
        Entry {
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

/// Record of the requests to all listeners of a mock.
#[derive(Debug)]
pub(crate) struct RequestLog {
    entries: Mutex<Entries>,
    changed: Condvar,
    start: Instant,
    recording: Recording,
}

/// Recorded parts of each request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recording {
    pub(crate) enabled: bool,
    pub(crate) responses: bool,
    /// Maximum number of bytes of a request body.
    pub(crate) body_limit: usize,
}

#[derive(Debug, Default)]
struct Entries {
    /// Sequence number of the oldest entry.
    first: u64,
    kept: VecDeque<Received>,
    /// Body bytes of all entries.
    bytes: usize,
}

impl Entries {
    fn get(&mut self, seq: u64) -> Option<&mut Received> {
        let at = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.kept.get_mut(at)
    }

    /// Drops the oldest entries until both limits are kept.
    fn evict(&mut self, max_entries: usize, max_bytes: usize) {
        while self.kept.len() > max_entries || self.bytes > max_bytes {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.bytes = self.bytes.saturating_sub(oldest.body.len());
            self.first += 1;
        }
    }
}

impl RequestLog {
    pub(crate) fn new(recording: Recording) -> RequestLog {
        let (entries, changed) = (Mutex::default(), Condvar::new());
        RequestLog { entries, changed, start: Instant::now(), recording }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // An entry that a panicking thread updated in part is still useful.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an entry for a request whose headers arrived.
    pub(crate) fn open(self: &Arc<RequestLog>, upstream: &str, head: &Parts) -> Recorder {
        if !self.recording.enabled {
            return Recorder::unrecorded();
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
            response: Bytes::new(),
            ended: false,
            client_gone: false,
        };
        let mut entries = self.lock();
        let seq = entries.first + entries.kept.len() as u64;
        entries.kept.push_back(Received { seq, ..entry });
        entries.evict(MAX_ENTRIES, MAX_BYTES);
        drop(entries);
        self.changed.notify_all();
        Recorder { log: Some(Arc::clone(self)), seq }
    }

    /// Returns all entries since the start or the last `clear`.
    pub(crate) fn entries(&self) -> Vec<Received> {
        self.lock().kept.iter().cloned().collect()
    }

    /// Returns the first entry that satisfies `wanted`.
    pub(crate) fn find(&self, wanted: impl Fn(&Received) -> bool) -> Option<Received> {
        self.lock().kept.iter().find(|entry| wanted(entry)).cloned()
    }

    /// Waits until `condition` holds for the entries, at most for `timeout`. Returns `true` if it holds, and the entries.
    pub(crate) fn wait(&self, timeout: Duration, condition: impl Fn(&[Received]) -> bool) -> (bool, Vec<Received>) {
        let deadline = Instant::now() + timeout;
        let mut entries = self.lock();
        loop {
            let holds = condition(entries.kept.make_contiguous());
            let remaining = deadline.saturating_duration_since(Instant::now());
            if holds || remaining.is_zero() {
                return (holds, entries.kept.iter().cloned().collect());
            }
            entries = self.changed.wait_timeout(entries, remaining).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Removes all entries. Sequence numbers continue.
    pub(crate) fn clear(&self) {
        self.lock().evict(0, 0);
    }

    fn update(&self, seq: u64, change: impl FnOnce(&mut Received)) {
        let mut entries = self.lock();
        let Some(entry) = entries.get(seq) else { return };
        let before = entry.body.len();
        change(entry);
        let grown = entry.body.len().saturating_sub(before);
        entries.bytes += grown;
        if grown > 0 {
            entries.evict(MAX_ENTRIES, MAX_BYTES);
        }
        drop(entries);
        self.changed.notify_all();
    }
}

/// Handle that updates the entry of one request.
///
/// If it is dropped before the end of the exchange, the entry records that the client disconnected.
#[derive(Debug)]
pub(crate) struct Recorder {
    log: Option<Arc<RequestLog>>,
    seq: u64,
}

impl Recorder {
    /// Creates a handle that records nothing.
    pub(crate) fn unrecorded() -> Recorder {
        Recorder { log: None, seq: 0 }
    }

    fn update(&self, change: impl FnOnce(&mut Received)) {
        if let Some(log) = &self.log {
            log.update(self.seq, change);
        }
    }

    /// Records bytes of the request body.
    pub(crate) fn body(&self, bytes: &[u8]) {
        let Some(log) = &self.log else { return };
        self.update(|entry| {
            let available = log.recording.body_limit.saturating_sub(entry.body.len());
            entry.body_bytes += bytes.len() as u64;
            entry.body_truncated |= bytes.len() > available;
            entry.body.extend_from_slice(bytes.get(..available).unwrap_or(bytes));
        });
    }

    /// Records the end of the request and its trailers.
    pub(crate) fn body_complete(&self, trailers: Option<&HeaderMap>) {
        self.update(|entry| {
            entry.body_complete = true;
            entry.trailers = trailers.map(pairs).unwrap_or_default();
        });
    }

    /// Records the prepared body of the response, if responses are recorded.
    pub(crate) fn response(&self, body: &Bytes) {
        if self.log.as_ref().is_some_and(|log| log.recording.responses) {
            self.update(|entry| entry.response = body.clone());
        }
    }

    /// Records the status of the response.
    pub(crate) fn responded(&self, status: u16) {
        self.update(|entry| entry.status = Some(status));
    }

    /// Records the number of events and bytes passed to the connection so far.
    pub(crate) fn sent(&self, events: usize, bytes: usize) {
        self.update(|entry| {
            entry.events_sent = events as u64;
            entry.bytes_sent = bytes as u64;
        });
    }

    /// Records that the whole response was passed to the connection.
    pub(crate) fn finished(&mut self) {
        self.update(|entry| entry.ended = true);
        self.log = None;
    }
}

impl Drop for Recorder {
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

    fn recording(body_limit: usize) -> Recording {
        Recording { enabled: true, responses: false, body_limit }
    }

    fn head(path: &str) -> Parts {
        let request = hyper::Request::post(path)
            .header("x-a", "1")
            .header("x-a", "2")
            .header("x-b", hyper::header::HeaderValue::from_bytes(b"caf\xe9").unwrap());
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn an_entry_shows_the_progress_of_the_request() {
        let log = Arc::new(RequestLog::new(recording(4)));
        let mut recorder = log.open("openai", &head("/v1/chat/completions?a=b"));
        let entry = log.entries().remove(0);
        assert!(entry.headers_only() && !entry.ended && entry.status.is_none());
        assert_eq!((entry.path.as_str(), entry.upstream.as_str()), ("/v1/chat/completions?a=b", "openai"));
        assert_eq!(entry.header_values("x-a").collect::<Vec<_>>(), [b"1", b"2"]);

        recorder.body(b"abc");
        recorder.body(b"def");
        let entry = log.entries().remove(0);
        assert!(!entry.headers_only() && !entry.body_complete && entry.body_truncated);
        assert_eq!((entry.body_text(), entry.body_bytes), ("abcd", 6));

        recorder.body_complete(None);
        recorder.sent(1, 10);
        recorder.finished();
        drop(recorder);
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
    fn json_preserves_bytes_outside_of_utf8() {
        let log = Arc::new(RequestLog::new(recording(100)));
        let recorder = log.open("openai", &head("/"));
        recorder.body(b"\xff\x00");
        let json = serde_json::to_value(&log.entries()[0]).unwrap();
        assert_eq!(json["headers"], serde_json::json!({"x-a": ["1", "2"], "x-b": ["caf\\xe9"]}));
        assert_eq!((&json["body"], &json["body_encoding"]), (&"/wA=".into(), &"base64".into()));
        assert_eq!(json["headers_only"], false);
    }

    #[test]
    fn the_record_is_bounded() {
        let log = Arc::new(RequestLog::new(recording(100)));
        let first = log.open("a", &head("/"));
        first.body(b"kept for a while");
        for _ in 0..MAX_ENTRIES {
            drop(log.open("a", &head("/")));
        }
        // Updates of an evicted entry have no effect.
        first.body(b"x");
        first.sent(1, 1);
        assert_eq!(log.entries().len(), MAX_ENTRIES);
        assert_eq!(log.entries()[0].seq, 1);
        assert_eq!(log.lock().bytes, 0);
    }

    #[test]
    fn responses_are_recorded_on_request_as_far_as_they_were_sent() {
        for (responses, expected) in [(true, &b"abc"[..]), (false, b"")] {
            let log = Arc::new(RequestLog::new(Recording { responses, ..recording(100) }));
            let recorder = log.open("a", &head("/"));
            recorder.response(&Bytes::from_static(b"abcdef"));
            recorder.sent(1, 3);
            assert_eq!(log.entries()[0].sent(), expected);
        }
    }

    #[test]
    fn nothing_is_recorded_if_disabled() {
        let log = Arc::new(RequestLog::new(Recording { enabled: false, ..recording(100) }));
        log.open("a", &head("/")).body(b"x");
        assert!(log.entries().is_empty());
    }
}
