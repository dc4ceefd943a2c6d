//! The end of a stream: `proxy_on_log` for the whole chain, then `proxy_on_done` and `proxy_on_delete`; and the outcome.

use std::collections::BTreeMap;

use super::Server;
use super::chain::context_of;
use crate::stream::{FilterKind, Stream};
use crate::{End, Exchange};

impl Server {
    /// A stream of a listener is over: logs it, destroys its filters, keeps its outcome.
    pub(super) fn end(&mut self, id: u64) {
        let Some(mut stream) = self.take(id) else { return };
        stream.info.duration_ns = Some(self.host.unix_ns().saturating_sub(stream.info.start_ns));
        let attempt = self.sessions.get(&id).and_then(|session| session.attempt.as_ref());
        if let Some(attempt) = attempt.filter(|attempt| attempt.response_complete) {
            stream.info.backend_latency_ns = Some(self.host.now.saturating_sub(attempt.started));
        }
        stream.logging = true;
        for filter in 0..stream.filters.len() {
            self.log_filter(&mut stream, filter);
        }
        stream.logging = false;
        self.destroy(&mut stream);
        self.put_back(stream);
        // What the last callbacks have begun (calls, queues) happens; what they ask of the stream does not.
        self.host.actions.clear();
        while let Some(call) = self.host.outgoing.pop_front() {
            // Calls begun in the last callbacks still belong to the exchange.
            self.start_callout(call);
        }
        self.abandon_attempt(id);
        let Some(mut stream) = self.take(id) else { return };
        let record = self.host.records.remove(&id).unwrap_or_default();
        let session = self.sessions.remove(&id);
        stream.client.details = stream.info.details.clone().unwrap_or_default();
        if let Some(ended) = session.and_then(|session| session.ended) {
            stream.client.end = ended;
        } else if stream.client.end == End::Open {
            stream.client.end = if stream.headers_sent { End::Truncated } else { End::Reset };
        }
        let exchange = Exchange {
            attributes: attributes(&stream),
            route: stream.info.route.flatten().map(|_| stream.info.route_name.clone()),
            cluster: stream.info.cluster.clone(),
            filter_state: std::mem::take(&mut stream.info.filter_state),
            client: std::mem::take(&mut stream.client),
            upstream: record.upstream,
            callouts: record.callouts,
            log: record.log,
            trace: record.trace,
        };
        self.finished.insert(id, exchange);
    }

    fn log_filter(&mut self, stream: &mut Stream, filter: usize) {
        let Some(FilterKind::Guest { vm, root, .. }) = stream.filters.get(filter).map(|place| place.kind) else {
            return;
        };
        if self.vms.get(vm).is_none_or(|vm| vm.failed) || !self.create(stream, filter, vm, root) {
            return;
        }
        let Some(log) = self.vms.get(vm).and_then(|vm| vm.exports.log.clone()) else { return };
        self.callback(stream, filter, vm, "proxy_on_log", |vm, host, context| {
            vm.call(host, context, "proxy_on_log", &log, context).map(|()| 0)
        });
    }

    /// Ends the contexts of a stream's filters.
    pub(super) fn destroy(&mut self, stream: &mut Stream) {
        for filter in 0..stream.filters.len() {
            let Some(FilterKind::Guest { vm: index, .. }) = stream.filters.get(filter).map(|place| place.kind) else {
                continue;
            };
            let Some(exports) = self.vms.get(index).map(|vm| vm.exports.clone()) else { continue };
            let created = stream.filters.get(filter).is_some_and(|place| place.created);
            if let Some(done) = exports.done.filter(|_| created) {
                // A stream cannot postpone its end: what comes back is not looked at.
                self.callback(stream, filter, index, "proxy_on_done", |vm, host, context| {
                    vm.call(host, context, "proxy_on_done", &done, context)
                });
            }
            if let Some(delete) = exports.delete.filter(|_| created) {
                self.callback(stream, filter, index, "proxy_on_delete", |vm, host, context| {
                    vm.call(host, context, "proxy_on_delete", &delete, context).map(|()| 0)
                });
            }
            if let (Some(context), Some(vm)) = (context_of(stream, filter), self.vms.get_mut(index)) {
                vm.store.data_mut().contexts.remove(&context);
            }
        }
    }

    /// Runs one of the last callbacks, unless the virtual machine has failed.
    fn callback(
        &mut self,
        stream: &mut Stream,
        filter: usize,
        index: usize,
        name: &'static str,
        run: impl FnOnce(&mut crate::vm::Vm, &mut Box<crate::host_state::HostState>, u32) -> Result<u32, String>,
    ) {
        let Some(context) = context_of(stream, filter) else { return };
        if self.vms.get(index).is_none_or(|vm| vm.failed) {
            return;
        }
        let short = name.strip_prefix("proxy_on_").unwrap_or(name);
        self.trace_callback(stream, filter, || format!("{short}()"));
        let Some(vm) = self.vms.get_mut(index) else { return };
        std::mem::swap(stream, &mut self.host.current);
        let result = run(vm, &mut self.host, context);
        std::mem::swap(stream, &mut self.host.current);
        if result.is_ok() {
            self.trace_return(stream, filter, || short.to_owned());
        }
    }

    /// Lets the process run until the exchange is over, or nothing will ever end it.
    pub(crate) fn finish(&mut self, id: u64) -> Exchange {
        loop {
            if !self.run_due() {
                let why = "guests keep waking each other without an end, e.g. over a shared queue";
                self.disconnect(id, End::Stalled(why.to_owned()));
            }
            if let Some(exchange) = self.finished.remove(&id) {
                return exchange;
            }
            let now = self.host.now;
            let Some(session) = self.sessions.get(&id) else { return Exchange::default() };
            let deadline = session.last_activity.saturating_add(super::client::nanos(session.idle_timeout));
            let sends_at = (!session.parts.is_empty() || session.disconnects_now()).then_some(session.not_before);
            if sends_at.is_some_and(|at| at <= now) {
                self.client_next(id);
                continue;
            }
            let next = [self.host.events.next_time(), sends_at].into_iter().flatten().min();
            match next {
                Some(at) if at <= deadline => self.host.now = at.max(now),
                _ => {
                    let why = self.stall_reason(id);
                    self.host.now = deadline.max(now);
                    self.disconnect(id, End::Stalled(why));
                }
            }
        }
    }

    /// In words, what a stream waits for that will not come.
    fn stall_reason(&mut self, id: u64) -> String {
        let listener = self.host.stream(id).map_or(0, |stream| stream.listener);
        let names: Vec<String> = self
            .listeners
            .get(listener)
            .map(|listener| listener.plugins.iter().map(|plugin| plugin.name.clone()).collect())
            .unwrap_or_default();
        let allowed: Vec<bool> = self
            .listeners
            .get(listener)
            .map(|listener| listener.plugins.iter().map(|plugin| plugin.allow_on_headers_stop_iteration).collect())
            .unwrap_or_default();
        let waiting = self.sessions.get(&id).and_then(|session| session.attempt.as_ref()).is_some();
        match self.host.stream(id) {
            Some(stream) => stream.stall_reason(&names, &allowed, waiting),
            None => "the stream is gone".to_owned(),
        }
    }
}

impl super::client::ClientSession {
    fn disconnects_now(&self) -> bool {
        self.disconnect == Some(crate::Disconnect::RequestFrames(self.frames_sent))
    }
}

/// Attributes as they are at the end, in the bytes a guest would read.
fn attributes(stream: &Stream) -> BTreeMap<String, Vec<u8>> {
    let info = &stream.info;
    let number = |number: u64| number.to_le_bytes().to_vec();
    [
        ("request.id", info.request_id.as_bytes().to_vec()),
        ("request.total_size", number(info.received + info.headers_size)),
        ("request.protocol", info.protocol.as_bytes().to_vec()),
        ("response.code", number(u64::from(info.code))),
        ("response.code_details", info.details.clone().unwrap_or_default().into_bytes()),
        ("response.flags", number(info.flags)),
        ("response.size", number(info.sent)),
        ("xds.route_name", info.route_name.as_bytes().to_vec()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
