//! Comparison of bills, and memory of slow clients: builds the module and runs `tests/soak`.

use tollgate_envoy_harness::child::ChildBuilder;
use tollgate_envoy_harness::{Error, Result};
use tollgate_workspace as workspace;

use crate::{cargo, modules, progress, setup};

/// Runs `cargo xtask soak`.
pub(crate) fn run(flags: &[&str]) -> Result<()> {
    if let ["slow-clients", flags @ ..] = flags {
        return slow_clients(flags);
    }
    let is_known = |flag: &str| FLAGS.iter().any(|known| flag.starts_with(known));
    if let Some(flag) = flags.iter().find(|flag| !is_known(flag)) {
        return Err(Error::new(format!(
            "soak takes {}, not `{flag}`",
            FLAGS.map(|known| format!("{known}N")).join(", ")
        )));
    }
    setup::target()?;
    let envoy = setup::envoy()?;
    modules::build_bundle()?;
    progress::step("building the comparison");
    cargo::run(&["build", "--package", PROGRAM])?;
    progress::step(&format!("comparing bills in Envoy {} ({})", envoy.version(), envoy.path().display()));
    let program = workspace::target_dir().join("debug").join(PROGRAM);
    let status = ChildBuilder::new(program).args(flags).run()?;
    if status.success() { Ok(()) } else { Err(Error::new("the bills differ, see above")) }
}

/// Runs `cargo xtask soak slow-clients`.
fn slow_clients(flags: &[&str]) -> Result<()> {
    if let Some(flag) = flags.iter().find(|flag| !flag.starts_with("--clients=")) {
        return Err(Error::new(format!("soak slow-clients takes --clients=N, not `{flag}`")));
    }
    setup::target()?;
    let envoy = setup::envoy()?;
    modules::build_bundle()?;
    cargo::run(&["build", "--package", PROGRAM, "--bin", SLOW_CLIENTS])?;
    progress::step(&format!("slow clients in Envoy {} ({})", envoy.version(), envoy.path().display()));
    let status = ChildBuilder::new(workspace::target_dir().join("debug").join(SLOW_CLIENTS)).args(flags).run()?;
    if status.success() { Ok(()) } else { Err(Error::new("other clients were not served, see above")) }
}

const SLOW_CLIENTS: &str = "tollgate-slow-clients";
const FLAGS: [&str; 4] = ["--requests=", "--seed=", "--workers=", "--only="];
const PROGRAM: &str = "tollgate-soak";
