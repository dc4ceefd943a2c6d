//! What the filters cost: builds what is measured and runs `tests/bench`, which measures.

use tollgate_testbed::child::ChildBuilder;
use tollgate_testbed::{Error, Result, workspace};

use crate::{cargo, modules, progress, setup};

/// `cargo xtask bench`
pub(crate) fn run(flags: &[&str]) -> Result<()> {
    if !matches!(flags, [] | ["--quick" | "--write"]) {
        return Err(Error::new(format!("bench takes --quick or --write, not `{}`", flags.join(" "))));
    }
    setup::target()?;
    let envoy = setup::envoy()?;
    modules::build()?;
    progress::step("building the load (release)");
    cargo::run(&["build", "--release", "--package", PROGRAM])?;
    progress::step(&format!("measuring Envoy {} ({})", envoy.version(), envoy.path().display()));
    let program = workspace::target_dir().join("release").join(PROGRAM);
    let status = ChildBuilder::new(program).args(flags).run()?;
    if status.success() { Ok(()) } else { Err(Error::new("the benchmark failed, see above")) }
}

const PROGRAM: &str = "tollgate-bench";
