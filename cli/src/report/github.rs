//! Report as GitHub Actions annotations: one workflow command per line.

use std::fmt::Write;
use std::path::Path;

use super::Report;

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    for problem in &report.problems {
        annotate(&mut text, problem.file.as_deref(), problem.line, problem.column, "tollgate test", &problem.message);
    }
    for result in report.results.iter().filter(|result| result.status.fails()) {
        annotate(&mut text, Some(&result.path), result.line, result.column, &result.name, &result.message());
    }
    if let Some(coverage) = report.coverage.as_ref().filter(|_| report.uncovered()) {
        for (policy, rule, gap) in coverage.gaps() {
            annotate(&mut text, Some(policy), 0, 0, "coverage", &format!("rule {rule}: {gap}"));
        }
    }
    let (passed, failed, known) = report.counts();
    let _ = writeln!(text, "{passed} passed, {failed} failed, {known} known to fail");
    text
}

fn annotate(text: &mut String, file: Option<&Path>, line: u64, column: u64, title: &str, message: &str) {
    let mut parts = Vec::new();
    if let Some(file) = file {
        parts.push(format!("file={}", property(&file.display().to_string())));
    }
    if line > 0 {
        parts.push(format!("line={line},col={column}"));
    }
    parts.push(format!("title={}", property(title)));
    let _ = writeln!(text, "::error {}::{}", parts.join(","), data(message));
}

/// Escapes a message as GitHub's toolkit does.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property as GitHub's toolkit does.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
