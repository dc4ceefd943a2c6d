//! End of a stream: `proxy_on_log` for the whole chain, then `proxy_on_done` and `proxy_on_delete`; and its exchange.

use std::collections::BTreeMap;

use super::Server;
use super::filters::context_of;
use crate::host_state::HostState;
use crate::stream::stall_report::ReportedPlugin;
use crate::stream::{FilterKind, Stream};
use crate::vm::Vm;
use crate::{End, Exchange};

impl Server {
    /// Ends a listener's stream: logs it, destroys its filters, keeps its exchange.
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
        // Callouts and queue items of the last callbacks take effect; their actions on the stream do not.
        self.host.actions.clear();
        while let Some(call) = self.host.outgoing.pop_front() {
            // Callouts started in the last callbacks belong to the exchange.
            self.start_callout(call);
        }
        self.abandon_attempt(id);
        let Some(mut stream) = self.take(id) else { return };
        let record = self.host.records.remove(&id);
        debug_assert!(record.is_some(), "a stream of a listener has a record until it ends");
        let record = record.unwrap_or_default();
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
        self.last_callback(stream, filter, "log", |vm, host, context| {
            vm.call(host, context, "proxy_on_log", &log, context)
        });
    }

    /// Destroys the contexts of a stream's filters.
    pub(super) fn destroy(&mut self, stream: &mut Stream) {
        for filter in 0..stream.filters.len() {
            let Some(FilterKind::Guest { vm: index, .. }) = stream.filters.get(filter).map(|place| place.kind) else {
                continue;
            };
            let Some(exports) = self.vms.get(index).map(|vm| vm.exports.clone()) else { continue };
            let created = stream.filters.get(filter).is_some_and(|place| place.created);
            if let Some(done) = exports.done.filter(|_| created) {
                // A stream cannot postpone its end: the result is ignored.
                self.last_callback(stream, filter, "done", |vm, host, context| {
                    vm.call(host, context, "proxy_on_done", &done, context).map(|_| ())
                });
            }
            if let Some(delete) = exports.delete.filter(|_| created) {
                self.last_callback(stream, filter, "delete", |vm, host, context| {
                    vm.call(host, context, "proxy_on_delete", &delete, context)
                });
            }
            if let (Some(context), Some(vm)) = (context_of(stream, filter), self.vms.get_mut(index)) {
                vm.store.data_mut().contexts.remove(&context);
            }
        }
    }

    /// Runs one of the last callbacks, unless the virtual machine has failed.
    fn last_callback(
        &mut self,
        stream: &mut Stream,
        filter: usize,
        name: &str,
        run: impl FnOnce(&mut Vm, &mut Box<HostState>, u32) -> Result<(), String>,
    ) {
        let Some(FilterKind::Guest { vm, context, .. }) = stream.filters.get(filter).map(|slot| slot.kind) else {
            return;
        };
        if self.vms.get(vm).is_none_or(|vm| vm.failed) {
            return;
        }
        self.trace_callback(stream, filter, || format!("{name}()"));
        let Some(vm) = self.vms.get_mut(vm) else { return };
        std::mem::swap(stream, &mut self.host.current);
        let result = run(vm, &mut self.host, context);
        std::mem::swap(stream, &mut self.host.current);
        if result.is_ok() {
            self.trace_return(stream, filter, || name.to_owned());
        }
    }

    /// Runs the process until the exchange is over, or nothing will ever end it.
    pub(crate) fn finish(&mut self, id: u64) -> Exchange {
        loop {
            if !self.run_due() {
                let why = "guests keep waking each other for ever, e.g. through a shared queue";
                self.disconnect(id, End::Stalled(why.to_owned()));
            }
            if let Some(exchange) = self.finished.remove(&id) {
                return exchange;
            }
            let now = self.host.now;
            let Some(session) = self.sessions.get(&id) else { return Exchange::default() };
            let deadline = session.last_activity.saturating_add(super::time::nanos(session.idle_timeout));
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

    /// Returns what a stream that makes no progress waits for.
    fn stall_reason(&mut self, id: u64) -> String {
        let listener = self.host.stream(id).and_then(|stream| self.listeners.get(stream.listener));
        let plugins = listener.map(|listener| listener.plugins.as_slice()).unwrap_or_default();
        let plugins: Vec<ReportedPlugin> = plugins
            .iter()
            .map(|plugin| ReportedPlugin {
                name: plugin.settings.name.clone(),
                allow_on_headers_stop_iteration: plugin.allow_on_headers_stop_iteration,
            })
            .collect();
        let waiting = self.sessions.get(&id).and_then(|session| session.attempt.as_ref()).is_some();
        match self.host.stream(id) {
            Some(stream) => stream.stall_reason(&plugins, waiting),
            None => "the stream no longer exists".to_owned(),
        }
    }
}

impl super::client::ClientSession {
    fn disconnects_now(&self) -> bool {
        self.disconnect == Some(crate::Disconnect::RequestFrames(self.frames_sent))
    }
}

/// Returns attributes at the end of the stream, in the bytes that a guest would read.
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
