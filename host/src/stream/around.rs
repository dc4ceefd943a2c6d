//! What surrounds each callback of a filter: what its context may see before, during and after it.

use super::{Answer, BodyAt, Callback, Filters, Kind, Stream, decode, encode};

/// A headers or trailers callback.
pub(super) fn call(s: &mut Stream, f: &mut dyn Filters, at: usize, callback: Callback) -> Answer {
    let Some(place) = s.places.get_mut(at) else { return Answer::Continue };
    match place.kind {
        Kind::Absent => return Answer::Continue,
        Kind::Buffer { limit } => return buffer_filter(s, limit, callback),
        Kind::Guest { .. } | Kind::Failed => {}
    }
    // A context that has never seen the request does not exist in the virtual machine; nothing else is for it.
    let first = matches!(callback, Callback::RequestHeaders { .. });
    if !first && !place.created && !matches!(place.kind, Kind::Failed) {
        return Answer::Continue;
    }
    match callback {
        Callback::RequestHeaders { end, .. } => {
            place.request_headers = true;
            place.end_of_stream = end;
        }
        Callback::ResponseHeaders { end, .. } => {
            place.response_headers = true;
            place.end_of_stream = end;
        }
        Callback::RequestTrailers { .. } => place.request_trailers = true,
        Callback::ResponseTrailers { .. } => place.response_trailers = true,
        Callback::RequestBody { .. } | Callback::ResponseBody { .. } => {}
    }
    let answer = f.call(s, at, callback);
    if answer == Answer::Continue
        && let Some(place) = s.places.get_mut(at)
    {
        match callback {
            Callback::RequestHeaders { .. } => place.request_headers = false,
            Callback::ResponseHeaders { .. } => place.response_headers = false,
            Callback::RequestTrailers { .. } => place.request_trailers = false,
            Callback::ResponseTrailers { .. } => place.response_trailers = false,
            Callback::RequestBody { .. } | Callback::ResponseBody { .. } => {}
        }
    }
    answer
}

/// A data callback: a filter that is buffering gets its frame added to the buffer first, and sees all of it.
pub(super) fn data(s: &mut Stream, f: &mut dyn Filters, at: usize, data: BodyAt, end: bool, request: bool) -> Answer {
    let Some(place) = s.places.get_mut(at) else { return Answer::Continue };
    match place.kind {
        Kind::Absent => return Answer::Continue,
        Kind::Buffer { limit } => {
            return buffer_filter(s, limit, if request { body(request, 0, end) } else { body(false, 0, end) });
        }
        Kind::Failed => return f.call(s, at, body(request, 0, end)),
        Kind::Guest { .. } if !place.created => return Answer::Continue,
        Kind::Guest { .. } => {}
    }
    let buffering = if request { place.buffering_request } else { place.buffering_response };
    if buffering {
        if request {
            s.request.streaming = false;
            decode::buffer(s, f, data);
        } else {
            s.response.streaming = false;
            encode::buffer(s, f, data);
        }
    }
    let Some(place) = s.places.get_mut(at) else { return Answer::Continue };
    place.end_of_stream = end;
    if request {
        place.request_body = data;
    } else {
        place.response_body = data;
    }
    if s.is_over() {
        // The buffer's limit has ended the stream.
        return Answer::StopNoBuffer;
    }
    let size = s.body(at, request).map_or(0, |bytes| bytes.len());
    let answer = f.call(s, at, body(request, size, end));
    if let Some(place) = s.places.get_mut(at) {
        let (body, buffering) = if request {
            (&mut place.request_body, &mut place.buffering_request)
        } else {
            (&mut place.response_body, &mut place.buffering_response)
        };
        *buffering = answer == Answer::Stop;
        if answer == Answer::Continue {
            *body = BodyAt::None;
        }
    }
    answer
}

fn body(request: bool, size: usize, end: bool) -> Callback {
    if request { Callback::RequestBody { size, end } } else { Callback::ResponseBody { size, end } }
}

/// Envoy's own `buffer` filter: holds headers and body until the request is complete, and then states its size.
fn buffer_filter(s: &mut Stream, limit: usize, callback: Callback) -> Answer {
    match callback {
        Callback::RequestHeaders { end: true, .. } => Answer::Continue,
        Callback::RequestHeaders { .. } => {
            s.buffer_limit = limit;
            Answer::Stop
        }
        Callback::RequestBody { end, .. } => {
            if end {
                state_size(s);
                Answer::Continue
            } else {
                Answer::Stop
            }
        }
        Callback::RequestTrailers { .. } => {
            state_size(s);
            Answer::Continue
        }
        _ => Answer::Continue,
    }
}

/// A request without a `content-length` gets one, as the whole of it is known now.
fn state_size(s: &mut Stream) {
    let size = s.request.buffer.as_ref().map_or(0, Vec::len) + s.request.frame.len();
    if let Some(headers) = &mut s.request.headers
        && !headers.contains("content-length")
    {
        headers.set("content-length", size.to_string());
    }
}
