//! Which module is run.

use std::path::{Path, PathBuf};

use crate::problem::Problem;

/// Where cargo leaves it.
const BUILT: &str = "target/wasm32-wasip1/release/tollgate.wasm";

/// The module that is named, or that of the environment, or the one that was built here.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf, Problem> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    if let Some(path) = std::env::var_os("TOLLGATE_MODULE") {
        return Ok(path.into());
    }
    let here = std::env::current_dir().map_err(|error| Problem::new(format!("no current folder: {error}")))?;
    upwards(&here).ok_or_else(|| {
        Problem::new(format!(
            "there is no {BUILT} here or in a folder above: build it with `cargo build --release --target wasm32-wasip1 \
             -p tollgate-bundle`, or name a module with --module or $TOLLGATE_MODULE"
        ))
    })
}

fn upwards(from: &Path) -> Option<PathBuf> {
    from.ancestors().map(|folder| folder.join(BUILT)).find(|path| path.is_file())
}
