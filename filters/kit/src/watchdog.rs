//! Detection of a missing `allow_on_headers_stop_iteration`.
//!
//! Without that flag, a filter that holds the request head stops the whole stream: Envoy receives the body but never
//! shows it to the filter, and the client waits for ever. To the filter this looks like a client that is slow to send its
//! body. The difference is in `request.total_size`, the bytes of head and body that Envoy has received: body bytes that
//! are there, do not grow and were not shown mean that the flag is missing. The log then names it and the client gets a
//! 500.
//!
//! Body bytes are counted as the total size less the size of the headers, not as growth since the head: behind a filter
//! that holds the request (another filter of ours, or `envoy.filters.http.buffer`) the body is complete before this
//! filter sees the head.

use std::cell::RefCell;
use std::collections::BTreeMap;

use tollgate_llm::Dialect;

use crate::abi;
use crate::property;

/// Interval of the checks, in milliseconds. A stuck stream is answered after two to three intervals, within 3 seconds.
pub(crate) const PERIOD_MS: u32 = 750;

/// Number of checks in a row that must see the same hidden body.
const UNCHANGED_CHECKS: u8 = 2;

struct HeldStream {
    dialect: Dialect,
    /// Bytes of all header names and values.
    header_bytes: u64,
    /// Bytes of head and body at the last check.
    last_total: u64,
    unchanged: u8,
}

/// Streams whose head is held and that have not had a body callback.
#[derive(Default)]
pub(crate) struct Watchdog {
    held: RefCell<BTreeMap<u32, HeldStream>>,
}

impl Watchdog {
    /// Starts to watch a stream: the head of a request with a body is held.
    pub(crate) fn watch(&self, stream: u32, dialect: Dialect, header_bytes: usize) {
        let held = HeldStream { dialect, header_bytes: header_bytes as u64, last_total: total_bytes(), unchanged: 0 };
        self.held.borrow_mut().insert(stream, held);
    }

    /// Stops to watch a stream: a body callback came, or the stream is over.
    pub(crate) fn release(&self, stream: u32) {
        self.held.borrow_mut().remove(&stream);
    }

    /// Checks every held stream. Calls `refuse`, with the stream as the effective context, for each that will never see
    /// its body.
    pub(crate) fn tick(&self, mut refuse: impl FnMut(Dialect)) {
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
        if total <= self.header_bytes || total != self.last_total {
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
        for (name, at_head, totals, stuck) in [
            ("nothing sent yet", 100, vec![100; 30], false),
            ("still growing", 100, (100..130).collect(), false),
            ("received and hidden", 100, vec![100, 150, 150, 150], true),
            ("just received", 100, vec![100, 150, 150], false),
            ("received before the head was shown", 150, vec![150, 150], true),
            ("received before the head was shown, first check", 150, vec![150], false),
            ("the size is unknown", 0, vec![0; 30], false),
        ] {
            let dialect = Dialect::OpenAiChat;
            let mut held = HeldStream { dialect, header_bytes: 100, last_total: at_head, unchanged: 0 };
            let is_stuck = totals.iter().any(|&total| held.check(total));
            assert_eq!(is_stuck, stuck, "{name}");
        }
    }
}
