//! Client side of a stream: the request as it is sent over time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::time::nanos;
use super::{PluginKey, Server};
use crate::host_state::ExchangeRecord;
use crate::request::Disconnect;
use crate::stream::{ActiveStream, FilterChain, FilterKind, FilterSlot, Stream, StreamInfo, flags};
use crate::vm_data::Context;
use crate::{End, Framing, Headers, Request};

/// Part of a request that has not been sent.
#[derive(Clone, Debug)]
pub(super) enum RequestPart {
    Data(Vec<u8>, bool),
    Trailers(Headers),
}

/// Client and upstream attempt of a listener's stream.
pub(super) struct ClientSession {
    pub(super) parts: VecDeque<RequestPart>,
    pub(super) frames_sent: usize,
    pub(super) disconnect: Option<Disconnect>,
    pub(super) idle_timeout: Duration,
    pub(super) frame_interval: u64,
    /// Time before which the client sends nothing.
    pub(super) not_before: u64,
    pub(super) last_activity: u64,
    pub(super) attempt: Option<super::attempt::Attempt>,
    /// End of the exchange if the client has disconnected.
    pub(super) ended: Option<End>,
}

impl Server {
    pub(crate) fn open(&mut self, listener: usize, request: Request) -> u64 {
        let id = self.next_stream;
        self.next_stream += 1;
        let worker = request.worker % self.options.workers.max(1);
        let http2 = request.framing == Framing::Http2;
        let (headers, end) = self.head(&request);
        let mut stream = Stream::new(ActiveStream {
            id,
            listener,
            worker,
            http2,
            filters: self.filters(id, listener, worker, None),
            buffer_limit: self
                .listeners
                .get(listener)
                .map_or(usize::MAX, |listener| if http2 { listener.h2_window } else { listener.buffer_limit }),
            head_request: headers.text(":method") == Some("HEAD"),
            grpc_request: headers.text("content-type").is_some_and(|kind| kind.starts_with("application/grpc")),
            info: StreamInfo {
                start_ns: self.host.unix_ns(),
                headers_size: u64::try_from(headers.byte_size()).unwrap_or_default(),
                protocol: if http2 { "HTTP/2" } else { "HTTP/1.1" },
                request_id: headers.text("x-request-id").unwrap_or_default().to_owned(),
                filter_state: request.filter_state.clone(),
                metadata: request.metadata.clone(),
                attributes: request.attributes.clone(),
                ..StreamInfo::default()
            },
            ..ActiveStream::default()
        });
        self.host.records.insert(id, ExchangeRecord::default());
        let session = ClientSession {
            frames_sent: 0,
            disconnect: request.disconnect,
            idle_timeout: request.idle_timeout,
            frame_interval: nanos(request.frame_interval),
            not_before: self.host.now,
            last_activity: self.host.now,
            attempt: None,
            ended: None,
            parts: parts(request, end),
        };
        self.sessions.insert(id, session);
        stream.request.headers = Some(headers.clone());
        self.pick_route(&mut stream);
        let limit = stream
            .info
            .route
            .flatten()
            .and_then(|route| self.listeners.get(listener)?.routes.get(route)?.request_buffer_limit);
        if let Some(limit) = limit {
            stream.buffer_limit = limit;
        }
        FilterChain::decode(&mut stream, self).headers(headers, end);
        self.put_back(stream);
        self.process_stream(id);
        self.run_due();
        id
    }

    /// Returns the filters of a new stream: the listener's, or those in front of a cluster.
    pub(super) fn filters(
        &mut self,
        stream: u64,
        listener: usize,
        worker: usize,
        cluster: Option<&str>,
    ) -> Vec<FilterSlot> {
        let upstream = cluster.is_some();
        let Some(state) = self.listeners.get(listener).cloned() else { return Vec::new() };
        let plugins = if upstream { &state.upstream_plugins } else { &state.plugins };
        let buffers = if upstream { None } else { Some(&state.buffer_filters) };
        let mut filters = Vec::with_capacity(plugins.len());
        for (index, plugin) in plugins.iter().enumerate() {
            let only = state.upstream_clusters.get(index).and_then(Option::as_deref);
            if upstream && only.is_some() && only != cluster {
                continue;
            }
            while let Some(&limit) = buffers.and_then(|buffers| buffers.get(&filters.len())) {
                filters.push(FilterSlot { kind: FilterKind::Buffer { limit }, ..FilterSlot::default() });
            }
            let mut kind = self.filter_kind(PluginKey { listener, upstream, plugin: index, worker }, plugin);
            // The context gets its id now, though it is created in the guest only when the request reaches it.
            if let FilterKind::Guest { vm, root, context } = &mut kind
                && let Some(vm) = self.vms.get_mut(*vm)
            {
                let filter = filters.len();
                *context = vm.new_context(Context::Stream {
                    stream,
                    filter,
                    root: *root,
                    plugin: Arc::clone(&plugin.settings),
                });
            }
            filters.push(FilterSlot { kind, plugin: index, ..FilterSlot::default() });
        }
        while let Some(&limit) = buffers.and_then(|buffers| buffers.get(&filters.len())) {
            filters.push(FilterSlot { kind: FilterKind::Buffer { limit }, ..FilterSlot::default() });
        }
        filters
    }

    /// Returns the request headers as the connection manager passes them to the chain, and `true` if nothing follows.
    fn head(&mut self, request: &Request) -> (Headers, bool) {
        let mut headers = Headers::new();
        for (name, value) in request.headers.iter() {
            headers.join(name, value);
        }
        if request.framing == Framing::Http2
            && let Some(cookies) = headers.get("cookie").map(<[u8]>::to_vec)
        {
            // The codec joins the cookie headers once all headers have arrived.
            headers.set("cookie", cookies);
        }
        let size: usize = request.frames.iter().map(Vec::len).sum();
        if request.sized && request.trailers.is_none() && !headers.contains("content-length") {
            headers.add("content-length", size.to_string());
        }
        for hop in ["transfer-encoding", "connection", "keep-alive", "proxy-connection", "upgrade"] {
            headers.remove(hop);
        }
        if !headers.contains("x-forwarded-proto") {
            headers.add("x-forwarded-proto", "http");
        }
        if !headers.contains("x-request-id") {
            headers.add("x-request-id", self.host.random.uuid());
        }
        let empty = !request.has_body || (request.sized && size == 0);
        (headers, empty && request.trailers.is_none())
    }

    /// Delivers the next part of the request; returns `false` if there is none.
    pub(crate) fn client_next(&mut self, id: u64) -> bool {
        let Some(session) = self.sessions.get_mut(&id) else { return false };
        if session.disconnect == Some(Disconnect::RequestFrames(session.frames_sent)) {
            self.disconnect(id, End::Disconnected);
            return false;
        }
        let Some(part) = session.parts.pop_front() else { return false };
        session.not_before = self.host.now + session.frame_interval;
        match part {
            RequestPart::Data(bytes, end) => {
                if !bytes.is_empty() {
                    session.frames_sent += 1;
                }
                self.client_data(id, &bytes, end);
            }
            RequestPart::Trailers(trailers) => self.client_trailers(id, trailers),
        }
        true
    }

    pub(crate) fn client_data(&mut self, id: u64, bytes: &[u8], end: bool) {
        let Some(mut stream) = self.take(id) else { return };
        stream.info.received += u64::try_from(bytes.len()).unwrap_or_default();
        FilterChain::decode(&mut stream, self).data(bytes.to_vec(), end);
        self.put_back(stream);
        self.record_activity(id);
    }

    pub(crate) fn client_trailers(&mut self, id: u64, trailers: Headers) {
        let Some(mut stream) = self.take(id) else { return };
        FilterChain::decode(&mut stream, self).trailers(trailers);
        self.put_back(stream);
        self.record_activity(id);
    }

    pub(crate) fn client_reset(&mut self, id: u64) {
        self.disconnect(id, End::Disconnected);
    }

    /// Disconnects the client.
    pub(super) fn disconnect(&mut self, id: u64, end: End) {
        let Some(mut stream) = self.take(id) else { return };
        if !stream.is_over() {
            let (flag, details) = if stream.http2 {
                (flags::DOWNSTREAM_REMOTE_RESET, "http2.remote_reset")
            } else {
                (flags::DOWNSTREAM_CONNECTION_TERMINATION, "downstream_remote_disconnect")
            };
            stream.info.flags |= flag;
            stream.reset(details);
            if let Some(session) = self.sessions.get_mut(&id) {
                session.ended = Some(end);
            }
        }
        self.put_back(stream);
        self.record_activity(id);
    }

    /// Records activity on a stream, processes its consequences, and disconnects the client if its time has come.
    pub(super) fn record_activity(&mut self, id: u64) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.last_activity = self.host.now;
        }
        self.process_stream(id);
        let Some(leaves) = self.sessions.get(&id).and_then(|session| session.disconnect) else { return };
        let Some(client) = self.host.stream(id).map(|stream| &stream.client) else { return };
        let leave = match leaves {
            Disconnect::RequestFrames(_) => false,
            Disconnect::ResponseHeaders => client.status != 0,
            Disconnect::ResponseFrames(frames) => client.status != 0 && client.frames.len() >= frames,
        };
        if leave {
            self.disconnect(id, End::Disconnected);
        }
    }
}

/// Returns the parts of a request that follow its headers, in the frames of its connection.
fn parts(request: Request, end: bool) -> VecDeque<RequestPart> {
    if end {
        return VecDeque::new();
    }
    let frames = request.split.apply(request.frames);
    let empty_last = frames.last().is_some_and(Vec::is_empty);
    let mut parts: VecDeque<RequestPart> =
        request.framing.frames(frames).into_iter().map(|frame| RequestPart::Data(frame, false)).collect();
    match (request.trailers, request.framing) {
        (Some(trailers), _) => parts.push_back(RequestPart::Trailers(trailers)),
        (None, Framing::Http2) => match parts.back_mut() {
            Some(RequestPart::Data(_, end)) if !empty_last => *end = true,
            _ => parts.push_back(RequestPart::Data(Vec::new(), true)),
        },
        (None, Framing::Http1) => parts.push_back(RequestPart::Data(Vec::new(), true)),
    }
    parts
}
