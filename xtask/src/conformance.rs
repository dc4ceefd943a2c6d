//! The host against real Envoys: builds the probe and runs `tests/conformance`, which compares and records.

use tollgate_testbed::child::ChildBuilder;
use tollgate_testbed::{Error, Result, workspace};

use crate::setup::TARGET;
use crate::{cargo, progress, setup};

/// `cargo xtask conformance`: compares the host with what was recorded, or records anew.
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
    if status.success() { Ok(()) } else { Err(Error::new("see above")) }
}

/// The filter that is recorded: a module like the others, though none that is shipped.
pub(crate) fn build_probe() -> Result<()> {
    setup::target()?;
    progress::step("building the probe (release, wasm32-wasip1)");
    cargo::run(&["build", "--release", "--target", TARGET, "--package", "tollgate-probe"])
}

const PROGRAM: &str = "tollgate-conformance";
