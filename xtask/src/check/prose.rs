//! Doc comments whose first line begins with a noun clause ("What ...", "Whether ...").
//!
//! The first line of an item's documentation is a third-person verb phrase or a plain noun: it is what a reader of a list of
//! items sees. See CONTRIBUTING.md.

use std::fs;
use std::path::{Path, PathBuf};

use tollgate_envoy_harness::{Context, Result};
use tollgate_workspace as workspace;

/// First words of a noun clause.
const NOUN_CLAUSES: &[&str] = &["What", "Whether", "Where", "How", "Who"];

/// Folders that hold no sources of ours.
const SKIPPED: &[&str] = &["target", "node_modules"];

/// First line of a doc comment that begins with a noun clause.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NounClause {
    /// File, by its path from the root of the repository.
    file: PathBuf,
    /// Line, from 1.
    line: usize,
    /// Text of the line.
    text: String,
}

/// Returns the violations, as messages.
pub(super) fn violations() -> Result<Vec<String>> {
    let message = |NounClause { file, line, text }: NounClause| {
        format!("{}:{line}: the first line of a doc comment begins with a noun clause: {text}", file.display())
    };
    Ok(noun_clauses()?.into_iter().map(message).collect())
}

/// Finds the noun clauses in the Rust sources of the workspace.
fn noun_clauses() -> Result<Vec<NounClause>> {
    let mut files = Vec::new();
    rust_files(workspace::root(), &mut files)?;
    files.sort();
    let mut found = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).context(|| format!("cannot read {}", path.display()))?;
        let file = path.strip_prefix(workspace::root()).unwrap_or(&path);
        found.extend(
            first_lines(&text).filter(|(_, text)| begins_with_noun_clause(text)).map(|(line, text)| NounClause {
                file: file.to_owned(),
                line,
                text: text.to_owned(),
            }),
        );
    }
    Ok(found)
}

/// Collects every Rust file below a folder.
fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries: Vec<PathBuf> = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .context(|| format!("cannot read {}", folder.display()))?;
    for path in entries {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !name.starts_with('.') && !SKIPPED.contains(&name) {
                rust_files(&path, files)?;
            }
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Returns the first line of every doc comment with its number (from 1) and without its slashes.
fn first_lines(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut before = None;
    source.lines().enumerate().filter_map(move |(at, line)| {
        let line = line.trim_start();
        // Four slashes are an ordinary comment.
        let kind = ["///", "//!"].into_iter().find(|kind| line.starts_with(kind) && !line.starts_with("////"));
        let is_first = kind.is_some() && kind != before;
        before = kind;
        is_first.then(|| (at + 1, line.get(3..).unwrap_or_default().trim()))
    })
}

fn begins_with_noun_clause(text: &str) -> bool {
    let word = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    NOUN_CLAUSES.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_first_lines_of_doc_comments_are_checked() {
        let source = [
            "//! What a module is.",
            "//! What continues is not a first line.",
            "",
            "/// Whether it holds.",
            "///",
            "/// How it does so is a later paragraph.",
            "fn f() {}",
            "    /// Where it is.",
            "    a: u8, // What is no doc comment",
            "    /// Whatever comes.",
            "    //// What is no doc comment either",
            "    /// Returns what is left.",
            "//! Inner.",
            "/// Who asks?",
        ];
        let source = source.join("\n");
        let found: Vec<_> = first_lines(&source).filter(|(_, text)| begins_with_noun_clause(text)).collect();
        assert_eq!(found, [(1, "What a module is."), (4, "Whether it holds."), (8, "Where it is."), (14, "Who asks?")]);
    }
}
