//! Upstream attempts: the request as it is sent, and the moment at which the scripted cluster responds.

use std::time::Duration;

use super::Server;
use super::response_steps::steps;
use super::time::nanos;
use crate::event_queue::ScheduledEvent;
use crate::stream::{ActiveStream, FilterChain, Stream, StreamEnd};
use crate::{Headers, Origin, ReceivedRequest, ResponseTrigger, UpstreamRequest};

/// Attempt to send a stream's request to an upstream.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) number: u64,
    pub(super) cluster: String,
    route: String,
    /// Stream of the chain in front of the upstream, or 0.
    pub(super) chain: u64,
    /// Index of the attempt in the stream's `upstream` records.
    seen: usize,
    trigger: ResponseTrigger,
    response_requested: bool,
    pub(super) response_started: bool,
    pub(super) response_complete: bool,
    timeout: Option<Duration>,
    pub(super) started: u64,
}

impl Server {
    /// Begins an attempt: the router sends the request headers.
    pub(super) fn attempt(&mut self, id: u64, headers: Headers, end: bool) {
        let Some(stream) = self.host.stream(id) else { return };
        let (listener, worker) = (stream.listener, stream.worker);
        debug_assert!(stream.info.cluster.is_some(), "the router passes on only requests whose route has a cluster");
        let cluster = stream.info.cluster.clone().unwrap_or_default();
        let route = stream.info.route.flatten();
        stream.info.upstream_address = Some("127.0.0.1:80".to_owned());
        let Some(state) = self.listeners.get(listener).cloned() else { return };
        let route = route.and_then(|route| state.routes.get(route));
        let timeout = route.and_then(|route| route.timeout);
        let trigger = self.host.clusters.get(&cluster).map_or(ResponseTrigger::RequestEnd, |cluster| cluster.trigger);
        self.next_attempt += 1;
        let number = self.next_attempt;
        let now = self.host.now;
        let filters = self.filters(self.next_stream, listener, worker, Some(&cluster));
        let chain = if filters.is_empty() { 0 } else { self.next_stream };
        let seen = self.host.records.get(&id).map_or(0, |record| record.upstream.len());
        let attempt = Attempt {
            number,
            cluster,
            route: route.map(|route| route.name.clone()).unwrap_or_default(),
            chain,
            seen,
            trigger,
            response_requested: false,
            response_started: false,
            response_complete: false,
            timeout,
            started: now,
        };
        if let Some(session) = self.sessions.get_mut(&id) {
            session.attempt = Some(attempt);
        }
        if chain == 0 {
            self.upstream_gets_headers(id, headers, end);
            return;
        }
        self.next_stream += 1;
        let limit = self.host.stream(id).map_or(usize::MAX, |stream| stream.buffer_limit);
        let mut stream = Stream::new(ActiveStream {
            id: chain,
            parent: id,
            listener,
            worker,
            filters,
            buffer_limit: limit,
            ..ActiveStream::default()
        });
        FilterChain::decode(&mut stream, self).headers(headers, end);
        self.put_back(stream);
        self.host.pending_streams.insert(chain);
    }

    pub(super) fn received_request(&mut self, id: u64) -> Option<&mut ReceivedRequest> {
        let seen = self.sessions.get(&id)?.attempt.as_ref()?.seen;
        self.host.records.get_mut(&id)?.upstream.get_mut(seen)
    }

    pub(super) fn upstream_gets_headers(&mut self, id: u64, headers: Headers, end: bool) {
        let callbacks = self.host.stream(id).map_or(0, |stream| stream.info.callbacks);
        self.host.note(id, || format!("request headers leave for the upstream, end {end}"));
        let now = self.host.now;
        if let Some(attempt) = self.sessions.get(&id).and_then(|session| session.attempt.as_ref())
            && let Some(record) = self.host.records.get_mut(&id)
        {
            record.upstream.push(ReceivedRequest {
                cluster: attempt.cluster.clone(),
                route: attempt.route.clone(),
                headers,
                callbacks_before: callbacks,
                at: Duration::from_nanos(now),
                ..ReceivedRequest::default()
            });
        }
        let trigger =
            self.sessions.get(&id).and_then(|session| session.attempt.as_ref()).map(|attempt| attempt.trigger);
        if trigger == Some(ResponseTrigger::RequestHeaders) {
            self.request_response(id);
        }
        if end {
            self.request_complete(id);
        }
    }

    pub(super) fn upstream_gets_data(&mut self, id: u64, bytes: Vec<u8>, end: bool) {
        let callbacks = self.host.stream(id).map_or(0, |stream| stream.info.callbacks);
        self.host.note(id, || format!("{} bytes leave for the upstream, end {end}", bytes.len()));
        if let Some(seen) = self.received_request(id)
            && !bytes.is_empty()
        {
            seen.frames.push(bytes);
            seen.callbacks_before_frames.push(callbacks);
        }
        if end {
            self.request_complete(id);
        }
    }

    pub(super) fn upstream_gets_trailers(&mut self, id: u64, trailers: Headers) {
        self.host.note(id, || format!("{} request trailers leave for the upstream", trailers.len()));
        if let Some(seen) = self.received_request(id) {
            seen.trailers = Some(trailers);
        }
        self.request_complete(id);
    }

    fn request_complete(&mut self, id: u64) {
        if let Some(seen) = self.received_request(id) {
            seen.ended_twice |= seen.complete;
            seen.complete = true;
        }
        let Some(attempt) = self.sessions.get(&id).and_then(|session| session.attempt.clone()) else { return };
        if let Some(timeout) = attempt.timeout {
            let at = self.host.now.saturating_add(nanos(timeout));
            self.host.events.at(at, ScheduledEvent::RouteTimeout { stream: id, attempt: attempt.number });
        }
        if attempt.trigger != ResponseTrigger::Manual {
            self.request_response(id);
        }
    }

    /// Gets the scripted cluster's response and schedules it.
    fn request_response(&mut self, id: u64) {
        let now = self.host.now;
        let Some(attempt) = self.sessions.get_mut(&id).and_then(|session| session.attempt.as_mut()) else { return };
        if std::mem::replace(&mut attempt.response_requested, true) {
            return;
        }
        let (number, cluster) = (attempt.number, attempt.cluster.clone());
        let Some(seen) = self.received_request(id).cloned() else { return };
        let head = seen.headers.text(":method") == Some("HEAD");
        let request = UpstreamRequest {
            cluster: cluster.clone(),
            origin: Origin::Route,
            headers: seen.headers,
            frames: seen.frames,
            trailers: seen.trailers,
            complete: seen.complete,
            at: Duration::from_nanos(now),
        };
        let Some(cluster) = self.host.clusters.get_mut(&cluster) else { return };
        let steps = steps((cluster.respond)(&request), now, head);
        if let Some(&(at, _)) = steps.front() {
            self.host.events.at(at, ScheduledEvent::Upstream { stream: id, attempt: number, steps });
        }
    }

    /// Ends a stream's attempt: resets it unless both messages are complete.
    pub(super) fn abandon_attempt(&mut self, id: u64) {
        let Some(attempt) = self.sessions.get_mut(&id).and_then(|session| session.attempt.take()) else { return };
        if let Some(seen) = self.host.records.get_mut(&id).and_then(|record| record.upstream.get_mut(attempt.seen)) {
            seen.reset = !(attempt.response_complete && seen.complete);
        }
        if attempt.chain != 0
            && let Some(mut stream) = self.take(attempt.chain)
        {
            stream.over.get_or_insert(StreamEnd::Reset);
            self.destroy(&mut stream);
        }
    }
}
