//! JSON responses above the limit whose texts are judged one by one while the response passes.

use tollgate_llm::{Condenser, Detail, JsonPiece, ParseLimits, Response as View, TextScanError, TextScanner};

use super::ResponseBody;
use super::reader::{Reader, drop_frame, replace_frame};
use crate::abi::{self, Buffer};
use crate::filter::{BodyMode, TextAction};
use crate::local_reply::LocalReply;
use crate::property;
use crate::response::Response;
use crate::stream::FilterStatus;
use crate::unreadable::{Disposition, Unreadable};

/// Maximum bytes that leave with the head. Until then Envoy buffers them, and answers 500 above its limit.
const MAX_FIRST_BYTES: usize = 512 << 10;

/// Response that passes while its texts are judged. Envoy cannot hold it, but each of its texts can be.
pub(in crate::stream) struct TextStream {
    mode: BodyMode,
    limit: usize,
    scanner: TextScanner,
    condenser: Condenser,
    /// Copy without data and repetitions, to which the limit applies, for readers of the usage.
    condensed: Vec<u8>,
    /// Bytes that may leave, but did not fit into Envoy's buffer.
    pending: Vec<u8>,
    /// `true` once nothing more may leave: the remainder is only read for its usage.
    is_aborted: bool,
}

/// Reason why a response cannot pass.
pub(super) enum Stop {
    Reply(Box<LocalReply>),
    Unreadable(Unreadable),
}

impl TextStream {
    pub(super) fn new(reader: &Reader<'_>, mode: BodyMode) -> TextStream {
        let limit = reader.plugin.limits().max_response_bytes;
        TextStream {
            mode,
            limit,
            scanner: TextScanner::new(limit),
            condenser: Condenser::new(reader.dialect, false),
            condensed: Vec::new(),
            pending: Vec::new(),
            is_aborted: false,
        }
    }

    /// Reads bytes and appends what may leave to `out`.
    pub(super) fn read(&mut self, reader: &mut Reader<'_>, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Stop> {
        self.condense(bytes);
        let size = self.condensed.len() as u64 + self.condenser.elided_text();
        if size > self.limit as u64 {
            return Err(Stop::Unreadable(Unreadable::ResponseTooLarge));
        }
        let result = self.scanner.push(bytes, |piece| {
            let (str, literal, is_opaque) = match piece {
                JsonPiece::Other(bytes) => {
                    out.extend_from_slice(bytes);
                    return Ok(());
                }
                JsonPiece::Text { str, literal, is_opaque } => (str, literal, is_opaque),
            };
            match reader.exchange.on_text(&str.decode(literal)) {
                TextAction::Replace(text) if !is_opaque => {
                    out.push(b'"');
                    tollgate_llm::escape_into(&text, out);
                    out.push(b'"');
                }
                TextAction::Pass | TextAction::Replace(_) => out.extend_from_slice(literal),
                TextAction::Abort(reply) => return Err(Stop::Reply(reply)),
            }
            Ok(())
        });
        result.map_err(|error| match error {
            TextScanError::Callback(stop) => stop,
            TextScanError::TooLarge | TextScanError::Logprobs => Stop::Unreadable(Unreadable::ResponseTooLarge),
            TextScanError::Malformed => Stop::Unreadable(Unreadable::ResponseMalformed),
        })
    }

    /// Keeps what exceeds [`MAX_FIRST_BYTES`] of the bytes that leave with the head of the response for the next frame.
    pub(super) fn bound_first(&mut self, out: &mut Vec<u8>) {
        if out.len() > MAX_FIRST_BYTES {
            self.pending = out.split_off(MAX_FIRST_BYTES);
        }
    }

    fn condense(&mut self, bytes: &[u8]) {
        self.condenser.set_detail(Detail::for_size(self.condensed.len(), self.limit));
        // Above the limit, the copy serves the usage only, as far as an outline of the response is that small.
        if self.condensed.len() <= 2 * self.limit {
            self.condenser.push(bytes, &mut self.condensed);
        }
    }

    /// Returns `true` if bytes wait for a frame that they can leave with.
    pub(super) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Handles a frame behind the head of the response, which has been sent.
    pub(super) fn frame(
        mut self: Box<Self>,
        reader: &mut Reader<'_>,
        size: usize,
        end: bool,
    ) -> (ResponseBody, FilterStatus) {
        let plugin = reader.plugin;
        let frame = abi::get_buffer(Buffer::ResponseBody, 0, size).unwrap_or_default();
        if self.is_aborted {
            self.condense(&frame);
            if end {
                self.finish(reader);
            }
            return (ResponseBody::Texts(self), drop_frame(plugin, size));
        }
        let mut out = std::mem::take(&mut self.pending);
        let mut read = self.read(reader, &frame, &mut out);
        if end && read.is_ok() && !self.scanner.is_between_strings() {
            read = Err(Stop::Unreadable(Unreadable::ResponseMalformed));
        }
        // The head has been sent: a response that may not pass ends here, incomplete.
        match read {
            Ok(()) => {}
            Err(Stop::Reply(reply)) => self.abort(&reply),
            Err(Stop::Unreadable(reason)) if plugin.dispose(reason, self.mode) == Disposition::Pass => {
                out.extend(self.scanner.remainder(&frame).concat());
                self.finish(reader);
                let status = replace_frame(plugin, size, &frame, &out);
                return (ResponseBody::Passing, status.unwrap_or(FilterStatus::StopIteration));
            }
            Err(Stop::Unreadable(_)) => self.abort(&LocalReply::unreadable_response()),
        }
        if end {
            self.finish(reader);
        }
        let next = ResponseBody::Texts(self);
        match replace_frame(plugin, size, &frame, &out) {
            Some(status) => (next, status),
            None => (ResponseBody::Aborted, drop_frame(plugin, size)),
        }
    }

    fn abort(&mut self, reply: &LocalReply) {
        property::set(property::VERDICT, reply.verdict);
        self.is_aborted = true;
    }

    /// Ends the response: shows the exchange its usage.
    pub(super) fn finish(&mut self, reader: &mut Reader<'_>) {
        self.condenser.finish(&mut self.condensed);
        let limits = ParseLimits { max_bytes: self.condensed.len(), ..reader.plugin.parser_limits };
        let elided = self.condenser.elided_text();
        if elided > 0 {
            reader.exchange.on_elided(elided);
        }
        match View::parse(reader.dialect, &self.condensed, &limits) {
            Ok(view) => reader.exchange.on_condensed(&mut Response::new(&view, &self.condensed)),
            Err(_) => reader.exchange.on_unscanned(self.condensed.len() as u64),
        }
    }
}
