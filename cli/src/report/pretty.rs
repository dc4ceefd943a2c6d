//! Report for people.

use std::path::Path;

use crate::test_result::TestStatus;

use super::Report;

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    let mut line = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    for problem in &report.problems {
        line(&format!("error: {problem}"));
    }
    let mut file: Option<&Path> = None;
    for result in &report.results {
        if file != Some(result.path.as_path()) {
            file = Some(&result.path);
            line(&result.path.display().to_string());
        }
        let (word, more) = match &result.status {
            TestStatus::Passed => ("ok  ", String::new()),
            TestStatus::PassedInPart(why) => ("ok  ", format!(", in part: {why}")),
            TestStatus::KnownFailure(reason) => ("known", format!(", fails: {reason}")),
            TestStatus::Failed(_) | TestStatus::KnownFailurePassed(_) => ("FAIL", String::new()),
        };
        let ways = if result.ways == 1 { "1 way".to_owned() } else { format!("{} ways", result.ways) };
        line(&format!("  {word} {} ({ways}){more}", result.name));
        for words in result.message().lines() {
            line(&format!("         {words}"));
        }
        if result.status.fails() && result.line > 0 {
            line(&format!("         at {}:{}", result.path.display(), result.line));
        }
    }
    if let Some(coverage) = &report.coverage {
        let (tested, all) = coverage.counts();
        for (policy, rule, gap) in coverage.gaps() {
            line(&format!("  {}: rule {rule}: {gap}", policy.display()));
        }
        let required = report.required.map(|percent| format!(", {percent} % required")).unwrap_or_default();
        line(&format!(
            "rules with matching and non-matching tests: {tested} of {all} ({} %{required})",
            coverage.percent()
        ));
    }
    if report.problems.is_empty() {
        let (passed, failed, known) = report.counts();
        let ways: usize = report.results.iter().map(|result| result.ways).sum();
        let known = if known > 0 { format!(", {known} known to fail") } else { String::new() };
        let seconds = report.took.as_secs_f64();
        line(&format!("{passed} passed, {failed} failed{known}: {ways} ways in {seconds:.1} s"));
    }
    text
}
