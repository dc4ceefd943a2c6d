//! Callouts: asked when the callback that began them has returned, answered in the root context.

use std::time::Duration;

use super::Machine;
use super::client::nanos;
use super::router::{REFUSED, steps};
use crate::calls::{CallResult, Outgoing, Piece};
use crate::events::{Due, Step};
use crate::upstream::Fault;
use crate::{Headers, Origin, Reply, Thread, UpstreamRequest, UpstreamSeen};

/// gRPC's `DEADLINE_EXCEEDED`
const DEADLINE_EXCEEDED: u32 = 4;
/// gRPC's `UNAVAILABLE`
const UNAVAILABLE: u32 = 14;
/// What `proxy_get_status` says of an HTTP call that was reset (`BrokenConnection`).
const BROKEN_CONNECTION: u32 = 11;

impl Machine {
    /// Asks the cluster and puts the answer, or the timeout, on the calendar.
    pub(super) fn start_call(&mut self, call: Outgoing) {
        let now = self.world.now;
        let mut headers = call.headers.clone();
        if call.timeout_ms > 0 {
            headers.set("x-envoy-expected-rq-timeout-ms", call.timeout_ms.to_string());
        }
        let frames = if call.body.is_empty() { Vec::new() } else { vec![call.body.clone()] };
        let trailers = (!call.trailers.is_empty()).then(|| call.trailers.clone());
        let callbacks = self.world.stream(call.stream).map_or(0, |stream| stream.info.callbacks);
        if let Some(record) = self.world.records.get_mut(&call.stream) {
            record.callouts.push(UpstreamSeen {
                cluster: call.cluster.clone(),
                headers: headers.clone(),
                frames: frames.clone(),
                trailers: trailers.clone(),
                complete: true,
                when: callbacks,
                at: Duration::from_nanos(now),
                ..UpstreamSeen::default()
            });
        }
        let request = UpstreamRequest {
            cluster: call.cluster.clone(),
            origin: call.origin,
            headers,
            frames,
            trailers,
            complete: true,
            at: Duration::from_nanos(now),
        };
        let Some(cluster) = self.world.clusters.get_mut(&call.cluster) else { return };
        let reply = (cluster.answer)(&request);
        let results = match call.origin {
            Origin::GrpcCall => grpc(reply, &call, now),
            Origin::HttpCall | Origin::Route => http(reply, &call, now),
        };
        for (at, result) in results {
            let due = Due::Call {
                vm: call.vm,
                root: call.root,
                token: call.token,
                call: call.call,
                result: Box::new(result),
            };
            self.world.events.at(at, due);
        }
    }

    /// A callout's answer, or a piece of it, has come.
    pub(super) fn call_answered(&mut self, index: usize, root: u32, token: u32, call: u64, result: CallResult) {
        let Some(vm) = self.vms.get_mut(index) else { return };
        if vm.failed || vm.store.data().pending.get(&token) != Some(&call) {
            return;
        }
        let exports = vm.exports.clone();
        let (piece, last) = (result.piece, result.last);
        let count = |headers: &Option<Headers>| headers.as_ref().map_or(0, |headers| crate::vm::size(headers.len()));
        let (head, trailing) = (count(&result.headers), count(&result.trailers));
        let (initial, closing) = (count(&result.initial_metadata), count(&result.trailing_metadata));
        let (body, status) = (crate::vm::size(result.body.len()), result.status);
        self.world.call = Some(result);
        let world = &mut self.world;
        // A trap has been logged where it happened; there is no stream to answer.
        let _ = match piece {
            Piece::Http => exports.http_call_response.map(|export| {
                let arguments = (root, token, head, body, trailing);
                vm.call(world, root, "proxy_on_http_call_response", &export, arguments)
            }),
            Piece::Initial => exports.grpc_initial.map(|export| {
                vm.call(world, root, "proxy_on_grpc_receive_initial_metadata", &export, (root, token, initial))
            }),
            Piece::Message => exports
                .grpc_receive
                .map(|export| vm.call(world, root, "proxy_on_grpc_receive", &export, (root, token, body))),
            Piece::Trailing => exports.grpc_trailing.map(|export| {
                vm.call(world, root, "proxy_on_grpc_receive_trailing_metadata", &export, (root, token, closing))
            }),
            Piece::Close => exports
                .grpc_close
                .map(|export| vm.call(world, root, "proxy_on_grpc_close", &export, (root, token, status))),
        };
        if last {
            vm.store.data_mut().pending.remove(&token);
        }
        self.world.call = None;
        self.after_root(index);
    }

    /// What a root context's callback has put off happens; streams of a machine that has failed are told by their next
    /// callback.
    pub(super) fn after_root(&mut self, index: usize) {
        if self.vms.get(index).is_some_and(|vm| vm.failed) {
            self.world.actions.clear();
        }
        self.act_on_others();
        let touched: Vec<u64> = self.world.touched.iter().copied().collect();
        self.settle();
        for id in touched {
            if self.sessions.contains_key(&id) {
                self.active(id);
            }
        }
    }

    /// A queue's reader is told that there is something.
    pub(super) fn queue_ready(&mut self, token: u32) {
        let Some(reader) = self.world.shared.reader(token) else { return };
        let Some(vm) = self.vms.get_mut(reader.vm) else { return };
        if vm.failed {
            return;
        }
        let Some(export) = vm.exports.queue_ready.clone() else { return };
        // A trap has been logged where it happened.
        let _ = vm.call(&mut self.world, reader.root, "proxy_on_queue_ready", &export, (reader.root, token));
        self.after_root(reader.vm);
    }

    /// A root context's timer.
    pub(super) fn tick(&mut self, index: usize, root: u32, generation: u64) {
        let Some(vm) = self.vms.get_mut(index) else { return };
        if vm.failed || vm.store.data().thread == Thread::Canary {
            return;
        }
        if vm.store.data().timers.get(&root).is_none_or(|&(period, current)| period == 0 || current != generation) {
            return;
        }
        if let Some(export) = vm.exports.tick.clone() {
            // A trap has been logged where it happened.
            let _ = vm.call(&mut self.world, root, "proxy_on_tick", &export, root);
        }
        let timer = vm.store.data().timers.get(&root).copied();
        if let Some((period, current)) = timer
            && period > 0
            && current == generation
            && !vm.failed
        {
            let at = self.world.now + u64::from(period) * 1_000_000;
            self.world.events.at(at, Due::Tick { vm: index, root, generation });
        }
        self.after_root(index);
    }
}

/// A small answer of the proxy's own, as a callout sees it.
fn local(status: u16, body: &str) -> CallResult {
    let length = body.len().to_string();
    let headers =
        [(":status", status.to_string()), ("content-length", length), ("content-type", "text/plain".to_owned())];
    CallResult {
        headers: Some(headers.into_iter().collect()),
        body: body.as_bytes().to_vec(),
        last: true,
        ..CallResult::default()
    }
}

/// An HTTP answer is buffered whole.
fn http(reply: Reply, call: &Outgoing, now: u64) -> Vec<(u64, CallResult)> {
    let deadline = (call.timeout_ms > 0).then(|| now.saturating_add(call.timeout_ms.saturating_mul(1_000_000)));
    let timed_out = |deadline: u64| vec![(deadline, local(504, "upstream request timeout"))];
    let mut result = CallResult { last: true, ..CallResult::default() };
    let mut at = now;
    let head = call.headers.text(":method") == Some("HEAD");
    let delay = nanos(reply.delay) / 1_000_000;
    let never = reply.fault == Fault::Never;
    for (time, step) in steps(reply, now, head) {
        at = time;
        match step {
            Step::Headers(mut headers, _) => {
                headers.set("x-envoy-upstream-service-time", delay.to_string());
                result.headers = Some(headers);
            }
            Step::Data(bytes, _) => result.body.extend(bytes),
            Step::Trailers(trailers) => result.trailers = Some(trailers),
            Step::Refused => result = local(503, REFUSED),
            Step::Reset => {
                result = CallResult {
                    last: true,
                    status: BROKEN_CONNECTION,
                    message: "reset".to_owned(),
                    ..CallResult::default()
                };
            }
        }
    }
    match deadline {
        Some(deadline) if never || at > deadline => timed_out(deadline),
        _ if never => Vec::new(),
        _ => vec![(at, result)],
    }
}

/// A gRPC answer: of a unary call its message or its error, of a stream every piece.
fn grpc(reply: Reply, call: &Outgoing, now: u64) -> Vec<(u64, CallResult)> {
    let unary = call.token & 3 == 1;
    let deadline = (call.timeout_ms > 0).then(|| now.saturating_add(call.timeout_ms.saturating_mul(1_000_000)));
    let close = |status: u32, message: &str| CallResult {
        piece: Piece::Close,
        last: true,
        status,
        message: message.to_owned(),
        ..CallResult::default()
    };
    let mut results = Vec::new();
    let (mut initial, mut trailing, mut body) = (None, None, Vec::new());
    let mut failed = None;
    let mut at = now;
    let never = reply.fault == Fault::Never;
    for (time, step) in steps(reply, now, false) {
        at = time;
        match step {
            Step::Headers(headers, true) => trailing = Some(headers),
            Step::Headers(headers, false) => initial = Some(headers),
            Step::Data(bytes, _) => body.extend(bytes),
            Step::Trailers(trailers) => trailing = Some(trailers),
            Step::Refused => failed = Some(close(UNAVAILABLE, REFUSED)),
            Step::Reset => failed = Some(close(UNAVAILABLE, "upstream reset")),
        }
    }
    if let Some(deadline) = deadline
        && (never || at > deadline)
    {
        return vec![(deadline, close(DEADLINE_EXCEEDED, "upstream request timeout"))];
    }
    if never {
        return results;
    }
    if let Some(failed) = failed {
        return vec![(at, failed)];
    }
    let field = |name: &str| trailing.as_ref().and_then(|trailers: &Headers| trailers.text(name).map(str::to_owned));
    // Without a status the call is broken: `UNKNOWN`.
    let status = field("grpc-status").and_then(|status| status.parse().ok()).unwrap_or(2);
    let message = field("grpc-message").unwrap_or_default();
    let message_of = |body: Vec<u8>| CallResult {
        piece: Piece::Message,
        has_message: true,
        body,
        last: unary,
        ..CallResult::default()
    };
    if unary {
        let result = match messages(&body).into_iter().next() {
            Some(body) if status == 0 => message_of(body),
            _ => close(if status == 0 { 13 } else { status }, &message),
        };
        return vec![(at, result)];
    }
    if let Some(initial) = initial {
        let piece = Piece::Initial;
        results.push((at, CallResult { piece, initial_metadata: Some(initial), ..CallResult::default() }));
    }
    results.extend(messages(&body).into_iter().map(|body| (at, message_of(body))));
    let piece = Piece::Trailing;
    results.push((at, CallResult { piece, trailing_metadata: trailing.clone(), ..CallResult::default() }));
    results.push((at, close(status, &message)));
    results
}

/// The messages in a body of gRPC frames; what is cut short is left out.
fn messages(body: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut rest = body;
    while let Some((head, after)) = rest.split_at_checked(5) {
        let size = head.get(1..5).and_then(|raw| raw.try_into().ok()).map_or(0, u32::from_be_bytes);
        let Some((message, after)) = after.split_at_checked(usize::try_from(size).unwrap_or(usize::MAX)) else { break };
        messages.push(message.to_vec());
        rest = after;
    }
    messages
}
