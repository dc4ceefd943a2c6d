//! The whole test suite.

use tollgate_envoy_harness::Result;

use crate::{cargo, check, conformance, modules, progress, setup};

/// Runs `cargo xtask test`. The last output is cargo's summary of the last tests.
pub(crate) fn run() -> Result<()> {
    progress::step("1/5 requirements");
    setup::target()?;
    let envoy = setup::envoy()?;
    progress::note(&format!("Envoy {} ({})", envoy.version(), envoy.path().display()));

    progress::step("2/5 house rules");
    check::run()?;

    progress::step("3/5 modules");
    conformance::build_probe()?;
    modules::build()?;

    progress::step("4/5 native tests, and the modules in our own host");
    cargo::run(&["test", "--no-fail-fast", "--workspace", "--exclude", E2E, "--exclude", SDK, "--exclude", SOAK])?;

    progress::step("5/5 tests in a real Envoy");
    cargo::run(&["test", "--no-fail-fast", "--package", E2E, "--package", SDK, "--package", SOAK])
}

/// Test crates that need Envoy.
const E2E: &str = "tollgate-e2e";
const SDK: &str = "tollgate-sdk-tests";
const SOAK: &str = "tollgate-soak";
