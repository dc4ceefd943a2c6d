//! The router and the upstreams behind it: what leaves a chain goes to a scripted cluster, and its answer comes back.

use std::collections::VecDeque;

use super::Machine;
use super::gone::{Gone, REFUSED_BY};
use crate::events::{Due, Step};
use crate::stream::{Output, Stream, decode, encode, flags, reply};
use crate::{End, Headers};

impl Machine {
    /// Everything that follows from what has happened to a stream, until nothing does.
    pub(super) fn settle_stream(&mut self, id: u64) {
        self.world.touched.insert(id);
        self.settle();
    }

    /// Everything that follows from what has happened.
    pub(super) fn settle(&mut self) {
        loop {
            if let Some(call) = self.world.outgoing.pop_front() {
                self.start_call(call);
                continue;
            }
            if let Some((vm, token)) = self.world.opened.pop() {
                let call = self.vms.get(vm).and_then(|vm| vm.store.data().open_streams.get(&token).cloned());
                if let Some(call) = call {
                    self.start_call(crate::calls::Outgoing { complete: false, ..call });
                }
                continue;
            }
            if let Some(token) = self.world.queues_ready.pop() {
                let now = self.world.now;
                self.world.events.at(now, Due::QueueReady { token });
                continue;
            }
            let Some(id) = self.world.touched.pop_first() else { return };
            self.drain(id);
        }
    }

    /// Hands on what has left a stream's chain, and ends the stream if it is over.
    fn drain(&mut self, id: u64) {
        while let Some(stream) = self.world.stream(id)
            && let Some(output) = stream.outputs.pop_front()
        {
            match (stream.parent, stream.is_over()) {
                // What a stream sends in the moment in which it ends never gets on its way.
                (0, true) => {}
                (0, false) => self.route_on(id, output),
                (parent, _) => self.leave_chain(parent, output),
            }
        }
        let Some(stream) = self.world.streams.get(&id) else { return };
        if stream.is_over() && stream.parent == 0 {
            self.end(id);
        }
    }

    fn route_on(&mut self, id: u64, output: Output) {
        match output {
            Output::RequestHeaders(headers, end) => self.attempt(id, headers, end),
            Output::RequestData(bytes, end) => match self.chain_of(id) {
                Some(chain) => self.on_chain(chain, |stream, machine| decode::data(stream, machine, bytes, end)),
                None => self.upstream_gets_data(id, bytes, end),
            },
            Output::RequestTrailers(trailers) => match self.chain_of(id) {
                Some(chain) => self.on_chain(chain, |stream, machine| decode::trailers(stream, machine, trailers)),
                None => self.upstream_gets_trailers(id, trailers),
            },
            _ => {}
        }
    }

    /// What leaves the chain in front of an upstream, at either end.
    fn leave_chain(&mut self, parent: u64, output: Output) {
        match output {
            Output::RequestHeaders(headers, end) => self.upstream_gets_headers(parent, headers, end),
            Output::RequestData(bytes, end) => self.upstream_gets_data(parent, bytes, end),
            Output::RequestTrailers(trailers) => self.upstream_gets_trailers(parent, trailers),
            Output::ResponseHeaders(headers, end) => {
                self.chain_done(parent, end);
                self.downstream_headers(parent, headers, end);
            }
            Output::ResponseData(bytes, end) => {
                self.chain_done(parent, end);
                self.downstream_data(parent, bytes, end);
            }
            Output::ResponseTrailers(trailers) => {
                self.chain_done(parent, true);
                self.downstream_trailers(parent, trailers);
            }
            Output::Reply(local) => {
                self.chain_done(parent, true);
                self.on_stream(parent, |stream, machine| reply::send(stream, machine, local));
            }
        }
    }

    /// The upstream's answer is complete: the filters in front of it end before the others see its end.
    fn chain_done(&mut self, parent: u64, end: bool) {
        let Some(chain) = self.chain_of(parent).filter(|_| end) else { return };
        if let Some(mut stream) = self.take(chain) {
            self.destroy(&mut stream);
            stream.places.clear();
            self.put_back(stream);
        }
    }

    fn chain_of(&self, id: u64) -> Option<u64> {
        let chain = self.sessions.get(&id)?.attempt.as_ref()?.chain;
        (chain != 0).then_some(chain)
    }

    fn on_chain(&mut self, chain: u64, run: impl FnOnce(&mut Stream, &mut Machine)) {
        self.on_stream(chain, run);
    }

    pub(super) fn on_stream(&mut self, id: u64, run: impl FnOnce(&mut Stream, &mut Machine)) {
        if let Some(mut stream) = self.take(id) {
            run(&mut stream, self);
            self.put_back(stream);
            self.world.touched.insert(id);
        }
    }

    /// The next step of an answer has come.
    pub(super) fn upstream_step(&mut self, id: u64, number: u64, mut steps: VecDeque<(u64, Step)>) {
        let current = self.sessions.get(&id).and_then(|session| session.attempt.as_ref());
        if current.is_none_or(|attempt| attempt.number != number) {
            return;
        }
        let Some((_, step)) = steps.pop_front() else { return };
        match step {
            Step::Headers(headers, end) => self.upstream_headers(id, headers, end),
            Step::Data(bytes, end) => self.upstream_data(id, &bytes, end),
            Step::Trailers(trailers) => self.upstream_trailers(id, trailers),
            Step::Reset { http2 } => self.upstream_goes(id, http2),
            Step::Refused => {
                if let Some(stream) = self.world.stream(id) {
                    stream.info.transport_failure = REFUSED_BY.to_owned();
                }
                self.upstream_fails(id, Gone::REFUSED);
            }
        }
        if let Some(&(at, _)) = steps.front() {
            self.world.events.at(at, Due::Upstream { stream: id, attempt: number, steps });
        }
    }

    pub(crate) fn upstream_headers(&mut self, id: u64, headers: Headers, end: bool) {
        let Some(attempt) = self.sessions.get_mut(&id).and_then(|session| session.attempt.as_mut()) else { return };
        attempt.response_complete = end;
        match self.chain_of(id) {
            Some(chain) => self.on_chain(chain, |stream, machine| encode::headers(stream, machine, headers, end)),
            None => self.downstream_headers(id, headers, end),
        }
        self.active(id);
    }

    pub(crate) fn upstream_data(&mut self, id: u64, bytes: &[u8], end: bool) {
        let Some(attempt) = self.sessions.get_mut(&id).and_then(|session| session.attempt.as_mut()) else { return };
        attempt.response_complete = end;
        let bytes = bytes.to_vec();
        match self.chain_of(id) {
            Some(chain) => self.on_chain(chain, |stream, machine| encode::data(stream, machine, bytes, end)),
            None => self.downstream_data(id, bytes, end),
        }
        self.active(id);
    }

    pub(crate) fn upstream_trailers(&mut self, id: u64, trailers: Headers) {
        let Some(attempt) = self.sessions.get_mut(&id).and_then(|session| session.attempt.as_mut()) else { return };
        attempt.response_complete = true;
        match self.chain_of(id) {
            Some(chain) => self.on_chain(chain, |stream, machine| encode::trailers(stream, machine, trailers)),
            None => self.downstream_trailers(id, trailers),
        }
        self.active(id);
    }

    pub(crate) fn upstream_reset(&mut self, id: u64) {
        self.upstream_goes(id, false);
    }

    fn upstream_goes(&mut self, id: u64, http2: bool) {
        let attempt = self.sessions.get(&id).and_then(|session| session.attempt.as_ref());
        let started = attempt.is_some_and(|attempt| attempt.response_started);
        self.upstream_fails(id, Gone::reset(http2, started));
    }

    /// The upstream has gone: an answer of our own if nothing of its own has left, else the stream is cut.
    fn upstream_fails(&mut self, id: u64, gone: Gone) {
        let Some(attempt) = self.sessions.get(&id).and_then(|session| session.attempt.clone()) else { return };
        self.on_stream(id, |stream, machine| {
            stream.info.flags |= gone.flag;
            let details = gone.details(attempt.response_started);
            if stream.headers_sent {
                cut_off(stream, &details);
            } else {
                reply::send(stream, machine, reply::LocalReply::plain(gone.status, gone.text, &details));
            }
        });
        self.active(id);
    }

    pub(super) fn route_timeout(&mut self, id: u64, number: u64) {
        let Some(attempt) = self.sessions.get(&id).and_then(|session| session.attempt.clone()) else { return };
        if attempt.number != number || attempt.response_complete {
            return;
        }
        self.on_stream(id, |stream, machine| {
            stream.info.flags |= flags::UPSTREAM_REQUEST_TIMEOUT;
            if stream.headers_sent {
                cut_off(stream, "response_timeout");
            } else {
                let local = reply::LocalReply::plain(504, "upstream request timeout", "response_timeout");
                reply::send(stream, machine, local);
            }
        });
        self.active(id);
    }

    fn downstream_headers(&mut self, id: u64, mut headers: Headers, end: bool) {
        let now = self.world.now;
        let complete = self.seen(id).is_some_and(|seen| seen.complete);
        if let Some(attempt) = self.sessions.get_mut(&id).and_then(|session| session.attempt.as_mut()) {
            attempt.response_started = true;
        }
        // Before the request has ended there is no time to measure from.
        if complete && let Some(attempt) = self.sessions.get(&id).and_then(|session| session.attempt.as_ref()) {
            let time = now.saturating_sub(attempt.started) / 1_000_000;
            headers.set("x-envoy-upstream-service-time", time.to_string());
        }
        self.world.note(id, || format!("response headers come from the upstream, end {end}"));
        self.on_stream(id, |stream, machine| {
            if !stream.is_over() {
                stream.info.details = Some("via_upstream".to_owned());
                encode::headers(stream, machine, headers, end);
            }
        });
    }

    fn downstream_data(&mut self, id: u64, bytes: Vec<u8>, end: bool) {
        self.world.note(id, || format!("{} bytes come from the upstream, end {end}", bytes.len()));
        self.on_stream(id, |stream, machine| encode::data(stream, machine, bytes, end));
    }

    fn downstream_trailers(&mut self, id: u64, trailers: Headers) {
        self.world.note(id, || format!("{} response trailers come from the upstream", trailers.len()));
        self.on_stream(id, |stream, machine| encode::trailers(stream, machine, trailers));
    }
}

fn cut_off(stream: &mut Stream, details: &str) {
    if !stream.is_over() {
        stream.reset(details);
        stream.client.end = if stream.headers_sent { End::Truncated } else { End::Reset };
    }
}
