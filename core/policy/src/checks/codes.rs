//! Codes of findings.

use crate::finding::Severity;

/// Kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Code in messages, reports and docs.
    pub code: &'static str,
    /// Effect of the finding.
    pub severity: Severity,
    /// Description.
    pub summary: &'static str,
}

const fn error(code: &'static str, summary: &'static str) -> Code {
    Code { code, severity: Severity::Error, summary }
}

/// All codes, in the order of the docs.
pub const CODES: &[Code] = &[
    error("unknown-key", "A key that the map does not have."),
    error("unknown-value", "A word in place of one of a few words."),
    error("missing-key", "A required key is absent."),
    error("wrong-type", "A value of another type."),
    error("invalid-value", "A value outside of its range or format, or a name that occurs twice."),
    error("include", "An included file cannot be used, or a filter got a document that includes files."),
    error("not-available", "A feature that this version does not have."),
];
