//! Builds the request of the client and the response of the upstream for Tollgate's own host.

use std::time::Duration;

use serde_json::Value;
use tollgate_host::{Disconnect, Request, Split, UpstreamRequest as Received, UpstreamResponse};

use crate::delivery::{CutPoints, Delivery, Frames, Framing, TRAILER};
use crate::file::GuardResponse;
use crate::plan::{Exchange, HeaderList};

/// An exchange and the delivery in which it is sent.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) exchange: Exchange,
    /// Number of the exchange, from 0.
    pub(super) number: usize,
    pub(super) cut_points: CutPoints,
    pub(super) delivery: Delivery,
}

impl Script {
    /// Builds the client's request.
    pub(super) fn request(&self) -> Request {
        let sent = &self.exchange.request;
        let frames = self.delivery.request(self.number, &self.exchange, &self.cut_points);
        let mut request = Request::new(&sent.method, &sent.path);
        request = request.headers(sent.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())));
        request = request.framing(host_framing(self.delivery.framing));
        for (namespace, keys) in &sent.metadata {
            for (key, value) in keys {
                request = request.metadata(namespace, key, metadata(value));
            }
        }
        if let Some(body) = &sent.body {
            request = if frames.sized {
                request.body(body.as_slice()).split(Split::At(frames.cuts.clone()))
            } else {
                request.frames(pieces(&frames, body))
            };
            let trailers = trailers(&sent.trailers, &frames);
            if !trailers.is_empty() {
                request = request.trailers(trailers);
            }
        }
        match sent.leave_after.and_then(|events| usize::try_from(events).ok()) {
            Some(0) => request.disconnect_after(Disconnect::ResponseHeaders),
            Some(events) => request.disconnect_after(Disconnect::ResponseFrames(events)),
            None => request,
        }
    }

    /// Builds the upstream's response to a request.
    pub(super) fn response(&self, received: &Received) -> UpstreamResponse {
        let response = &self.exchange.response;
        if response.refuse {
            return UpstreamResponse::refuse();
        }
        let whole = response.body(&received.body());
        let body = whole.get(..response.reset_after.unwrap_or(usize::MAX)).unwrap_or(whole);
        let frames = self.delivery.response(self.number, &self.exchange, whole, &self.cut_points);
        let mut reply = UpstreamResponse::status(response.status).framing(host_framing(self.delivery.framing));
        reply = reply.headers(response.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())));
        let sized = frames.sized && !whole.is_empty();
        if sized && body.len() < whole.len() {
            reply = reply.header("content-length", whole.len().to_string());
        }
        reply = if sized {
            reply.body(body).split(Split::At(frames.cuts.clone()))
        } else {
            reply.frames(pieces(&frames, body))
        };
        if body.len() < whole.len() {
            return reply.reset_after(frames.of(body).len());
        }
        let trailers = trailers(&response.trailers, &frames);
        if trailers.is_empty() { reply } else { reply.trailers(trailers) }
    }
}

/// Builds the response of a guard.
pub(super) fn guard(response: Option<&GuardResponse>) -> UpstreamResponse {
    let Some(response) = response.filter(|response| !response.refuse) else { return UpstreamResponse::refuse() };
    let delay = response.delay.map_or(Duration::ZERO, |delay| delay.0);
    let reply = UpstreamResponse::status(response.status.unwrap_or(200)).header("content-type", "application/json");
    reply.body(response.octets()).delay(delay)
}

fn host_framing(framing: Framing) -> tollgate_host::Framing {
    match framing {
        Framing::Http1 => tollgate_host::Framing::Http1,
        Framing::Http2 => tollgate_host::Framing::Http2,
    }
}

fn pieces(frames: &Frames, body: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces: Vec<Vec<u8>> = frames.of(body).into_iter().map(<[u8]>::to_vec).collect();
    if frames.empty_last {
        pieces.push(Vec::new());
    }
    pieces
}

fn trailers(own: &HeaderList, frames: &Frames) -> HeaderList {
    let ours = frames.trailers.then(|| (TRAILER.to_owned(), b"1".to_vec()));
    own.iter().cloned().chain(ours).collect()
}

// Recursion is bounded by the depth limit of the YAML reader.
fn metadata(value: &Value) -> tollgate_host::MetadataValue {
    use tollgate_host::MetadataValue as Host;
    match value {
        Value::Null => Host::Null,
        Value::Bool(truth) => Host::Bool(*truth),
        Value::Number(number) => {
            let double = number.as_f64();
            debug_assert!(double.is_some(), "numbers convert to f64 without the feature `arbitrary_precision`");
            Host::Number(double.unwrap_or_default())
        }
        Value::String(text) => Host::Text(text.clone()),
        Value::Array(list) => Host::List(list.iter().map(metadata).collect()),
        Value::Object(map) => Host::Struct(map.iter().map(|(key, value)| (key.clone(), metadata(value))).collect()),
    }
}
