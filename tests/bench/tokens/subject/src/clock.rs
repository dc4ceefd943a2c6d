//! CPU time of this thread. In a module, what the host says the time is: wasmtime says the CPU time, Node and Envoy that of
//! the wall.

use std::time::Duration;

#[cfg(target_family = "wasm")]
pub(crate) fn now() -> Result<Duration, String> {
    use std::time::Instant;
    thread_local!(static START: Instant = Instant::now());
    Ok(START.with(Instant::elapsed))
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn now() -> Result<Duration, String> {
    // What the kernel shows is as of the last time that it looked: it looks when we yield.
    std::thread::yield_now();
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").map_err(|error| format!("schedstat: {error}"))?;
    let nanos = stat.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    nanos.map(Duration::from_nanos).ok_or_else(|| "schedstat has no number".to_owned())
}
