//! The cargo and rustc that run this program.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use tollgate_envoy_harness::child::ChildBuilder;
use tollgate_envoy_harness::{Context, Error, Result};
use tollgate_workspace as workspace;

/// Returns `cargo`, in the root of the workspace, with the target directory that this program was built in.
pub(crate) fn cargo() -> ChildBuilder {
    ChildBuilder::new(program("CARGO", "cargo"))
        .current_dir(workspace::root())
        .env("CARGO_TARGET_DIR", workspace::target_dir())
}

/// Runs cargo with these arguments; cargo prints what is wrong.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    let status = cargo().args(args).run()?;
    if status.success() { Ok(()) } else { Err(Error::new(format!("`cargo {}` failed, see above", args.join(" ")))) }
}

/// Runs cargo with these arguments and returns its standard output.
pub(crate) fn output(args: &[&str]) -> Result<Vec<u8>> {
    let mut command = Command::new(program("CARGO", "cargo"));
    command.args(args).current_dir(workspace::root()).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().context(|| "cannot start cargo".into())?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(Error::new(format!("`cargo {}` failed, see above", args.join(" "))))
    }
}

/// Runs rustc with these arguments and returns its standard output, or `None` if it fails.
pub(crate) fn rustc(args: &[&str]) -> Result<Option<String>> {
    let mut command = Command::new(program("RUSTC", "rustc"));
    command.args(args).current_dir(workspace::root()).stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().context(|| "cannot start rustc".into())?;
    Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned()))
}

fn program(variable: &str, name: &str) -> PathBuf {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map_or_else(|| name.into(), PathBuf::from)
}
