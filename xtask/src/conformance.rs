//! Conformance of the host with real Envoys: builds the probe and runs `tests/conformance`, which records and compares.

use tollgate_envoy_harness::child::ChildBuilder;
use tollgate_envoy_harness::{Error, Result};
use tollgate_workspace as workspace;

use crate::setup::TARGET;
use crate::{cargo, progress, setup};

/// Runs `cargo xtask conformance`: compares the host with the recordings, or records them again.
pub(crate) fn run(flags: &[&str]) -> Result<()> {
    let (command, rest) = match flags {
        ["--record", rest @ ..] => ("record", rest),
        rest => ("compare", rest),
    };
    build_probe()?;
    progress::step("building the comparison");
    cargo::run(&["build", "--package", PROGRAM])?;
    progress::step(if command == "record" { "recording" } else { "comparing" });
    let program = workspace::target_dir().join("debug").join(PROGRAM);
    let status = ChildBuilder::new(program).arg(command).args(rest).run()?;
    if status.success() { Ok(()) } else { Err(Error::new("the conformance run failed, see above")) }
}

/// Builds the filter that is recorded: a module for tests only.
pub(crate) fn build_probe() -> Result<()> {
    setup::target()?;
    progress::step("building the probe (release, wasm32-wasip1)");
    cargo::run(&["build", "--release", "--target", TARGET, "--package", "tollgate-probe"])
}

const PROGRAM: &str = "tollgate-conformance";
