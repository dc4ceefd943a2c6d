//! Iteration of the filter chain in one direction, from the first filter that sees a message to its end.
//!
//! Requests are decoded from the first filter to the router, responses are encoded from the last filter to the client.
//! Everything else is the same in both directions, so there is one implementation: a *step* counts the filters in the order
//! in which the direction calls them.

use super::{
    BodySource, CallbackPart, CallbackStatus, ChainOutput, Direction, FilterCallbacks, IterationState, Stream,
};
use super::{LocalReply, Message, RunningCallback, local_reply};
use crate::Headers;

/// Filter chain of a stream in one direction.
pub(crate) struct FilterChain<'a> {
    pub(super) direction: Direction,
    pub(super) stream: &'a mut Stream,
    pub(super) filters: &'a mut dyn FilterCallbacks,
}

impl<'a> FilterChain<'a> {
    /// Returns the chain that requests pass.
    pub(crate) fn decode(stream: &'a mut Stream, filters: &'a mut dyn FilterCallbacks) -> FilterChain<'a> {
        FilterChain { direction: Direction::Decode, stream, filters }
    }

    /// Returns the chain that responses pass.
    pub(crate) fn encode(stream: &'a mut Stream, filters: &'a mut dyn FilterCallbacks) -> FilterChain<'a> {
        FilterChain { direction: Direction::Encode, stream, filters }
    }

    /// Delivers headers to the chain. A second response to one request is ignored.
    pub(crate) fn headers(&mut self, headers: Headers, end: bool) {
        if self.direction == Direction::Encode {
            if self.stream.is_over() || self.stream.response.headers.is_some() {
                return;
            }
            self.stream.info.code = status_of(&headers);
        }
        let message = self.message();
        message.headers = Some(headers);
        message.observed_end = end;
        self.iterate_headers(0, end);
    }

    /// Delivers a body frame to the chain.
    pub(crate) fn data(&mut self, bytes: Vec<u8>, end: bool) {
        if !self.message().is_incomplete() || self.stream.is_over() {
            return;
        }
        let message = self.message();
        message.observed_end = end;
        message.frame = bytes;
        self.iterate_data(0, BodySource::Frame, end);
        self.message().frame.clear();
    }

    /// Delivers trailers to the chain; they end the message.
    pub(crate) fn trailers(&mut self, trailers: Headers) {
        if !self.message().is_incomplete() || self.stream.is_over() {
            return;
        }
        let message = self.message();
        message.trailers = Some(trailers);
        message.observed_end = true;
        self.iterate_trailers(0);
    }

    /// Continues behind a filter that has stopped the iteration (`continueDecoding`, `continueEncoding`).
    pub(crate) fn resume(&mut self, at: usize) {
        if self.is_finished() {
            return;
        }
        // A filter that the headers have not reached holds nothing: they are still with one before it, or have not arrived.
        // Envoy assumes that no filter continues then.
        let direction = self.direction;
        if self.stream.filters.get(at).is_none_or(|slot| !slot.state(direction).reached) {
            return;
        }
        if self.stream.enter_resume() {
            self.continue_iteration(at);
            self.stream.resuming -= 1;
        }
    }

    /// Moves the frame into the chain's buffer. Above the buffer limit, a request is refused with 413, and a response is
    /// replaced by 500, or cut if its headers have left.
    pub(super) fn buffer(&mut self, body: BodySource) {
        let limit = self.stream.buffer_limit;
        let message = self.message();
        if body != BodySource::Buffer {
            let frame = std::mem::take(&mut message.frame);
            message.buffer.get_or_insert_default().extend(frame);
        }
        let size = message.buffer.as_ref().map_or(0, Vec::len);
        if size > limit && !message.streaming && !message.too_large {
            message.too_large = true;
            let reply = match self.direction {
                Direction::Decode => LocalReply::plain(413, "Payload Too Large", "request_payload_too_large"),
                Direction::Encode => LocalReply::plain(500, "Internal Server Error", "response_payload_too_large"),
            };
            local_reply::send(self.stream, self.filters, reply);
        }
    }

    pub(super) fn message(&mut self) -> &mut Message {
        self.stream.message(self.direction)
    }

    /// Returns `true` if no filter may be called in this direction any more.
    fn is_finished(&mut self) -> bool {
        self.stream.is_over() || self.message().aborted
    }

    /// Returns the index of the filter that a step calls.
    fn filter_at(&self, step: usize) -> usize {
        match self.direction {
            Direction::Decode => step,
            Direction::Encode => self.stream.filters.len() - 1 - step,
        }
    }

    fn step_of(&self, filter: usize) -> usize {
        // Both orders are their own inverse.
        self.filter_at(filter)
    }

    fn continue_iteration(&mut self, at: usize) {
        let direction = self.direction;
        let Some(slot) = self.stream.filters.get_mut(at) else { return };
        let state = slot.state_mut(direction);
        if state.stopped_all() {
            state.from_current = true;
        }
        state.iteration = IterationState::Continue;
        let continued = std::mem::replace(&mut state.headers_continued, true);
        let from_current = state.from_current;
        let had_trailers = self.message().trailers.is_some();
        let next = self.step_of(at) + 1;
        if !continued {
            let message = self.message();
            let end = message.observed_end && message.buffer.is_none() && !had_trailers;
            self.iterate_headers(next, end);
        }
        if self.is_finished() {
            return;
        }
        // The body has not been shown to a filter that stopped everything, so the iteration begins with it.
        let from = if from_current { next - 1 } else { next };
        if self.message().buffer.is_some() {
            let end = self.message().observed_end && !had_trailers;
            self.iterate_data(from, BodySource::Buffer, end);
        }
        if had_trailers && !self.is_finished() {
            self.iterate_trailers(from);
        }
        if let Some(slot) = self.stream.filters.get_mut(at) {
            slot.state_mut(direction).from_current = false;
        }
    }

    fn iterate_headers(&mut self, from: usize, end: bool) {
        for step in from..self.stream.filters.len() {
            if self.stream.is_over() {
                return;
            }
            let at = self.filter_at(step);
            self.begin_callback();
            if let Some(slot) = self.stream.filters.get_mut(at) {
                let state = slot.state_mut(self.direction);
                state.reached = true;
                state.end = end;
            }
            let count = self.message().headers.as_ref().map_or(0, Headers::len);
            let status = self.call(at, CallbackPart::Headers { count, end });
            self.end_callback();
            if self.is_finished() {
                return;
            }
            let Some(slot) = self.stream.filters.get_mut(at) else { return };
            let state = slot.state_mut(self.direction);
            match status {
                CallbackStatus::Continue => state.headers_continued = true,
                CallbackStatus::StopAllWatermark => state.iteration = IterationState::StopAllWatermark,
                CallbackStatus::StopAllBuffer => state.iteration = IterationState::StopAllBuffer,
                _ => state.iteration = IterationState::StopSingle,
            }
            if status != CallbackStatus::Continue {
                return;
            }
        }
        if !self.stream.is_over() {
            self.headers_leave(end);
        }
    }

    fn iterate_data(&mut self, from: usize, body: BodySource, end: bool) {
        if self.is_finished() {
            return;
        }
        let mut trailers_added_at = None;
        let had_trailers = self.message().trailers.is_some();
        for step in from..self.stream.filters.len() {
            let at = self.filter_at(step);
            let has_trailers = self.message().trailers.is_some();
            let Some(slot) = self.stream.filters.get_mut(at) else { return };
            let state = slot.state_mut(self.direction);
            if state.stopped_all() {
                let streaming = state.iteration == IterationState::StopAllWatermark;
                self.message().streaming = streaming;
                self.buffer(body);
                return;
            }
            if state.end {
                return;
            }
            let filter_end = end && !has_trailers;
            state.end = filter_end;
            self.begin_callback();
            let status = self.call_data(at, body, filter_end);
            self.end_callback();
            if self.is_finished() {
                return;
            }
            if !had_trailers && self.message().trailers.is_some() && trailers_added_at.is_none() {
                trailers_added_at = Some(step);
            }
            if !self.continues_after_data(at, status, body) {
                return;
            }
        }
        let message = self.message();
        debug_assert!(body != BodySource::Buffer || message.buffer.is_some(), "a buffer stays until the stream ends");
        let bytes = match body {
            BodySource::Buffer => message.buffer.as_mut().map(std::mem::take).unwrap_or_default(),
            _ => std::mem::take(&mut message.frame),
        };
        self.data_leaves(bytes, end && trailers_added_at.is_none());
        if let Some(step) = trailers_added_at {
            self.iterate_trailers(step + 1);
        }
    }

    /// Buffers or drops the data as the status of a data callback says. Returns `true` if the next filter gets it.
    fn continues_after_data(&mut self, at: usize, status: CallbackStatus, body: BodySource) -> bool {
        let message = self.message();
        let ends_empty = message.observed_end && message.trailers.is_none() && message.buffer.is_none();
        let Some(slot) = self.stream.filters.get_mut(at) else { return false };
        let state = slot.state_mut(self.direction);
        match status {
            CallbackStatus::Continue => {
                if state.iteration != IterationState::StopSingle {
                    return true;
                }
                self.buffer(body);
                self.resume(at);
            }
            CallbackStatus::StopNoBuffer => {
                state.iteration = IterationState::StopSingle;
                if ends_empty {
                    self.message().buffer = Some(Vec::new());
                }
            }
            _ => {
                state.iteration = IterationState::StopSingle;
                self.message().streaming = status == CallbackStatus::StopWatermark;
                self.buffer(body);
            }
        }
        false
    }

    fn iterate_trailers(&mut self, from: usize) {
        for step in from..self.stream.filters.len() {
            if self.is_finished() {
                return;
            }
            let at = self.filter_at(step);
            let Some(slot) = self.stream.filters.get_mut(at) else { return };
            if slot.state(self.direction).stopped_all() {
                return;
            }
            self.begin_callback();
            let count = self.message().trailers.as_ref().map_or(0, Headers::len);
            let status = self.call(at, CallbackPart::Trailers { count });
            if let Some(slot) = self.stream.filters.get_mut(at) {
                slot.state_mut(self.direction).end = true;
            }
            self.end_callback();
            if self.is_finished() {
                return;
            }
            let Some(slot) = self.stream.filters.get_mut(at) else { return };
            let state = slot.state_mut(self.direction);
            if status == CallbackStatus::Continue {
                if state.iteration == IterationState::StopSingle {
                    self.resume(at);
                    return;
                }
            } else {
                if state.iteration == IterationState::Continue {
                    state.iteration = IterationState::StopSingle;
                }
                return;
            }
        }
        if !self.stream.is_over() {
            debug_assert!(self.message().trailers.is_some(), "trailers arrive or are added before they are iterated");
            let trailers = self.message().trailers.clone().unwrap_or_default();
            match self.direction {
                Direction::Decode => self.stream.outputs.push_back(ChainOutput::RequestTrailers(trailers)),
                Direction::Encode => self.stream.send_trailers(trailers),
            }
        }
    }

    fn begin_callback(&mut self) {
        self.stream.running = match self.direction {
            Direction::Decode => RunningCallback::Decoding,
            Direction::Encode => RunningCallback::Encoding,
        };
    }

    /// Sends the local reply that a decoding callback has asked for, now that the callback has returned.
    fn end_callback(&mut self) {
        if self.direction == Direction::Decode && self.stream.request.aborted {
            local_reply::send_prepared(self.stream, self.filters);
        }
        self.stream.running = RunningCallback::None;
    }

    /// Hands headers that have passed every filter to the router or to the client.
    fn headers_leave(&mut self, end: bool) {
        debug_assert!(self.message().headers.is_some(), "headers arrive before they are iterated");
        match self.direction {
            Direction::Decode => {
                self.begin_callback();
                let reply = self.filters.route(self.stream);
                self.stream.running = RunningCallback::None;
                if let Some(reply) = reply {
                    self.stream.request.aborted = true;
                    local_reply::send(self.stream, self.filters, reply);
                    return;
                }
                let headers = self.stream.request.headers.clone().unwrap_or_default();
                self.stream.outputs.push_back(ChainOutput::RequestHeaders(headers, end));
            }
            Direction::Encode => {
                let headers = self.stream.response.headers.clone().unwrap_or_default();
                if headers.text(":status").is_none() {
                    // A filter has removed the status.
                    let details = "filter_removed_required_response_headers{missing_required_header:_:status}";
                    let reply = LocalReply::plain(502, "missing required header: :status", details);
                    local_reply::send(self.stream, self.filters, reply);
                    return;
                }
                self.stream.send_headers(headers, end);
            }
        }
    }

    fn data_leaves(&mut self, bytes: Vec<u8>, end: bool) {
        match self.direction {
            Direction::Decode => self.stream.outputs.push_back(ChainOutput::RequestData(bytes, end)),
            Direction::Encode => self.stream.send_data(bytes, end),
        }
    }
}

/// Returns the status of response headers, or 0 if they have none.
pub(super) fn status_of(headers: &Headers) -> u16 {
    headers.text(":status").and_then(|status| status.parse().ok()).unwrap_or_default()
}
