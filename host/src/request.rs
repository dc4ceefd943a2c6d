//! Requests that a client sends.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Headers;

/// Framing of messages on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// HTTP/1: the end is a frame of its own, an empty one with `end_of_stream`.
    #[default]
    Http1,
    /// HTTP/2: the last data frame carries `end_of_stream`; frames hold at most 16,384 bytes.
    Http2,
}

/// Largest data frame of HTTP/2 unless both ends agree on more.
const MAX_FRAME: usize = 16_384;

impl Framing {
    /// Splits frames that are larger than the framing allows; HTTP/1 has no empty frames.
    pub(crate) fn frames(self, frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        match self {
            Framing::Http1 => frames.into_iter().filter(|frame| !frame.is_empty()).collect(),
            Framing::Http2 => frames.iter().flat_map(|frame| frame.chunks(MAX_FRAME).map(<[u8]>::to_vec)).collect(),
        }
    }
}

/// Split of a body into the frames that filters see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// No split: a body in one frame, frames as given.
    #[default]
    Whole,
    /// Frames of a number of bytes (0 counts as 1).
    Bytes(usize),
    /// Frames that end at these byte offsets of the whole body; offsets out of range or not ascending are ignored.
    At(Vec<usize>),
}

impl Split {
    /// Splits `frames`.
    pub(crate) fn apply(&self, frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let whole = || frames.concat();
        match self {
            Split::Whole => frames,
            Split::Bytes(size) => whole().chunks((*size).max(1)).map(<[u8]>::to_vec).collect(),
            Split::At(cuts) => {
                let mut rest = whole();
                let mut parts = Vec::new();
                let mut start = 0;
                for &cut in cuts {
                    if cut > start && cut - start < rest.len() {
                        let tail = rest.split_off(cut - start);
                        parts.push(std::mem::replace(&mut rest, tail));
                        start = cut;
                    }
                }
                if !rest.is_empty() {
                    parts.push(rest);
                }
                parts
            }
        }
    }
}

/// Moment at which a client disconnects before it has the whole response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disconnect {
    /// After a number of frames of the request; 0 is after its headers.
    RequestFrames(usize),
    /// As soon as it has received the response headers.
    ResponseHeaders,
    /// After a number of frames of the response.
    ResponseFrames(usize),
}

/// Value of dynamic metadata, as an earlier filter (e.g. an authentication filter) would have set it.
#[derive(Clone, Debug, PartialEq)]
pub enum MetadataValue {
    /// `null`
    Null,
    /// Boolean.
    Bool(bool),
    /// Number; a filter reads it as eight bytes, little endian.
    Number(f64),
    /// String.
    Text(String),
    /// List.
    List(Vec<MetadataValue>),
    /// Struct.
    Struct(BTreeMap<String, MetadataValue>),
}

impl From<&str> for MetadataValue {
    fn from(text: &str) -> MetadataValue {
        MetadataValue::Text(text.to_owned())
    }
}

impl From<String> for MetadataValue {
    fn from(text: String) -> MetadataValue {
        MetadataValue::Text(text)
    }
}

impl From<f64> for MetadataValue {
    fn from(number: f64) -> MetadataValue {
        MetadataValue::Number(number)
    }
}

impl From<bool> for MetadataValue {
    fn from(truth: bool) -> MetadataValue {
        MetadataValue::Bool(truth)
    }
}

/// HTTP request. Built by chaining; sent with [`Listener::send`](crate::Listener::send) or opened_streams with
/// [`Listener::open`](crate::Listener::open).
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) headers: Headers,
    pub(crate) frames: Vec<Vec<u8>>,
    pub(crate) has_body: bool,
    pub(crate) sized: bool,
    pub(crate) split: Split,
    pub(crate) framing: Framing,
    pub(crate) trailers: Option<Headers>,
    pub(crate) worker: usize,
    pub(crate) disconnect: Option<Disconnect>,
    pub(crate) idle_timeout: Duration,
    pub(crate) frame_interval: Duration,
    pub(crate) metadata: BTreeMap<String, BTreeMap<String, MetadataValue>>,
    pub(crate) filter_state: BTreeMap<String, Vec<u8>>,
    pub(crate) attributes: BTreeMap<String, Vec<u8>>,
}

impl Request {
    /// Creates a request without a body, over HTTP/1, to the authority `localhost`.
    pub fn new(method: &str, path: &str) -> Request {
        let headers =
            [(":authority", "localhost"), (":path", path), (":method", method), (":scheme", "http")].into_iter();
        Request {
            headers: headers.collect(),
            frames: Vec::new(),
            has_body: false,
            sized: false,
            split: Split::Whole,
            framing: Framing::Http1,
            trailers: None,
            worker: 0,
            disconnect: None,
            idle_timeout: Duration::from_secs(30),
            frame_interval: Duration::ZERO,
            metadata: BTreeMap::new(),
            filter_state: BTreeMap::new(),
            attributes: BTreeMap::new(),
        }
    }

    /// Creates a GET request.
    pub fn get(path: &str) -> Request {
        Request::new("GET", path)
    }

    /// Creates a POST request; without [`Request::body`] or [`Request::frames`] it has no body.
    pub fn post(path: &str) -> Request {
        Request::new("POST", path)
    }

    /// Adds a header. `host` and pseudo headers replace an existing value.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Request {
        match name.as_ref().to_ascii_lowercase().as_str() {
            "host" => self.headers.set(":authority", value),
            pseudo if pseudo.starts_with(':') => self.headers.set(pseudo, value),
            other => self.headers.add(other, value),
        }
        self
    }

    /// Adds headers.
    pub fn headers<K: AsRef<str>, V: AsRef<[u8]>>(self, pairs: impl IntoIterator<Item = (K, V)>) -> Request {
        pairs.into_iter().fold(self, |request, (name, value)| request.header(name, value))
    }

    /// Sets a body of known size: a `content-length` is added unless a header exists or trailers follow.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Request {
        let bytes = bytes.into();
        self.frames = if bytes.is_empty() { Vec::new() } else { vec![bytes] };
        (self.has_body, self.sized) = (true, true);
        self
    }

    /// Sets a body in frames (HTTP/1: chunks), without a `content-length`.
    pub fn frames<F: Into<Vec<u8>>>(mut self, frames: impl IntoIterator<Item = F>) -> Request {
        self.frames = frames.into_iter().map(Into::into).collect();
        (self.has_body, self.sized) = (true, false);
        self
    }

    /// Sets the split of the body into frames.
    pub fn split(mut self, split: Split) -> Request {
        self.split = split;
        self
    }

    /// Adds trailers after the body.
    pub fn trailers<K: AsRef<str>, V: AsRef<[u8]>>(mut self, pairs: impl IntoIterator<Item = (K, V)>) -> Request {
        self.trailers = Some(pairs.into_iter().collect());
        self
    }

    /// Uses HTTP/1 (the default).
    pub fn http1(self) -> Request {
        self.framing(Framing::Http1)
    }

    /// Uses HTTP/2.
    pub fn http2(self) -> Request {
        self.framing(Framing::Http2)
    }

    /// Sets the framing.
    pub fn framing(mut self, framing: Framing) -> Request {
        self.framing = framing;
        self
    }

    /// Sets the worker of the connection: 0 by default, modulo the number of workers.
    pub fn worker(mut self, worker: usize) -> Request {
        self.worker = worker;
        self
    }

    /// Disconnects the client early.
    pub fn disconnect_after(mut self, moment: Disconnect) -> Request {
        self.disconnect = Some(moment);
        self
    }

    /// Sets the virtual time for which the client waits while nothing happens, 30 s by default. Then it disconnects, and the
    /// exchange ends as [`End::Stalled`](crate::End::Stalled).
    pub fn idle_timeout(mut self, idle_timeout: Duration) -> Request {
        self.idle_timeout = idle_timeout;
        self
    }

    /// Sets the virtual time between two frames of the body.
    pub fn frame_interval(mut self, interval: Duration) -> Request {
        self.frame_interval = interval;
        self
    }

    /// Sets dynamic metadata of an earlier filter, which filters read as `metadata.filter_metadata.<namespace>.<key>`.
    pub fn metadata(mut self, namespace: &str, key: &str, value: impl Into<MetadataValue>) -> Request {
        self.metadata.entry(namespace.to_owned()).or_default().insert(key.to_owned(), value.into());
        self
    }

    /// Sets filter state of an earlier filter, by its full name.
    pub fn filter_state(mut self, key: &str, value: impl Into<Vec<u8>>) -> Request {
        self.filter_state.insert(key.to_owned(), value.into());
        self
    }

    /// Sets an attribute by its dotted name, in the bytes a filter reads (`source.address`, `connection.mtls`,
    /// `connection.uri_san_peer_certificate`, ...); it replaces the host's own value.
    pub fn attribute(mut self, name: &str, value: impl Into<Vec<u8>>) -> Request {
        self.attributes.insert(name.to_owned(), value.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_keeps_every_byte() {
        for (split, parts) in [
            (Split::Whole, vec!["ab", "cde"]),
            (Split::Bytes(0), vec!["a", "b", "c", "d", "e"]),
            (Split::Bytes(2), vec!["ab", "cd", "e"]),
            (Split::Bytes(9), vec!["abcde"]),
            (Split::At(vec![1, 4]), vec!["a", "bcd", "e"]),
            (Split::At(vec![0, 3, 2, 5, 90]), vec!["abc", "de"]),
        ] {
            let cut = split.apply(vec![b"ab".to_vec(), b"cde".to_vec()]);
            assert_eq!(cut, parts.iter().map(|part| part.as_bytes().to_vec()).collect::<Vec<_>>(), "{split:?}");
        }
    }
}
