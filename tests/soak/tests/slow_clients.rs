//! Slow clients in a real Envoy, few of them: `cargo xtask soak slow-clients` has thousands.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use tollgate_soak::slow_clients::{Load, ORDINARY_CALLS, Stall, run};

#[test]
fn slow_requests_are_refused_beyond_the_held_bytes_of_a_worker() {
    const BYTES: usize = 100 << 10;
    // Half of the clients fit into the seven eighths that requests may hold.
    let load = Load {
        stall: Stall::Request,
        clients: 40,
        bytes: BYTES,
        max_held_bytes: (20 * BYTES + BYTES / 2) * 8 / 7,
        is_filtered: true,
    };
    let measured = run(&load).unwrap();
    assert_eq!((measured.stalled, measured.refused, measured.failed), (20, 20, 0), "{measured:?}");
    assert_eq!(measured.served, ORDINARY_CALLS);
}
