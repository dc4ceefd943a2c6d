//! The clock, read once per callback: a callback takes microseconds, and a host call is not free.

use std::cell::Cell;

use crate::abi;

thread_local! {
    /// Time of the callback that runs, once it was asked for.
    static NOW: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Forgets the time of the previous callback.
pub(crate) fn start_callback() {
    NOW.set(None);
}

/// Returns nanoseconds since the Unix epoch, by Envoy's clock.
pub(crate) fn now_ns() -> u64 {
    let now = NOW.get().unwrap_or_else(abi::now_ns);
    NOW.set(Some(now));
    now
}
