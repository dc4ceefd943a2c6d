//! The clock, read at most once per callback: a callback takes microseconds, and a host call is not free.
//!
//! Callbacks that only need to know if a time has come do not read it at all: each tick of the plugin does, so the last time
//! that was read is at most one period old, see [`reached`].

use std::cell::Cell;

use crate::abi;
use crate::watchdog::PERIOD_MS;

thread_local! {
    /// Time of the callback that runs, once it was asked for.
    static NOW: Cell<Option<u64>> = const { Cell::new(None) };
    /// Time that any callback of this virtual machine has read last.
    static LATEST: Cell<u64> = const { Cell::new(0) };
}

/// Nanoseconds between two ticks.
const PERIOD_NS: u64 = PERIOD_MS as u64 * 1_000_000;

/// Forgets the time of the previous callback.
pub(crate) fn start_callback() {
    NOW.set(None);
}

/// Returns nanoseconds since the Unix epoch, by Envoy's clock.
pub(crate) fn now_ns() -> u64 {
    let now = NOW.get().unwrap_or_else(abi::now_ns);
    NOW.set(Some(now));
    LATEST.set(now);
    now
}

/// Reads the clock for the callbacks until the next tick.
pub(crate) fn tick() {
    start_callback();
    now_ns();
}

/// Returns the time if it is `time` or later, in nanoseconds since the Unix epoch. Reads the clock only if the last known
/// time is less than a tick before `time`.
pub(crate) fn reached(time: u64) -> Option<u64> {
    let is_near = LATEST.get().saturating_add(PERIOD_NS) >= time;
    is_near.then(now_ns).filter(|now| *now >= time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_far_ahead_needs_no_clock() {
        const SECOND: u64 = 1_000_000_000;
        // Latest known time, time of the callback, awaited time; found, and whether the clock was read.
        for (latest, now, time, want) in [
            (10 * SECOND, 11 * SECOND, 20 * SECOND, (None, false)),
            (10 * SECOND, 11 * SECOND, 10 * SECOND + PERIOD_NS, (Some(11 * SECOND), true)),
            (10 * SECOND, 10 * SECOND + 1, 10 * SECOND + PERIOD_NS, (None, true)),
            (20 * SECOND, 21 * SECOND, 10 * SECOND, (Some(21 * SECOND), true)),
        ] {
            NOW.set(Some(now));
            LATEST.set(latest);
            assert_eq!((reached(time), LATEST.get() == now), want, "{time}");
        }
    }
}
