//! The whole test suite.

use tollgate_testbed::Result;

use crate::{cargo, check, conformance, modules, progress, setup};

/// `cargo xtask test`. The last thing printed is what cargo says of the last tests.
pub(crate) fn run() -> Result<()> {
    progress::step("1/5 what the tests need");
    setup::target()?;
    let envoy = setup::envoy()?;
    progress::note(&format!("Envoy {} ({})", envoy.version(), envoy.path().display()));

    progress::step("2/5 the crates depend on each other as the design says");
    check::run()?;

    progress::step("3/5 the modules");
    conformance::build_probe()?;
    modules::build()?;

    progress::step("4/5 native tests, and the modules in a host of ours");
    cargo::run(&["test", "--no-fail-fast", "--workspace", "--exclude", E2E, "--exclude", SDK])?;

    progress::step("5/5 tests in a real Envoy");
    cargo::run(&["test", "--no-fail-fast", "--package", E2E, "--package", SDK])
}

/// What needs Envoy above all.
const E2E: &str = "tollgate-e2e";
const SDK: &str = "tollgate-sdk-tests";
