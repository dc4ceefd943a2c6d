//! Scripted responses as steps in time.

use std::collections::VecDeque;

use super::time::nanos;
use crate::event_queue::ResponseStep;
use crate::upstream::Fault;
use crate::{Framing, UpstreamResponse};

/// Returns the steps of a response, with their times, in the frames of its protocol.
pub(super) fn steps(response: UpstreamResponse, now: u64, head: bool) -> VecDeque<(u64, ResponseStep)> {
    let mut at = now.saturating_add(nanos(response.delay));
    let mut steps = VecDeque::new();
    match response.fault {
        Fault::Never => return steps,
        Fault::Reset => {
            steps.push_back((at, ResponseStep::Reset { http2: response.framing == Framing::Http2 }));
            return steps;
        }
        Fault::Refuse => {
            steps.push_back((at, ResponseStep::Refused));
            return steps;
        }
        Fault::None | Fault::ResetAfter(_) => {}
    }
    let mut headers = response.headers;
    let size: usize = response.frames.iter().map(Vec::len).sum();
    let status: u16 = headers.text(":status").and_then(|status| status.parse().ok()).unwrap_or_default();
    let bodiless = head || status == 204 || status == 304;
    if !bodiless && !headers.contains("content-length") {
        if response.sized || !response.has_body && response.framing == Framing::Http1 && response.trailers.is_none() {
            headers.add("content-length", size.to_string());
        } else if response.framing == Framing::Http1 {
            headers.add("transfer-encoding", "chunked");
        }
    }
    let empty = bodiless
        || (response.trailers.is_none()
            && (!response.has_body || size == 0 && (response.sized || response.framing == Framing::Http2)));
    steps.push_back((at, ResponseStep::Headers(headers, empty)));
    if let Fault::ResetAfter(frames) = response.fault {
        for frame in response.framing.frames(response.split.apply(response.frames)).into_iter().take(frames) {
            at = at.saturating_add(nanos(response.frame_interval));
            steps.push_back((at, ResponseStep::Data(frame, false)));
        }
        let http2 = response.framing == Framing::Http2;
        steps.push_back((at.saturating_add(nanos(response.frame_interval)), ResponseStep::Reset { http2 }));
        return steps;
    }
    if empty {
        return steps;
    }
    let frames = response.split.apply(response.frames);
    let empty_last = frames.last().is_some_and(Vec::is_empty);
    let frames = response.framing.frames(frames);
    for frame in frames {
        at = at.saturating_add(nanos(response.frame_interval));
        steps.push_back((at, ResponseStep::Data(frame, false)));
    }
    match (response.trailers, response.framing, steps.back_mut()) {
        (Some(trailers), _, _) => steps.push_back((at, ResponseStep::Trailers(trailers))),
        (None, Framing::Http2, Some((_, ResponseStep::Data(_, end)))) if !empty_last => *end = true,
        (None, _, _) => steps.push_back((at, ResponseStep::Data(Vec::new(), true))),
    }
    steps
}
