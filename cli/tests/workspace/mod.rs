//! Paths of this repository. A product crate takes nothing from tests/, not even for its own tests.

use std::path::{Path, PathBuf};

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
