//! The conformance recordings, the end-to-end tests and the rendered bootstraps, against one version of Envoy.

use std::process::{Command, Stdio};

use tollgate_envoy_harness::{Context, Envoy, Error, Result};
use tollgate_workspace as workspace;

use crate::{cargo, conformance, modules, progress, setup};

/// Recordings of real Envoys, which a run must not change.
const RECORDINGS: &str = "tests/conformance/goldens";

/// Runs `cargo xtask envoy VERSION`.
///
/// Records the conformance scenarios anew and requires the recordings to stay as they are checked in, compares the host with
/// them, validates what `tollgate render` prints, and runs the end-to-end tests. The nightly workflow does this for every version of its matrix.
pub(crate) fn run(version: &str) -> Result<()> {
    setup::target()?;
    let changed = changed_recordings()?;
    if !changed.is_empty() {
        return Err(Error::new(format!("commit or restore the changes in {RECORDINGS} first:\n{changed}")));
    }
    let envoy = Envoy::install(version)?;
    conformance::run(&["--record", "--envoy", version])?;
    let changed = changed_recordings()?;
    if !changed.is_empty() {
        return Err(Error::new(format!("Envoy {version} behaves differently from its recordings:\n{changed}")));
    }
    conformance::run(&[])?;
    modules::build()?;
    let tests = |what: &str, arguments: &[&str]| {
        progress::step(&format!("{what} in Envoy {version}"));
        let status =
            cargo::cargo().env("ENVOY", envoy.path()).args(["test", "--no-fail-fast"]).args(arguments).run()?;
        if status.success() { Ok(()) } else { Err(Error::new(format!("tests fail in Envoy {version}, see above"))) }
    };
    tests("validating rendered bootstraps", &["--package", "tollgate", "--test", "render"])?;
    tests("running the end-to-end tests", &["--package", "tollgate-e2e"])
}

/// Returns the recordings that differ from the commit, a line each.
fn changed_recordings() -> Result<String> {
    let mut command = Command::new("git");
    command.args(["status", "--porcelain", "--", RECORDINGS]).current_dir(workspace::root());
    let output =
        command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context(|| "cannot start git".into())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    } else {
        Err(Error::new("`git status` failed, see above"))
    }
}
