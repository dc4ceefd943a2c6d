//! Report as JUnit XML for CI systems.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use crate::test_result::{TestResult, TestStatus};

use super::Report;

pub(super) fn render(report: &Report) -> String {
    let mut files: BTreeMap<&Path, Vec<&TestResult>> = BTreeMap::new();
    for result in &report.results {
        files.entry(&result.path).or_default().push(result);
    }
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tollgate\">\n");
    for (file, results) in files {
        suite(&mut xml, file, &results);
    }
    let mut errors: Vec<(String, String)> =
        report.problems.iter().map(|problem| ("bad input".to_owned(), problem.to_string())).collect();
    if report.uncovered()
        && let Some(coverage) = &report.coverage
    {
        let gaps: Vec<_> =
            coverage.gaps().map(|(policy, rule, gap)| format!("{}: {rule}: {gap}", policy.display())).collect();
        errors.push(("coverage".to_owned(), gaps.join("\n")));
    }
    if !errors.is_empty() {
        let _ =
            writeln!(xml, "  <testsuite name=\"tollgate\" tests=\"{0}\" failures=\"0\" errors=\"{0}\">", errors.len());
        for (name, message) in errors {
            let (name, message) = (escaped(&name), escaped(&message));
            let _ = writeln!(xml, "    <testcase name=\"{name}\"><error message=\"{message}\"/></testcase>");
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn suite(xml: &mut String, file: &Path, results: &[&TestResult]) {
    let name = escaped(&file.display().to_string());
    let count = |wanted: fn(&TestStatus) -> bool| results.iter().filter(|result| wanted(&result.status)).count();
    let (failures, skipped) = (count(TestStatus::fails), count(|status| matches!(status, TestStatus::KnownFailure(_))));
    let seconds: f64 = results.iter().map(|result| result.took.as_secs_f64()).sum();
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"{seconds:.3}\">",
        results.len()
    );
    for result in results {
        let case = escaped(&result.name);
        let time = result.took.as_secs_f64();
        let _ = write!(xml, "    <testcase classname=\"{name}\" name=\"{case}\" time=\"{time:.3}\"");
        let message = escaped(&result.message());
        let _ = match &result.status {
            TestStatus::Passed => writeln!(xml, "/>"),
            TestStatus::PassedInPart(why) => writeln!(xml, "><system-out>{}</system-out></testcase>", escaped(why)),
            TestStatus::KnownFailure(why) => writeln!(xml, "><skipped message=\"{}\"/></testcase>", escaped(why)),
            TestStatus::Failed(_) | TestStatus::KnownFailurePassed(_) => {
                writeln!(xml, "><failure message=\"line {}\">{message}</failure></testcase>", result.line)
            }
        };
    }
    xml.push_str("  </testsuite>\n");
}

/// Escapes text for XML 1.0, which cannot represent most control characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            c if (c < ' ' && c != '\t') || c == '\u{fffe}' || c == '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
