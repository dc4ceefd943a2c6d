//! Local replies: responses that the proxy creates instead of the upstream's.

use super::chain::{FilterChain, status_of};
use super::{ChainOutput, FilterCallbacks, RunningCallback, Stream, StreamEnd};
use crate::{End, Headers};

/// Response created by the proxy itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LocalReply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// Status for a gRPC client; derived from `status` if absent.
    pub(crate) grpc_status: Option<u32>,
    /// `response.code_details`.
    pub(crate) details: String,
}

impl LocalReply {
    /// Returns a reply of plain text, or without a body if the text is empty.
    pub(crate) fn plain(status: u16, body: &str, details: &str) -> LocalReply {
        LocalReply { status, body: body.as_bytes().to_vec(), details: details.to_owned(), ..LocalReply::default() }
    }
}

/// Sends a local reply (`sendLocalReply`): through the whole filter chain if there is no response yet, directly to the
/// client if a response has begun but its headers have not been sent, and by cutting the stream if they have.
pub(crate) fn send(stream: &mut Stream, filters: &mut dyn FilterCallbacks, reply: LocalReply) {
    if stream.is_over() {
        return;
    }
    match stream.running {
        RunningCallback::Decoding => stream.request.aborted = true,
        RunningCallback::Encoding => stream.response.aborted = true,
        RunningCallback::None => {}
    }
    if stream.parent != 0 {
        // In front of an upstream: the stream's own chain sends the reply.
        (stream.request.aborted, stream.response.aborted) = (true, true);
        stream.over = Some(StreamEnd::Reset);
        stream.outputs.push_back(ChainOutput::LocalReply(reply));
        return;
    }
    stream.info.details = Some(reply.details.clone());
    if stream.response.headers.is_none() {
        if stream.running == RunningCallback::Decoding {
            stream.prepared = Some(reply);
        } else {
            send_through_chain(stream, filters, reply);
        }
    } else if !stream.headers_sent {
        let (headers, body) = render(stream, reply);
        stream.info.code = status_of(&headers);
        let end = body.is_empty() || stream.head_request;
        // The response that is being encoded is dropped; the client gets this one instead.
        stream.response.aborted = true;
        stream.send_headers(headers, end);
        if !end {
            stream.send_data(body, true);
        }
    } else {
        stream.over = Some(StreamEnd::Reset);
        stream.client.end = End::Truncated;
    }
}

/// Sends the reply that a decoding callback has asked for, after the callback has returned.
pub(super) fn send_prepared(stream: &mut Stream, filters: &mut dyn FilterCallbacks) {
    if let Some(reply) = stream.prepared.take() {
        stream.running = RunningCallback::None;
        send_through_chain(stream, filters, reply);
    }
}

fn send_through_chain(stream: &mut Stream, filters: &mut dyn FilterCallbacks, reply: LocalReply) {
    let (headers, body) = render(stream, reply);
    let end = body.is_empty() || stream.head_request;
    let mut chain = FilterChain::encode(stream, filters);
    chain.headers(headers, end);
    if !end {
        chain.data(body, true);
    }
}

/// Renders the reply as headers and body for the client's protocol (HTTP or gRPC).
fn render(stream: &Stream, reply: LocalReply) -> (Headers, Vec<u8>) {
    let mut headers = Headers::new();
    headers.add(":status", reply.status.to_string());
    for (name, value) in reply.headers.iter().filter(|(name, _)| !name.starts_with(':')) {
        headers.join(name, value);
    }
    if stream.grpc_request {
        headers.set(":status", "200");
        headers.set("content-type", "application/grpc");
        headers.set("grpc-status", reply.grpc_status.unwrap_or_else(|| grpc_status(reply.status)).to_string());
        if !reply.body.is_empty() {
            headers.set("grpc-message", percent_encode(&reply.body));
        }
        headers.remove("content-length");
        return (headers, Vec::new());
    }
    if reply.body.is_empty() {
        headers.remove("content-length");
        headers.remove("content-type");
    } else {
        headers.set("content-length", reply.body.len().to_string());
        if !headers.contains("content-type") {
            headers.add("content-type", "text/plain");
        }
    }
    (headers, reply.body)
}

/// Returns the gRPC status for an HTTP status (`Grpc::Utility::httpToGrpcStatus`).
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
