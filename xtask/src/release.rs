//! Files of a release, in `target/dist/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tollgate_envoy_harness::child::ChildBuilder;
use tollgate_envoy_harness::{Context, Error, Result};
use tollgate_workspace::{self as workspace, BUNDLE, FILTERS};

use crate::{binary, cargo, modules, progress, setup};

/// File with the checksums of the others.
const CHECKSUMS: &str = "SHA256SUMS";

/// Runs `cargo xtask release binary TARGET | modules | checksums`.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    match arguments {
        ["binary", target] => binary(target),
        ["modules"] => copy_modules(),
        ["checksums"] => checksums(),
        _ => Err(Error::new("release takes `binary TARGET`, `modules` or `checksums`")),
    }
}

/// Builds `tollgate` for a target. Linux binaries are static: they have a musl target.
fn binary(target: &str) -> Result<()> {
    progress::step(&format!("building tollgate for {target} (release)"));
    let installed = ChildBuilder::new("rustup").args(["target", "add", target]).run()?;
    if !installed.success() {
        return Err(Error::new(format!("`rustup target add {target}` failed, see above")));
    }
    let config = binary::remapped_paths()?;
    cargo::run(&["build", "--release", "--locked", "--package", "tollgate", "--target", target, "--config", &config])?;
    let program = workspace::target_dir().join(target).join("release").join("tollgate");
    copy(&program, &format!("tollgate-{target}"))
}

/// Builds the modules.
fn copy_modules() -> Result<()> {
    setup::target()?;
    modules::build()?;
    for name in FILTERS.into_iter().chain([BUNDLE]) {
        copy(&workspace::module(name)?, &workspace::module_file(name))?;
    }
    Ok(())
}

/// Writes `SHA256SUMS` of all other files, in the format of `sha256sum --check`.
fn checksums() -> Result<()> {
    let folder = folder()?;
    let entries = fs::read_dir(&folder).context(|| format!("cannot read {}", folder.display()))?;
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| name != CHECKSUMS);
    names.sort();
    if names.is_empty() {
        return Err(Error::new(format!("{} is empty", folder.display())));
    }
    let mut command = Command::new("sha256sum");
    let output = command.arg("--").args(&names).current_dir(&folder).stdin(Stdio::null()).output();
    let output = output.context(|| "cannot start sha256sum".into())?;
    if !output.status.success() {
        return Err(Error::new(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let path = folder.join(CHECKSUMS);
    fs::write(&path, &output.stdout).context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

fn copy(from: &Path, name: &str) -> Result<()> {
    let to = folder()?.join(name);
    fs::copy(from, &to).context(|| format!("cannot copy {}", from.display()))?;
    println!("{}", to.display());
    Ok(())
}

/// Returns the folder of the release, created if need be.
fn folder() -> Result<PathBuf> {
    let folder = workspace::target_dir().join("dist");
    fs::create_dir_all(&folder).context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}
