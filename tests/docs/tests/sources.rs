//! Sources of the product, as text.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tollgate_workspace as workspace;

/// Returns all Rust files of the filters and of the core, and the Envoy configurations, concatenated.
pub(crate) fn all() -> &'static str {
    static ALL: OnceLock<String> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut files = Vec::new();
        for (folder, extension) in [("filters", "rs"), ("core", "rs"), ("envoy", "yaml")] {
            gather(&workspace::root().join(folder), extension, &mut files);
        }
        files.sort();
        files.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
    })
}

/// Reads a file by its path from the root of the repository.
pub(crate) fn file(path: &str) -> String {
    fs::read_to_string(workspace::root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns `true` if the sources have this text as a complete string literal.
pub(crate) fn has_literal(text: &str) -> bool {
    all().contains(&format!("\"{text}\""))
}

/// Returns the paths of all Rust files below a folder.
pub(crate) fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    gather(&workspace::root().join(folder), "rs", &mut files);
    files
}

fn gather(folder: &Path, extension: &str, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, extension, files);
        } else if path.extension().is_some_and(|is| is == extension) {
            files.push(path);
        }
    }
}

/// Returns the words of a text that begin with `start` and consist of characters that `inside` accepts, each with the text
/// before it.
pub(crate) fn words<'t>(
    text: &'t str,
    start: &'static str,
    inside: fn(char) -> bool,
) -> impl Iterator<Item = (&'t str, &'t str)> {
    text.match_indices(start).filter_map(move |(at, _)| {
        let (before, rest) = text.split_at(at);
        let end = rest.find(|c| !inside(c)).unwrap_or(rest.len());
        let starts = !before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-'));
        starts.then(|| (before, rest.split_at(end).0.trim_end_matches(['.', '-', '_'])))
    })
}
