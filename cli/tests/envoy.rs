//! Runs the project's scenarios in a real Envoy: results must be those of Tollgate's own host.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::PathBuf;

mod workspace;

/// Number of Envoys that run at a time. They mostly wait for sockets.
const AT_ONCE: usize = 2;

#[test]
fn scenarios_in_a_real_envoy() {
    let module = workspace::tollgate();
    let folder = workspace::root().join("tests/scenarios");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.to_string_lossy().ends_with(".test.yaml")).collect();
    files.sort();
    assert!(files.len() > 5, "{}", folder.display());
    let failures: Vec<String> = std::thread::scope(|scope| {
        // Every second file, so that files of one kind are shared out.
        let parts = (0..AT_ONCE).map(|part| files.iter().skip(part).step_by(AT_ONCE).collect::<Vec<&PathBuf>>());
        let running: Vec<_> = parts.map(|part| scope.spawn(|| workspace::failure("envoy", &module, part))).collect();
        running.into_iter().filter_map(|part| part.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
