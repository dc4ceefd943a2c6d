//! Errors in the command's input, with their position.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_saphyr::{Error, Location};
use tollgate_config::nearest;
use tollgate_policy::document::Located;

/// Invalid input (exit code 2). The message names keys but never quotes values, because values may be secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// File with the error; `None` for errors on the command line.
    pub file: Option<PathBuf>,
    /// Line in the file, from 1; 0 if unknown.
    pub line: u64,
    /// Column in characters, from 1; 0 if unknown.
    pub column: u64,
    /// Description of the error.
    pub message: String,
}

impl Problem {
    /// Creates a problem without a position.
    pub fn new(message: impl Into<String>) -> Problem {
        Problem { file: None, line: 0, column: 0, message: message.into() }
    }

    /// Creates a problem with a file as a whole.
    pub fn of(file: &Path, message: impl Into<String>) -> Problem {
        Problem { file: Some(file.to_owned()), ..Problem::new(message) }
    }

    /// Creates a problem at a position in a file.
    pub fn at(file: &Path, place: Location, message: impl Into<String>) -> Problem {
        Problem { line: place.line(), column: place.column(), ..Problem::of(file, message) }
    }

    /// Converts a finding in a policy file.
    pub fn of_finding(located: &Located) -> Problem {
        let Located { finding, file, position } = located;
        let help = finding.help.iter().map(|help| format!(" ({help})")).collect::<String>();
        let message = format!("{}[{}]: {}{help}", finding.severity.name(), finding.code, finding.message);
        let (line, column) = (position.line as u64, position.column as u64);
        Problem { line, column, ..Problem::of(Path::new(file), message) }
    }

    /// Converts an error of the YAML reader.
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

/// All problems of a file and of the files that it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Problems {
        Problems(vec![problem])
    }
}

impl fmt::Display for Problems {
    /// Writes a line per problem.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

fn sentence(error: &Error) -> String {
    match error {
        Error::SerdeUnknownField { field, expected, .. } => unknown("unknown key", field, expected),
        Error::SerdeUnknownVariant { variant, expected, .. } => unknown("unknown value", variant, expected),
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            format!("expected {expected}, found {}", kind(unexpected))
        }
        // Values may be secrets; the remaining errors are about syntax and do not quote any.
        other => first_line(&other.render_with_formatter(&serde_saphyr::DefaultMessageFormatter)),
    }
}

fn unknown(what: &str, word: &str, expected: &[&str]) -> String {
    // An unknown word far from all valid ones may be a misplaced value, so only its beginning is shown.
    match nearest(word, expected.iter().copied()) {
        Some(near) => format!("{what} `{word}`: did you mean `{near}`?"),
        None if expected.is_empty() => what.to_owned(),
        None => format!("{what} `{}`: expected one of {}", shortened(word), list(expected)),
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

/// Returns the type of an unexpected value without the value.
fn kind(unexpected: &str) -> &str {
    unexpected.split(['"', '`']).next().unwrap_or_default().trim()
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
