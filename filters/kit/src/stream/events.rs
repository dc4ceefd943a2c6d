//! Streamed answers, event by event.

use tollgate_llm::{Dialect, FrameError, Framer, Framing, StreamState};

use super::response::{Answer, holds, is_strict};
use super::{Step, Stream};
use crate::abi::{self, Buffer};
use crate::filter::{Exchange, Flow};
use crate::plugin::{Plugin, Unscanned};
use crate::property;
use crate::reply::Reply;

impl Stream {
    pub(super) fn event_bytes(&mut self, plugin: &Plugin, dialect: Dialect, size: usize, end: bool) -> Step {
        let (Answer::Events { reading, framer, inflater, begun, out }, Some(exchange)) =
            (&mut self.answer, &mut self.exchange)
        else {
            return Step::Continue;
        };
        let held = holds(*reading);
        let strict = is_strict(plugin, *reading);
        let bytes = match abi::get_buffer(Buffer::ResponseBody, 0, size) {
            Ok(bytes) => bytes,
            Err(_) if size == 0 => Vec::new(),
            Err(status) => {
                log::error!("tollgate: {}: response body not readable: {status}", plugin.name);
                return if held { self.drop_frame(plugin, size) } else { Step::Continue };
            }
        };
        out.clear();
        let framing = framer.framing();
        let mut inflated = Vec::new();
        let mut is_inflated = inflater.as_mut().is_none_or(|inflater| inflater.push(&bytes, &mut inflated).is_ok());
        // Cut off behind its last event, most often: what there is to read has been read.
        if is_inflated && end && inflater.as_ref().is_some_and(|inflater| inflater.finish().is_err()) {
            is_inflated = !strict;
            if !strict {
                plugin.report_unscanned(Unscanned::ResponseEncoding);
            }
        }
        let plain = if inflater.is_some() { &inflated } else { &bytes };
        let mut stop = framer
            .push(plain, |event| {
                begun.observe(dialect, &event);
                match exchange.on_event(&event, out) {
                    Flow::Continue => Ok(()),
                    Flow::Cut(reply) => Err(reply),
                }
            })
            .err();
        if stop.is_none() && !is_inflated {
            stop = Some(FrameError::Malformed);
        }
        if stop.is_none() && end {
            let framer = std::mem::replace(framer, Framer::new(framing, 0));
            stop = finish(framer, exchange.as_mut(), out).err();
        }
        if !out.is_empty() {
            begun.mark_sent();
        }
        match stop {
            None => {}
            Some(FrameError::Callback(reply)) if held => {
                cut(dialect, framing, begun, &reply, out);
                let out = std::mem::take(out);
                self.answer = Answer::Cut;
                return self.replace_frame(plugin, size, &bytes, &out);
            }
            Some(FrameError::Callback(_)) => {}
            // What is compressed and held can leave only as it was inflated: there is nothing to pass.
            Some(error @ (FrameError::TooLarge | FrameError::Malformed)) if strict || held && !is_inflated => {
                exchange.on_unscanned(framer.pending().len() as u64);
                plugin.count_refused(reason_of(&error, is_inflated).name());
                cut(dialect, framing, begun, &Reply::unreadable_answer(), out);
                let out = std::mem::take(out);
                self.answer = Answer::Cut;
                return self.replace_frame(plugin, size, &bytes, &out);
            }
            Some(error @ (FrameError::TooLarge | FrameError::Malformed)) => {
                exchange.on_unscanned(framer.pending().len() as u64);
                plugin.report_unscanned(reason_of(&error, is_inflated));
                // What is held of earlier events goes first.
                let _ = exchange.on_events_end(out);
                out.extend_from_slice(framer.pending());
                let out = std::mem::take(out);
                self.answer = match inflater.take() {
                    // The rest is inflated as it comes, and not read.
                    Some(inflater) if held => Answer::Inflating(inflater),
                    _ => Answer::Passing,
                };
                return if held { self.replace_frame(plugin, size, &bytes, &out) } else { Step::Continue };
            }
        }
        if !held {
            return Step::Continue;
        }
        let mut buffer = std::mem::take(out);
        let step = self.replace_frame(plugin, size, &bytes, &buffer);
        if let Answer::Events { out, .. } = &mut self.answer {
            buffer.clear();
            *out = buffer;
        }
        step
    }

    /// Sends `out` in place of the frame that came.
    fn replace_frame(&mut self, plugin: &Plugin, size: usize, came: &[u8], out: &[u8]) -> Step {
        if came == out {
            return Step::Continue;
        }
        if let Err(status) = abi::set_buffer(Buffer::ResponseBody, 0, size, out) {
            log::error!("tollgate: {}: response body not replaced: {status}", plugin.name);
            self.answer = Answer::Cut;
            return Step::Hold;
        }
        Step::Continue
    }

    pub(super) fn inflate_frame(&mut self, plugin: &Plugin, size: usize) -> Step {
        let Answer::Inflating(inflater) = &mut self.answer else { return Step::Continue };
        let bytes = if size == 0 { Ok(Vec::new()) } else { abi::get_buffer(Buffer::ResponseBody, 0, size) };
        let mut out = Vec::new();
        match bytes {
            Ok(bytes) if inflater.push(&bytes, &mut out).is_ok() => self.replace_frame(plugin, size, &bytes, &out),
            _ => {
                self.answer = Answer::Cut;
                self.drop_frame(plugin, size)
            }
        }
    }

    pub(super) fn drop_frame(&mut self, plugin: &Plugin, size: usize) -> Step {
        if size == 0 {
            return Step::Continue;
        }
        if let Err(status) = abi::set_buffer(Buffer::ResponseBody, 0, size, &[]) {
            log::error!("tollgate: {}: response body not dropped: {status}", plugin.name);
            return Step::Hold;
        }
        Step::Continue
    }
}

/// The end of an event stream: the event without its blank line, then what the exchange still holds.
pub(super) fn finish(
    mut framer: Framer,
    exchange: &mut dyn Exchange,
    out: &mut Vec<u8>,
) -> Result<(), FrameError<Box<Reply>>> {
    framer.finish(|event| match exchange.on_event(&event, out) {
        Flow::Continue => Ok(()),
        Flow::Cut(reply) => Err(reply),
    })?;
    match exchange.on_events_end(out) {
        Flow::Continue => Ok(()),
        Flow::Cut(reply) => Err(FrameError::Callback(reply)),
    }
}

/// Ends a streamed answer in the caller's dialect: an error event and no end mark, as the provider's own would.
fn cut(dialect: Dialect, framing: Framing, begun: &StreamState, reply: &Reply, out: &mut Vec<u8>) {
    property::set(property::VERDICT, reply.verdict);
    out.extend_from_slice(&dialect.error_event(framing, begun, &reply.error()));
}

/// Why a stream could not be read on.
fn reason_of<E>(error: &FrameError<E>, is_inflated: bool) -> Unscanned {
    match error {
        _ if !is_inflated => Unscanned::ResponseEncoding,
        FrameError::TooLarge => Unscanned::ResponseTooLarge,
        _ => Unscanned::ResponseMalformed,
    }
}
