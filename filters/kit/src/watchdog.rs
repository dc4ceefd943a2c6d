//! Detection of a missing `allow_on_headers_stop_iteration`.
//!
//! Without that flag, a filter that holds the request head stops the whole stream: Envoy receives the body but never
//! shows it to the filter, and the client waits for ever. To the filter this looks like a client that is slow to send its
//! body. The difference is in `request.total_size`, the bytes of head and body that Envoy has received: body bytes that
//! are there, do not grow and were not shown mean that the flag is missing. The log then names it and the client gets a
//! 500.
//!
//! Behind an earlier Tollgate filter the body is complete before this filter sees the head, because that filter holds the
//! request until then. There the body is the total size less the headers. In the first Tollgate filter it is the growth
//! since the head: body bytes that were there before may be in a filter of Envoy's that passes heads at once and keeps
//! bodies for seconds (`ext_proc`), and the flag may be set. The first body that Envoy shows proves that the flag is set;
//! after it, a body that such a filter keeps is no sign of anything, and no stream is watched.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use tollgate_llm::Dialect;

use crate::abi;
use crate::property;

/// Interval of the checks, in milliseconds.
pub(crate) const PERIOD_MS: u32 = 500;

/// Number of checks in a row, after the first that sees a body, that must see the same hidden body: a stuck stream is
/// answered 2 to 2.5 seconds after its body has arrived.
const UNCHANGED_CHECKS: u8 = 4;

struct HeldStream {
    dialect: Dialect,
    /// Bytes of head and body that are not counted as hidden body.
    visible: u64,
    /// Bytes of head and body at the last check.
    last_total: u64,
    unchanged: u8,
}

/// Streams whose head is held and that have not had a body callback.
#[derive(Default)]
pub(crate) struct Watchdog {
    held: RefCell<BTreeMap<u32, HeldStream>>,
    /// `true` once Envoy has shown the body of a held head to this plugin. So the flag is set, and nothing is watched any more.
    has_seen_body: Cell<bool>,
}

impl Watchdog {
    /// Starts to watch a stream: the head of a request with a body is held, and has `head` bytes. `is_first`: by the first
    /// Tollgate filter of the chain.
    pub(crate) fn watch(&self, stream: u32, dialect: Dialect, is_first: bool, head: u64) {
        if self.has_seen_body.get() {
            return;
        }
        let visible = if is_first { total_bytes() } else { head };
        let held = HeldStream { dialect, visible, last_total: visible, unchanged: 0 };
        self.held.borrow_mut().insert(stream, held);
    }

    /// Stops to watch a stream: Envoy has shown its body, or the end of it.
    pub(crate) fn body_shown(&self, stream: u32) {
        self.has_seen_body.set(true);
        self.release(stream);
    }

    /// Stops to watch a stream.
    pub(crate) fn release(&self, stream: u32) {
        self.held.borrow_mut().remove(&stream);
    }

    /// Checks every held stream. Calls `refuse`, with the stream as the effective context, for each that will never see
    /// its body.
    pub(crate) fn tick(&self, mut refuse: impl FnMut(Dialect)) {
        if self.has_seen_body.get() {
            self.held.borrow_mut().clear();
            return;
        }
        self.held.borrow_mut().retain(|&stream, held| {
            if abi::set_effective_context(stream).is_err() {
                return false;
            }
            let is_stuck = held.check(total_bytes());
            if is_stuck {
                log::error!(
                    "tollgate: Envoy has received a request body that this filter is not shown: set \
                     `allow_on_headers_stop_iteration: true` in the filter's PluginConfig (Envoy 1.35 or newer). \
                     The request is answered with 500 instead of hanging."
                );
                refuse(held.dialect);
            }
            !is_stuck
        });
    }
}

impl HeldStream {
    /// Returns `true` if the stream is stuck, given the bytes of head and body that Envoy has received.
    fn check(&mut self, total: u64) -> bool {
        if total <= self.visible || total != self.last_total {
            (self.last_total, self.unchanged) = (total, 0);
            return false;
        }
        self.unchanged += 1;
        self.unchanged >= UNCHANGED_CHECKS
    }
}

/// Returns the bytes of head and body that Envoy has received so far.
fn total_bytes() -> u64 {
    property::attribute_u64(&["request", "total_size"]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_body_that_has_arrived_and_stays_hidden_is_stuck() {
        for (name, totals, want) in [
            ("nothing sent yet", vec![100; 30], None),
            ("still growing", (100..130).collect(), None),
            ("received and hidden", vec![100, 150, 150, 150, 150, 150], Some(5)),
            ("just received", vec![100, 150, 150, 150, 150], None),
            ("grew again", vec![150, 150, 150, 151, 151, 151, 151, 151], Some(7)),
            ("received before the head was shown", vec![150; 5], Some(4)),
            ("the size is unknown", vec![0; 30], None),
        ] {
            let mut held = HeldStream { dialect: Dialect::OpenAiChat, visible: 100, last_total: 100, unchanged: 0 };
            assert_eq!(totals.iter().position(|&total| held.check(total)), want, "{name}");
        }
    }
}
