//! Files of this machine against the oracle.

use std::path::{Path, PathBuf};

use crate::{check, encodings};

/// Collects the files below a directory, in a fixed order.
fn below(directory: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        match path.symlink_metadata() {
            Ok(data) if data.is_dir() => below(&path, out),
            Ok(data) if data.is_file() => out.push(path),
            _ => {}
        }
    }
}

#[test]
fn files_of_this_machine_are_exact() {
    let roots = std::env::var("TOLLGATE_TOKENS_FILES").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    let mut paths = Vec::new();
    for root in roots.split(':') {
        below(Path::new(root), &mut paths);
    }
    let (mut files, mut bytes) = (0, 0);
    for path in &paths {
        let Ok(content) = std::fs::read(path) else { continue };
        // Files that are not text are tested with their invalid bytes replaced.
        let text = String::from_utf8_lossy(&content);
        for (encoding, oracle) in encodings() {
            for part in text.as_bytes().chunks(1 << 16) {
                check(encoding, oracle, &String::from_utf8_lossy(part), &mut Vec::new());
            }
        }
        files += 1;
        bytes += text.len();
    }
    println!("{files} files, {bytes} bytes: equal");
    assert!(files > 0);
}
