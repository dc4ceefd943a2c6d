//! Scope of one filter callback: which maps and which body the filter's context can access during it and afterwards.

use super::chain::FilterChain;
use super::{BodySource, Callback, CallbackPart, CallbackStatus, Direction, FilterKind, Stream};

impl FilterChain<'_> {
    /// Runs a headers or trailers callback of the filter at an index.
    pub(super) fn call(&mut self, at: usize, part: CallbackPart) -> CallbackStatus {
        let direction = self.direction;
        let Some(slot) = self.stream.filters.get_mut(at) else { return CallbackStatus::Continue };
        match slot.kind {
            FilterKind::Absent => return CallbackStatus::Continue,
            FilterKind::Buffer { limit } => return buffer_filter(self.stream, limit, direction, part),
            FilterKind::Guest { .. } | FilterKind::Failed => {}
        }
        // A context that has never seen the request does not exist in the virtual machine, so no other callback reaches it.
        let creates = direction == Direction::Decode && matches!(part, CallbackPart::Headers { .. });
        if !creates && !slot.created && !matches!(slot.kind, FilterKind::Failed) {
            return CallbackStatus::Continue;
        }
        if let CallbackPart::Headers { end, .. } = part {
            slot.end_of_stream = end;
        }
        set_visible(slot.state_mut(direction), part, true);
        let status = self.filters.call(self.stream, at, Callback { direction, part });
        if status == CallbackStatus::Continue
            && let Some(slot) = self.stream.filters.get_mut(at)
        {
            set_visible(slot.state_mut(direction), part, false);
        }
        status
    }

    /// Runs a data callback. If the filter is buffering, its frame is added to the buffer first, and the filter sees all of
    /// the buffer.
    pub(super) fn call_data(&mut self, at: usize, body: BodySource, end: bool) -> CallbackStatus {
        let direction = self.direction;
        let Some(slot) = self.stream.filters.get_mut(at) else { return CallbackStatus::Continue };
        let nothing = CallbackPart::Body { size: 0, end };
        match slot.kind {
            FilterKind::Absent => return CallbackStatus::Continue,
            FilterKind::Buffer { limit } => return buffer_filter(self.stream, limit, direction, nothing),
            FilterKind::Failed => return self.filters.call(self.stream, at, Callback { direction, part: nothing }),
            FilterKind::Guest { .. } if !slot.created => return CallbackStatus::Continue,
            FilterKind::Guest { .. } => {}
        }
        if slot.state(direction).buffering {
            self.message().streaming = false;
            self.buffer(body);
        }
        let Some(slot) = self.stream.filters.get_mut(at) else { return CallbackStatus::Continue };
        slot.end_of_stream = end;
        slot.state_mut(direction).body = body;
        if self.stream.is_over() {
            // The buffer's limit has ended the stream.
            return CallbackStatus::StopNoBuffer;
        }
        let size = self.stream.body(at, direction).map_or(0, |bytes| bytes.len());
        let callback = Callback { direction, part: CallbackPart::Body { size, end } };
        let status = self.filters.call(self.stream, at, callback);
        if let Some(slot) = self.stream.filters.get_mut(at) {
            let state = slot.state_mut(direction);
            state.buffering = status == CallbackStatus::Stop;
            if status == CallbackStatus::Continue {
                state.body = BodySource::None;
            }
        }
        status
    }
}

fn set_visible(state: &mut super::FilterState, part: CallbackPart, visible: bool) {
    match part {
        CallbackPart::Headers { .. } => state.headers_visible = visible,
        CallbackPart::Trailers { .. } => state.trailers_visible = visible,
        CallbackPart::Body { .. } => {}
    }
}

/// Runs Envoy's own `buffer` filter: holds headers and body until the request is complete, then sets its `content-length`.
fn buffer_filter(stream: &mut Stream, limit: usize, direction: Direction, part: CallbackPart) -> CallbackStatus {
    if direction == Direction::Encode {
        return CallbackStatus::Continue;
    }
    match part {
        CallbackPart::Headers { end: true, .. } => CallbackStatus::Continue,
        CallbackPart::Headers { .. } => {
            stream.buffer_limit = limit;
            CallbackStatus::Stop
        }
        CallbackPart::Body { end: false, .. } => CallbackStatus::Stop,
        CallbackPart::Body { .. } | CallbackPart::Trailers { .. } => {
            add_content_length(stream);
            CallbackStatus::Continue
        }
    }
}

/// Adds a `content-length` to a complete request that has none.
fn add_content_length(stream: &mut Stream) {
    let size = stream.request.buffer.as_ref().map_or(0, Vec::len) + stream.request.frame.len();
    if let Some(headers) = &mut stream.request.headers
        && !headers.contains("content-length")
    {
        headers.set("content-length", size.to_string());
    }
}
