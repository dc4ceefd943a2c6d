//! Local replies: an answer of the proxy's own instead of the upstream's.

use super::{ChainOutput, FilterCallbacks, RunningCallback, Stream, StreamEnd, encode};
use crate::{End, Headers};

/// An answer of the proxy's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LocalReply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// The status a gRPC client is given; derived from `status` if there is none.
    pub(crate) grpc_status: Option<u32>,
    pub(crate) details: String,
}

impl LocalReply {
    pub(crate) fn plain(status: u16, body: &str, details: &str) -> LocalReply {
        LocalReply { status, body: body.as_bytes().to_vec(), details: details.to_owned(), ..LocalReply::default() }
    }
}

/// Answers locally (`sendLocalReply`): through the whole chain of filters if there is no response yet, directly to the
/// client if one is on its way but has not left, and by cutting the stream if it has.
pub(crate) fn send(s: &mut Stream, f: &mut dyn FilterCallbacks, local: LocalReply) {
    if s.is_over() {
        return;
    }
    match s.calling {
        RunningCallback::Decoding => s.request.aborted = true,
        RunningCallback::Encoding => s.response.aborted = true,
        RunningCallback::Nothing => {}
    }
    if s.parent != 0 {
        // In front of an upstream: the chain behind it answers.
        (s.request.aborted, s.response.aborted) = (true, true);
        s.over = Some(StreamEnd::Reset);
        s.outputs.push_back(ChainOutput::LocalReply(local));
        return;
    }
    s.info.details = Some(local.details.clone());
    if s.response.headers.is_none() {
        if s.calling == RunningCallback::Decoding {
            s.prepared = Some(local);
        } else {
            through_chain(s, f, local);
        }
    } else if !s.headers_sent {
        let (headers, body) = render(s, local);
        s.info.code = headers.text(":status").and_then(|status| status.parse().ok()).unwrap_or_default();
        let end = body.is_empty() || s.head_request;
        // What was being encoded is dropped; the client gets this instead.
        s.response.aborted = true;
        encode::send_headers(s, headers, end);
        if !end {
            encode::send_data(s, body, true);
        }
    } else {
        s.over = Some(StreamEnd::Reset);
        s.client.end = End::Truncated;
    }
}

/// Sends the reply that a filter's decoding callback has asked for, now that it has returned.
pub(super) fn execute_prepared(s: &mut Stream, f: &mut dyn FilterCallbacks) {
    if let Some(local) = s.prepared.take() {
        s.calling = RunningCallback::Nothing;
        through_chain(s, f, local);
    }
}

fn through_chain(s: &mut Stream, f: &mut dyn FilterCallbacks, local: LocalReply) {
    let (headers, body) = render(s, local);
    let end = body.is_empty() || s.head_request;
    encode::headers(s, f, headers, end);
    if !end {
        encode::data(s, f, body, true);
    }
}

/// The reply as headers and body, in the form the client's protocol wants.
fn render(s: &Stream, local: LocalReply) -> (Headers, Vec<u8>) {
    let mut headers = Headers::new();
    headers.add(":status", local.status.to_string());
    for (name, value) in local.headers.iter().filter(|(name, _)| !name.starts_with(':')) {
        headers.join(name, value);
    }
    if s.grpc_request {
        headers.set(":status", "200");
        headers.set("content-type", "application/grpc");
        headers.set("grpc-status", local.grpc_status.unwrap_or_else(|| grpc_status(local.status)).to_string());
        if !local.body.is_empty() {
            headers.set("grpc-message", percent_encode(&local.body));
        }
        headers.remove("content-length");
        return (headers, Vec::new());
    }
    if local.body.is_empty() {
        headers.remove("content-length");
        headers.remove("content-type");
    } else {
        headers.set("content-length", local.body.len().to_string());
        if !headers.contains("content-type") {
            headers.add("content-type", "text/plain");
        }
    }
    (headers, local.body)
}

/// gRPC's status for an HTTP one (`Grpc::Utility::httpToGrpcStatus`).
pub(crate) fn grpc_status(http: u16) -> u32 {
    match http {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

fn percent_encode(message: &[u8]) -> String {
    let mut encoded = String::with_capacity(message.len());
    for &byte in message {
        if (0x20..0x7f).contains(&byte) && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
