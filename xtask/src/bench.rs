//! What the filters cost.

use tollgate_testbed::{Error, Result};

/// `cargo xtask bench`
pub(crate) fn run() -> Result<()> {
    Err(Error::new("there are no benchmarks yet: they come with tests/bench"))
}
