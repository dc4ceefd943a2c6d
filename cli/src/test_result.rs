//! What came of tests.

use std::path::PathBuf;
use std::time::Duration;

use crate::file::BackendName;
use crate::mismatch::Mismatch;

/// What came of one test.
#[derive(Clone, Debug)]
pub struct TestResult {
    /// The file it stands in.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// Where it stands in the file.
    pub line: u64,
    /// See `line`.
    pub column: u64,
    /// What it was run in.
    pub backend: BackendName,
    /// Passed, failed, or not run.
    pub status: TestStatus,
    /// Ways in which it was run.
    pub ways: usize,
    /// How long that took.
    pub took: Duration,
    /// Rules that matched in it.
    pub matched: Vec<String>,
}

/// Passed, failed, or not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestStatus {
    /// It holds.
    Passed,
    /// It holds as far as it was run; why not all of it was.
    PassedInPart(String),
    /// It does not hold.
    Failed(Failure),
    /// It does not hold, which was known; why.
    KnownFailure(String),
    /// It holds, which was not known: the entry under `known_failures` is out of date. The reason that it gives.
    KnownFailurePassed(String),
}

/// How a test failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// The step, from 1; none if there is only one.
    pub step: Option<usize>,
    /// The line of the step or the test.
    pub line: u64,
    /// The smallest way of sending it in which it fails; none: it fails even if sent whole.
    pub delivery: Option<String>,
    /// What is wrong.
    pub mismatches: Vec<Mismatch>,
    /// What the filters logged.
    pub log: Vec<String>,
}

impl TestStatus {
    /// Whether it counts against the run.
    pub fn fails(&self) -> bool {
        matches!(self, TestStatus::Failed(_) | TestStatus::KnownFailurePassed(_))
    }
}

impl TestResult {
    /// What is wrong, for people; empty if nothing counts against the run.
    pub fn message(&self) -> String {
        match &self.status {
            TestStatus::Failed(failure) => failure.to_string(),
            TestStatus::KnownFailurePassed(reason) => {
                format!("it passes, but is listed under `known_failures` ({reason}): take it off the list")
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
            lines.push(format!("only when sent so: {delivery}"));
        }
        lines.extend(self.mismatches.iter().map(Mismatch::to_string));
        lines.extend(self.log.iter().map(|line| format!("log: {line}")));
        f.write_str(&lines.join("\n"))
    }
}
