//! Filter callbacks in virtual machines: contexts are created, callbacks run, deferred actions follow, traps end streams.

use std::sync::Arc;

use super::Server;
use crate::host_state::DeferredAction;
use crate::stream::{
    Callback, CallbackPart, CallbackStatus, Direction, FilterCallbacks, FilterChain, FilterKind, LocalReply, Stream,
    local_reply,
};
use crate::vm::FilterExport;
use crate::{Plugin, TraceEvent};

impl FilterCallbacks for Server {
    fn call(&mut self, stream: &mut Stream, filter: usize, callback: Callback) -> CallbackStatus {
        let Some(kind) = stream.filters.get(filter).map(|slot| slot.kind) else { return CallbackStatus::Continue };
        let FilterKind::Guest { vm: index, root, .. } = kind else { return self.fail(stream, filter, callback) };
        if self.vms.get(index).is_none_or(|vm| vm.failed) || !self.create(stream, filter, index, root) {
            return self.fail(stream, filter, callback);
        }
        let Some(export) = self.vms.get(index).and_then(|vm| vm.exports.filter(callback)) else {
            return CallbackStatus::Continue;
        };
        self.count_callback(stream);
        self.trace_callback(stream, filter, || describe(callback));
        let name = export.name.strip_prefix("proxy_on_").unwrap_or(export.name);
        let (stop, result) = self.run(stream, filter, &export, callback.part);
        let plugin = self.plugin_of(stream, filter);
        let Ok(result) = result else {
            self.host.actions.clear();
            return self.fail(stream, filter, callback);
        };
        self.trace_return(stream, filter, || format!("{name} {result}"));
        let allow_headers = plugin.is_none_or(|plugin| plugin.allow_on_headers_stop_iteration);
        let status = convert(callback.part, result, stop, allow_headers);
        self.run_deferred(stream);
        status
    }

    fn route(&mut self, stream: &mut Stream) -> Option<LocalReply> {
        self.route_or_reply(stream)
    }
}

impl Server {
    pub(super) fn plugin_of(&self, stream: &Stream, filter: usize) -> Option<Arc<Plugin>> {
        let listener = self.listeners.get(stream.listener)?;
        let plugins = if stream.parent == 0 { &listener.plugins } else { &listener.upstream_plugins };
        plugins.get(stream.filters.get(filter)?.plugin).map(Arc::clone)
    }

    /// Creates the filter's context if it does not exist. Returns `false` if the virtual machine has failed over it.
    pub(super) fn create(&mut self, stream: &mut Stream, filter: usize, index: usize, root: u32) -> bool {
        if stream.filters.get(filter).is_none_or(|slot| slot.created) {
            return true;
        }
        let Some(context) = context_of(stream, filter) else { return true };
        let create = self.vms.get(index).and_then(|vm| vm.exports.context_create.clone());
        if let Some(slot) = stream.filters.get_mut(filter) {
            slot.created = true;
        }
        let Some(create) = create else { return true };
        self.trace_callback(stream, filter, || format!("context_create({root})"));
        let Some(vm) = self.vms.get_mut(index) else { return false };
        std::mem::swap(stream, &mut self.host.current);
        let result = vm.call(&mut self.host, context, "proxy_on_context_create", &create, (context, root));
        std::mem::swap(stream, &mut self.host.current);
        result.is_ok()
    }

    /// Runs a callback with the stream where host calls find it. Also returns `true` if the guest has stopped the iteration.
    fn run(
        &mut self,
        stream: &mut Stream,
        filter: usize,
        export: &FilterExport,
        part: CallbackPart,
    ) -> (bool, Result<u32, String>) {
        let Some(FilterKind::Guest { vm, context, .. }) = stream.filters.get(filter).map(|slot| slot.kind) else {
            return (false, Ok(0));
        };
        let Some(vm) = self.vms.get_mut(vm) else { return (false, Ok(0)) };
        vm.store.data_mut().stop = false;
        std::mem::swap(stream, &mut self.host.current);
        let result = vm.call_filter(&mut self.host, context, export, part);
        std::mem::swap(stream, &mut self.host.current);
        (vm.store.data().stop, result)
    }

    /// Refuses the stream with 503 because the filter's virtual machine has failed, whatever the plugin's policy says about
    /// later streams.
    fn fail(&mut self, stream: &mut Stream, filter: usize, callback: Callback) -> CallbackStatus {
        if let Some(slot) = stream.filters.get_mut(filter) {
            if std::mem::replace(&mut slot.failed, true) {
                // Later callbacks are for the 503 itself, which passes.
                return CallbackStatus::Continue;
            }
            let reply = LocalReply { grpc_status: Some(14), ..LocalReply::plain(503, "", "wasm_fail_stream") };
            local_reply::send(stream, self, reply);
        }
        match callback.part {
            CallbackPart::Headers { .. } => CallbackStatus::StopAllWatermark,
            CallbackPart::Body { .. } => CallbackStatus::StopNoBuffer,
            CallbackPart::Trailers { .. } => CallbackStatus::Stop,
        }
    }

    /// Runs the actions that a callback has deferred, for the stream whose chain is running and for others.
    pub(super) fn run_deferred(&mut self, stream: &mut Stream) {
        while let Some(action) = self.host.actions.pop_front() {
            if action.stream() == stream.id {
                self.apply(stream, action);
            } else {
                self.run_deferred_for_other(action);
            }
        }
    }

    /// Runs the actions that a root context's callback has deferred.
    pub(super) fn run_deferred_of_root(&mut self) {
        while let Some(action) = self.host.actions.pop_front() {
            self.run_deferred_for_other(action);
        }
    }

    fn run_deferred_for_other(&mut self, action: DeferredAction) {
        let id = action.stream();
        if let Some(mut other) = self.take(id) {
            self.apply(&mut other, action);
            self.put_back(other);
            self.host.pending_streams.insert(id);
        }
    }

    fn apply(&mut self, stream: &mut Stream, action: DeferredAction) {
        match action {
            DeferredAction::Continue { filter, direction: Direction::Decode, .. } => {
                FilterChain::decode(stream, self).resume(filter);
            }
            DeferredAction::Continue { filter, direction: Direction::Encode, .. } => {
                FilterChain::encode(stream, self).resume(filter);
            }
            DeferredAction::LocalReply { filter, local, .. } => {
                if let Some(slot) = stream.filters.get_mut(filter) {
                    slot.local_reply_pending = false;
                }
                local_reply::send(stream, self, local);
            }
            DeferredAction::Close { .. } => stream.cut("wasm_close_stream"),
        }
    }

    fn count_callback(&mut self, stream: &mut Stream) {
        if stream.parent == 0 {
            stream.info.callbacks += 1;
        } else if let Some(parent) = self.host.streams.get_mut(&stream.parent) {
            parent.info.callbacks += 1;
        }
    }

    pub(super) fn trace_callback(&mut self, stream: &Stream, filter: usize, text: impl FnOnce() -> String) {
        self.trace(stream, filter, TraceEvent::Callback, text);
    }

    pub(super) fn trace_return(&mut self, stream: &Stream, filter: usize, text: impl FnOnce() -> String) {
        self.trace(stream, filter, TraceEvent::Returned, text);
    }

    fn trace(
        &mut self,
        stream: &Stream,
        filter: usize,
        event: impl FnOnce(String) -> TraceEvent,
        text: impl FnOnce() -> String,
    ) {
        if self.host.tracing {
            let plugin = self.plugin_of(stream, filter);
            debug_assert!(plugin.is_some(), "a filter with callbacks belongs to a plugin of its listener");
            let plugin = plugin.map(|plugin| plugin.settings.name.clone()).unwrap_or_default();
            let context = context_of(stream, filter).unwrap_or_default();
            let id = if stream.parent == 0 { stream.id } else { stream.parent };
            if let Some(record) = self.host.records.get_mut(&id) {
                record.trace.push(&plugin, context, event(text()));
            }
        }
    }
}

/// Returns the id of a filter's context, if the filter is a guest.
pub(super) fn context_of(stream: &Stream, filter: usize) -> Option<u32> {
    match stream.filters.get(filter)?.kind {
        FilterKind::Guest { context, .. } => Some(context),
        _ => None,
    }
}

fn describe(callback: Callback) -> String {
    let message = if callback.direction == Direction::Decode { "request" } else { "response" };
    match callback.part {
        CallbackPart::Headers { count, end } => format!("{message}_headers({count}, {end})"),
        CallbackPart::Body { size, end } => format!("{message}_body({size}, {end})"),
        CallbackPart::Trailers { count } => format!("{message}_trailers({count})"),
    }
}

/// Converts a callback's result as Envoy does (`convertVmCallResultToFilter...Status`). `stop` is `true` if the guest has
/// asked for a local reply or closed the stream.
fn convert(part: CallbackPart, result: u32, stop: bool, allow_headers: bool) -> CallbackStatus {
    match part {
        CallbackPart::Headers { .. } => match result {
            _ if stop || result > 4 => CallbackStatus::StopAllWatermark,
            0 | 2 => CallbackStatus::Continue,
            1 if allow_headers => CallbackStatus::Stop,
            1 => CallbackStatus::StopAllWatermark,
            3 => CallbackStatus::StopAllBuffer,
            _ => CallbackStatus::StopAllWatermark,
        },
        CallbackPart::Body { .. } => match result {
            _ if stop || result > 3 => CallbackStatus::StopNoBuffer,
            0 => CallbackStatus::Continue,
            1 => CallbackStatus::Stop,
            2 => CallbackStatus::StopWatermark,
            _ => CallbackStatus::StopNoBuffer,
        },
        CallbackPart::Trailers { .. } if stop || result != 0 => CallbackStatus::Stop,
        CallbackPart::Trailers { .. } => CallbackStatus::Continue,
    }
}
