//! Trailers of a response, whose texts a client may show.

use crate::filter::{BodyMode, Exchange, TextAction};
use crate::headers::Headers;
use crate::local_reply::LocalReply;

/// Trailers of a response, by what has been sent of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trailers {
    /// Nothing has been sent: a reply may take the place of the response.
    Held,
    /// The body has been sent: a trailer can only be removed.
    Sent,
    /// Tollgate has ended the response: the upstream's trailers are removed.
    Aborted,
}

impl Trailers {
    /// Lets the exchange judge the names and values of the trailers, and removes those that may not pass as they are.
    pub(super) fn judge(self, exchange: &mut dyn Exchange, mode: BodyMode) -> Result<(), Box<LocalReply>> {
        if mode == BodyMode::Pass {
            return Ok(());
        }
        let mut removed = Vec::new();
        let trailers = Headers::RESPONSE_TRAILERS.read();
        for (name, value) in trailers.pairs() {
            if self != Trailers::Aborted && !self.removes(exchange, mode, &[name, value])? {
                continue;
            }
            // The same name may occur more than once.
            if !removed.contains(&name) {
                removed.push(name);
            }
        }
        for name in removed {
            let name = String::from_utf8_lossy(name);
            if let Err(status) = Headers::RESPONSE_TRAILERS.remove(&name) {
                log::error!("tollgate: response trailer not removed: {status}");
            }
        }
        Ok(())
    }

    /// Returns `true` if a trailer with these texts is removed.
    fn removes(self, exchange: &mut dyn Exchange, mode: BodyMode, texts: &[&[u8]]) -> Result<bool, Box<LocalReply>> {
        for text in texts.iter().filter(|text| !text.is_empty()) {
            match exchange.on_trailer(&String::from_utf8_lossy(text)) {
                TextAction::Pass => {}
                TextAction::Replace(_) | TextAction::Abort(_) if !mode.holds() => {}
                TextAction::Abort(reply) if self == Trailers::Held => return Err(reply),
                TextAction::Replace(_) | TextAction::Abort(_) => return Ok(true),
            }
        }
        Ok(false)
    }
}
