//! Callouts: sent when the callback that began them has returned; the root context gets the response. Timers and queues.

use std::time::Duration;

use super::Server;
use super::callout_response::{grpc, http};
use crate::callout::{Callout, CalloutId, CalloutPart, CalloutResult};
use crate::event_queue::ScheduledEvent;
use crate::vm_data::guest_size;
use crate::{Headers, Origin, ReceivedRequest, Thread, TraceEvent, UpstreamRequest};

impl Server {
    /// Sends a callout to its cluster and schedules the response or the timeout.
    pub(super) fn start_callout(&mut self, call: Callout) {
        let now = self.host.now;
        let mut headers = call.headers.clone();
        headers.set("x-envoy-internal", "true");
        if call.timeout_ms > 0 {
            headers.set("x-envoy-expected-rq-timeout-ms", call.timeout_ms.to_string());
        }
        let frames = if call.body.is_empty() { Vec::new() } else { vec![call.body.clone()] };
        let trailers = (!call.trailers.is_empty()).then(|| call.trailers.clone());
        let callbacks = self.host.stream(call.stream).map_or(0, |stream| stream.info.callbacks);
        if let Some(record) = self.host.records.get_mut(&call.stream) {
            record.callouts.push(ReceivedRequest {
                cluster: call.cluster.clone(),
                headers: headers.clone(),
                frames: frames.clone(),
                trailers: trailers.clone(),
                complete: call.complete,
                reset: !call.complete,
                callbacks_before: callbacks,
                at: Duration::from_nanos(now),
                ..ReceivedRequest::default()
            });
        }
        let request = UpstreamRequest {
            cluster: call.cluster.clone(),
            origin: call.origin,
            headers,
            frames,
            trailers,
            complete: call.complete,
            at: Duration::from_nanos(now),
        };
        let Some(cluster) = self.host.clusters.get_mut(&call.cluster) else { return };
        let response = (cluster.respond)(&request);
        let results = match call.origin {
            Origin::GrpcCall => grpc(response, &call, now),
            Origin::HttpCall | Origin::Route => http(response, &call, now),
        };
        for (at, result) in results {
            let due = ScheduledEvent::Call {
                id: CalloutId { vm: call.vm, root: call.root, token: call.token, call: call.call },
                result: Box::new(result),
            };
            self.host.events.at(at, due);
        }
    }

    /// Delivers the response to a callout, or a part of it.
    pub(super) fn callout_responded(&mut self, id: CalloutId, result: CalloutResult) {
        let CalloutId { vm: index, root, token, call } = id;
        let Some(vm) = self.vms.get_mut(index) else { return };
        let Some(&(pending, stream)) = vm.store.data().pending.get(&token) else { return };
        if vm.failed || pending != call {
            return;
        }
        let exports = vm.exports.clone();
        let (piece, last) = (result.piece, result.last);
        let count = |headers: &Option<Headers>| headers.as_ref().map_or(0, |headers| guest_size(headers.len()));
        let (head, trailing) = (count(&result.headers), count(&result.trailers));
        let (initial, closing) = (count(&result.initial_metadata), count(&result.trailing_metadata));
        let broken = result.headers.is_none() && piece == CalloutPart::Http;
        let (body, status) = (guest_size(result.body.len()), result.status);
        self.host.call = Some(result);
        // The root context's log messages belong to that stream.
        self.host.root_callback_stream = stream;
        if self.host.tracing {
            let plugin = vm.plugin_name(root);
            let text = format!("{piece:?} response to call {token} ({head} headers, {body} bytes, status {status})");
            self.host.trace(stream, &plugin, root, TraceEvent::Callback(text));
        }
        let host = &mut self.host;
        // A trap has been logged; there is no stream to refuse.
        let _ = match piece {
            CalloutPart::Http => exports.http_call_response.map(|export| {
                let arguments = (root, token, head, body, trailing);
                vm.call(host, root, "proxy_on_http_call_response", &export, arguments)
            }),
            CalloutPart::Initial => exports.grpc_initial.map(|export| {
                vm.call(host, root, "proxy_on_grpc_receive_initial_metadata", &export, (root, token, initial))
            }),
            CalloutPart::Message => exports
                .grpc_receive
                .map(|export| vm.call(host, root, "proxy_on_grpc_receive", &export, (root, token, body))),
            CalloutPart::Trailing => exports.grpc_trailing.map(|export| {
                vm.call(host, root, "proxy_on_grpc_receive_trailing_metadata", &export, (root, token, closing))
            }),
            CalloutPart::Close => exports
                .grpc_close
                .map(|export| vm.call(host, root, "proxy_on_grpc_close", &export, (root, token, status))),
        };
        if last {
            vm.store.data_mut().pending.remove(&token);
            vm.store.data_mut().open_streams.remove(&token);
        }
        if matches!(piece, CalloutPart::Close) || broken {
            // The code can be read later; the message cannot.
            vm.store.data_mut().last_status = status;
        }
        self.host.call = None;
        self.host.root_callback_stream = 0;
        self.after_root(index);
    }

    /// Runs the actions that a root context's callback has deferred. Streams of a virtual machine that has failed are refused
    /// at their next callback.
    pub(super) fn after_root(&mut self, index: usize) {
        if self.vms.get(index).is_some_and(|vm| vm.failed) {
            self.host.actions.clear();
        }
        self.run_deferred_of_root();
        let pending_streams: Vec<u64> = self.host.pending_streams.iter().copied().collect();
        self.process_pending();
        for id in pending_streams {
            if self.sessions.contains_key(&id) {
                self.record_activity(id);
            }
        }
    }

    /// Notifies a queue's reader of an item.
    pub(super) fn queue_ready(&mut self, token: u32) {
        let Some(reader) = self.host.shared.reader(token) else { return };
        let Some(vm) = self.vms.get_mut(reader.vm) else { return };
        if vm.failed {
            return;
        }
        let Some(export) = vm.exports.queue_ready.clone() else { return };
        // A trap has been logged.
        let _ = vm.call(&mut self.host, reader.root, "proxy_on_queue_ready", &export, (reader.root, token));
        self.after_root(reader.vm);
    }

    /// Runs a root context's timer callback and schedules the next.
    pub(super) fn tick(&mut self, index: usize, root: u32, generation: u64) {
        let Some(vm) = self.vms.get_mut(index) else { return };
        if vm.failed || vm.store.data().thread == Thread::Canary {
            return;
        }
        if vm.store.data().timers.get(&root).is_none_or(|&(period, current)| period == 0 || current != generation) {
            return;
        }
        if let Some(export) = vm.exports.tick.clone() {
            // A trap has been logged.
            let _ = vm.call(&mut self.host, root, "proxy_on_tick", &export, root);
        }
        let timer = vm.store.data().timers.get(&root).copied();
        if let Some((period, current)) = timer
            && period > 0
            && current == generation
            && !vm.failed
        {
            let at = self.host.now + u64::from(period) * 1_000_000;
            self.host.events.at(at, ScheduledEvent::Tick { vm: index, root, generation });
        }
        self.after_root(index);
    }
}
