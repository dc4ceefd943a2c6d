//! Mismatch between expected and observed behaviour.

use std::fmt;

/// A mismatch. Its texts may be printed: secrets are masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Subject of the comparison, e.g. `upstream.body`.
    pub what: String,
    /// Expected value.
    pub expected: String,
    /// Observed value.
    pub found: String,
}

impl Mismatch {
    /// Creates a mismatch.
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
