//! JSON responses above the limit whose texts are judged one by one while the response passes.

use tollgate_llm::{Condenser, JsonPiece, ParseLimits, Response as View, TextScanError, TextScanner};

use super::ResponseBody;
use super::reader::{MIN_COPY_BYTES, Reader, drop_frame, get_frame, replace_frame};
use crate::filter::{BodyMode, TextAction};
use crate::local_reply::LocalReply;
use crate::plugin::Plugin;
use crate::property;
use crate::response::Response;
use crate::stream::FilterStatus;
use crate::unreadable::{Disposition, Unreadable};

/// Bytes that can leave with the head in any case. Envoy buffers them until then, and answers 500 above its limit.
const FIRST_BYTES: usize = 512 << 10;

/// Response that passes while its texts are judged. Envoy cannot hold it, but each of its texts can be.
pub(in crate::stream) struct TextStream {
    mode: BodyMode,
    phase: Phase,
    limit: usize,
    /// Limit of the copy for readers of the usage.
    copy_limit: usize,
    scanner: TextScanner,
    condenser: Condenser,
    /// Copy without data and repetitions, to which the limit applies, for readers of the usage.
    condensed: Vec<u8>,
    /// Bytes that arrived after the copy had become too large.
    uncopied: u64,
    /// Bytes that may leave, but did not fit into Envoy's buffer.
    pending: Vec<u8>,
}

/// Treatment of the next bytes. All of them are read for the usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Texts are judged.
    Judging,
    /// Bytes pass unjudged, as the configuration says for what cannot be read.
    Unjudged,
    /// Bytes are dropped.
    Aborted,
}

/// Reason why a response cannot pass.
pub(super) enum Stop {
    Reply(Box<LocalReply>),
    Unreadable(Unreadable),
}

impl TextStream {
    /// Begins a response, of which `size` bytes are held.
    pub(super) fn new(reader: &Reader<'_>, mode: BodyMode, size: usize) -> TextStream {
        let limit = reader.plugin.limits().max_response_bytes;
        let copy_limit = if reader.plugin.is_over_capacity(size, false) { limit.min(MIN_COPY_BYTES) } else { limit };
        TextStream {
            mode,
            phase: Phase::Judging,
            limit,
            scanner: TextScanner::new(limit),
            copy_limit,
            condenser: Condenser::bounded(reader.dialect, false, copy_limit),
            condensed: Vec::new(),
            uncopied: 0,
            pending: Vec::new(),
        }
    }

    /// Returns the number of bytes that have arrived, without data that is not text.
    pub(super) fn arrived(&self) -> u64 {
        self.condenser.elided_text().saturating_add(self.condensed.len() as u64).saturating_add(self.uncopied)
    }

    /// Returns the bytes that are held.
    pub(super) fn held_bytes(&self) -> usize {
        self.condensed.len().saturating_add(self.pending.len()).saturating_add(self.scanner.held_bytes())
    }

    /// Reads bytes and appends what may leave to `out`.
    pub(super) fn read(&mut self, reader: &mut Reader<'_>, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Stop> {
        self.condense(reader.plugin, bytes);
        let result = self.scanner.push(bytes, |piece| {
            let action = match piece {
                JsonPiece::Other(_) => TextAction::Pass,
                JsonPiece::Text { str, literal, is_opaque: false } => reader.exchange.on_text(&str.decode(literal)),
                JsonPiece::Text { str, literal, is_opaque: true } => {
                    let refusal = reader.exchange.on_opaque_text(&str.decode(literal));
                    refusal.map_or(TextAction::Pass, TextAction::Abort)
                }
            };
            match (action, piece) {
                (TextAction::Abort(reply), _) => return Err(Stop::Reply(reply)),
                (TextAction::Replace(text), _) => {
                    out.push(b'"');
                    tollgate_llm::escape_into(&text, out);
                    out.push(b'"');
                }
                (TextAction::Pass, JsonPiece::Other(bytes) | JsonPiece::Text { literal: bytes, .. }) => {
                    out.extend_from_slice(bytes);
                }
            }
            Ok(())
        });
        result.map_err(|error| match error {
            TextScanError::Callback(stop) => stop,
            TextScanError::TooLarge | TextScanError::Logprobs => Stop::Unreadable(Unreadable::ResponseTooLarge),
            TextScanError::Malformed => Stop::Unreadable(Unreadable::ResponseMalformed),
        })?;
        // Only now, so that everything that was read has been handed out or is held by the scanner.
        let size = self.condensed.len() as u64 + self.condenser.elided_text();
        let is_over_capacity = reader.plugin.is_over_capacity(self.scanner.held_bytes(), false);
        if size > self.limit as u64 || is_over_capacity {
            Err(Stop::Unreadable(Unreadable::ResponseTooLarge))
        } else {
            Ok(())
        }
    }

    /// Keeps for the next frame what exceeds [`FIRST_BYTES`] and the `held` bytes, which Envoy has buffered, of those that leave with
    /// the head of the response. Trailers may follow in place of a frame, so as little as possible is kept.
    pub(super) fn bound_first(&mut self, held: usize, out: &mut Vec<u8>) {
        let bound = held.max(FIRST_BYTES);
        if out.len() > bound {
            self.pending = out.split_off(bound);
        }
    }

    fn condense(&mut self, plugin: &Plugin, bytes: &[u8]) {
        // Even an outline may grow without end.
        let is_bounded = self.uncopied == 0 && self.condensed.len() <= 2 * self.copy_limit;
        let own = self.held_bytes().saturating_add(bytes.len());
        if is_bounded && (self.copy_limit <= MIN_COPY_BYTES || !plugin.is_over_capacity(own, false)) {
            self.condenser.push(bytes, &mut self.condensed);
        } else {
            self.uncopied = self.uncopied.saturating_add(bytes.len() as u64);
        }
    }

    /// Lets the remainder pass unjudged. `bytes` are those of the read that stopped; what it has not handed out of them is
    /// appended to `out`.
    pub(super) fn pass_unjudged(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        out.extend(self.scanner.remainder(bytes).concat());
        self.phase = Phase::Unjudged;
    }

    /// Returns `true` if bytes wait for a frame that they can leave with.
    pub(super) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Returns `true` if nothing more of the response is sent.
    pub(super) fn is_aborted(&self) -> bool {
        matches!(self.phase, Phase::Aborted)
    }

    /// Handles a frame behind the head of the response, which has been sent.
    pub(super) fn frame(
        mut self: Box<Self>,
        reader: &mut Reader<'_>,
        size: usize,
        end: bool,
    ) -> (ResponseBody, FilterStatus) {
        let plugin = reader.plugin;
        let status = match get_frame(plugin, size) {
            Ok(frame) => {
                let mut out = std::mem::take(&mut self.pending);
                match self.phase {
                    Phase::Judging => self.judge(reader, &frame, end, &mut out),
                    Phase::Unjudged => {
                        self.condense(plugin, &frame);
                        out.extend_from_slice(&frame);
                    }
                    Phase::Aborted => self.condense(plugin, &frame),
                }
                replace_frame(plugin, size, &frame, &out)
            }
            Err(_) => None,
        };
        let status = status.unwrap_or_else(|| {
            // Bytes that follow would leave without these.
            self.phase = Phase::Aborted;
            drop_frame(plugin, size)
        });
        if end {
            self.finish(reader);
        }
        (ResponseBody::Texts(self), status)
    }

    /// Judges the texts of a frame. The head has been sent: a response that may not pass ends here, incomplete.
    fn judge(&mut self, reader: &mut Reader<'_>, frame: &[u8], end: bool, out: &mut Vec<u8>) {
        let mut read = self.read(reader, frame, out);
        if end && read.is_ok() && !self.scanner.is_between_strings() {
            read = Err(Stop::Unreadable(Unreadable::ResponseMalformed));
        }
        match read {
            Ok(()) => {}
            Err(Stop::Reply(reply)) => self.abort(&reply),
            Err(Stop::Unreadable(reason)) => match reader.plugin.dispose(reason, self.mode) {
                Disposition::Pass => self.pass_unjudged(frame, out),
                Disposition::Refuse => self.abort(&LocalReply::unreadable_response()),
            },
        }
    }

    fn abort(&mut self, reply: &LocalReply) {
        property::set(property::VERDICT, reply.verdict);
        self.phase = Phase::Aborted;
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
            Err(_) => reader.exchange.on_unscanned(self.arrived().saturating_sub(elided)),
        }
    }
}
