//! The request's way through the chain, first filter to router.

use super::{Answer, BodyAt, Callback, Calling, Filters, Iteration, Output, Stream, reply};
use crate::Headers;

/// Headers arrive from the client.
pub(crate) fn headers(s: &mut Stream, f: &mut dyn Filters, headers: Headers, end: bool) {
    s.request.headers = Some(headers);
    s.request.observed_end = end;
    iterate_headers(s, f, 0, end);
}

/// A frame arrives from the client.
pub(crate) fn data(s: &mut Stream, f: &mut dyn Filters, bytes: Vec<u8>, end: bool) {
    if !s.request.is_coming() || s.is_over() {
        return;
    }
    s.request.observed_end = end;
    s.request.frame = bytes;
    iterate_data(s, f, 0, BodyAt::Frame, end);
    s.request.frame.clear();
}

/// Trailers arrive from the client.
pub(crate) fn trailers(s: &mut Stream, f: &mut dyn Filters, trailers: Headers) {
    if !s.request.is_coming() || s.is_over() {
        return;
    }
    s.request.trailers = Some(trailers);
    s.request.observed_end = true;
    iterate_trailers(s, f, 0);
}

/// A filter that had stopped lets go (`continueDecoding`).
pub(crate) fn resume(s: &mut Stream, f: &mut dyn Filters, at: usize) {
    if s.is_over() || s.request.aborted {
        return;
    }
    // A filter that holds nothing has nothing to let go: the headers are still with one before it. Envoy takes it that no
    // filter asks for that.
    if s.places.get(at).is_none_or(|place| !place.decode.reached) {
        return;
    }
    if s.enters_resume() {
        let_go(s, f, at);
        s.resuming -= 1;
    }
}

fn let_go(s: &mut Stream, f: &mut dyn Filters, at: usize) {
    let Some(place) = s.places.get_mut(at) else { return };
    if place.decode.stopped_all() {
        place.decode.from_current = true;
    }
    place.decode.iteration = Iteration::Continue;
    let continued = std::mem::replace(&mut place.decode.headers_continued, true);
    let had_trailers = s.request.trailers.is_some();
    if !continued {
        let end = s.request.observed_end && s.request.buffer.is_none() && !had_trailers;
        iterate_headers(s, f, at + 1, end);
    }
    if s.is_over() || s.request.aborted {
        return;
    }
    let from = if s.places.get(at).is_some_and(|place| place.decode.from_current) { at } else { at + 1 };
    if s.request.buffer.is_some() {
        let end = s.request.observed_end && !had_trailers;
        iterate_data(s, f, from, BodyAt::Buffer, end);
    }
    if had_trailers && !s.is_over() && !s.request.aborted {
        iterate_trailers(s, f, from);
    }
    if let Some(place) = s.places.get_mut(at) {
        place.decode.from_current = false;
    }
}

fn iterate_headers(s: &mut Stream, f: &mut dyn Filters, from: usize, end: bool) {
    for at in from..s.places.len() {
        if s.is_over() {
            return;
        }
        s.calling = Calling::Decoding;
        if let Some(place) = s.places.get_mut(at) {
            place.decode.reached = true;
            place.decode.end = end;
        }
        let count = s.request.headers.as_ref().map_or(0, Headers::len);
        let mut answer = super::around::call(s, f, at, Callback::RequestHeaders { count, end });
        if s.request.aborted {
            reply::execute_prepared(s, f);
            answer = Answer::Stop;
        }
        s.calling = Calling::Nothing;
        if s.is_over() || s.request.aborted {
            return;
        }
        let Some(place) = s.places.get_mut(at) else { return };
        match answer {
            Answer::Continue => place.decode.headers_continued = true,
            Answer::StopAllWatermark => place.decode.iteration = Iteration::StopAllWatermark,
            Answer::StopAllBuffer => place.decode.iteration = Iteration::StopAllBuffer,
            _ => place.decode.iteration = Iteration::StopSingle,
        }
        if answer != Answer::Continue {
            return;
        }
    }
    if s.is_over() {
        return;
    }
    // The router, the last filter of every chain.
    s.calling = Calling::Decoding;
    let instead = f.route(s);
    if let Some(local) = instead {
        s.request.aborted = true;
        s.calling = Calling::Nothing;
        reply::send(s, f, local);
        return;
    }
    s.calling = Calling::Nothing;
    let headers = s.request.headers.clone().unwrap_or_default();
    s.outputs.push_back(Output::RequestHeaders(headers, end));
}

fn iterate_data(s: &mut Stream, f: &mut dyn Filters, from: usize, data: BodyAt, end: bool) {
    if s.is_over() || s.request.aborted {
        return;
    }
    let mut end = end;
    let mut trailers_from = None;
    let had_trailers = s.request.trailers.is_some();
    for at in from..s.places.len() {
        let Some(place) = s.places.get_mut(at) else { return };
        if place.decode.stopped_all() {
            s.request.streaming = place.decode.iteration == Iteration::StopAllWatermark;
            buffer(s, f, data);
            return;
        }
        if place.decode.end {
            return;
        }
        s.calling = Calling::Decoding;
        let filter_end = end && s.request.trailers.is_none();
        if let Some(place) = s.places.get_mut(at) {
            place.decode.end = filter_end;
        }
        let answer = super::around::data(s, f, at, data, filter_end, true);
        if s.request.aborted {
            reply::execute_prepared(s, f);
            s.calling = Calling::Nothing;
            return;
        }
        s.calling = Calling::Nothing;
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
        BodyAt::Buffer => s.request.buffer.as_mut().map(std::mem::take).unwrap_or_default(),
        _ => std::mem::take(&mut s.request.frame),
    };
    s.outputs.push_back(Output::RequestData(bytes, end));
    if let Some(added) = trailers_from {
        iterate_trailers(s, f, added + 1);
    }
}

/// What becomes of the data and of the iteration after a filter's data callback; whether the next filter is to have it.
fn after_data(s: &mut Stream, f: &mut dyn Filters, at: usize, answer: Answer, data: BodyAt) -> bool {
    let observed_end = s.request.observed_end;
    let has_trailers = s.request.trailers.is_some();
    let Some(place) = s.places.get_mut(at) else { return false };
    match answer {
        Answer::Continue => {
            if place.decode.iteration != Iteration::StopSingle {
                return true;
            }
            buffer(s, f, data);
            resume(s, f, at);
            false
        }
        Answer::StopNoBuffer => {
            place.decode.iteration = Iteration::StopSingle;
            if observed_end && !has_trailers && s.request.buffer.is_none() {
                s.request.buffer = Some(Vec::new());
            }
            false
        }
        _ => {
            place.decode.iteration = Iteration::StopSingle;
            s.request.streaming = answer == Answer::StopWatermark;
            buffer(s, f, data);
            false
        }
    }
}

/// Moves the frame into the chain's buffer, and answers 413 if that is more than fits.
pub(super) fn buffer(s: &mut Stream, f: &mut dyn Filters, data: BodyAt) {
    if data != BodyAt::Buffer {
        let frame = std::mem::take(&mut s.request.frame);
        s.request.buffer.get_or_insert_default().extend(frame);
    }
    let size = s.request.buffer.as_ref().map_or(0, Vec::len);
    if size > s.buffer_limit && !s.request.streaming && !s.request.too_large {
        s.request.too_large = true;
        reply::send(s, f, reply::LocalReply::plain(413, "Payload Too Large", "request_payload_too_large"));
    }
}

fn iterate_trailers(s: &mut Stream, f: &mut dyn Filters, from: usize) {
    for at in from..s.places.len() {
        if s.is_over() || s.request.aborted {
            return;
        }
        let Some(place) = s.places.get_mut(at) else { return };
        if place.decode.stopped_all() {
            return;
        }
        s.calling = Calling::Decoding;
        let count = s.request.trailers.as_ref().map_or(0, Headers::len);
        let mut answer = super::around::call(s, f, at, Callback::RequestTrailers { count });
        if let Some(place) = s.places.get_mut(at) {
            place.decode.end = true;
        }
        if s.request.aborted {
            reply::execute_prepared(s, f);
            answer = Answer::Stop;
        }
        s.calling = Calling::Nothing;
        if s.is_over() || s.request.aborted {
            return;
        }
        let Some(place) = s.places.get_mut(at) else { return };
        if answer == Answer::Continue {
            if place.decode.iteration == Iteration::StopSingle {
                resume(s, f, at);
                return;
            }
        } else {
            if place.decode.iteration == Iteration::Continue {
                place.decode.iteration = Iteration::StopSingle;
            }
            return;
        }
    }
    if s.is_over() {
        return;
    }
    let trailers = s.request.trailers.clone().unwrap_or_default();
    s.outputs.push_back(Output::RequestTrailers(trailers));
}
