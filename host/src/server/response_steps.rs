//! An upstream's answer as what happens when.

use std::collections::VecDeque;

use super::client::{cut, nanos};
use crate::event_queue::ResponseStep;
use crate::upstream::Fault;
use crate::{Framing, UpstreamResponse};

/// An answer as steps in time, framed as its protocol frames it.
pub(super) fn steps(answer: UpstreamResponse, now: u64, head: bool) -> VecDeque<(u64, ResponseStep)> {
    let mut at = now.saturating_add(nanos(answer.delay));
    let mut steps = VecDeque::new();
    match answer.fault {
        Fault::Never => return steps,
        Fault::Reset => {
            steps.push_back((at, ResponseStep::Reset { http2: answer.framing == Framing::Http2 }));
            return steps;
        }
        Fault::Refuse => {
            steps.push_back((at, ResponseStep::Refused));
            return steps;
        }
        Fault::None | Fault::ResetAfter(_) => {}
    }
    let mut headers = answer.headers;
    let size: usize = answer.frames.iter().map(Vec::len).sum();
    let status: u16 = headers.text(":status").and_then(|status| status.parse().ok()).unwrap_or_default();
    let bodiless = head || status == 204 || status == 304;
    if !bodiless && !headers.contains("content-length") {
        if answer.sized || !answer.has_body && answer.framing == Framing::Http1 && answer.trailers.is_none() {
            headers.add("content-length", size.to_string());
        } else if answer.framing == Framing::Http1 {
            headers.add("transfer-encoding", "chunked");
        }
    }
    let empty = bodiless
        || (answer.trailers.is_none()
            && (!answer.has_body || size == 0 && (answer.sized || answer.framing == Framing::Http2)));
    steps.push_back((at, ResponseStep::Headers(headers, empty)));
    if let Fault::ResetAfter(frames) = answer.fault {
        for frame in cut(answer.split.apply(answer.frames), answer.framing).into_iter().take(frames) {
            at = at.saturating_add(nanos(answer.frame_interval));
            steps.push_back((at, ResponseStep::Data(frame, false)));
        }
        let http2 = answer.framing == Framing::Http2;
        steps.push_back((at.saturating_add(nanos(answer.frame_interval)), ResponseStep::Reset { http2 }));
        return steps;
    }
    if empty {
        return steps;
    }
    let frames = answer.split.apply(answer.frames);
    let empty_last = frames.last().is_some_and(Vec::is_empty);
    let frames = cut(frames, answer.framing);
    for frame in frames {
        at = at.saturating_add(nanos(answer.frame_interval));
        steps.push_back((at, ResponseStep::Data(frame, false)));
    }
    match (answer.trailers, answer.framing, steps.back_mut()) {
        (Some(trailers), _, _) => steps.push_back((at, ResponseStep::Trailers(trailers))),
        (None, Framing::Http2, Some((_, ResponseStep::Data(_, end)))) if !empty_last => *end = true,
        (None, _, _) => steps.push_back((at, ResponseStep::Data(Vec::new(), true))),
    }
    steps
}
