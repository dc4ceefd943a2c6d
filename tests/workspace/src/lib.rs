//! Paths of this repository and the reference bootstrap.
//!
//! Only tests and xtask use this crate: the root of the repository is compiled in, which must not happen in a product crate.

use std::path::{Path, PathBuf};

use tollgate_envoy_harness::{Bootstrap, Context, Error, Result};

/// Root ids of the four filters, in chain order.
pub const FILTERS: [&str; 4] = ["prompt-inspector", "token-counter", "cost-quota", "model-router"];

/// Name of the module with all four filters.
pub const BUNDLE: &str = "tollgate";

/// Returns the root of the repository.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// Returns cargo's target directory: `$CARGO_TARGET_DIR` if it is an absolute path, else the directory that the running
/// program was built in (recognised by cargo's `.rustc_info.json`), else `target/` in the root.
pub fn target_dir() -> PathBuf {
    let given = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let built_in = || {
        let program = std::env::current_exe().ok()?;
        program.ancestors().find(|dir| dir.join(".rustc_info.json").is_file()).map(Path::to_owned)
    };
    given.or_else(built_in).unwrap_or_else(|| root().join("target"))
}

/// Returns the directory in which cargo leaves the modules.
pub fn modules_dir() -> PathBuf {
    target_dir().join("wasm32-wasip1").join("release")
}

/// Returns the file name of a module in [`modules_dir`], by root id ([`FILTERS`]) or [`BUNDLE`].
pub fn module_file(name: &str) -> String {
    format!("{}.wasm", name.replace('-', "_"))
}

/// Returns the path of a built module; if it is missing, an error that says how to build it.
pub fn module(name: &str) -> Result<PathBuf> {
    let path = modules_dir().join(module_file(name));
    if path.is_file() {
        Ok(path)
    } else {
        Err(Error::new(format!("{} is missing: build it with `cargo xtask build`", path.display())))
    }
}

/// Reads the reference bootstrap, `envoy/envoy.yaml`: one filter with the reference policy.
pub fn reference_bootstrap() -> Result<Bootstrap> {
    bootstrap("envoy/envoy.yaml")
}

/// Reads the bootstrap of the four filters in a chain, `envoy/chain.yaml`.
pub fn chain_bootstrap() -> Result<Bootstrap> {
    bootstrap("envoy/chain.yaml")
}

/// Reads a bootstrap by its path from the root of the repository.
pub fn bootstrap(path: &str) -> Result<Bootstrap> {
    let path = root().join(path);
    let text = std::fs::read_to_string(&path).context(|| format!("cannot read {}", path.display()))?;
    Bootstrap::from_yaml(&text).context(|| path.display().to_string())
}
