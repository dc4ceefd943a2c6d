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

/// Cargo's target directory: `$CARGO_TARGET_DIR`, else `target/` in the root. A relative `$CARGO_TARGET_DIR` is taken from
/// the root; `cargo xtask` makes it absolute for everything it starts.
pub fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if !dir.is_empty() => root().join(dir),
        _ => root().join("target"),
    }
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
