//! CPU time of this thread. A module gets the time of its host: CPU time in wasmtime, wall-clock time in Node and
//! Envoy.

use std::time::Duration;

#[cfg(target_family = "wasm")]
pub(crate) fn now() -> Result<Duration, String> {
    use std::time::Instant;
    thread_local!(static START: Instant = Instant::now());
    Ok(START.with(Instant::elapsed))
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn now() -> Result<Duration, String> {
    // The kernel updates the value when the thread yields.
    std::thread::yield_now();
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").map_err(|error| format!("schedstat: {error}"))?;
    let nanos = stat.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    nanos.map(Duration::from_nanos).ok_or_else(|| "schedstat: no number".to_owned())
}
