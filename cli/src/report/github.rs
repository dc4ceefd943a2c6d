//! Report as GitHub Actions annotations: one workflow command per line.

use std::fmt::Write;
use std::path::Path;

use super::Report;

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    for problem in &report.problems {
        let place = Place { file: problem.file.as_deref(), line: problem.line, column: problem.column };
        annotate(&mut text, "error", place, "tollgate test", &problem.message);
    }
    for result in report.results.iter().filter(|result| result.status.fails()) {
        let place = Place { file: Some(&result.path), line: result.line, column: result.column };
        annotate(&mut text, "error", place, &result.name, &result.message());
    }
    if let Some(coverage) = report.coverage.as_ref().filter(|_| report.uncovered()) {
        for (policy, rule, gap) in coverage.gaps() {
            let place = Place { file: Some(policy), line: 0, column: 0 };
            annotate(&mut text, "error", place, "coverage", &format!("rule {rule}: {gap}"));
        }
    }
    let (passed, failed, known) = report.counts();
    let _ = writeln!(text, "{passed} passed, {failed} failed, {known} known to fail");
    text
}

/// Position that an annotation refers to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) file: Option<&'a Path>,
    /// Line, from 1; 0: the file as a whole.
    pub(super) line: u64,
    pub(super) column: u64,
}

pub(super) fn annotate(text: &mut String, level: &str, place: Place<'_>, title: &str, message: &str) {
    let Place { file, line, column } = place;
    let mut parts = Vec::new();
    if let Some(file) = file {
        parts.push(format!("file={}", property(&file.display().to_string())));
    }
    if line > 0 {
        parts.push(format!("line={line},col={column}"));
    }
    parts.push(format!("title={}", property(title)));
    let _ = writeln!(text, "::{level} {}::{}", parts.join(","), data(message));
}

/// Escapes a message as GitHub's toolkit does.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property as GitHub's toolkit does.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
