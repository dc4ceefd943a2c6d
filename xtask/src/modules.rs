//! Builds the modules that Envoy loads.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tollgate_envoy_harness::{Context, Result};
use tollgate_workspace::{self as workspace, BUNDLE, FILTERS};

use crate::setup::TARGET;
use crate::{cargo, progress, setup};

/// Runs `cargo xtask build`.
pub(crate) fn run() -> Result<()> {
    setup::target()?;
    build()?;
    println!("{:<24} {:>10} {:>10}", "module", "bytes", "gzip -9");
    for name in FILTERS.into_iter().chain([BUNDLE]) {
        let path = workspace::module(name)?;
        let bytes = fs::read(&path).context(|| format!("cannot read {}", path.display()))?;
        println!("{:<24} {:>10} {:>10}", workspace::module_file(name), bytes.len(), gzip(&bytes)?);
    }
    println!("in {}", workspace::modules_dir().display());
    Ok(())
}

/// Builds all modules in release.
///
/// The bundle is built separately: a filter has Envoy's entry points as a module of its own and must not have them as a part of
/// the bundle. In one run cargo would build each filter once for both.
pub(crate) fn build() -> Result<()> {
    progress::step("building the modules (release, wasm32-wasip1)");
    let packages = FILTERS.map(|name| format!("tollgate-{name}"));
    release(&packages.each_ref().map(String::as_str))?;
    release(&["tollgate-bundle"])
}

/// Builds the bundle, the module with all filters.
pub(crate) fn build_bundle() -> Result<()> {
    progress::step("building the filters (release, wasm32-wasip1)");
    release(&["tollgate-bundle"])
}

fn release(packages: &[&str]) -> Result<()> {
    let packages = packages.iter().flat_map(|name| ["--package", name]);
    cargo::run(&["build", "--release", "--target", TARGET].into_iter().chain(packages).collect::<Vec<_>>())
}

/// Returns the size after gzip -9, the size that an image registry transfers.
fn gzip(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let compressed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    Ok(compressed.context(|| "cannot compress".into())?.len())
}
