//! Discovery of test files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::problem::Problem;

/// File name endings of test files.
const SUFFIXES: [&str; 2] = [".test.yaml", ".test.yml"];

/// Folders that are not searched.
const SKIPPED: [&str; 3] = ["target", "node_modules", "vendor"];

/// Depth limit of the search; it also ends loops of symbolic links.
const MAX_DEPTH: usize = 32;

/// Returns the test files among and below the paths, sorted and without duplicates. A path that is a file is taken
/// whatever its name.
///
/// # Errors
/// A path does not exist, or a folder contains no test file: a run without tests must not pass.
pub fn test_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Problem> {
    let mut found = Vec::new();
    for path in paths {
        let kind = fs::metadata(path).map_err(|error| Problem::of(path, error.to_string()))?;
        if kind.is_dir() {
            let before = found.len();
            walk(path, 0, &mut found)?;
            if found.len() == before {
                return Err(Problem::of(path, "no *.test.yaml found in this folder"));
            }
        } else {
            found.push(path.clone());
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Problem> {
    let wrong = |error: std::io::Error| Problem::of(folder, error.to_string());
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let path = match folder == Path::new(".") {
            true => PathBuf::from(entry.file_name()),
            false => entry.path(),
        };
        // Follows symbolic links.
        let Ok(kind) = fs::metadata(&path) else { continue };
        if kind.is_dir() {
            if depth < MAX_DEPTH && !name.starts_with('.') && !SKIPPED.contains(&&*name) {
                walk(&path, depth + 1, found)?;
            }
        } else if SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
            found.push(path);
        }
    }
    Ok(())
}
