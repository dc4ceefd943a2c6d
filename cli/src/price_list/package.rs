//! The package with the price file: downloaded with pip, or a file that was downloaded before.

use std::fs;
use std::path::Path;
use std::process::Command;

use tollgate_envoy_harness::scratch::Scratch;

use crate::problem::Problem;

/// Path of the price file in the package.
const PRICE_FILE: &str = "litellm/model_prices_and_context_window_backup.json";

/// Version and text of the price file of the newest package, or of `from`: a wheel, or the price file itself.
///
/// # Errors
/// The package cannot be downloaded or read. Needs `python3` with pip, unless `from` is the price file.
pub fn read(from: Option<&Path>) -> Result<(String, String), Problem> {
    match from {
        Some(path) if path.extension().is_some_and(|extension| extension == "whl") => unpack(path),
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|error| Problem::of(path, format!("cannot read: {error}")))?;
            Ok(("of a file".to_owned(), text))
        }
        None => {
            let scratch = Scratch::new("price-list").map_err(|error| Problem::new(error.to_string()))?;
            let folder = scratch.path().display().to_string();
            run(&[
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                // A source distribution runs the code of its build.
                "--only-binary=:all:",
                "--disable-pip-version-check",
                "--dest",
                &folder,
                "litellm",
            ])?;
            let entries =
                fs::read_dir(scratch.path()).map_err(|error| Problem::of(scratch.path(), error.to_string()))?;
            let wheel = entries
                .flatten()
                .map(|entry| entry.path())
                .find(|path| path.extension().is_some_and(|end| end == "whl"));
            unpack(&wheel.ok_or_else(|| Problem::new("pip has downloaded no wheel"))?)
        }
    }
}

/// Reads the price file of a wheel, and the version from its name (`litellm-1.110.2-py3-none-any.whl`).
fn unpack(wheel: &Path) -> Result<(String, String), Problem> {
    let name = wheel.file_name().unwrap_or_default().to_string_lossy();
    let version = name.split('-').nth(1).unwrap_or("of unknown version").to_owned();
    let scratch = Scratch::new("price-list").map_err(|error| Problem::new(error.to_string()))?;
    run(&["-m", "zipfile", "-e", &wheel.display().to_string(), &scratch.path().display().to_string()])?;
    let file = scratch.path().join(PRICE_FILE);
    let text = fs::read_to_string(&file).map_err(|error| Problem::of(wheel, format!("has no price file: {error}")))?;
    Ok((version, text))
}

fn run(arguments: &[&str]) -> Result<(), Problem> {
    let problem = |error: String| Problem::new(format!("`python3 {}` failed: {error}", arguments.join(" ")));
    let output = Command::new("python3").args(arguments).output().map_err(|error| problem(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(problem(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}
