//! What surrounds each callback of a filter: what its context may see before, during and after it.

use super::{BodySource, Callback, CallbackStatus, FilterCallbacks, FilterKind, Stream, decode, encode};

/// A headers or trailers callback.
pub(super) fn call(s: &mut Stream, f: &mut dyn FilterCallbacks, at: usize, callback: Callback) -> CallbackStatus {
    let Some(place) = s.filters.get_mut(at) else { return CallbackStatus::Continue };
    match place.kind {
        FilterKind::Absent => return CallbackStatus::Continue,
        FilterKind::Buffer { limit } => return buffer_filter(s, limit, callback),
        FilterKind::Guest { .. } | FilterKind::Failed => {}
    }
    // A context that has never seen the request does not exist in the virtual machine; nothing else is for it.
    let first = matches!(callback, Callback::RequestHeaders { .. });
    if !first && !place.created && !matches!(place.kind, FilterKind::Failed) {
        return CallbackStatus::Continue;
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
    if answer == CallbackStatus::Continue
        && let Some(place) = s.filters.get_mut(at)
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
pub(super) fn data(
    s: &mut Stream,
    f: &mut dyn FilterCallbacks,
    at: usize,
    data: BodySource,
    end: bool,
    request: bool,
) -> CallbackStatus {
    let Some(place) = s.filters.get_mut(at) else { return CallbackStatus::Continue };
    match place.kind {
        FilterKind::Absent => return CallbackStatus::Continue,
        FilterKind::Buffer { limit } => {
            return buffer_filter(s, limit, if request { body(request, 0, end) } else { body(false, 0, end) });
        }
        FilterKind::Failed => return f.call(s, at, body(request, 0, end)),
        FilterKind::Guest { .. } if !place.created => return CallbackStatus::Continue,
        FilterKind::Guest { .. } => {}
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
    let Some(place) = s.filters.get_mut(at) else { return CallbackStatus::Continue };
    place.end_of_stream = end;
    if request {
        place.request_body = data;
    } else {
        place.response_body = data;
    }
    if s.is_over() {
        // The buffer's limit has ended the stream.
        return CallbackStatus::StopNoBuffer;
    }
    let size = s.body(at, request).map_or(0, |bytes| bytes.len());
    let answer = f.call(s, at, body(request, size, end));
    if let Some(place) = s.filters.get_mut(at) {
        let (body, buffering) = if request {
            (&mut place.request_body, &mut place.buffering_request)
        } else {
            (&mut place.response_body, &mut place.buffering_response)
        };
        *buffering = answer == CallbackStatus::Stop;
        if answer == CallbackStatus::Continue {
            *body = BodySource::None;
        }
    }
    answer
}

fn body(request: bool, size: usize, end: bool) -> Callback {
    if request { Callback::RequestBody { size, end } } else { Callback::ResponseBody { size, end } }
}

/// Envoy's own `buffer` filter: holds headers and body until the request is complete, and then states its size.
fn buffer_filter(s: &mut Stream, limit: usize, callback: Callback) -> CallbackStatus {
    match callback {
        Callback::RequestHeaders { end: true, .. } => CallbackStatus::Continue,
        Callback::RequestHeaders { .. } => {
            s.buffer_limit = limit;
            CallbackStatus::Stop
        }
        Callback::RequestBody { end, .. } => {
            if end {
                state_size(s);
                CallbackStatus::Continue
            } else {
                CallbackStatus::Stop
            }
        }
        Callback::RequestTrailers { .. } => {
            state_size(s);
            CallbackStatus::Continue
        }
        _ => CallbackStatus::Continue,
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
