//! Reports of a test run, and of checked policy files.

pub mod findings;
mod github;
mod json;
mod junit;
pub(crate) mod owasp_tags;
mod pretty;
mod sarif;

use std::time::Duration;

use crate::args::FormatArg;
use crate::coverage::Coverage;
use crate::problem::Problem;
use crate::test_result::{TestResult, TestStatus};

/// Result of a test run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Results of the tests, in order.
    pub results: Vec<TestResult>,
    /// Coverage of firewall rules, if requested.
    pub coverage: Option<Coverage>,
    /// Required percentage of covered rules.
    pub required: Option<u8>,
    /// Errors in the input. If there are any, no test ran.
    pub problems: Vec<Problem>,
    /// Duration of the run.
    pub took: Duration,
}

impl Report {
    /// Returns 0 if all tests passed, 1 if a test or the coverage failed, and 2 if the input is invalid.
    pub fn exit_code(&self) -> u8 {
        if !self.problems.is_empty() {
            2
        } else {
            u8::from(self.uncovered() || self.results.iter().any(|result| result.status.fails()))
        }
    }

    /// Returns `true` if the coverage is below the required percentage.
    pub fn uncovered(&self) -> bool {
        let percent = self.coverage.as_ref().map_or(100, Coverage::percent);
        self.required.is_some_and(|required| percent < usize::from(required))
    }

    /// Returns the number of passed, failed and known-to-fail tests.
    fn counts(&self) -> (usize, usize, usize) {
        let count = |wanted: fn(&TestStatus) -> bool| self.results.iter().filter(|o| wanted(&o.status)).count();
        (
            count(|status| matches!(status, TestStatus::Passed | TestStatus::PassedInPart(_))),
            count(TestStatus::fails),
            count(|status| matches!(status, TestStatus::KnownFailure(_))),
        )
    }

    /// Renders the report in a format.
    pub fn render(&self, format: FormatArg) -> String {
        match format {
            FormatArg::Pretty => pretty::render(self),
            FormatArg::Json => json::render(self),
            FormatArg::Junit => junit::render(self),
            FormatArg::Github => github::render(self),
            FormatArg::Sarif => sarif::render(self),
        }
    }
}

#[cfg(test)]
mod tests;
