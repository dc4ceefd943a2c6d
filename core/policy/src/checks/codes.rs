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
    error("syntax", "The file is not valid YAML or JSON; nothing else is reported."),
    error("duplicate-key", "A key that occurs twice in a map."),
    error("unknown-key", "A key that the map does not have."),
    error("unknown-value", "A word in place of one of a few words."),
    error("missing-key", "A required key is absent."),
    error("wrong-type", "A value of another type."),
    error("invalid-value", "A value outside of its range or format, or a name that occurs twice."),
    error("include", "An included file cannot be used, or a filter got a document that includes files."),
    error("include-widens", "An included file does more than to add budgets and rules and to lower limits."),
    error("not-available", "A feature that this version does not have."),
];
