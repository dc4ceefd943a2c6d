//! The response half: a response is passed, observed, held or framed, as the exchange asks.

mod events;
mod head;
mod inflating;
mod whole;

use std::rc::Rc;

use tollgate_llm::Dialect;

use self::events::EventStream;
use self::inflating::Inflating;
use self::whole::{BodyFormat, WholeBody};
use super::{Admitted, FilterStatus, Next, State};
use crate::abi::{self, Buffer};
use crate::filter::{BodyMode, Exchange};
use crate::headers::Headers;
use crate::local_reply::LocalReply;
use crate::plugin::Plugin;
use crate::response::{BodyKind, Origin};
use crate::unreadable::{Disposition, Unreadable};

/// Body of a response, by how it is read.
pub(super) enum ResponseBody {
    /// Bytes pass unread. Also the state before the response head.
    Passing,
    /// JSON or plain text that is read when it is complete.
    Whole(WholeBody),
    /// Stream of events.
    Events(Box<EventStream>),
    /// Remainder of a compressed stream that is no longer read, and leaves decompressed like its beginning.
    Inflating(Inflating),
    /// Tollgate has ended the stream; the remainder is dropped.
    Aborted,
}

/// Result of a callback: the next state of the body and the status for Envoy, or a reply in place of the response.
type BodyResult = Result<(ResponseBody, FilterStatus), Box<LocalReply>>;

/// Parties that read a response: the plugin, the exchange and the dialect of the call.
struct Reader<'a> {
    plugin: &'a Plugin,
    dialect: Dialect,
    exchange: &'a mut dyn Exchange,
}

impl Admitted {
    fn reader<'a>(&'a mut self, plugin: &'a Plugin) -> Reader<'a> {
        Reader { plugin, dialect: self.endpoint.dialect, exchange: self.settlement.exchange.as_mut() }
    }

    fn responded(mut self, step: BodyResult) -> Next {
        match step {
            Ok((body, status)) => {
                self.response = body;
                (State::Admitted(self), status)
            }
            Err(reply) => self.replied(&reply),
        }
    }

    pub(super) fn response_headers(mut self, plugin: &Rc<Plugin>, end: bool) -> Next {
        let head = head::read(self.dialect(), self.streamed, end);
        self.settlement.origin = Some(head.origin);
        self.settlement.succeeded = head.is_success();
        self.settlement.finished = end;
        let mode = self.settlement.exchange.on_response_head(&head);
        // A local error reply is not the model's response. A local 2xx may come from a cache that speaks for a model.
        let has_2xx = (200..300).contains(&head.status);
        let is_local_error = head.origin == Origin::Local && !has_2xx;
        let body = std::mem::replace(&mut self.response, ResponseBody::Passing);
        if end || mode == BodyMode::Pass || is_local_error {
            return self.responded(Ok((body, FilterStatus::Continue)));
        }
        let mut reader = self.reader(plugin);
        let unreadable = match (head.kind, head.encoding) {
            (_, Err(_)) => Some(Unreadable::ResponseEncoding),
            // With another status it is an error page of the upstream's proxy, not the model's response.
            (BodyKind::Other, _) if has_2xx && head::is_textless(reader.dialect) => Some(Unreadable::ResponseTextless),
            (BodyKind::Other, _) if has_2xx => Some(Unreadable::ResponseType),
            _ => None,
        };
        let encoding = head.encoding.unwrap_or_default();
        let step = match (unreadable, head.kind) {
            (Some(reason), _) => reader.refuse_or_pass(reason, mode, 0).map(|()| (body, FilterStatus::Continue)),
            (None, BodyKind::Json | BodyKind::Plain) => {
                let format = BodyFormat { encoding, is_plain: head.kind == BodyKind::Plain };
                let status = if mode.holds() { FilterStatus::StopIteration } else { FilterStatus::Continue };
                Ok((ResponseBody::Whole(WholeBody::new(mode, format)), status))
            }
            (None, BodyKind::Events(framing)) => EventStream::begin(plugin, mode, framing, encoding)
                .map(|events| (ResponseBody::Events(Box::new(events)), FilterStatus::Continue)),
            (None, BodyKind::Other) => Ok((body, FilterStatus::Continue)),
        };
        self.responded(step)
    }

    pub(super) fn response_body(mut self, plugin: &Rc<Plugin>, size: usize, end: bool) -> Next {
        self.settlement.finished |= end;
        let body = std::mem::replace(&mut self.response, ResponseBody::Passing);
        let is_unread = matches!(body, ResponseBody::Passing | ResponseBody::Inflating(_));
        self.settlement.exchange.on_progress(abi::now_ns, if is_unread { size as u64 } else { 0 });
        let mut reader = self.reader(plugin);
        let step = match body {
            ResponseBody::Passing => Ok((ResponseBody::Passing, FilterStatus::Continue)),
            ResponseBody::Whole(whole) => whole
                .frame(&mut reader, size, end)
                .map(|(whole, status)| (whole.map_or(ResponseBody::Passing, ResponseBody::Whole), status)),
            ResponseBody::Events(events) => Ok(reader.events(events, size, end)),
            ResponseBody::Inflating(inflating) => Ok(match inflating.frame(plugin, size) {
                (Some(inflating), status) => (ResponseBody::Inflating(inflating), status),
                (None, status) => (ResponseBody::Aborted, status),
            }),
            ResponseBody::Aborted => Ok((ResponseBody::Aborted, drop_frame(plugin, size))),
        };
        self.responded(step)
    }

    /// Handles response trailers. Nothing more of a stream can be sent here, since Envoy takes no body bytes with
    /// trailers; an exchange has released everything by the last event of a complete response.
    pub(super) fn response_trailers(mut self, plugin: &Rc<Plugin>) -> Next {
        self.settlement.finished = true;
        let body = std::mem::replace(&mut self.response, ResponseBody::Passing);
        let mut reader = self.reader(plugin);
        let end = match body {
            ResponseBody::Whole(whole) => whole.complete(&mut reader),
            ResponseBody::Events(events) => {
                events.trailers(plugin, reader.exchange);
                Ok(())
            }
            ResponseBody::Passing | ResponseBody::Inflating(_) | ResponseBody::Aborted => Ok(()),
        };
        self.responded(end.map(|()| (ResponseBody::Passing, FilterStatus::Continue)))
    }
}

impl Reader<'_> {
    /// Reads a frame of an event stream.
    fn events(&mut self, mut events: Box<EventStream>, size: usize, end: bool) -> (ResponseBody, FilterStatus) {
        let (next, status) = events.frame(self.plugin, self.dialect, self.exchange, size, end);
        let body = match next {
            events::NextState::Reading => ResponseBody::Events(events),
            events::NextState::Unread(None) => ResponseBody::Passing,
            events::NextState::Unread(Some(inflater)) => ResponseBody::Inflating(Inflating(inflater)),
            events::NextState::Aborted => ResponseBody::Aborted,
        };
        (body, status)
    }

    /// Decides on a response that cannot be read, of which `bytes` have arrived.
    fn refuse_or_pass(&mut self, reason: Unreadable, mode: BodyMode, bytes: u64) -> Result<(), Box<LocalReply>> {
        self.exchange.on_unscanned(bytes);
        if reason.disposition(self.plugin.limits(), mode) == Disposition::Refuse {
            log::warn!("tollgate: {}: response refused: {}", self.plugin.name, reason.name());
        }
        match self.plugin.dispose(reason, mode) {
            Disposition::Pass => Ok(()),
            Disposition::Refuse => Err(Box::new(LocalReply::unreadable_response())),
        }
    }
}

/// Replaces the frame that arrived with `out`. `None`: Envoy refused, and the stream must end.
fn replace_frame(plugin: &Plugin, size: usize, frame: &[u8], out: &[u8]) -> Option<FilterStatus> {
    if frame == out {
        return Some(FilterStatus::Continue);
    }
    if let Err(status) = abi::set_buffer(Buffer::ResponseBody, 0, size, out) {
        log::error!("tollgate: {}: response body not replaced: {status}", plugin.name);
        return None;
    }
    Some(FilterStatus::Continue)
}

/// Drops the frame that arrived.
fn drop_frame(plugin: &Plugin, size: usize) -> FilterStatus {
    if size == 0 {
        return FilterStatus::Continue;
    }
    if let Err(status) = abi::set_buffer(Buffer::ResponseBody, 0, size, &[]) {
        log::error!("tollgate: {}: response body not dropped: {status}", plugin.name);
        return FilterStatus::StopIteration;
    }
    FilterStatus::Continue
}

/// Returns the size of the response by its `content-length`, and at least `received` bytes.
fn declared_size(received: usize) -> u64 {
    let declared: Option<u64> = Headers::RESPONSE.get_ascii("content-length").and_then(|length| length.parse().ok());
    declared.unwrap_or_default().max(received as u64)
}
