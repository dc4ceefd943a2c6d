//! Paths of this repository, and runs of the command. A product crate takes nothing from tests/, not even for its own tests.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Returns the path of a built module; panics with the build command if the module is missing.
#[allow(dead_code, reason = "some of the tests run no module")]
pub(crate) fn module(file: &str) -> PathBuf {
    // target/<profile>/tollgate
    let target = Path::new(env!("CARGO_BIN_EXE_tollgate")).ancestors().nth(2).unwrap();
    let path = target.join("wasm32-wasip1/release").join(file);
    assert!(path.is_file(), "{} is missing: build it with `cargo xtask build`", path.display());
    path
}

/// Returns the path of the module with all filters: `TOLLGATE_MODULE`, or the built one.
#[allow(dead_code, reason = "some of the tests run no module")]
pub(crate) fn tollgate() -> PathBuf {
    std::env::var_os("TOLLGATE_MODULE").map_or_else(|| module("tollgate.wasm"), PathBuf::from)
}

/// Runs test files on a backend; returns the output of the command for those that do not pass.
#[allow(dead_code, reason = "some of the tests run no test files")]
pub(crate) fn failure(
    backend: &str,
    module: &Path,
    files: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Option<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.args(["test", "--backend", backend, "--module"]).arg(module).args(files).current_dir(root());
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let failed = |line: &&str| !line.trim_start().starts_with("ok ");
    let text = String::from_utf8_lossy(&text).lines().filter(failed).collect::<Vec<_>>().join("\n");
    (!output.status.success()).then(|| format!("{}\n{text}", output.status))
}
