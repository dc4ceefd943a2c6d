//! `cargo xtask prices`: the price list of the built-in table.

use std::fs;
use std::path::Path;
use std::process::Command;

use tollgate_envoy_harness::scratch::Scratch;
use tollgate_envoy_harness::{Context, Error, Result};
use tollgate_workspace as workspace;

use crate::{cargo, progress};

/// Source of the built-in table.
const LIST: &str = "core/prices/data/models.tsv";

/// Folder of the script that writes the costs that the package computes, and of its output.
const COMPARE: &str = "core/prices/tests/compare";

/// Runs `cargo xtask prices --update [--from FILE]` or `--compare`.
pub(crate) fn run(flags: &[&str]) -> Result<()> {
    match flags {
        ["--update"] => update(None),
        ["--update", "--from", file] => update(Some(file)),
        ["--compare"] => compare(),
        _ => Err(Error::new("prices takes --update, --update --from FILE, or --compare")),
    }
}

/// Writes the list from the newest package, and prints what was added, removed and changed.
fn update(from: Option<&str>) -> Result<()> {
    progress::step("updating the price list");
    let list = workspace::root().join(LIST).display().to_string();
    let mut arguments = vec!["run", "--quiet", "--package", "tollgate", "--", "prices", "update", "--format", "list"];
    arguments.extend(["--output", &list]);
    if let Some(file) = from {
        arguments.extend(["--from", file]);
    }
    print!("{}", String::from_utf8_lossy(&cargo::output(&arguments)?));
    Ok(())
}

/// Writes the costs that the version of the package computes from which the list was made.
fn compare() -> Result<()> {
    progress::step("computing costs with the package");
    let list = workspace::root().join(LIST);
    let list = fs::read_to_string(&list).context(|| format!("cannot read {}", list.display()))?;
    let version = list.split_once("litellm ").and_then(|(_, rest)| rest.split(' ').next());
    let version = version.ok_or_else(|| Error::new(format!("{LIST} names no version of the package")))?;
    let scratch = Scratch::new("compare-prices")?;
    let environment = scratch.path().join("environment");
    output(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    let python = environment.join("bin/python");
    let package = format!("litellm=={version}");
    output(Command::new(&python).args(["-m", "pip", "install", "--quiet", &package]))?;
    let folder = workspace::root().join(COMPARE);
    let script = folder.join("generate.py");
    let pairs = output(Command::new(&python).arg(script).env("LITELLM_LOCAL_MODEL_COST_MAP", "True"))?;
    write(&folder.join("pairs.tsv"), &pairs)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).context(|| format!("cannot write {}", path.display()))
}

/// Runs a program to its end and returns its standard output.
fn output(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().context(|| format!("cannot run {command:?}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(Error::new(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim())))
}
