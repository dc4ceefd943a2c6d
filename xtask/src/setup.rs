//! Installs the requirements: the target that modules are built for, and an Envoy.

use std::path::Path;

use tollgate_envoy_harness::child::ChildBuilder;
use tollgate_envoy_harness::{Envoy, Error, Result};

use crate::{cargo, progress};

/// Target that modules are compiled for.
pub(crate) const TARGET: &str = "wasm32-wasip1";

/// Runs `cargo xtask setup`.
pub(crate) fn run() -> Result<()> {
    target()?;
    let envoy = envoy()?;
    println!("{TARGET} is installed; Envoy {} is {}", envoy.version(), envoy.path().display());
    Ok(())
}

/// Installs the target if the current toolchain lacks it.
pub(crate) fn target() -> Result<()> {
    if has_target()? {
        return Ok(());
    }
    progress::step(&format!("installing the Rust target {TARGET} (rustup target add {TARGET})"));
    let status = ChildBuilder::new("rustup").args(["target", "add", TARGET]).run()?;
    if status.success() && has_target()? {
        return Ok(());
    }
    Err(Error::new(match status.code() {
        Some(127) => format!(
            "this Rust has no standard library for {TARGET} and there is no rustup to install it with: install Rust with \
             rustup (https://rustup.rs), or that library from where your Rust is from"
        ),
        _ => format!("`rustup target add {TARGET}` failed, see above: it needs the network once"),
    }))
}

fn has_target() -> Result<bool> {
    let libdir = cargo::rustc(&["--print", "target-libdir", "--target", TARGET])?;
    let entries = libdir.and_then(|dir| Path::new(&dir).read_dir().ok());
    Ok(entries.is_some_and(|mut entries| {
        entries.any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libstd-")))
    }))
}

/// Returns the Envoy to use, installed now if there is none.
pub(crate) fn envoy() -> Result<Envoy> {
    Envoy::find_or_install()
}
