//! Streamed responses, event by event.

use std::convert::Infallible;

use tollgate_llm::content_encoding::{ContentEncoding, InflateLimits, Inflater};
use tollgate_llm::sse::LineKind;
use tollgate_llm::{Dialect, Event, EventContent, EventParser, FrameError, Framer, Framing, RpcCalls, StreamState};

use super::reader::{MAX_HELD_BYTES, Reader, drop_frame, get_frame, replace_frame};
use crate::filter::{BodyMode, Exchange, StreamAction, TextAction};
use crate::headers::HeaderChanges;
use crate::local_reply::LocalReply;
use crate::plugin::Plugin;
use crate::property;
use crate::stream::FilterStatus;
use crate::unreadable::{Disposition, Unreadable};

/// Bounds on the decompression of a stream. A stream may be long and its output is not kept, so only the ratio and the
/// output of one frame are bounded.
const STREAM_LIMITS: InflateLimits = InflateLimits { max_bytes: usize::MAX, max_ratio: 100, max_push: 4 << 20 };

/// Stream of events that is being read.
pub(in crate::stream) struct EventStream {
    mode: BodyMode,
    framer: Framer,
    parser: EventParser,
    inflater: Option<Box<Inflater>>,
    /// Parts of the stream that have begun, for an error event that fits them.
    state: StreamState,
    /// Bytes that leave in place of the current frame; kept for its capacity.
    out: Vec<u8>,
    /// `true` once the stream was ended: its remainder is metered and dropped.
    is_aborted: bool,
    /// Bytes of texts that were left out, as far as reported.
    elided: u64,
}

/// State that follows a frame.
pub(super) enum NextState {
    /// The stream is read on.
    Reading,
    /// The remainder passes unread; decompressed, if its beginning was.
    Unread(Option<Box<Inflater>>),
    /// The stream was ended; the remainder is dropped unread.
    Aborted,
}

/// Reason why reading of a frame stopped.
type Stop = FrameError<Box<LocalReply>>;

impl EventStream {
    /// Starts reading. A stream that may be changed leaves decompressed, in a length that is not known yet.
    pub(super) fn begin(
        plugin: &Plugin,
        dialect: Dialect,
        mode: BodyMode,
        framing: Framing,
        encoding: Option<ContentEncoding>,
        changes: &mut HeaderChanges,
    ) -> EventStream {
        if mode.holds() {
            changes.remove("content-length");
            changes.remove("content-encoding");
        }
        let limits = plugin.limits();
        let framer = Framer::new(framing, limits.event_bytes().min(limits.max_held_bytes));
        let framer =
            if mode.holds() { framer.holding_data(dialect, MAX_HELD_BYTES) } else { framer.condensing(dialect) };
        EventStream {
            mode,
            framer,
            parser: EventParser::new(dialect),
            inflater: encoding.map(|encoding| Box::new(Inflater::new(encoding, STREAM_LIMITS))),
            state: StreamState::default(),
            out: Vec::new(),
            is_aborted: false,
            elided: 0,
        }
    }

    /// Sets the calls that an error at the end of the stream must answer.
    pub(super) fn answering(mut self, calls: Option<RpcCalls>) -> EventStream {
        self.state.set_calls(calls);
        self
    }

    /// Returns the bytes of the current event.
    pub(super) fn held_bytes(&self) -> usize {
        self.framer.pending().len()
    }

    /// Returns `true` if Tollgate has ended the stream.
    pub(super) fn is_aborted(&self) -> bool {
        self.is_aborted
    }

    /// Reads a frame of `size` bytes; `end`: it is the last.
    pub(super) fn frame(&mut self, reader: &mut Reader<'_>, size: usize, end: bool) -> (NextState, FilterStatus) {
        let plugin = reader.plugin;
        let holds = self.mode.holds();
        let Ok(frame) = get_frame(plugin, size) else {
            let status = if holds { drop_frame(plugin, size) } else { FilterStatus::Continue };
            return (NextState::Reading, status);
        };
        self.out.clear();
        let mut inflated = Vec::new();
        let is_inflated = self.inflate(plugin, &frame, &mut inflated, end);
        let plain = if self.inflater.is_some() { &inflated } else { &frame };
        if self.is_aborted {
            let next = match is_inflated {
                true => self.meter(reader.exchange, plain, end),
                false => NextState::Aborted,
            };
            return (next, drop_frame(plugin, size));
        }
        let mut stop = self.read(reader, plain, is_inflated, end).err();
        let held = self.held_bytes().saturating_add(reader.exchange.held_bytes());
        if held > 0 && plugin.is_over_capacity(held, end) {
            stop = stop.or(Some(FrameError::TooLarge));
        }
        self.report_elided(reader);
        self.state.mark_sent(reader.dialect, &self.out);
        let next = match stop {
            None => NextState::Reading,
            Some(FrameError::Callback(reply)) if holds => {
                self.abort(reader.dialect, &reply);
                self.meter(reader.exchange, &[], end)
            }
            Some(FrameError::Callback(_)) => NextState::Reading,
            Some(error @ (FrameError::TooLarge | FrameError::Malformed)) => {
                let reason = reason(&error, is_inflated, holds);
                reader.exchange.on_unscanned(self.framer.pending().len() as u64);
                match plugin.dispose(reason, self.mode) {
                    Disposition::Refuse => {
                        self.abort(reader.dialect, &LocalReply::unreadable_response());
                        NextState::Aborted
                    }
                    Disposition::Pass => self.pass_remainder(reader.exchange),
                }
            }
        };
        if !holds {
            return (next, FilterStatus::Continue);
        }
        match replace_frame(plugin, size, &frame, &self.out) {
            Some(status) => (next, status),
            None => (NextState::Aborted, FilterStatus::StopIteration),
        }
    }

    /// Reports the texts that were left out of large events.
    fn report_elided(&mut self, reader: &mut Reader<'_>) {
        let elided = self.framer.elided_text();
        if elided > self.elided {
            reader.report_elided(elided - self.elided, self.elided == 0);
            self.elided = elided;
        }
    }

    /// Decompresses a frame into `out`. Returns `false` if the stream cannot be read on.
    fn inflate(&mut self, plugin: &Plugin, frame: &[u8], out: &mut Vec<u8>, end: bool) -> bool {
        let Some(inflater) = &mut self.inflater else { return true };
        if inflater.push(frame, out).is_err() {
            return false;
        }
        if !end || inflater.finish().is_ok() {
            return true;
        }
        // Truncated. Mostly behind its last event: what there is to read has been read.
        let reason = Unreadable::ResponseEncoding;
        match reason.disposition(plugin.limits(), self.mode) {
            Disposition::Refuse => false,
            Disposition::Pass => {
                plugin.report_unscanned(reason);
                true
            }
        }
    }

    /// Frames the decompressed bytes and lets the exchange judge each event.
    fn read(&mut self, reader: &mut Reader<'_>, plain: &[u8], is_inflated: bool, end: bool) -> Result<(), Stop> {
        let EventStream { mode, framer, parser, state, out, .. } = self;
        let lines = OtherLines { holds: mode.holds(), is_judged: reader.exchange.judges_lines() };
        let mut judge = Judge { dialect: reader.dialect, lines, parser, state, exchange: reader.exchange };
        framer.push(plain, |event| judge.event(event, out))?;
        if !is_inflated {
            return Err(FrameError::Malformed);
        }
        if end {
            judge.finish(framer, out)?;
        }
        Ok(())
    }

    /// Ends the stream in the caller's dialect: an error event without an end mark, as the provider's own would be, or the finish
    /// reason of a content filter.
    /// The response code details have been sent by now, so only the verdict is published.
    #[cold]
    fn abort(&mut self, dialect: Dialect, reply: &LocalReply) {
        property::set(property::VERDICT, reply.verdict);
        let framing = self.framer.framing();
        let finish = if reply.finishes { dialect.finish_events(framing, &self.state) } else { None };
        let last = finish.unwrap_or_else(|| dialect.error_event(framing, &self.state, &reply.error()));
        self.out.extend_from_slice(&last);
    }

    /// Reads on in a stream that was ended, for an exchange that meters it: the provider charges for what is dropped here.
    fn meter(&mut self, exchange: &mut dyn Exchange, plain: &[u8], end: bool) -> NextState {
        if !exchange.meters_aborted() {
            return NextState::Aborted;
        }
        self.is_aborted = true;
        let EventStream { framer, parser, .. } = self;
        let mut each = |event: Event<'_>| -> Result<(), Infallible> {
            exchange.on_aborted_event(&parser.parse(event));
            Ok(())
        };
        let mut read = framer.push(plain, &mut each);
        if read.is_ok() && end {
            read = framer.finish(each);
        }
        match read {
            Ok(()) => NextState::Reading,
            Err(_) => {
                exchange.on_unscanned(framer.pending().len() as u64);
                NextState::Aborted
            }
        }
    }

    /// Lets the remainder of an unreadable stream pass. Bytes that are held of earlier events leave first.
    fn pass_remainder(&mut self, exchange: &mut dyn Exchange) -> NextState {
        let _ = exchange.on_events_end(&mut self.out);
        self.out.extend_from_slice(self.framer.pending());
        NextState::Unread(self.inflater.take().filter(|_| self.mode.holds()))
    }

    /// Handles the end of a stream that trailers follow.
    pub(super) fn trailers(mut self, reader: &mut Reader<'_>) {
        self.out.clear();
        if self.is_aborted {
            self.meter(reader.exchange, &[], true);
            return;
        }
        if self.inflater.as_ref().is_some_and(|inflater| inflater.finish().is_err()) {
            reader.plugin.report_unscanned(Unreadable::ResponseEncoding);
        }
        let EventStream { mode, framer, parser, state, out, .. } = &mut self;
        let lines = OtherLines { holds: mode.holds(), is_judged: reader.exchange.judges_lines() };
        let mut judge = Judge { dialect: reader.dialect, lines, parser, state, exchange: reader.exchange };
        let _ = judge.finish(framer, out);
        self.report_elided(reader);
        if !self.out.is_empty() {
            log::debug!("tollgate: {} bytes were still held at the trailers of a response", self.out.len());
        }
    }
}

/// Judge of the lines beside the data of events.
#[derive(Clone, Copy)]
struct OtherLines {
    holds: bool,
    /// `true` if the exchange judges them.
    is_judged: bool,
}

/// Returns `true` for the names of events that APIs use, `response.output_text.delta`: a rule on a word in them would break
/// the protocol.
fn is_protocol_name(name: &[u8]) -> bool {
    name.len() <= 64 && name.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'_' | b'.'))
}

/// Judge of the events of a stream.
struct Judge<'a> {
    dialect: Dialect,
    lines: OtherLines,
    parser: &'a mut EventParser,
    state: &'a mut StreamState,
    exchange: &'a mut dyn Exchange,
}

impl Judge<'_> {
    /// Lets the exchange judge an event, and the lines beside its data first.
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) -> Result<(), Box<LocalReply>> {
        self.state.observe(self.dialect, &event);
        match self.lines.judge(&event, self.exchange)? {
            None => self.content(event, out),
            Some(edited) => {
                let mut result = Ok(());
                let mut each = |event: Event<'_>| -> Result<(), Infallible> {
                    if result.is_ok() {
                        result = self.content(event, out);
                    }
                    Ok(())
                };
                let mut framer = Framer::new(Framing::Sse, edited.len().saturating_add(1));
                let read = framer.push(&edited, &mut each).and_then(|()| framer.finish(&mut each));
                debug_assert!(read.is_ok(), "an event with other lines is one");
                result
            }
        }
    }

    /// Lets the exchange judge the data of an event.
    fn content(&mut self, event: Event<'_>, out: &mut Vec<u8>) -> Result<(), Box<LocalReply>> {
        let parsed = self.parser.parse(event);
        if let EventContent::Chunk(chunk) = parsed.content() {
            self.state.observe_choices(self.dialect, chunk);
        }
        continues(self.exchange.on_event(&parsed, out))
    }

    /// Reads the end of a stream: an event without its blank line, then what the exchange still holds back.
    fn finish(&mut self, framer: &mut Framer, out: &mut Vec<u8>) -> Result<(), Stop> {
        framer.finish(|event| self.event(event, out))?;
        continues(self.exchange.on_events_end(out)).map_err(FrameError::Callback)
    }
}

impl OtherLines {
    /// Judges the lines of an event; returns the event with those that were replaced.
    fn judge(self, event: &Event<'_>, exchange: &mut dyn Exchange) -> Result<Option<Vec<u8>>, Box<LocalReply>> {
        let mut edited: Option<(Vec<u8>, usize)> = None;
        if !self.is_judged {
            return Ok(None);
        }
        for line in event.other_lines() {
            let is_harmless = match line.kind {
                LineKind::Name => is_protocol_name(line.text),
                LineKind::Id => line.text.len() < 8 && line.text.iter().all(u8::is_ascii_digit),
                LineKind::Comment | LineKind::Unknown => line.text.is_empty(),
            };
            if is_harmless {
                continue;
            }
            match exchange.on_other_line(&String::from_utf8_lossy(line.text)) {
                TextAction::Pass => {}
                TextAction::Abort(_) | TextAction::Replace(_) if !self.holds => {}
                TextAction::Abort(reply) => return Err(reply),
                TextAction::Replace(text) => {
                    let (out, copied) = edited.get_or_insert_default();
                    let start = line.end.saturating_sub(line.text.len());
                    out.extend_from_slice(event.raw().get(*copied..start).unwrap_or_default());
                    // It stays one line.
                    out.extend(text.bytes().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }));
                    *copied = line.end;
                }
            }
        }
        Ok(edited.map(|(mut out, copied)| {
            out.extend_from_slice(event.raw().get(copied..).unwrap_or_default());
            out
        }))
    }
}

fn continues(action: StreamAction) -> Result<(), Box<LocalReply>> {
    match action {
        StreamAction::Continue => Ok(()),
        StreamAction::Abort(reply) => Err(reply),
    }
}

/// Returns the reason why a stream cannot be read on.
fn reason(error: &Stop, is_inflated: bool, holds: bool) -> Unreadable {
    match error {
        _ if !is_inflated && holds => Unreadable::ResponseUndecodable,
        _ if !is_inflated => Unreadable::ResponseEncoding,
        FrameError::TooLarge => Unreadable::ResponseTooLarge,
        _ => Unreadable::ResponseMalformed,
    }
}
