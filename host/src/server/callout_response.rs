//! Conversion of a scripted response into the results that a callout's callbacks get.

use super::response_steps::steps;
use super::time::nanos;
use super::upstream_failure::UpstreamFailure;
use crate::callout::{Callout, CalloutPart, CalloutResult};
use crate::event_queue::ResponseStep;
use crate::upstream::Fault;
use crate::{Headers, UpstreamResponse};

/// gRPC status `UNKNOWN`.
const UNKNOWN: u32 = 2;
/// gRPC status `INTERNAL`.
const INTERNAL: u32 = 13;
/// gRPC status `UNAVAILABLE`.
const UNAVAILABLE: u32 = 14;
/// Status that `proxy_get_status` returns for an HTTP call that was reset (`BrokenConnection`).
const BROKEN_CONNECTION: u32 = 11;
const TIMED_OUT: &str = "upstream request timeout";

/// Returns a local reply as a callout gets it.
fn local(status: u16, body: &str) -> CalloutResult {
    let length = body.len().to_string();
    let headers =
        [(":status", status.to_string()), ("content-length", length), ("content-type", "text/plain".to_owned())];
    CalloutResult {
        headers: Some(headers.into_iter().collect()),
        body: body.as_bytes().to_vec(),
        last: true,
        ..CalloutResult::default()
    }
}

/// Returns the time of the call's timeout, in nanoseconds.
fn deadline(call: &Callout, now: u64) -> Option<u64> {
    (call.timeout_ms > 0).then(|| now.saturating_add(call.timeout_ms.saturating_mul(1_000_000)))
}

/// Adds the router's header with the upstream's time. While the request is open, there is no time to measure from.
fn with_service_time(mut headers: Headers, delay_ms: u64, call: &Callout) -> Headers {
    if call.complete {
        headers.set("x-envoy-upstream-service-time", delay_ms.to_string());
    }
    headers
}

/// Converts a response to an HTTP call, which is buffered whole. Returns results with their times.
pub(super) fn http(reply: UpstreamResponse, call: &Callout, now: u64) -> Vec<(u64, CalloutResult)> {
    let mut result = CalloutResult { last: true, ..CalloutResult::default() };
    let mut at = now;
    let head = call.headers.text(":method") == Some("HEAD");
    let delay = nanos(reply.delay) / 1_000_000;
    let never = reply.fault == Fault::Never;
    for (time, step) in steps(reply, now, head) {
        at = time;
        match step {
            ResponseStep::Headers(headers, _) => result.headers = Some(with_service_time(headers, delay, call)),
            ResponseStep::Data(bytes, _) => result.body.extend(bytes),
            ResponseStep::Trailers(trailers) => result.trailers = Some(trailers),
            ResponseStep::Refused => result = local(UpstreamFailure::REFUSED.status, UpstreamFailure::REFUSED.text),
            ResponseStep::Reset { http2 } if result.headers.is_none() => {
                let failure = UpstreamFailure::reset(http2, false);
                result = local(failure.status, failure.text);
            }
            ResponseStep::Reset { .. } => {
                result = CalloutResult {
                    last: true,
                    status: BROKEN_CONNECTION,
                    message: "reset".to_owned(),
                    ..CalloutResult::default()
                };
            }
        }
    }
    match deadline(call, now) {
        Some(deadline) if never || at > deadline => vec![(deadline, local(504, TIMED_OUT))],
        _ if never => Vec::new(),
        _ => vec![(at, result)],
    }
}

/// Complete gRPC response.
#[derive(Default)]
struct Grpc {
    initial: Option<Headers>,
    body: Vec<u8>,
    trailing: Option<Headers>,
    /// Status and message, as `proxy_get_status` returns them; `None` if the response has no status of its own.
    closed: Option<(u32, String)>,
}

/// Converts a gRPC response: the message or the error of a unary call, every part of a stream.
pub(super) fn grpc(reply: UpstreamResponse, call: &Callout, now: u64) -> Vec<(u64, CalloutResult)> {
    let never = reply.fault == Fault::Never;
    let (at, mut response) = gather(reply, call, now);
    let at = match deadline(call, now) {
        Some(deadline) if never || at > deadline => {
            response = local_grpc_error(TIMED_OUT, "response_timeout");
            deadline
        }
        _ if never => return Vec::new(),
        _ => at,
    };
    let pieces = if call.token & 3 == 1 { unary(response) } else { stream(response) };
    pieces.into_iter().map(|piece| (at, piece)).collect()
}

fn gather(reply: UpstreamResponse, call: &Callout, now: u64) -> (u64, Grpc) {
    let delay = nanos(reply.delay) / 1_000_000;
    let mut response = Grpc::default();
    let mut at = now;
    for (time, step) in steps(reply, now, false) {
        at = time;
        match step {
            ResponseStep::Headers(headers, end) => {
                let http = headers.text(":status").and_then(|status| status.parse().ok()).unwrap_or(0);
                let headers = with_service_time(headers, delay, call);
                if http != 200 {
                    let status = crate::stream::local_reply::grpc_status(http);
                    response.closed = Some((status, with_details("", "via_upstream")));
                }
                if end || http != 200 {
                    response.trailing = Some(headers);
                } else {
                    response.initial = Some(headers);
                }
            }
            ResponseStep::Data(bytes, _) => response.body.extend(bytes),
            ResponseStep::Trailers(trailers) => response.trailing = Some(trailers),
            ResponseStep::Refused => {
                return (at, local_grpc_error(UpstreamFailure::REFUSED.text, &UpstreamFailure::REFUSED.details(false)));
            }
            ResponseStep::Reset { http2 } => {
                if response.initial.is_none() {
                    let failure = UpstreamFailure::reset(http2, false);
                    return (at, local_grpc_error(failure.text, &failure.details(false)));
                }
                response.closed = Some((INTERNAL, with_details("", "via_upstream")));
                response.trailing = Some(Headers::new());
            }
        }
    }
    (at, response)
}

/// Returns a local reply to a gRPC call, whose headers are its trailers.
fn local_grpc_error(text: &str, details: &str) -> Grpc {
    let status = UNAVAILABLE.to_string();
    let trailing = [
        (":status", "200"),
        ("content-type", "application/grpc"),
        ("grpc-status", status.as_str()),
        ("grpc-message", text),
    ];
    Grpc {
        trailing: Some(trailing.into_iter().collect()),
        closed: Some((UNAVAILABLE, with_details(text, details))),
        ..Grpc::default()
    }
}

/// Returns a status message with the details that Envoy appends.
fn with_details(message: &str, details: &str) -> String {
    if message.is_empty() { details.to_owned() } else { format!("{message}{{{details}}}") }
}

impl Grpc {
    /// Returns the final status and message.
    fn end(&self) -> (u32, String) {
        if let Some(closed) = &self.closed {
            return closed.clone();
        }
        let field = |name: &str| self.trailing.as_ref().and_then(|trailers| trailers.text(name));
        // A response without a status has failed.
        let status = field("grpc-status").and_then(|status| status.parse().ok()).unwrap_or(UNKNOWN);
        (status, with_details(field("grpc-message").unwrap_or_default(), "via_upstream"))
    }
}

fn close(status: u32, message: String) -> CalloutResult {
    CalloutResult { piece: CalloutPart::Close, last: true, status, message, ..CalloutResult::default() }
}

fn message(body: Vec<u8>, last: bool) -> CalloutResult {
    CalloutResult { piece: CalloutPart::Message, has_message: true, body, last, ..CalloutResult::default() }
}

fn unary(response: Grpc) -> Vec<CalloutResult> {
    let (status, text) = response.end();
    vec![match messages(&response.body).into_iter().next() {
        Some(body) if status == 0 => message(body, true),
        _ if status == 0 => close(INTERNAL, String::new()),
        _ => close(status, text),
    }]
}

fn stream(response: Grpc) -> Vec<CalloutResult> {
    let (status, text) = response.end();
    // A response of trailers only begins with empty initial metadata.
    let initial = Some(response.initial.unwrap_or_default());
    let mut pieces =
        vec![CalloutResult { piece: CalloutPart::Initial, initial_metadata: initial, ..CalloutResult::default() }];
    pieces.extend(messages(&response.body).into_iter().map(|body| message(body, false)));
    pieces.push(CalloutResult {
        piece: CalloutPart::Trailing,
        trailing_metadata: Some(response.trailing.unwrap_or_default()),
        ..CalloutResult::default()
    });
    pieces.push(close(status, text));
    pieces
}

/// Returns the messages in a body of gRPC frames, without an incomplete last one.
fn messages(body: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut rest = body;
    while let Some((head, after)) = rest.split_at_checked(5) {
        let size = head.get(1..5).and_then(|raw| raw.try_into().ok()).map_or(0, u32::from_be_bytes);
        let Some((message, after)) = after.split_at_checked(usize::try_from(size).unwrap_or(usize::MAX)) else { break };
        messages.push(message.to_vec());
        rest = after;
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incomplete_messages_are_left_out() {
        let body = [&[0, 0, 0, 0, 2][..], b"ab", &[0, 0, 0, 0, 0], &[0, 0, 0, 0, 9], b"cut"].concat();
        assert_eq!(messages(&body), [b"ab".to_vec(), Vec::new()]);
    }
}
