//! The response half: a response is passed, observed, held or framed, as the exchange asks.

mod events;
mod head;
mod inflating;
mod large_body;
mod reader;
mod text_stream;
mod trailers;
mod undecided;
mod whole;

use std::rc::Rc;

use self::events::EventStream;
use self::inflating::Inflating;
use self::reader::{Reader, drop_frame};
use self::text_stream::TextStream;
use self::trailers::Trailers;
use self::undecided::Undecided;
use self::whole::{BodyFormat, WholeBody};
use super::{Admitted, FilterStatus, Next, State};
use crate::filter::BodyMode;
use crate::headers::{Head, HeaderChanges, Headers};
use crate::local_reply::LocalReply;
use crate::plugin::Plugin;
use crate::response::{BodyKind, Origin, ResponseHead};
use crate::unreadable::Unreadable;

/// Body of a response, by how it is read.
pub(super) enum ResponseBody {
    /// Bytes pass unread. Also the state before the response head.
    Passing,
    /// Body that is read by its first bytes, which have not arrived.
    Undecided(Box<Undecided>),
    /// JSON or plain text that is read when it is complete.
    Whole(WholeBody),
    /// JSON above the limit, whose texts are judged one by one.
    Texts(Box<TextStream>),
    /// Stream of events.
    Events(Box<EventStream>),
    /// Remainder of a compressed stream that is no longer read, and leaves decompressed like its beginning.
    Inflating(Inflating),
    /// Tollgate has ended the stream; the remainder is dropped unread.
    Aborted,
}

impl ResponseBody {
    /// Returns the bytes that Envoy or this virtual machine holds.
    pub(super) fn held_bytes(&self) -> usize {
        match self {
            ResponseBody::Undecided(undecided) => undecided.size(),
            ResponseBody::Whole(whole) => whole.held_bytes(),
            ResponseBody::Texts(texts) => texts.held_bytes(),
            ResponseBody::Events(events) => events.held_bytes(),
            ResponseBody::Passing | ResponseBody::Inflating(_) | ResponseBody::Aborted => 0,
        }
    }

    /// Returns the number of bytes that have arrived of a response which is read when it is complete; `None` if there are
    /// none, or the exchange has read them.
    pub(super) fn unread(&self) -> Option<u64> {
        let bytes = match self {
            ResponseBody::Undecided(undecided) => undecided.size() as u64,
            ResponseBody::Whole(whole) => whole.arrived(),
            ResponseBody::Texts(texts) => texts.arrived(),
            ResponseBody::Passing | ResponseBody::Events(_) | ResponseBody::Inflating(_) | ResponseBody::Aborted => 0,
        };
        Some(bytes).filter(|bytes| *bytes > 0)
    }
}

/// Result of a callback: the next state of the body and the status for Envoy, or a reply in place of the response.
type BodyResult = Result<(ResponseBody, FilterStatus), Box<LocalReply>>;

impl Admitted {
    fn reader<'a>(&'a mut self, plugin: &'a Plugin) -> Reader<'a> {
        Reader { plugin, dialect: self.endpoint.dialect, exchange: self.settlement.exchange.as_mut() }
    }

    fn responded(mut self: Box<Self>, step: BodyResult) -> Next {
        match step {
            Ok((body, status)) => {
                self.response = body;
                (State::Admitted(self), status)
            }
            Err(reply) => self.replied(&reply),
        }
    }

    pub(super) fn response_headers(mut self: Box<Self>, plugin: &Rc<Plugin>, end: bool) -> Next {
        let headers = Headers::RESPONSE.read();
        let mut head = head::read(&headers, self.dialect(), self.streamed, end);
        self.settlement.origin = Some(head.origin);
        self.settlement.succeeded = head.is_success();
        self.settlement.finished = end;
        let mode = self.settlement.exchange.on_response_head(&mut head);
        self.mode = mode;
        let mut changes = std::mem::take(&mut head.changes);
        if Undecided::is_wanted(&head, &headers, mode, self.dialect()) {
            if let Err(status) = changes.apply(Headers::RESPONSE, &headers) {
                log::error!("tollgate: {}: response headers not changed: {status}", plugin.name);
            }
            let undecided = Undecided::new(head, headers, mode);
            let status = match undecided.holds_head(self.streamed) {
                true => FilterStatus::StopIteration,
                false => FilterStatus::Continue,
            };
            self.response = ResponseBody::Undecided(Box::new(undecided));
            return (State::Admitted(self), status);
        }
        let step = self.begin_response(plugin, &headers, &head, mode, &mut changes);
        if step.is_ok()
            && let Err(status) = changes.apply(Headers::RESPONSE, &headers)
        {
            log::error!("tollgate: {}: response headers not changed: {status}", plugin.name);
            if matches!(&step, Ok((ResponseBody::Events(_), _))) && mode.holds() {
                return self.responded(Err(plugin.internal_error()));
            }
        }
        self.responded(step)
    }

    /// Chooses how the body of a response is read, and collects the changes of its head.
    fn begin_response(
        &mut self,
        plugin: &Rc<Plugin>,
        headers: &Head,
        head: &ResponseHead,
        mode: BodyMode,
        changes: &mut HeaderChanges,
    ) -> BodyResult {
        // A local error reply is not the model's response. A local 2xx may come from a cache that speaks for a model.
        let has_2xx = (200..300).contains(&head.status);
        let is_local_error = head.origin == Origin::Local && !has_2xx;
        let body = std::mem::replace(&mut self.response, ResponseBody::Passing);
        if head.ended || mode == BodyMode::Pass || is_local_error {
            return Ok((body, FilterStatus::Continue));
        }
        let mut reader = self.reader(plugin);
        let unreadable = match (head.kind, head.encoding) {
            (_, Err(_)) => Some(Unreadable::ResponseEncoding),
            // With another status it is an error page of the upstream's proxy, not the model's response.
            (BodyKind::Other, _) if has_2xx && head::is_textless(headers, reader.dialect) => {
                Some(Unreadable::ResponseTextless)
            }
            (BodyKind::Other, _) if has_2xx => Some(Unreadable::ResponseType),
            _ => None,
        };
        let encoding = head.encoding.unwrap_or_default();
        match (unreadable, head.kind) {
            (Some(reason), _) => reader.refuse_or_pass(reason, mode, 0).map(|()| (body, FilterStatus::Continue)),
            (None, BodyKind::Json | BodyKind::Plain) => {
                let format = BodyFormat { encoding, is_plain: head.kind == BodyKind::Plain, unreadable: None };
                let status = if mode.holds() { FilterStatus::StopIteration } else { FilterStatus::Continue };
                let length = headers.get("content-length");
                let declared = std::str::from_utf8(&length).ok().and_then(|length| length.parse().ok()).unwrap_or(0);
                Ok((ResponseBody::Whole(WholeBody::new(mode, format, declared)), status))
            }
            (None, BodyKind::Events(framing)) => {
                let events = EventStream::begin(plugin, reader.dialect, mode, framing, encoding, changes);
                let events = events.answering(self.calls.take());
                Ok((ResponseBody::Events(Box::new(events)), FilterStatus::Continue))
            }
            (None, BodyKind::Other) => {
                // An error page passes, whatever the policy: its status says that there is no response.
                reader.plugin.report_unscanned(Unreadable::ResponseType);
                Ok((body, FilterStatus::Continue))
            }
        }
    }

    pub(super) fn response_body(mut self: Box<Self>, plugin: &Rc<Plugin>, size: usize, end: bool) -> Next {
        self.settlement.finished |= end;
        let body = match std::mem::replace(&mut self.response, ResponseBody::Passing) {
            ResponseBody::Undecided(undecided) => return self.decide(plugin, undecided, (size, end), false),
            body => body,
        };
        let is_unread = matches!(body, ResponseBody::Passing | ResponseBody::Inflating(_) | ResponseBody::Aborted);
        self.settlement.exchange.on_progress(if is_unread { size as u64 } else { 0 });
        let mut reader = self.reader(plugin);
        let step = match body {
            ResponseBody::Passing | ResponseBody::Undecided(_) => Ok((ResponseBody::Passing, FilterStatus::Continue)),
            ResponseBody::Whole(whole) => whole.frame(&mut reader, size, end),
            ResponseBody::Texts(texts) => Ok(texts.frame(&mut reader, size, end)),
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
    pub(super) fn response_trailers(mut self: Box<Self>, plugin: &Rc<Plugin>) -> Next {
        self.settlement.finished = true;
        let mut body = std::mem::replace(&mut self.response, ResponseBody::Passing);
        if let ResponseBody::Undecided(undecided) = body {
            let size = undecided.size();
            self = match self.decide(plugin, undecided, (size, false), true) {
                (State::Admitted(call), _) => call,
                replied => return replied,
            };
            body = std::mem::replace(&mut self.response, ResponseBody::Passing);
        }
        let trailers = match &body {
            ResponseBody::Aborted => Trailers::Aborted,
            ResponseBody::Events(events) if events.is_aborted() => Trailers::Aborted,
            ResponseBody::Texts(texts) if texts.is_aborted() => Trailers::Aborted,
            ResponseBody::Whole(_) if self.mode.holds() => Trailers::Held,
            _ => Trailers::Sent,
        };
        let mode = self.mode;
        let mut reader = self.reader(plugin);
        let end = match body {
            ResponseBody::Whole(whole) => whole.complete(&mut reader),
            ResponseBody::Events(events) => {
                events.trailers(&mut reader);
                Ok(())
            }
            ResponseBody::Texts(mut texts) => {
                texts.finish(&mut reader);
                if texts.has_pending() {
                    log::error!("tollgate: the end of a response was still held at its trailers");
                }
                Ok(())
            }
            ResponseBody::Passing | ResponseBody::Undecided(_) | ResponseBody::Inflating(_) | ResponseBody::Aborted => {
                Ok(())
            }
        };
        let end = end.and_then(|()| trailers.judge(reader.exchange, mode));
        self.responded(end.map(|()| (ResponseBody::Passing, FilterStatus::Continue)))
    }
}

impl Reader<'_> {
    /// Reads a frame of an event stream.
    fn events(&mut self, mut events: Box<EventStream>, size: usize, end: bool) -> (ResponseBody, FilterStatus) {
        let (next, status) = events.frame(self, size, end);
        let body = match next {
            events::NextState::Reading => ResponseBody::Events(events),
            events::NextState::Unread(None) => ResponseBody::Passing,
            events::NextState::Unread(Some(inflater)) => ResponseBody::Inflating(Inflating(inflater)),
            events::NextState::Aborted => ResponseBody::Aborted,
        };
        (body, status)
    }
}
