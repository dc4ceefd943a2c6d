//! The request's way through the chain, first filter to router.

use super::{
    BodySource, Callback, CallbackStatus, ChainOutput, FilterCallbacks, IterationState, RunningCallback, Stream,
    local_reply,
};
use crate::Headers;

/// Headers arrive from the client.
pub(crate) fn headers(s: &mut Stream, f: &mut dyn FilterCallbacks, headers: Headers, end: bool) {
    s.request.headers = Some(headers);
    s.request.observed_end = end;
    iterate_headers(s, f, 0, end);
}

/// A frame arrives from the client.
pub(crate) fn data(s: &mut Stream, f: &mut dyn FilterCallbacks, bytes: Vec<u8>, end: bool) {
    if !s.request.is_coming() || s.is_over() {
        return;
    }
    s.request.observed_end = end;
    s.request.frame = bytes;
    iterate_data(s, f, 0, BodySource::Frame, end);
    s.request.frame.clear();
}

/// Trailers arrive from the client.
pub(crate) fn trailers(s: &mut Stream, f: &mut dyn FilterCallbacks, trailers: Headers) {
    if !s.request.is_coming() || s.is_over() {
        return;
    }
    s.request.trailers = Some(trailers);
    s.request.observed_end = true;
    iterate_trailers(s, f, 0);
}

/// A filter that had stopped lets go (`continueDecoding`).
pub(crate) fn resume(s: &mut Stream, f: &mut dyn FilterCallbacks, at: usize) {
    if s.is_over() || s.request.aborted {
        return;
    }
    // A filter that holds nothing has nothing to let go: the headers are still with one before it. Envoy takes it that no
    // filter asks for that.
    if s.filters.get(at).is_none_or(|place| !place.decode.reached) {
        return;
    }
    if s.enter_resume() {
        continue_iteration(s, f, at);
        s.resuming -= 1;
    }
}

fn continue_iteration(s: &mut Stream, f: &mut dyn FilterCallbacks, at: usize) {
    let Some(place) = s.filters.get_mut(at) else { return };
    if place.decode.stopped_all() {
        place.decode.from_current = true;
    }
    place.decode.iteration = IterationState::Continue;
    let continued = std::mem::replace(&mut place.decode.headers_continued, true);
    let had_trailers = s.request.trailers.is_some();
    if !continued {
        let end = s.request.observed_end && s.request.buffer.is_none() && !had_trailers;
        iterate_headers(s, f, at + 1, end);
    }
    if s.is_over() || s.request.aborted {
        return;
    }
    let from = if s.filters.get(at).is_some_and(|place| place.decode.from_current) { at } else { at + 1 };
    if s.request.buffer.is_some() {
        let end = s.request.observed_end && !had_trailers;
        iterate_data(s, f, from, BodySource::Buffer, end);
    }
    if had_trailers && !s.is_over() && !s.request.aborted {
        iterate_trailers(s, f, from);
    }
    if let Some(place) = s.filters.get_mut(at) {
        place.decode.from_current = false;
    }
}

fn iterate_headers(s: &mut Stream, f: &mut dyn FilterCallbacks, from: usize, end: bool) {
    for at in from..s.filters.len() {
        if s.is_over() {
            return;
        }
        s.calling = RunningCallback::Decoding;
        if let Some(place) = s.filters.get_mut(at) {
            place.decode.reached = true;
            place.decode.end = end;
        }
        let count = s.request.headers.as_ref().map_or(0, Headers::len);
        let mut answer = super::callback_scope::call(s, f, at, Callback::RequestHeaders { count, end });
        if s.request.aborted {
            local_reply::execute_prepared(s, f);
            answer = CallbackStatus::Stop;
        }
        s.calling = RunningCallback::Nothing;
        if s.is_over() || s.request.aborted {
            return;
        }
        let Some(place) = s.filters.get_mut(at) else { return };
        match answer {
            CallbackStatus::Continue => place.decode.headers_continued = true,
            CallbackStatus::StopAllWatermark => place.decode.iteration = IterationState::StopAllWatermark,
            CallbackStatus::StopAllBuffer => place.decode.iteration = IterationState::StopAllBuffer,
            _ => place.decode.iteration = IterationState::StopSingle,
        }
        if answer != CallbackStatus::Continue {
            return;
        }
    }
    if s.is_over() {
        return;
    }
    // The router, the last filter of every chain.
    s.calling = RunningCallback::Decoding;
    let instead = f.route(s);
    if let Some(local) = instead {
        s.request.aborted = true;
        s.calling = RunningCallback::Nothing;
        local_reply::send(s, f, local);
        return;
    }
    s.calling = RunningCallback::Nothing;
    let headers = s.request.headers.clone().unwrap_or_default();
    s.outputs.push_back(ChainOutput::RequestHeaders(headers, end));
}

fn iterate_data(s: &mut Stream, f: &mut dyn FilterCallbacks, from: usize, data: BodySource, end: bool) {
    if s.is_over() || s.request.aborted {
        return;
    }
    let mut end = end;
    let mut trailers_from = None;
    let had_trailers = s.request.trailers.is_some();
    for at in from..s.filters.len() {
        let Some(place) = s.filters.get_mut(at) else { return };
        if place.decode.stopped_all() {
            s.request.streaming = place.decode.iteration == IterationState::StopAllWatermark;
            buffer(s, f, data);
            return;
        }
        if place.decode.end {
            return;
        }
        s.calling = RunningCallback::Decoding;
        let filter_end = end && s.request.trailers.is_none();
        if let Some(place) = s.filters.get_mut(at) {
            place.decode.end = filter_end;
        }
        let answer = super::callback_scope::data(s, f, at, data, filter_end, true);
        if s.request.aborted {
            local_reply::execute_prepared(s, f);
            s.calling = RunningCallback::Nothing;
            return;
        }
        s.calling = RunningCallback::Nothing;
        if s.is_over() {
            return;
        }
        if !had_trailers && s.request.trailers.is_some() && trailers_from.is_none() {
            end = false;
            trailers_from = Some(at);
        }
        if !after_data(s, f, at, answer, data) {
            return;
        }
    }
    if s.is_over() {
        return;
    }
    let bytes = match data {
        BodySource::Buffer => s.request.buffer.as_mut().map(std::mem::take).unwrap_or_default(),
        _ => std::mem::take(&mut s.request.frame),
    };
    s.outputs.push_back(ChainOutput::RequestData(bytes, end));
    if let Some(added) = trailers_from {
        iterate_trailers(s, f, added + 1);
    }
}

/// What becomes of the data and of the iteration after a filter's data callback; whether the next filter is to have it.
fn after_data(
    s: &mut Stream,
    f: &mut dyn FilterCallbacks,
    at: usize,
    answer: CallbackStatus,
    data: BodySource,
) -> bool {
    let observed_end = s.request.observed_end;
    let has_trailers = s.request.trailers.is_some();
    let Some(place) = s.filters.get_mut(at) else { return false };
    match answer {
        CallbackStatus::Continue => {
            if place.decode.iteration != IterationState::StopSingle {
                return true;
            }
            buffer(s, f, data);
            resume(s, f, at);
            false
        }
        CallbackStatus::StopNoBuffer => {
            place.decode.iteration = IterationState::StopSingle;
            if observed_end && !has_trailers && s.request.buffer.is_none() {
                s.request.buffer = Some(Vec::new());
            }
            false
        }
        _ => {
            place.decode.iteration = IterationState::StopSingle;
            s.request.streaming = answer == CallbackStatus::StopWatermark;
            buffer(s, f, data);
            false
        }
    }
}

/// Moves the frame into the chain's buffer, and answers 413 if that is more than fits.
pub(super) fn buffer(s: &mut Stream, f: &mut dyn FilterCallbacks, data: BodySource) {
    if data != BodySource::Buffer {
        let frame = std::mem::take(&mut s.request.frame);
        s.request.buffer.get_or_insert_default().extend(frame);
    }
    let size = s.request.buffer.as_ref().map_or(0, Vec::len);
    if size > s.buffer_limit && !s.request.streaming && !s.request.too_large {
        s.request.too_large = true;
        local_reply::send(s, f, local_reply::LocalReply::plain(413, "Payload Too Large", "request_payload_too_large"));
    }
}

fn iterate_trailers(s: &mut Stream, f: &mut dyn FilterCallbacks, from: usize) {
    for at in from..s.filters.len() {
        if s.is_over() || s.request.aborted {
            return;
        }
        let Some(place) = s.filters.get_mut(at) else { return };
        if place.decode.stopped_all() {
            return;
        }
        s.calling = RunningCallback::Decoding;
        let count = s.request.trailers.as_ref().map_or(0, Headers::len);
        let mut answer = super::callback_scope::call(s, f, at, Callback::RequestTrailers { count });
        if let Some(place) = s.filters.get_mut(at) {
            place.decode.end = true;
        }
        if s.request.aborted {
            local_reply::execute_prepared(s, f);
            answer = CallbackStatus::Stop;
        }
        s.calling = RunningCallback::Nothing;
        if s.is_over() || s.request.aborted {
            return;
        }
        let Some(place) = s.filters.get_mut(at) else { return };
        if answer == CallbackStatus::Continue {
            if place.decode.iteration == IterationState::StopSingle {
                resume(s, f, at);
                return;
            }
        } else {
            if place.decode.iteration == IterationState::Continue {
                place.decode.iteration = IterationState::StopSingle;
            }
            return;
        }
    }
    if s.is_over() {
        return;
    }
    let trailers = s.request.trailers.clone().unwrap_or_default();
    s.outputs.push_back(ChainOutput::RequestTrailers(trailers));
}
