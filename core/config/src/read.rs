//! Reads a configuration and reports all errors at once.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::finding::Finding;
use crate::nearest::nearest;
use crate::path::{Path, Step};
use crate::removed::Removed;
use crate::value::{ReadError, ReadProblem, ValueReader};

/// Maximum number of errors of one document.
const MAX_FINDINGS: usize = 200;

/// Configuration as far as it can be read.
#[derive(Debug, Default)]
pub struct Reading<T> {
    /// Configuration without the values that have errors; the default if it cannot be read at all.
    pub value: T,
    /// Errors, in the order in which they were found.
    pub findings: Vec<Finding>,
    /// Values that are not in `value`.
    pub removed: Removed,
}

/// Reads a document: on an error, records it, skips the value and starts again.
pub fn read<T: DeserializeOwned + Default>(value: &Value) -> Reading<T> {
    let mut reading = Reading::default();
    while reading.findings.len() < MAX_FINDINGS {
        let error = match T::deserialize(ValueReader::new(value, &reading.removed)) {
            Ok(value) => {
                reading.value = value;
                break;
            }
            Err(error) => error,
        };
        let path = error.path();
        if !follows_from(&error, &path, &reading) {
            reading.findings.push(finding(&error, path.clone()));
        }
        // Bounds the loop: each round removes another value.
        if path.0.is_empty() || !reading.removed.add(&path) {
            break;
        }
    }
    reading
}

/// Returns `true` for a missing key whose value was removed, or whose misspelled name was reported.
fn follows_from<T>(error: &ReadError, path: &Path, reading: &Reading<T>) -> bool {
    let ReadProblem::MissingKey(key) = error.problem else { return false };
    if reading.removed.has(&path.key(key)) {
        return true;
    }
    reading.findings.iter().filter(|finding| finding.code == "unknown-key").any(|finding| {
        let Some((Step::Key(last), above)) = finding.path.0.split_last() else { return false };
        above == path.0 && nearest(last, [key]).is_some()
    })
}

fn finding(error: &ReadError, path: Path) -> Finding {
    match &error.problem {
        ReadProblem::UnknownKey { key, known } => {
            let finding = Finding::error("unknown-key", path, format!("unknown key `{}`", shortened(key))).at_key();
            match nearest(key, known.iter().copied()) {
                Some(near) => finding.with_help(format!("did you mean `{near}`?")),
                None => finding.with_help(format!("the keys here are {}", known.join(", "))),
            }
        }
        ReadProblem::UnknownWord { word, known } => {
            let noun = path.last_key().unwrap_or("value").to_owned();
            let message = format!("unknown {noun} `{}`; one of {}", shortened(word), known.join(", "));
            let finding = Finding::error("unknown-value", path, message);
            match near_word(word, known) {
                Some(near) => finding.with_help(format!("did you mean `{near}`?")),
                None => finding,
            }
        }
        ReadProblem::MissingKey(key) => Finding::error("missing-key", path, format!("missing key `{key}`")),
        ReadProblem::Type { found, expected } => {
            Finding::error("wrong-type", path, format!("expected {expected}, found {found}"))
        }
        ReadProblem::Other(message) => Finding::error("invalid-value", path, message.clone()),
    }
}

/// Returns the known word that is meant: misspelled, or the word of another product.
fn near_word(word: &str, known: &[&'static str]) -> Option<&'static str> {
    const SYNONYMS: [(&str, &[&str]); 3] = [
        ("refuse", &["deny", "reject", "fail", "closed"]),
        ("pass", &["allow", "permit", "accept", "open"]),
        ("block", &["deny", "reject", "refuse"]),
    ];
    let synonym = SYNONYMS.iter().find(|(meant, words)| known.contains(meant) && words.contains(&word));
    synonym.map(|(meant, _)| *meant).or_else(|| nearest(word, known.iter().copied()))
}

/// Returns the beginning of a word that is in the wrong place and may be a secret.
fn shortened(word: &str) -> String {
    let printable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut short: String = word.chars().take(24).map(printable).collect();
    if short.len() < word.len() {
        short.push('…');
    }
    short
}
