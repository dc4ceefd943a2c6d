//! What is printed of a run.

mod github;
mod json;
mod junit;
mod pretty;
mod sarif;

use std::time::Duration;

use crate::args::FormatArg;
use crate::coverage::Coverage;
use crate::problem::Problem;
use crate::test_result::{TestResult, TestStatus};

/// Everything that came of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What came of the tests, in order.
    pub results: Vec<TestResult>,
    /// Which rules have tests, if that was asked.
    pub coverage: Option<Coverage>,
    /// The per cent of rules that must have tests.
    pub required: Option<u8>,
    /// What could not be used; then nothing was run.
    pub problems: Vec<Problem>,
    /// How long all of it took.
    pub took: Duration,
}

impl Report {
    /// 0: all passed, 1: something failed, 2: something could not be used.
    pub fn exit_code(&self) -> u8 {
        if !self.problems.is_empty() {
            2
        } else {
            u8::from(self.uncovered() || self.results.iter().any(|result| result.status.fails()))
        }
    }

    /// Whether too few rules have tests.
    pub fn uncovered(&self) -> bool {
        let percent = self.coverage.as_ref().map_or(100, Coverage::percent);
        self.required.is_some_and(|required| percent < usize::from(required))
    }

    /// Passed, failed, and known to fail.
    fn counts(&self) -> (usize, usize, usize) {
        let count = |wanted: fn(&TestStatus) -> bool| self.results.iter().filter(|o| wanted(&o.status)).count();
        (
            count(|status| matches!(status, TestStatus::Passed | TestStatus::PassedInPart(_))),
            count(TestStatus::fails),
            count(|status| matches!(status, TestStatus::KnownFailure(_))),
        )
    }

    /// The report in a format, and whether it belongs on standard error.
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
