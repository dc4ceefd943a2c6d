//! Says what is wrong when held headers are never followed by a body callback.
//!
//! Without `allow_on_headers_stop_iteration: true` Envoy answers a held request head by stopping the whole stream: the
//! body is received but never shown, and the client waits for ever. From inside that looks like a client that is slow
//! to send its body. What tells them apart is `request.total_size`, which grows with what Envoy has received: bytes
//! that stopped growing and still were not shown mean the flag. Then the log says so and the client gets a 500.

use std::cell::RefCell;
use std::collections::BTreeMap;

use tollgate_llm::Dialect;

use crate::abi;
use crate::property;

/// How often a root context looks, in milliseconds.
pub(crate) const PERIOD_MS: u32 = 1000;

/// Looks in a row that must see the same, non-zero amount of hidden body.
const PATIENCE: u8 = 2;

struct Held {
    dialect: Dialect,
    size_at_head: u64,
    last_size: u64,
    unchanged: u8,
}

/// The streams whose head is held and that have not seen a body callback.
#[derive(Default)]
pub(crate) struct Watchdog {
    held: RefCell<BTreeMap<u32, Held>>,
}

impl Watchdog {
    /// The head of a request with a body is held.
    pub(crate) fn watch(&self, stream: u32, dialect: Dialect) {
        let size = received();
        self.held.borrow_mut().insert(stream, Held { dialect, size_at_head: size, last_size: size, unchanged: 0 });
    }

    /// A body callback came, or the stream is over.
    pub(crate) fn release(&self, stream: u32) {
        self.held.borrow_mut().remove(&stream);
    }

    /// Looks at every held stream; the streams that will never see their body, each with itself as the effective
    /// context when `refuse` is called with its dialect.
    pub(crate) fn tick(&self, mut refuse: impl FnMut(Dialect)) {
        self.held.borrow_mut().retain(|&stream, held| {
            if abi::set_effective_context(stream).is_err() {
                return false;
            }
            let stuck = held.look(received());
            if stuck {
                log::error!(
                    "tollgate: Envoy has received a request body that this filter is not shown: set \
                     `allow_on_headers_stop_iteration: true` in the filter's PluginConfig (Envoy 1.35 or newer). \
                     The request is answered 500 instead of hanging."
                );
                refuse(held.dialect);
            }
            !stuck
        });
    }
}

impl Held {
    fn look(&mut self, size: u64) -> bool {
        if size == self.size_at_head || size != self.last_size {
            (self.last_size, self.unchanged) = (size, 0);
            return false;
        }
        self.unchanged += 1;
        self.unchanged >= PATIENCE
    }
}

/// Bytes of head and body that Envoy has received so far.
fn received() -> u64 {
    property::attribute_u64(&["request", "total_size"]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_body_that_is_there_and_stays_hidden_is_stuck() {
        for (name, sizes, stuck) in [
            ("nothing sent yet", vec![100; 30], false),
            ("still growing", (100..130).collect(), false),
            ("received and hidden", vec![100, 150, 150, 150], true),
            ("just received", vec![100, 150, 150], false),
        ] {
            let mut held = Held { dialect: Dialect::OpenAiChat, size_at_head: 100, last_size: 100, unchanged: 0 };
            let seen = sizes.iter().any(|&size| held.look(size));
            assert_eq!(seen, stuck, "{name}");
        }
    }
}
