//! Calls filters: contexts are created, callbacks run, what they have put off happens, traps are answered.

use std::sync::Arc;

use super::Server;
use crate::host_state::DeferredAction;
use crate::route::Target;
use crate::stream::{
    Callback, CallbackStatus, FilterCallbacks, FilterKind, LocalReply, Stream, decode, encode, local_reply,
};
use crate::{Plugin, TraceEvent};

impl FilterCallbacks for Server {
    fn call(&mut self, stream: &mut Stream, filter: usize, callback: Callback) -> CallbackStatus {
        let Some(kind) = stream.filters.get(filter).map(|place| place.kind) else { return CallbackStatus::Continue };
        let FilterKind::Guest { vm: index, root, .. } = kind else { return self.fail(stream, filter, callback) };
        if self.vms.get(index).is_none_or(|vm| vm.failed) || !self.create(stream, filter, index, root) {
            return self.fail(stream, filter, callback);
        }
        let Some(context) = context_of(stream, filter) else { return CallbackStatus::Continue };
        let Some((name, export)) = self.export(index, callback) else { return CallbackStatus::Continue };
        self.count_callback(stream);
        self.trace_callback(stream, filter, || describe(callback));
        let (stop, result) = self.run(stream, index, context, name, export, callback);
        let plugin = self.plugin_of(stream, filter);
        let Ok(result) = result else {
            self.host.actions.clear();
            return self.fail(stream, filter, callback);
        };
        self.trace_return(stream, filter, || format!("{} {result}", name.strip_prefix("proxy_on_").unwrap_or(name)));
        let answer =
            convert(callback, result, stop, plugin.is_none_or(|plugin| plugin.allow_on_headers_stop_iteration));
        self.run_deferred(stream);
        answer
    }

    fn route(&mut self, stream: &mut Stream) -> Option<LocalReply> {
        if stream.parent != 0 {
            return None;
        }
        if let Some(missing) = missing_header(stream) {
            return Some(missing);
        }
        self.pick_route(stream);
        let listener = Arc::clone(self.listeners.get(stream.listener)?);
        let route = stream.info.route.flatten().and_then(|index| listener.routes.get(index));
        match route.map(|route| &route.target) {
            None | Some(Target::None) => {
                stream.info.flags |= crate::stream::flags::NO_ROUTE_FOUND;
                Some(LocalReply::plain(404, "", "route_not_found"))
            }
            Some(Target::Direct(status, body)) => Some(LocalReply {
                status: *status,
                body: body.clone(),
                details: "direct_response".to_owned(),
                ..LocalReply::default()
            }),
            Some(Target::Cluster(cluster)) if !self.host.clusters.contains_key(cluster) => {
                Some(LocalReply::plain(503, "", "cluster_not_found"))
            }
            Some(Target::Cluster(_)) => {
                // The router's own header stands in the map that access logs see.
                if let (Some(timeout), Some(headers)) =
                    (route.and_then(|route| route.timeout), &mut stream.request.headers)
                {
                    headers.set("x-envoy-expected-rq-timeout-ms", timeout.as_millis().to_string());
                }
                None
            }
        }
    }
}

/// What the router needs and a filter has taken away. Without a path there is no route in the first place.
fn missing_header(stream: &Stream) -> Option<LocalReply> {
    let headers = stream.request.headers.as_ref()?;
    if headers.contains(":method") || !headers.contains(":path") {
        return None;
    }
    let details = "filter_removed_required_request_headers{missing_required_header:_:method}";
    Some(LocalReply::plain(503, "missing required header: :method", details))
}

/// A callback's exported function.
enum Export {
    Two(wasmtime::TypedFunc<(u32, u32), u32>),
    Three(wasmtime::TypedFunc<(u32, u32, u32), u32>),
}

impl Server {
    /// The route for the headers as they are, unless they have not changed since it was picked.
    pub(super) fn pick_route(&mut self, stream: &mut Stream) {
        if stream.info.route.is_some() {
            return;
        }
        let Some(listener) = self.listeners.get(stream.listener) else { return };
        let headers = stream.request.headers.clone().unwrap_or_default();
        // Without that header Envoy finds no route for anybody.
        let known = headers.contains("x-forwarded-proto") && headers.contains(":path");
        let index = listener.routes.iter().position(|route| known && route.matches(&headers));
        let route = index.and_then(|index| listener.routes.get(index));
        stream.info.route_name = route.map(|route| route.name.clone()).unwrap_or_default();
        stream.info.cluster = route.and_then(|route| match &route.target {
            Target::Cluster(cluster) => Some(cluster.clone()),
            _ => None,
        });
        stream.info.route = Some(index);
    }

    pub(super) fn plugin_of(&self, stream: &Stream, filter: usize) -> Option<Arc<Plugin>> {
        let listener = self.listeners.get(stream.listener)?;
        let plugins = if stream.parent == 0 { &listener.plugins } else { &listener.upstream_plugins };
        plugins.get(stream.filters.get(filter)?.plugin).map(Arc::clone)
    }

    /// Makes sure that the filter's context exists; `false` if its virtual machine has failed over it.
    pub(super) fn create(&mut self, stream: &mut Stream, filter: usize, index: usize, root: u32) -> bool {
        if stream.filters.get(filter).is_none_or(|place| place.created) {
            return true;
        }
        let Some(context) = context_of(stream, filter) else { return true };
        let create = self.vms.get(index).and_then(|vm| vm.exports.context_create.clone());
        if let Some(place) = stream.filters.get_mut(filter) {
            place.created = true;
        }
        let Some(create) = create else { return true };
        self.trace_callback(stream, filter, || format!("context_create({root})"));
        let Some(vm) = self.vms.get_mut(index) else { return false };
        std::mem::swap(stream, &mut self.host.current);
        let result = vm.call(&mut self.host, context, "proxy_on_context_create", &create, (context, root));
        std::mem::swap(stream, &mut self.host.current);
        result.is_ok()
    }

    fn export(&self, index: usize, callback: Callback) -> Option<(&'static str, Export)> {
        let exports = &self.vms.get(index)?.exports;
        Some(match callback {
            Callback::RequestHeaders { .. } => {
                ("proxy_on_request_headers", Export::Three(exports.request_headers.clone()?))
            }
            Callback::RequestBody { .. } => ("proxy_on_request_body", Export::Three(exports.request_body.clone()?)),
            Callback::RequestTrailers { .. } => {
                ("proxy_on_request_trailers", Export::Two(exports.request_trailers.clone()?))
            }
            Callback::ResponseHeaders { .. } => {
                ("proxy_on_response_headers", Export::Three(exports.response_headers.clone()?))
            }
            Callback::ResponseBody { .. } => ("proxy_on_response_body", Export::Three(exports.response_body.clone()?)),
            Callback::ResponseTrailers { .. } => {
                ("proxy_on_response_trailers", Export::Two(exports.response_trailers.clone()?))
            }
        })
    }

    /// Runs a callback with the stream where host calls find it. Also says whether the guest has stopped the iteration.
    fn run(
        &mut self,
        stream: &mut Stream,
        index: usize,
        context: u32,
        name: &str,
        export: Export,
        callback: Callback,
    ) -> (bool, Result<u32, String>) {
        let Some(vm) = self.vms.get_mut(index) else { return (false, Ok(0)) };
        vm.store.data_mut().stop = false;
        std::mem::swap(stream, &mut self.host.current);
        let size = crate::vm::size;
        let result = match (export, callback) {
            (
                Export::Three(export),
                Callback::RequestHeaders { count: n, end }
                | Callback::RequestBody { size: n, end }
                | Callback::ResponseHeaders { count: n, end }
                | Callback::ResponseBody { size: n, end },
            ) => vm.call(&mut self.host, context, name, &export, (context, size(n), u32::from(end))),
            (Export::Two(export), Callback::RequestTrailers { count } | Callback::ResponseTrailers { count }) => {
                vm.call(&mut self.host, context, name, &export, (context, size(count)))
            }
            _ => Ok(0),
        };
        std::mem::swap(stream, &mut self.host.current);
        (vm.store.data().stop, result)
    }

    /// The filter's virtual machine has failed: the stream is answered 503, whatever the policy says of later ones.
    fn fail(&mut self, stream: &mut Stream, filter: usize, callback: Callback) -> CallbackStatus {
        if let Some(place) = stream.filters.get_mut(filter) {
            if std::mem::replace(&mut place.failed, true) {
                // What comes after is the answer to that, and passes.
                return CallbackStatus::Continue;
            }
            let local = LocalReply { grpc_status: Some(14), ..LocalReply::plain(503, "", "wasm_fail_stream") };
            local_reply::send(stream, self, local);
        }
        match callback {
            Callback::RequestHeaders { .. } | Callback::ResponseHeaders { .. } => CallbackStatus::StopAllWatermark,
            Callback::RequestBody { .. } | Callback::ResponseBody { .. } => CallbackStatus::StopNoBuffer,
            Callback::RequestTrailers { .. } | Callback::ResponseTrailers { .. } => CallbackStatus::Stop,
        }
    }

    /// What the callback has put off, for the stream whose chain is running and for others.
    pub(super) fn run_deferred(&mut self, stream: &mut Stream) {
        while let Some(action) = self.host.actions.pop_front() {
            let id = match &action {
                DeferredAction::Continue { stream, .. }
                | DeferredAction::LocalReply { stream, .. }
                | DeferredAction::Close { stream } => *stream,
            };
            if id == stream.id {
                self.apply(stream, action);
            } else {
                self.run_deferred_for(id, action);
            }
        }
    }

    /// What a root context's callback has put off.
    pub(super) fn run_deferred_of_root(&mut self) {
        while let Some(action) = self.host.actions.pop_front() {
            let id = match &action {
                DeferredAction::Continue { stream, .. }
                | DeferredAction::LocalReply { stream, .. }
                | DeferredAction::Close { stream } => *stream,
            };
            self.run_deferred_for(id, action);
        }
    }

    fn run_deferred_for(&mut self, id: u64, action: DeferredAction) {
        if let Some(mut other) = self.take(id) {
            self.apply(&mut other, action);
            self.put_back(other);
            self.host.pending_streams.insert(id);
        }
    }

    fn apply(&mut self, stream: &mut Stream, action: DeferredAction) {
        match action {
            DeferredAction::Continue { filter, request: true, .. } => decode::resume(stream, self, filter),
            DeferredAction::Continue { filter, request: false, .. } => encode::resume(stream, self, filter),
            DeferredAction::LocalReply { filter, local, .. } => {
                if let Some(place) = stream.filters.get_mut(filter) {
                    place.local_reply_pending = false;
                }
                local_reply::send(stream, self, local);
            }
            DeferredAction::Close { .. } => {
                stream.reset("wasm_close_stream");
                stream.client.end = if stream.headers_sent { crate::End::Truncated } else { crate::End::Reset };
            }
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
        self.line(stream, filter, TraceEvent::Callback, text);
    }

    pub(super) fn trace_return(&mut self, stream: &Stream, filter: usize, text: impl FnOnce() -> String) {
        self.line(stream, filter, TraceEvent::Returned, text);
    }

    fn line(
        &mut self,
        stream: &Stream,
        filter: usize,
        event: impl FnOnce(String) -> TraceEvent,
        text: impl FnOnce() -> String,
    ) {
        if self.host.tracing {
            let plugin = self.plugin_of(stream, filter).map(|plugin| plugin.name.clone()).unwrap_or_default();
            let context = context_of(stream, filter).unwrap_or_default();
            let id = if stream.parent == 0 { stream.id } else { stream.parent };
            if let Some(record) = self.host.records.get_mut(&id) {
                record.trace.push(&plugin, context, event(text()));
            }
        }
    }
}

pub(super) fn context_of(stream: &Stream, filter: usize) -> Option<u32> {
    match stream.filters.get(filter)?.kind {
        FilterKind::Guest { context, .. } => Some(context),
        _ => None,
    }
}

fn describe(callback: Callback) -> String {
    match callback {
        Callback::RequestHeaders { count, end } => format!("request_headers({count}, {end})"),
        Callback::RequestBody { size, end } => format!("request_body({size}, {end})"),
        Callback::RequestTrailers { count } => format!("request_trailers({count})"),
        Callback::ResponseHeaders { count, end } => format!("response_headers({count}, {end})"),
        Callback::ResponseBody { size, end } => format!("response_body({size}, {end})"),
        Callback::ResponseTrailers { count } => format!("response_trailers({count})"),
    }
}

/// A callback's number as Envoy's host reads it (`convertVmCallResultToFilter...Status`).
fn convert(callback: Callback, result: u32, stop: bool, allow_headers: bool) -> CallbackStatus {
    match callback {
        Callback::RequestHeaders { .. } | Callback::ResponseHeaders { .. } => match result {
            _ if stop || result > 4 => CallbackStatus::StopAllWatermark,
            0 | 2 => CallbackStatus::Continue,
            1 if allow_headers => CallbackStatus::Stop,
            1 => CallbackStatus::StopAllWatermark,
            3 => CallbackStatus::StopAllBuffer,
            _ => CallbackStatus::StopAllWatermark,
        },
        Callback::RequestBody { .. } | Callback::ResponseBody { .. } => match result {
            _ if stop || result > 3 => CallbackStatus::StopNoBuffer,
            0 => CallbackStatus::Continue,
            1 => CallbackStatus::Stop,
            2 => CallbackStatus::StopWatermark,
            _ => CallbackStatus::StopNoBuffer,
        },
        Callback::RequestTrailers { .. } | Callback::ResponseTrailers { .. } => {
            if stop || result != 0 {
                CallbackStatus::Stop
            } else {
                CallbackStatus::Continue
            }
        }
    }
}
