//! Where things are in this repository.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The four filters in chain order, by root id.
pub const FILTERS: [&str; 4] = ["prompt-inspector", "token-counter", "cost-quota", "model-router"];

/// The module that holds all four.
pub const BUNDLE: &str = "tollgate";

/// The root of the repository.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// Cargo's target directory: `$CARGO_TARGET_DIR` if that is an absolute path, else the directory that the running program was
/// built in (cargo keeps its note on rustc there), else `target/` in the root.
pub fn target_dir() -> PathBuf {
    let given = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let built_in = || {
        let program = std::env::current_exe().ok()?;
        program.ancestors().find(|dir| dir.join(".rustc_info.json").is_file()).map(Path::to_owned)
    };
    given.or_else(built_in).unwrap_or_else(|| root().join("target"))
}

/// Where cargo leaves the modules.
pub fn modules_dir() -> PathBuf {
    target_dir().join("wasm32-wasip1").join("release")
}

/// The file of a module in [`modules_dir`], by root id ([`FILTERS`]) or [`BUNDLE`].
pub fn module_file(name: &str) -> String {
    format!("{}.wasm", name.replace('-', "_"))
}

/// The path of a built module; an error that says how to build it if it is not there.
pub fn module(name: &str) -> Result<PathBuf> {
    let path = modules_dir().join(module_file(name));
    if path.is_file() {
        Ok(path)
    } else {
        Err(Error::new(format!("{} is not there: build it with `cargo xtask build`", path.display())))
    }
}
