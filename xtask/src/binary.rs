//! The `tollgate` binary outside of its checkout: `cargo xtask check-binary`.
//!
//! Users get the binary alone. So it must not need anything of the repository, and must not contain a path of the machine
//! that built it. The check searches the binary for such paths, then runs it from another directory with the checkout, the
//! target directory and cargo's registry hidden behind empty file systems (a mount namespace, Linux only).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tollgate_envoy_harness::child::ChildBuilder;
use tollgate_envoy_harness::scratch::Scratch;
use tollgate_envoy_harness::{Context, Envoy, Error, Result};
use tollgate_workspace::{self as workspace, BUNDLE};

use crate::{cargo, progress};

/// `cargo xtask check-binary [PATH]`: checks a binary that was built elsewhere, or builds a release binary first.
pub(crate) fn check(path: Option<&str>) -> Result<()> {
    let binary = match path {
        Some(path) => PathBuf::from(path),
        None => build()?,
    };
    progress::step("searching the binary for paths of this machine");
    contains_no_path(&binary)?;
    progress::step("running the binary with the checkout hidden");
    runs_elsewhere(&binary)
}

/// Builds the release binary. Panic messages name the sources of dependencies, whose paths are shortened to the crate.
fn build() -> Result<PathBuf> {
    progress::step("building tollgate (release)");
    let config = remapped_paths()?;
    cargo::run(&["build", "--release", "--package", "tollgate", "--bin", "tollgate", "--config", &config])?;
    Ok(workspace::target_dir().join("release/tollgate"))
}

/// Returns the configuration of cargo that keeps paths of this machine out of a binary, for `--config`.
pub(crate) fn remapped_paths() -> Result<String> {
    let registry = cargo_home()?.join("registry/src");
    let mut remaps = vec![format!("--remap-path-prefix={}=", workspace::root().display())];
    // The directories of the registries have names of their own.
    for entry in fs::read_dir(&registry).context(|| format!("cannot read {}", registry.display()))?.flatten() {
        remaps.push(format!("--remap-path-prefix={}=registry", entry.path().display()));
    }
    Ok(format!("build.rustflags={remaps:?}"))
}

/// Returns `$CARGO_HOME`, by default `~/.cargo`.
fn cargo_home() -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = variable("CARGO_HOME").or_else(|| Some(variable("HOME")?.join(".cargo")));
    home.ok_or_else(|| Error::new("neither CARGO_HOME nor HOME is an absolute path"))
}

/// An error if the binary contains the path of the checkout, of the target directory, of cargo's home or of rustup's.
fn contains_no_path(binary: &Path) -> Result<()> {
    let bytes = fs::read(binary).context(|| format!("cannot read {}", binary.display()))?;
    let rustup = std::env::var_os("HOME").map(|home| Path::new(&home).join(".rustup"));
    let paths = [Some(workspace::root().to_owned()), Some(workspace::target_dir()), Some(cargo_home()?), rustup];
    for path in paths.into_iter().flatten() {
        if let Some(found) = find(&bytes, &path.display().to_string()) {
            return Err(Error::new(format!("{} contains a path of this machine: {found}", binary.display())));
        }
    }
    Ok(())
}

/// Returns the text around the first occurrence of a path.
fn find(bytes: &[u8], path: &str) -> Option<String> {
    const SHOWN: usize = 160;
    let at = bytes.windows(path.len()).position(|window| window == path.as_bytes())?;
    let text = bytes.get(at..)?;
    let end = text.iter().position(|byte| !byte.is_ascii_graphic()).unwrap_or(text.len()).min(SHOWN);
    Some(String::from_utf8_lossy(text.get(..end)?).into_owned())
}

/// Runs a test file with both backends, from a directory of its own, with the checkout hidden.
fn runs_elsewhere(binary: &Path) -> Result<()> {
    if !namespaces_are_permitted() {
        progress::note("skipped: `unshare --mount` is not available or not permitted on this machine");
        return Ok(());
    }
    let scratch = Scratch::new("check-binary")?;
    let copy = |from: &Path, name: &str| {
        let to = scratch.path().join(name);
        fs::copy(from, to).context(|| format!("cannot copy {}", from.display()))
    };
    copy(binary, "tollgate")?;
    copy(&workspace::module(BUNDLE)?, "tollgate.wasm")?;
    let example = workspace::root().join("examples/pii");
    for name in ["policy.yaml", "policy.test.yaml"] {
        copy(&example.join(name), name)?;
    }
    // Installed outside of the namespace, in the cache of the user.
    let envoy = Envoy::find_or_install()?;
    let hidden = [workspace::root().to_owned(), workspace::target_dir(), cargo_home()?];
    for backend in ["wasm", "envoy"] {
        let status = ChildBuilder::new("unshare")
            .args(["--mount", "--map-root-user", "sh", "-c", HIDE, "sh"])
            .arg(backend)
            .args(&hidden)
            .env("ENVOY", envoy.path())
            .current_dir(scratch.path())
            .run()?;
        if !status.success() {
            return Err(Error::new(format!(
                "`tollgate test --backend {backend}` fails outside of the checkout: {status}"
            )));
        }
    }
    Ok(())
}

/// Hides the directories after the first argument, the backend, and runs the binary of the current directory.
const HIDE: &str = r#"
set -e
backend=$1
shift
for directory in "$@"; do
    if [ -d "$directory" ]; then mount -t tmpfs tmpfs "$directory"; fi
done
exec ./tollgate test --backend "$backend" --module tollgate.wasm policy.test.yaml
"#;

fn namespaces_are_permitted() -> bool {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "true"]);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_path_with_its_end() {
        assert_eq!(find(b"\0\0/home/me/src/lib.rs\0/home/me", "/home/me"), Some("/home/me/src/lib.rs".into()));
        assert_eq!(find(b"/rustc/abc/library/core", "/home/me"), None);
        assert_eq!(find(b"", "/home/me"), None);
    }
}
