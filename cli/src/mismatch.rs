//! What is not as it should be.

use std::fmt;

/// One thing that is not as it should be. Its texts are fit to be shown: secrets are masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What it is about, e.g. `upstream.body`.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl Mismatch {
    /// A finding.
    pub fn new(what: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Mismatch {
        Mismatch { what: what.into(), expected: expected.into(), found: found.into() }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (expected, found) = (&self.expected, &self.found);
        if expected.len() + found.len() > 60 {
            write!(f, "{}:\n  expected {expected}\n  found    {found}", self.what)
        } else {
            write!(f, "{}: expected {expected}, found {found}", self.what)
        }
    }
}
