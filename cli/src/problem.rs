//! What is wrong with what the command was given, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_saphyr::{Error, Location};

use crate::nearest::nearest;

/// Bad input: exit code 2. It never quotes a value, only keys: values may be secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file it stands in; none if it is about the command line.
    pub file: Option<PathBuf>,
    /// Line and column in characters, both from 1; zero if unknown.
    pub line: u64,
    /// See `line`.
    pub column: u64,
    /// A sentence.
    pub message: String,
}

impl Problem {
    /// A problem that has no place in a file.
    pub fn new(message: impl Into<String>) -> Problem {
        Problem { file: None, line: 0, column: 0, message: message.into() }
    }

    /// A problem with a file as a whole.
    pub fn of(file: &Path, message: impl Into<String>) -> Problem {
        Problem { file: Some(file.to_owned()), ..Problem::new(message) }
    }

    /// A problem at a place in a file.
    pub fn at(file: &Path, place: Location, message: impl Into<String>) -> Problem {
        Problem { line: place.line(), column: place.column(), ..Problem::of(file, message) }
    }

    /// What the YAML reader has to say of a file.
    pub fn of_yaml(file: &Path, error: &Error) -> Problem {
        let place = error.location().unwrap_or(Location::UNKNOWN);
        Problem::at(file, place, sentence(error.without_snippet()))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", file.display())?;
            if self.line > 0 {
                write!(f, "{}:{}:", self.line, self.column)?;
            }
            f.write_str(" ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

fn sentence(error: &Error) -> String {
    match error {
        Error::SerdeUnknownField { field, expected, .. } => unknown("unknown key", field, expected),
        Error::SerdeUnknownVariant { variant, expected, .. } => unknown("unknown word", variant, expected),
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            format!("expected {expected}, found {}", kind(unexpected))
        }
        // The values of a file are not for logs; what is left of messages speaks of its form.
        other => first_line(&other.render_with_formatter(&serde_saphyr::DefaultMessageFormatter)),
    }
}

fn unknown(what: &str, word: &str, expected: &[&str]) -> String {
    // A word that is like none of ours may be a value that slipped out of its place.
    match nearest(word, expected.iter().copied()) {
        Some(near) => format!("{what} `{word}`: did you mean `{near}`?"),
        None if expected.is_empty() => format!("{what} here"),
        None => format!("{what} `{}`: possible are {}", shortened(word), list(expected)),
    }
}

fn shortened(word: &str) -> String {
    let mut short: String = word.chars().take(24).collect();
    if short.len() < word.len() {
        short.push('…');
    }
    short
}

fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// The kind of an unexpected value, without the value.
fn kind(unexpected: &str) -> &str {
    unexpected.split(['"', '`']).next().unwrap_or_default().trim()
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
