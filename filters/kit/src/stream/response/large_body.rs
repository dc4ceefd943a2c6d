//! Bodies above the limit.

use tollgate_llm::content_encoding::{ContentEncoding, InflateLimits, Inflater};
use tollgate_llm::{Condenser, Detail, Dialect};

use crate::unreadable::Unreadable;

/// Bounds on the decompression of a body whose result is condensed: the ratio, and the output of one frame.
const INFLATE_LIMITS: InflateLimits = InflateLimits { max_bytes: usize::MAX, max_ratio: 100, max_push: 4 << 20 };
/// Maximum bytes of data in a body that Envoy holds: its buffer has a little more room than the default
/// limit takes.
const MAX_DATA_BYTES: usize = 32 << 10;
/// Bytes that the condenser reads at a time: between them it learns how much it has kept.
const STEP: usize = 16 << 10;

/// Reader of a body above the limit. The limit applies to the body without base64 data, lists of numbers and repetitions of
/// the request.
pub(super) struct LargeBody {
    condenser: Condenser,
    inflater: Option<Inflater>,
    /// `true` if Envoy holds the body.
    holds: bool,
    limit: usize,
    /// Bytes that have arrived of a body that is held.
    size: usize,
    /// Bytes of it that the condenser has kept.
    condensed: usize,
}

impl LargeBody {
    pub(super) fn new(
        dialect: Dialect,
        encoding: Option<ContentEncoding>,
        holds: bool,
        limit: usize,
    ) -> Box<LargeBody> {
        let inflater = encoding.map(|encoding| Inflater::new(encoding, INFLATE_LIMITS));
        Box::new(LargeBody { condenser: Condenser::new(dialect, false), inflater, holds, limit, size: 0, condensed: 0 })
    }

    /// Reads a piece. Of a body that is not held, appends a condensed copy to `body`.
    pub(super) fn read(&mut self, piece: &[u8], body: &mut Vec<u8>) -> Result<(), Unreadable> {
        if self.holds {
            let mut kept = Vec::new();
            self.condenser.push(piece, &mut kept);
            self.condensed += kept.len();
            self.size += piece.len();
            let is_too_large = self.condensed > self.limit || self.size > self.limit + MAX_DATA_BYTES;
            return if is_too_large { Err(Unreadable::ResponseTooLarge) } else { Ok(()) };
        }
        let mut inflated = Vec::new();
        let plain = match &mut self.inflater {
            None => piece,
            Some(inflater) => {
                inflater.push(piece, &mut inflated).map_err(|_| Unreadable::ResponseEncoding)?;
                &inflated
            }
        };
        for step in plain.chunks(STEP.min(self.limit / 8).max(1)) {
            self.condenser.set_detail(Detail::for_size(body.len(), self.limit));
            self.condenser.push(step, body);
        }
        // An outline grows by a few bytes for each element that was left out.
        if body.len() > 2 * self.limit { Err(Unreadable::ResponseTooLarge) } else { Ok(()) }
    }

    /// Ends the body. Returns the bytes of texts that were left out of a condensed copy.
    pub(super) fn finish(&mut self, body: &mut Vec<u8>) -> Result<u64, Unreadable> {
        if self.holds {
            return Ok(0);
        }
        self.condenser.finish(body);
        match &self.inflater {
            Some(inflater) if inflater.finish().is_err() => Err(Unreadable::ResponseEncoding),
            _ => Ok(self.condenser.elided_text()),
        }
    }
}
