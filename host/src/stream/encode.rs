//! The response's way through the chain, last filter to client.

use super::{
    BodySource, Callback, CallbackStatus, ChainOutput, FilterCallbacks, IterationState, RunningCallback, Stream,
    StreamEnd, local_reply,
};
use crate::{End, Headers};

/// Headers arrive from the upstream, or from a local reply.
pub(crate) fn headers(s: &mut Stream, f: &mut dyn FilterCallbacks, headers: Headers, end: bool) {
    if s.is_over() || s.response.headers.is_some() {
        return;
    }
    s.info.code = headers.text(":status").and_then(|status| status.parse().ok()).unwrap_or_default();
    s.response.headers = Some(headers);
    s.response.observed_end = end;
    let from = s.filters.len();
    iterate_headers(s, f, from, end);
}

/// A frame arrives from the upstream, or from a local reply.
pub(crate) fn data(s: &mut Stream, f: &mut dyn FilterCallbacks, bytes: Vec<u8>, end: bool) {
    if !s.response.is_coming() || s.is_over() {
        return;
    }
    s.response.observed_end = end;
    s.response.frame = bytes;
    let from = s.filters.len();
    iterate_data(s, f, from, BodySource::Frame, end);
    s.response.frame.clear();
}

/// Trailers arrive from the upstream.
pub(crate) fn trailers(s: &mut Stream, f: &mut dyn FilterCallbacks, trailers: Headers) {
    if !s.response.is_coming() || s.is_over() {
        return;
    }
    s.response.trailers = Some(trailers);
    s.response.observed_end = true;
    let from = s.filters.len();
    iterate_trailers(s, f, from);
}

/// A filter that had stopped lets go (`continueEncoding`).
pub(crate) fn resume(s: &mut Stream, f: &mut dyn FilterCallbacks, at: usize) {
    if s.is_over() || s.response.aborted {
        return;
    }
    // Nothing to continue before there is a response, nor before its headers have come this far.
    if s.response.headers.is_none() || s.filters.get(at).is_none_or(|place| !place.encode.reached) {
        return;
    }
    if s.enter_resume() {
        continue_iteration(s, f, at);
        s.resuming -= 1;
    }
}

fn continue_iteration(s: &mut Stream, f: &mut dyn FilterCallbacks, at: usize) {
    let Some(place) = s.filters.get_mut(at) else { return };
    if place.encode.stopped_all() {
        place.encode.from_current = true;
    }
    place.encode.iteration = IterationState::Continue;
    let continued = std::mem::replace(&mut place.encode.headers_continued, true);
    let had_trailers = s.response.trailers.is_some();
    if !continued {
        let end = s.response.observed_end && s.response.buffer.is_none() && !had_trailers;
        iterate_headers(s, f, at, end);
    }
    if s.is_over() || s.response.aborted {
        return;
    }
    // `from` is one behind the first filter to be called: the iteration counts down.
    let from = if s.filters.get(at).is_some_and(|place| place.encode.from_current) { at + 1 } else { at };
    if s.response.buffer.is_some() {
        let end = s.response.observed_end && !had_trailers;
        iterate_data(s, f, from, BodySource::Buffer, end);
    }
    if had_trailers && !s.is_over() && !s.response.aborted {
        iterate_trailers(s, f, from);
    }
    if let Some(place) = s.filters.get_mut(at) {
        place.encode.from_current = false;
    }
}

fn iterate_headers(s: &mut Stream, f: &mut dyn FilterCallbacks, from: usize, end: bool) {
    for at in (0..from).rev() {
        s.calling = RunningCallback::Encoding;
        if let Some(place) = s.filters.get_mut(at) {
            place.encode.reached = true;
            place.encode.end = end;
        }
        let count = s.response.headers.as_ref().map_or(0, Headers::len);
        let answer = super::callback_scope::call(s, f, at, Callback::ResponseHeaders { count, end });
        s.calling = RunningCallback::Nothing;
        if s.is_over() || s.response.aborted {
            return;
        }
        let Some(place) = s.filters.get_mut(at) else { return };
        match answer {
            CallbackStatus::Continue => place.encode.headers_continued = true,
            CallbackStatus::StopAllWatermark => place.encode.iteration = IterationState::StopAllWatermark,
            CallbackStatus::StopAllBuffer => place.encode.iteration = IterationState::StopAllBuffer,
            _ => place.encode.iteration = IterationState::StopSingle,
        }
        if answer != CallbackStatus::Continue {
            return;
        }
    }
    let headers = s.response.headers.clone().unwrap_or_default();
    if headers.text(":status").is_none() {
        // A filter that takes the status away has broken the response.
        let details = "filter_removed_required_response_headers{missing_required_header:_:status}";
        local_reply::send(s, f, local_reply::LocalReply::plain(502, "missing required header: :status", details));
        return;
    }
    send_headers(s, headers, end);
}

/// The connection manager's last touch, and out.
pub(super) fn send_headers(s: &mut Stream, mut headers: Headers, end: bool) {
    s.headers_sent = true;
    if s.parent != 0 {
        s.outputs.push_back(ChainOutput::ResponseHeaders(headers, end));
        if end {
            s.over = Some(StreamEnd::Complete);
        }
        return;
    }
    headers.remove("transfer-encoding");
    headers.remove("keep-alive");
    headers.remove("connection");
    headers.set("server", "envoy");
    if !headers.contains("date") {
        headers.add("date", http_date(s.info.start_ns));
    }
    if !s.http2 && !s.request.observed_end {
        headers.add("connection", "close");
    }
    if !s.response.aborted {
        // The filters' own map is the one that left; after a direct local reply they still see the upstream's.
        s.response.headers = Some(headers.clone());
    }
    s.sent = Some(headers.clone());
    let bodiless = matches!(headers.text(":status"), Some("204" | "304"));
    if !s.http2 && !bodiless && !s.head_request && !headers.contains("content-length") {
        // What the codec adds on the wire.
        if end {
            headers.add("content-length", "0");
        } else {
            headers.add("transfer-encoding", "chunked");
        }
    }
    s.info.response_headers_size = u64::try_from(headers.byte_size()).unwrap_or(u64::MAX);
    s.info.code = headers.text(":status").and_then(|status| status.parse().ok()).unwrap_or_default();
    s.client.status = s.info.code;
    s.client.headers = headers;
    finish(s, end);
}

fn finish(s: &mut Stream, end: bool) {
    if end && s.over.is_none() {
        s.over = Some(StreamEnd::Complete);
        let bodiless = s.head_request || matches!(s.client.status, 204 | 304);
        s.client.end = match remaining_content_length(s) {
            Some(room) if room > 0 && !bodiless && s.http2 => End::Truncated,
            Some(room) if room > 0 && !bodiless => {
                End::Stalled(format!("the answer is over, {room} bytes short of its content-length"))
            }
            _ => End::Complete,
        };
    }
}

fn iterate_data(s: &mut Stream, f: &mut dyn FilterCallbacks, from: usize, data: BodySource, end: bool) {
    if s.is_over() || s.response.aborted {
        return;
    }
    let mut trailers_from = None;
    let had_trailers = s.response.trailers.is_some();
    for at in (0..from).rev() {
        let Some(place) = s.filters.get_mut(at) else { return };
        if place.encode.stopped_all() {
            s.response.streaming = place.encode.iteration == IterationState::StopAllWatermark;
            buffer(s, f, data);
            return;
        }
        if place.encode.end {
            return;
        }
        s.calling = RunningCallback::Encoding;
        let filter_end = end && s.response.trailers.is_none();
        if let Some(place) = s.filters.get_mut(at) {
            place.encode.end = filter_end;
        }
        let answer = super::callback_scope::data(s, f, at, data, filter_end, false);
        s.calling = RunningCallback::Nothing;
        if s.is_over() || s.response.aborted {
            return;
        }
        if !had_trailers && s.response.trailers.is_some() && trailers_from.is_none() {
            trailers_from = Some(at);
        }
        if !after_data(s, f, at, answer, data) {
            return;
        }
    }
    let end = end && trailers_from.is_none();
    let bytes = match data {
        BodySource::Buffer => s.response.buffer.as_mut().map(std::mem::take).unwrap_or_default(),
        _ => std::mem::take(&mut s.response.frame),
    };
    send_data(s, bytes, end);
    if let Some(added) = trailers_from {
        iterate_trailers(s, f, added);
    }
}

pub(super) fn send_data(s: &mut Stream, bytes: Vec<u8>, end: bool) {
    if s.parent != 0 {
        s.outputs.push_back(ChainOutput::ResponseData(bytes, end));
        if end {
            s.over = Some(StreamEnd::Complete);
        }
        return;
    }
    s.info.sent += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if !bytes.is_empty() && !s.head_request {
        receive(s, bytes);
    }
    finish(s, end);
}

/// Bytes that the announced length leaves to come, if one was announced.
fn remaining_content_length(s: &Stream) -> Option<usize> {
    let length: usize = s.client.headers.text("content-length")?.parse().ok()?;
    let so_far: usize = s.client.frames.iter().map(Vec::len).sum();
    Some(length.saturating_sub(so_far))
}

/// What the client makes of it: over HTTP/1 it reads no further than the length it was told.
fn receive(s: &mut Stream, mut bytes: Vec<u8>) {
    if let Some(room) = remaining_content_length(s)
        && bytes.len() > room
    {
        if s.http2 {
            // The codec refuses to send it.
            s.over = Some(StreamEnd::Reset);
            s.client.end = End::Truncated;
            return;
        }
        s.client.excess_bytes += bytes.len() - room;
        bytes.truncate(room);
    }
    if !bytes.is_empty() {
        s.client.frames.push(bytes);
    }
}

fn after_data(
    s: &mut Stream,
    f: &mut dyn FilterCallbacks,
    at: usize,
    answer: CallbackStatus,
    data: BodySource,
) -> bool {
    let observed_end = s.response.observed_end;
    let has_trailers = s.response.trailers.is_some();
    let Some(place) = s.filters.get_mut(at) else { return false };
    match answer {
        CallbackStatus::Continue => {
            if place.encode.iteration != IterationState::StopSingle {
                return true;
            }
            buffer(s, f, data);
            resume(s, f, at);
            false
        }
        CallbackStatus::StopNoBuffer => {
            place.encode.iteration = IterationState::StopSingle;
            if observed_end && !has_trailers && s.response.buffer.is_none() {
                s.response.buffer = Some(Vec::new());
            }
            false
        }
        _ => {
            place.encode.iteration = IterationState::StopSingle;
            s.response.streaming = answer == CallbackStatus::StopWatermark;
            buffer(s, f, data);
            false
        }
    }
}

/// Moves the frame into the chain's buffer; more than fits is answered 500, or cut if headers have left already.
pub(super) fn buffer(s: &mut Stream, f: &mut dyn FilterCallbacks, data: BodySource) {
    if data != BodySource::Buffer {
        let frame = std::mem::take(&mut s.response.frame);
        s.response.buffer.get_or_insert_default().extend(frame);
    }
    let size = s.response.buffer.as_ref().map_or(0, Vec::len);
    if size > s.buffer_limit && !s.response.streaming && !s.response.too_large {
        s.response.too_large = true;
        local_reply::send(
            s,
            f,
            local_reply::LocalReply::plain(500, "Internal Server Error", "response_payload_too_large"),
        );
    }
}

fn iterate_trailers(s: &mut Stream, f: &mut dyn FilterCallbacks, from: usize) {
    for at in (0..from).rev() {
        if s.is_over() || s.response.aborted {
            return;
        }
        let Some(place) = s.filters.get_mut(at) else { return };
        if place.encode.stopped_all() {
            return;
        }
        s.calling = RunningCallback::Encoding;
        let count = s.response.trailers.as_ref().map_or(0, Headers::len);
        let answer = super::callback_scope::call(s, f, at, Callback::ResponseTrailers { count });
        s.calling = RunningCallback::Nothing;
        if s.is_over() || s.response.aborted {
            return;
        }
        let Some(place) = s.filters.get_mut(at) else { return };
        place.encode.end = true;
        if answer == CallbackStatus::Continue {
            if place.encode.iteration == IterationState::StopSingle {
                resume(s, f, at);
                return;
            }
        } else {
            if place.encode.iteration == IterationState::Continue {
                place.encode.iteration = IterationState::StopSingle;
            }
            return;
        }
    }
    if s.is_over() {
        return;
    }
    let trailers = s.response.trailers.clone().unwrap_or_default();
    if s.parent != 0 {
        s.outputs.push_back(ChainOutput::ResponseTrailers(trailers));
        s.over = Some(StreamEnd::Complete);
        return;
    }
    s.info.response_trailers_size = u64::try_from(trailers.byte_size()).unwrap_or(u64::MAX);
    s.client.trailers = Some(trailers);
    finish(s, true);
}

/// A date as HTTP writes it, e.g. `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(unix_ns: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = unix_ns / 1_000_000_000;
    let days = seconds / 86_400;
    // Civil from days, for the proleptic Gregorian calendar with eras of 400 years that begin on 1 March.
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    let name = |names: &[&'static str], at: u64| {
        usize::try_from(at).ok().and_then(|at| names.get(at).copied()).unwrap_or_default()
    };
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} GMT",
        name(&DAYS, days % 7),
        name(&MONTHS, month - 1),
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_http_dates() {
        assert_eq!(http_date(784_111_777_000_000_000), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(1_767_225_600_000_000_000), "Thu, 01 Jan 2026 00:00:00 GMT");
        assert_eq!(http_date(1_709_164_800_000_000_000), "Thu, 29 Feb 2024 00:00:00 GMT");
    }
}
