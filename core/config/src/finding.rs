//! Problem of a configuration.

use std::fmt;

use crate::path::Path;

/// Effect of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// The configuration works, but probably not as intended.
    Warning,
}

impl Severity {
    /// Returns `error` or `warning`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// Problem of a configuration.
///
/// Message and help name keys, and unknown words in place of one of a few; they never quote other strings of the configuration, which
/// holds the words and keys that must not reach a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Code of the kind of problem, e.g. `unknown-key`.
    pub code: &'static str,
    /// Effect of the finding.
    pub severity: Severity,
    /// Path of the value.
    pub path: Path,
    /// `true`: the problem is the last key of the path, not its value.
    pub at_key: bool,
    /// Description of the problem.
    pub message: String,
    /// Advice.
    pub help: Option<String>,
}

impl Finding {
    /// Creates an error.
    pub fn error(code: &'static str, path: Path, message: impl Into<String>) -> Finding {
        Finding { code, severity: Severity::Error, path, at_key: false, message: message.into(), help: None }
    }

    /// Creates a warning.
    pub fn warning(code: &'static str, path: Path, message: impl Into<String>) -> Finding {
        Finding { severity: Severity::Warning, ..Finding::error(code, path, message) }
    }

    /// Returns the finding with advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Finding {
        self.help = Some(help.into());
        self
    }

    /// Returns the finding about the last key of its path.
    #[must_use]
    pub fn at_key(mut self) -> Finding {
        self.at_key = true;
        self
    }
}

impl fmt::Display for Finding {
    /// Formats the finding in one line, with the path of the value: for Envoy's log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.0.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}[{}]: {}", self.severity.name(), self.code, self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}
