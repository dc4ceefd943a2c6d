//! JUnit's XML, as CI systems read it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use crate::outcome::{Outcome, Verdict};

use super::Report;

pub(super) fn render(report: &Report) -> String {
    let mut files: BTreeMap<&Path, Vec<&Outcome>> = BTreeMap::new();
    for outcome in &report.outcomes {
        files.entry(&outcome.path).or_default().push(outcome);
    }
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tollgate\">\n");
    for (file, outcomes) in files {
        suite(&mut xml, file, &outcomes);
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

fn suite(xml: &mut String, file: &Path, outcomes: &[&Outcome]) {
    let name = escaped(&file.display().to_string());
    let count = |wanted: fn(&Verdict) -> bool| outcomes.iter().filter(|outcome| wanted(&outcome.verdict)).count();
    let (failures, skipped) = (count(Verdict::fails), count(|verdict| matches!(verdict, Verdict::KnownFailure(_))));
    let seconds: f64 = outcomes.iter().map(|outcome| outcome.took.as_secs_f64()).sum();
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"{seconds:.3}\">",
        outcomes.len()
    );
    for outcome in outcomes {
        let case = escaped(&outcome.name);
        let time = outcome.took.as_secs_f64();
        let _ = write!(xml, "    <testcase classname=\"{name}\" name=\"{case}\" time=\"{time:.3}\"");
        let message = escaped(&outcome.message());
        let _ = match &outcome.verdict {
            Verdict::Passed => writeln!(xml, "/>"),
            Verdict::PassedInPart(why) => writeln!(xml, "><system-out>{}</system-out></testcase>", escaped(why)),
            Verdict::KnownFailure(why) => writeln!(xml, "><skipped message=\"{}\"/></testcase>", escaped(why)),
            Verdict::Failed(_) | Verdict::KnownFailurePassed(_) => {
                writeln!(xml, "><failure message=\"line {}\">{message}</failure></testcase>", outcome.line)
            }
        };
    }
    xml.push_str("  </testsuite>\n");
}

/// Text for XML 1.0, which cannot say most control characters at all.
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
