//! Long versions of randomised tests and of measurements with bounds, for the nightly workflow.

use tollgate_envoy_harness::{Error, Result};

use crate::{bench, cargo, progress};

/// Time of each fuzz target, in milliseconds: ten minutes, where the suite takes one and a half seconds.
const FUZZ_MILLISECONDS: &str = "600000";

/// Random strings that are counted and compared with tiktoken, where the suite compares a million.
const STRINGS: &str = "50000000";

/// Random texts whose every prefix is counted, where the suite takes 3,000.
const STREAMS: &str = "10000";

/// Runs `cargo xtask proofs`, which takes some hours.
pub(crate) fn run() -> Result<()> {
    progress::step("fuzzing every parser, ten minutes each (with debug assertions)");
    let fuzz = cargo::cargo()
        .env("BOLERO_RANDOM_TEST_TIME_MS", FUZZ_MILLISECONDS)
        .env("BOLERO_RANDOM_ITERATIONS", usize::MAX.to_string())
        .args(["test", "--no-fail-fast", "--package", "tollgate-fuzz", "--tests"])
        .run()?;
    progress::step("comparing fifty million strings and ten thousand streams with tiktoken");
    let oracle = cargo::cargo()
        .env("TOLLGATE_TOKENS_STRINGS", STRINGS)
        .env("TOLLGATE_TOKENS_STREAMS", STREAMS)
        .args(["test", "--release", "--package", "tollgate-tokens", "--test", "oracle"])
        .run()?;
    progress::step("counting the instructions per byte of bodies up to 8 MiB");
    let sizes = bench::sizes(&[]);
    let all = [
        ("fuzzing", fuzz.success()),
        ("the comparison with tiktoken", oracle.success()),
        ("the cost of large bodies", sizes.is_ok()),
    ];
    let failed: Vec<_> = all.into_iter().filter_map(|(name, passed)| (!passed).then_some(name)).collect();
    if failed.is_empty() { Ok(()) } else { Err(Error::new(format!("failed, see above: {}", failed.join(", ")))) }
}
