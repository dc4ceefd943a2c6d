//! Finds the module to run.

use std::path::{Path, PathBuf};

use crate::problem::Problem;

/// Path of the module below the root of a checkout, where cargo leaves it.
const BUILT: &str = "target/wasm32-wasip1/release/tollgate.wasm";

/// Returns the named module, else that of the environment, else the one beside this program, else the one built in the
/// current folder or one above.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf, Problem> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    if let Some(path) = std::env::var_os("TOLLGATE_MODULE") {
        return Ok(path.into());
    }
    if let Some(path) = beside_this_program() {
        return Ok(path);
    }
    let here = std::env::current_dir().map_err(|error| Problem::new(format!("no current folder: {error}")))?;
    upwards(&here).ok_or_else(|| {
        Problem::new(format!(
            "cannot find {BUILT} in the current folder or its parents: build it with `cargo build --release --target wasm32-wasip1 \
             -p tollgate-bundle`, or name a module with --module or $TOLLGATE_MODULE"
        ))
    })
}

/// Returns `tollgate.wasm` in the folder of this program, as a release archive has it.
fn beside_this_program() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name("tollgate.wasm");
    path.is_file().then_some(path)
}

fn upwards(from: &Path) -> Option<PathBuf> {
    from.ancestors().map(|folder| folder.join(BUILT)).find(|path| path.is_file())
}
