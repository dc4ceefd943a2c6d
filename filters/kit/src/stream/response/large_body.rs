//! Bodies above the limit.

use tollgate_llm::content_encoding::{ContentEncoding, InflateLimits, Inflater};
use tollgate_llm::{Condenser, Dialect};

use crate::unreadable::Unreadable;

/// Bounds on the decompression of a body whose result is condensed: the ratio, and the output of one frame.
const INFLATE_LIMITS: InflateLimits = InflateLimits { max_bytes: usize::MAX, max_ratio: 100, max_push: 4 << 20 };

/// Reader of a body above the limit: keeps a condensed copy, to which the limit applies.
pub(super) struct LargeBody {
    condenser: Condenser,
    inflater: Option<Inflater>,
    limit: usize,
}

impl LargeBody {
    pub(super) fn new(dialect: Dialect, encoding: Option<ContentEncoding>, limit: usize) -> Box<LargeBody> {
        let inflater = encoding.map(|encoding| Inflater::new(encoding, INFLATE_LIMITS));
        Box::new(LargeBody { condenser: Condenser::bounded(dialect, false, limit), inflater, limit })
    }

    /// Reads a piece and appends it to `body`, condensed.
    pub(super) fn read(&mut self, piece: &[u8], body: &mut Vec<u8>) -> Result<(), Unreadable> {
        let mut inflated = Vec::new();
        let plain = match &mut self.inflater {
            None => piece,
            Some(inflater) => {
                inflater.push(piece, &mut inflated).map_err(|_| Unreadable::ResponseEncoding)?;
                &inflated
            }
        };
        self.condenser.push(plain, body);
        // An outline grows by a few bytes for each element that was left out.
        if body.len() > 2 * self.limit { Err(Unreadable::ResponseTooLarge) } else { Ok(()) }
    }

    /// Returns the bytes of texts that were left out so far.
    pub(super) fn elided_text(&self) -> u64 {
        self.condenser.elided_text()
    }

    /// Ends the body. Returns the bytes of texts that were left out.
    pub(super) fn finish(&mut self, body: &mut Vec<u8>) -> Result<u64, Unreadable> {
        self.condenser.finish(body);
        match &self.inflater {
            Some(inflater) if inflater.finish().is_err() => Err(Unreadable::ResponseEncoding),
            _ => Ok(self.condenser.elided_text()),
        }
    }
}
