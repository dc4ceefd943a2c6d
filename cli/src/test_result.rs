//! Results of tests.

use std::path::PathBuf;
use std::time::Duration;

use crate::file::BackendName;
use crate::mismatch::Mismatch;

/// Result of one test.
#[derive(Clone, Debug)]
pub struct TestResult {
    /// File that contains the test.
    pub path: PathBuf,
    /// Name of the test.
    pub name: String,
    /// Line of the test in the file.
    pub line: u64,
    /// Column, see `line`.
    pub column: u64,
    /// Backend that ran the test.
    pub backend: BackendName,
    /// Status of the test.
    pub status: TestStatus,
    /// Number of deliveries that ran.
    pub ways: usize,
    /// Duration of all deliveries.
    pub took: Duration,
    /// Rules that matched.
    pub matched: Vec<String>,
}

/// Status of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestStatus {
    /// The test passed.
    Passed,
    /// The test passed, but could not run completely; the reason.
    PassedInPart(String),
    /// The test failed.
    Failed(Failure),
    /// The test failed as listed under `known_failures`; the listed reason.
    KnownFailure(String),
    /// The test passed although it is listed under `known_failures`; the listed reason.
    KnownFailurePassed(String),
}

/// Details of a failed test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// Step that failed, from 1; `None` if the test has no steps.
    pub step: Option<usize>,
    /// Line of the step or the test.
    pub line: u64,
    /// Simplest delivery in which the test fails; `None` if it fails even when sent whole.
    pub delivery: Option<String>,
    /// Mismatches found.
    pub mismatches: Vec<Mismatch>,
    /// Messages logged by the filters.
    pub log: Vec<String>,
}

impl TestStatus {
    /// Returns `true` if this status fails the run.
    pub fn fails(&self) -> bool {
        matches!(self, TestStatus::Failed(_) | TestStatus::KnownFailurePassed(_))
    }
}

impl TestResult {
    /// Describes the failure for people; empty if the test does not fail the run.
    pub fn message(&self) -> String {
        match &self.status {
            TestStatus::Failed(failure) => failure.to_string(),
            TestStatus::KnownFailurePassed(reason) => {
                format!("passes, but is listed under `known_failures` ({reason}): remove it from the list")
            }
            TestStatus::Passed | TestStatus::PassedInPart(_) | TestStatus::KnownFailure(_) => String::new(),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut lines = Vec::new();
        if let Some(step) = self.step {
            lines.push(format!("in step {step} (line {})", self.line));
        }
        if let Some(delivery) = &self.delivery {
            lines.push(format!("fails only in this delivery: {delivery}"));
        }
        lines.extend(self.mismatches.iter().map(Mismatch::to_string));
        lines.extend(self.log.iter().map(|line| format!("log: {line}")));
        f.write_str(&lines.join("\n"))
    }
}
