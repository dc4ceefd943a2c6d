//! Router: sends the chain's request to a scripted cluster and the cluster's response into the chain.

use std::collections::VecDeque;

use super::Server;
use super::upstream_failure::{CONNECTION_REFUSED, UpstreamFailure};
use crate::Headers;
use crate::event_queue::{ResponseStep, ScheduledEvent};
use crate::stream::{ChainOutput, FilterChain, LocalReply, Stream, flags, local_reply};

impl Server {
    /// Processes the outputs and the end of a stream, and everything that follows from them.
    pub(super) fn process_stream(&mut self, id: u64) {
        self.host.pending_streams.insert(id);
        self.process_pending();
    }

    /// Processes callouts, queues and streams until nothing is pending.
    pub(super) fn process_pending(&mut self) {
        loop {
            if let Some(call) = self.host.outgoing.pop_front() {
                self.start_callout(call);
                continue;
            }
            if let Some((vm, token)) = self.host.opened_streams.pop() {
                let call = self.vms.get(vm).and_then(|vm| vm.store.data().open_streams.get(&token).cloned());
                if let Some(call) = call {
                    self.start_callout(crate::callout::Callout { complete: false, ..call });
                }
                continue;
            }
            if let Some(token) = self.host.queues_ready.pop() {
                let now = self.host.now;
                self.host.events.at(now, ScheduledEvent::QueueReady { token });
                continue;
            }
            let Some(id) = self.host.pending_streams.pop_first() else { return };
            self.drain_outputs(id);
        }
    }

    /// Passes on the outputs of a stream's chain, and ends the stream if it is over.
    fn drain_outputs(&mut self, id: u64) {
        while let Some(stream) = self.host.stream(id)
            && let Some(output) = stream.outputs.pop_front()
        {
            match (stream.parent, stream.is_over()) {
                // Outputs of the moment in which a stream ends are never sent.
                (0, true) => {}
                (0, false) => self.route_on(id, output),
                (parent, _) => self.leave_chain(parent, output),
            }
        }
        let Some(stream) = self.host.streams.get(&id) else { return };
        if stream.is_over() && stream.parent == 0 {
            self.end(id);
        }
    }

    fn route_on(&mut self, id: u64, output: ChainOutput) {
        match output {
            ChainOutput::RequestHeaders(headers, end) => self.attempt(id, headers, end),
            ChainOutput::RequestData(bytes, end) => match self.chain_of(id) {
                Some(chain) => {
                    self.on_chain(chain, |stream, server| FilterChain::decode(stream, server).data(bytes, end))
                }
                None => self.upstream_gets_data(id, bytes, end),
            },
            ChainOutput::RequestTrailers(trailers) => match self.chain_of(id) {
                Some(chain) => {
                    self.on_chain(chain, |stream, server| FilterChain::decode(stream, server).trailers(trailers))
                }
                None => self.upstream_gets_trailers(id, trailers),
            },
            _ => {}
        }
    }

    /// Passes on an output of the chain in front of an upstream.
    fn leave_chain(&mut self, parent: u64, output: ChainOutput) {
        match output {
            ChainOutput::RequestHeaders(headers, end) => self.upstream_gets_headers(parent, headers, end),
            ChainOutput::RequestData(bytes, end) => self.upstream_gets_data(parent, bytes, end),
            ChainOutput::RequestTrailers(trailers) => self.upstream_gets_trailers(parent, trailers),
            ChainOutput::ResponseHeaders(headers, end) => {
                self.chain_done(parent, end);
                self.downstream_headers(parent, headers, end);
            }
            ChainOutput::ResponseData(bytes, end) => {
                self.chain_done(parent, end);
                self.downstream_data(parent, bytes, end);
            }
            ChainOutput::ResponseTrailers(trailers) => {
                self.chain_done(parent, true);
                self.downstream_trailers(parent, trailers);
            }
            ChainOutput::LocalReply(local) => {
                self.chain_done(parent, true);
                self.on_stream(parent, |stream, server| local_reply::send(stream, server, local));
            }
        }
    }

    /// Ends the filters in front of an upstream when its response is complete, before the others see its end.
    fn chain_done(&mut self, parent: u64, end: bool) {
        let Some(chain) = self.chain_of(parent).filter(|_| end) else { return };
        if let Some(mut stream) = self.take(chain) {
            self.destroy(&mut stream);
            stream.filters.clear();
            self.put_back(stream);
        }
    }

    fn chain_of(&self, id: u64) -> Option<u64> {
        let chain = self.sessions.get(&id)?.attempt.as_ref()?.chain;
        (chain != 0).then_some(chain)
    }

    fn on_chain(&mut self, chain: u64, run: impl FnOnce(&mut Stream, &mut Server)) {
        self.on_stream(chain, run);
    }

    pub(super) fn on_stream(&mut self, id: u64, run: impl FnOnce(&mut Stream, &mut Server)) {
        if let Some(mut stream) = self.take(id) {
            run(&mut stream, self);
            self.put_back(stream);
            self.host.pending_streams.insert(id);
        }
    }

    /// Runs the next step of a response and schedules the one after it.
    pub(super) fn upstream_step(&mut self, id: u64, number: u64, mut steps: VecDeque<(u64, ResponseStep)>) {
        let current = self.sessions.get(&id).and_then(|session| session.attempt.as_ref());
        if current.is_none_or(|attempt| attempt.number != number) {
            return;
        }
        let Some((_, step)) = steps.pop_front() else { return };
        match step {
            ResponseStep::Headers(headers, end) => self.upstream_headers(id, headers, end),
            ResponseStep::Data(bytes, end) => self.upstream_data(id, &bytes, end),
            ResponseStep::Trailers(trailers) => self.upstream_trailers(id, trailers),
            ResponseStep::Reset { http2 } => self.upstream_resets(id, http2),
            ResponseStep::Refused => {
                if let Some(stream) = self.host.stream(id) {
                    stream.info.transport_failure = CONNECTION_REFUSED.to_owned();
                }
                self.upstream_fails(id, UpstreamFailure::REFUSED);
            }
        }
        if let Some(&(at, _)) = steps.front() {
            self.host.events.at(at, ScheduledEvent::Upstream { stream: id, attempt: number, steps });
        }
    }

    pub(crate) fn upstream_headers(&mut self, id: u64, headers: Headers, end: bool) {
        let Some(attempt) = self.sessions.get_mut(&id).and_then(|session| session.attempt.as_mut()) else { return };
        attempt.response_complete = end;
        match self.chain_of(id) {
            Some(chain) => {
                self.on_chain(chain, |stream, server| FilterChain::encode(stream, server).headers(headers, end))
            }
            None => self.downstream_headers(id, headers, end),
        }
        self.record_activity(id);
    }

    pub(crate) fn upstream_data(&mut self, id: u64, bytes: &[u8], end: bool) {
        let Some(attempt) = self.sessions.get_mut(&id).and_then(|session| session.attempt.as_mut()) else { return };
        attempt.response_complete = end;
        let bytes = bytes.to_vec();
        match self.chain_of(id) {
            Some(chain) => self.on_chain(chain, |stream, server| FilterChain::encode(stream, server).data(bytes, end)),
            None => self.downstream_data(id, bytes, end),
        }
        self.record_activity(id);
    }

    pub(crate) fn upstream_trailers(&mut self, id: u64, trailers: Headers) {
        let Some(attempt) = self.sessions.get_mut(&id).and_then(|session| session.attempt.as_mut()) else { return };
        attempt.response_complete = true;
        match self.chain_of(id) {
            Some(chain) => {
                self.on_chain(chain, |stream, server| FilterChain::encode(stream, server).trailers(trailers))
            }
            None => self.downstream_trailers(id, trailers),
        }
        self.record_activity(id);
    }

    pub(crate) fn upstream_reset(&mut self, id: u64) {
        self.upstream_resets(id, false);
    }

    fn upstream_resets(&mut self, id: u64, http2: bool) {
        let attempt = self.sessions.get(&id).and_then(|session| session.attempt.as_ref());
        let started = attempt.is_some_and(|attempt| attempt.response_started);
        self.upstream_fails(id, UpstreamFailure::reset(http2, started));
    }

    /// Handles a failed upstream: sends a local reply, or cuts the stream if response headers were sent.
    fn upstream_fails(&mut self, id: u64, failure: UpstreamFailure) {
        let Some(attempt) = self.sessions.get(&id).and_then(|session| session.attempt.clone()) else { return };
        self.on_stream(id, |stream, server| {
            stream.info.flags |= failure.flag;
            let details = failure.details(attempt.response_started);
            if stream.headers_sent {
                cut(stream, &details);
            } else {
                local_reply::send(stream, server, LocalReply::plain(failure.status, failure.text, &details));
            }
        });
        self.record_activity(id);
    }

    pub(super) fn route_timeout(&mut self, id: u64, number: u64) {
        let Some(attempt) = self.sessions.get(&id).and_then(|session| session.attempt.clone()) else { return };
        if attempt.number != number || attempt.response_complete {
            return;
        }
        self.on_stream(id, |stream, server| {
            stream.info.flags |= flags::UPSTREAM_REQUEST_TIMEOUT;
            if stream.headers_sent {
                cut(stream, "response_timeout");
            } else {
                let local = LocalReply::plain(504, "upstream request timeout", "response_timeout");
                local_reply::send(stream, server, local);
            }
        });
        self.record_activity(id);
    }

    fn downstream_headers(&mut self, id: u64, mut headers: Headers, end: bool) {
        let now = self.host.now;
        let complete = self.received_request(id).is_some_and(|seen| seen.complete);
        if let Some(attempt) = self.sessions.get_mut(&id).and_then(|session| session.attempt.as_mut()) {
            attempt.response_started = true;
        }
        // Before the request has ended, there is no time to measure from.
        if complete && let Some(attempt) = self.sessions.get(&id).and_then(|session| session.attempt.as_ref()) {
            let time = now.saturating_sub(attempt.started) / 1_000_000;
            headers.set("x-envoy-upstream-service-time", time.to_string());
        }
        self.host.note(id, || format!("response headers come from the upstream, end {end}"));
        self.on_stream(id, |stream, server| {
            if !stream.is_over() {
                stream.info.details = Some("via_upstream".to_owned());
                FilterChain::encode(stream, server).headers(headers, end);
            }
        });
    }

    fn downstream_data(&mut self, id: u64, bytes: Vec<u8>, end: bool) {
        self.host.note(id, || format!("{} bytes come from the upstream, end {end}", bytes.len()));
        self.on_stream(id, |stream, server| FilterChain::encode(stream, server).data(bytes, end));
    }

    fn downstream_trailers(&mut self, id: u64, trailers: Headers) {
        self.host.note(id, || format!("{} response trailers come from the upstream", trailers.len()));
        self.on_stream(id, |stream, server| FilterChain::encode(stream, server).trailers(trailers));
    }
}

fn cut(stream: &mut Stream, details: &str) {
    if !stream.is_over() {
        stream.cut(details);
    }
}
