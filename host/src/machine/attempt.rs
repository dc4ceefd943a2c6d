//! A request on its way to an upstream: what leaves, and when the scripted cluster is asked for its answer.

use std::time::Duration;

use super::Machine;
use super::client::nanos;
use super::steps::steps;
use crate::events::Due;
use crate::stream::{Over, State, Stream, decode};
use crate::{Asked, Headers, Origin, UpstreamRequest, UpstreamSeen};

/// A request on its way to an upstream.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) number: u64,
    pub(super) cluster: String,
    route: String,
    /// The stream of the chain in front of the upstream, or 0.
    pub(super) chain: u64,
    /// Which of the stream's `upstream` records this is, once anything has left.
    seen: usize,
    asked: Asked,
    answered: bool,
    pub(super) response_started: bool,
    pub(super) response_complete: bool,
    timeout: Option<Duration>,
    pub(super) started: u64,
}

impl Machine {
    /// The router sends the request on.
    pub(super) fn attempt(&mut self, id: u64, headers: Headers, end: bool) {
        let Some(stream) = self.world.stream(id) else { return };
        let (listener, worker) = (stream.listener, stream.worker);
        let cluster = stream.info.cluster.clone().unwrap_or_default();
        let route = stream.info.route.flatten();
        stream.info.upstream_address = Some("127.0.0.1:80".to_owned());
        let Some(state) = self.listeners.get(listener).cloned() else { return };
        let route = route.and_then(|route| state.routes.get(route));
        let timeout = route.and_then(|route| route.timeout);
        let asked = self.world.clusters.get(&cluster).map_or(Asked::AtEnd, |cluster| cluster.asked);
        self.next_attempt += 1;
        let number = self.next_attempt;
        let now = self.world.now;
        let places = self.places(self.next_stream, listener, worker, Some(&cluster));
        let chain = if places.is_empty() { 0 } else { self.next_stream };
        let seen = self.world.records.get(&id).map_or(0, |record| record.upstream.len());
        let attempt = Attempt {
            number,
            cluster,
            route: route.map(|route| route.name.clone()).unwrap_or_default(),
            chain,
            seen,
            asked,
            answered: false,
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
        let limit = self.world.stream(id).map_or(usize::MAX, |stream| stream.buffer_limit);
        let mut stream = Stream::new(State {
            id: chain,
            parent: id,
            listener,
            worker,
            places,
            buffer_limit: limit,
            ..State::default()
        });
        decode::headers(&mut stream, self, headers, end);
        self.put_back(stream);
        self.world.touched.insert(chain);
    }

    pub(super) fn seen(&mut self, id: u64) -> Option<&mut UpstreamSeen> {
        let seen = self.sessions.get(&id)?.attempt.as_ref()?.seen;
        self.world.records.get_mut(&id)?.upstream.get_mut(seen)
    }

    pub(super) fn upstream_gets_headers(&mut self, id: u64, headers: Headers, end: bool) {
        let callbacks = self.world.stream(id).map_or(0, |stream| stream.info.callbacks);
        self.world.note(id, || format!("request headers leave for the upstream, end {end}"));
        let now = self.world.now;
        if let Some(attempt) = self.sessions.get(&id).and_then(|session| session.attempt.as_ref())
            && let Some(record) = self.world.records.get_mut(&id)
        {
            record.upstream.push(UpstreamSeen {
                cluster: attempt.cluster.clone(),
                route: attempt.route.clone(),
                headers,
                when: callbacks,
                at: Duration::from_nanos(now),
                ..UpstreamSeen::default()
            });
        }
        let asked = self.sessions.get(&id).and_then(|session| session.attempt.as_ref()).map(|attempt| attempt.asked);
        if asked == Some(Asked::AtHeaders) {
            self.ask(id);
        }
        if end {
            self.request_complete(id);
        }
    }

    pub(super) fn upstream_gets_data(&mut self, id: u64, bytes: Vec<u8>, end: bool) {
        let callbacks = self.world.stream(id).map_or(0, |stream| stream.info.callbacks);
        self.world.note(id, || format!("{} bytes leave for the upstream, end {end}", bytes.len()));
        if let Some(seen) = self.seen(id)
            && !bytes.is_empty()
        {
            seen.frames.push(bytes);
            seen.frames_when.push(callbacks);
        }
        if end {
            self.request_complete(id);
        }
    }

    pub(super) fn upstream_gets_trailers(&mut self, id: u64, trailers: Headers) {
        self.world.note(id, || format!("{} request trailers leave for the upstream", trailers.len()));
        if let Some(seen) = self.seen(id) {
            seen.trailers = Some(trailers);
        }
        self.request_complete(id);
    }

    fn request_complete(&mut self, id: u64) {
        if let Some(seen) = self.seen(id) {
            seen.ended_twice |= seen.complete;
            seen.complete = true;
        }
        let Some(attempt) = self.sessions.get(&id).and_then(|session| session.attempt.clone()) else { return };
        if let Some(timeout) = attempt.timeout {
            let at = self.world.now.saturating_add(nanos(timeout));
            self.world.events.at(at, Due::RouteTimeout { stream: id, attempt: attempt.number });
        }
        if attempt.asked != Asked::ByHand {
            self.ask(id);
        }
    }

    /// Asks the scripted cluster for its answer and puts it on the calendar.
    fn ask(&mut self, id: u64) {
        let now = self.world.now;
        let Some(attempt) = self.sessions.get_mut(&id).and_then(|session| session.attempt.as_mut()) else { return };
        if std::mem::replace(&mut attempt.answered, true) {
            return;
        }
        let (number, cluster) = (attempt.number, attempt.cluster.clone());
        let Some(seen) = self.seen(id).cloned() else { return };
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
        let Some(cluster) = self.world.clusters.get_mut(&cluster) else { return };
        let steps = steps((cluster.answer)(&request), now, head);
        if let Some(&(at, _)) = steps.front() {
            self.world.events.at(at, Due::Upstream { stream: id, attempt: number, steps });
        }
    }

    /// What is left of the attempt when its stream ends.
    pub(super) fn abandon(&mut self, id: u64) {
        let Some(attempt) = self.sessions.get_mut(&id).and_then(|session| session.attempt.take()) else { return };
        if let Some(seen) = self.world.records.get_mut(&id).and_then(|record| record.upstream.get_mut(attempt.seen)) {
            seen.reset = !(attempt.response_complete && seen.complete);
        }
        if attempt.chain != 0
            && let Some(mut stream) = self.take(attempt.chain)
        {
            stream.over.get_or_insert(Over::Reset);
            self.destroy(&mut stream);
        }
    }
}
