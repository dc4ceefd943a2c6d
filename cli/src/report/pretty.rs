//! For people.

use std::path::Path;

use crate::outcome::Verdict;

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
    for outcome in &report.outcomes {
        if file != Some(outcome.path.as_path()) {
            file = Some(&outcome.path);
            line(&outcome.path.display().to_string());
        }
        let (word, more) = match &outcome.verdict {
            Verdict::Passed => ("ok  ", String::new()),
            Verdict::PassedInPart(why) => ("ok  ", format!(", in part: {why}")),
            Verdict::KnownFailure(reason) => ("known", format!(", fails: {reason}")),
            Verdict::Failed(_) | Verdict::KnownFailurePassed(_) => ("FAIL", String::new()),
        };
        let ways = if outcome.ways == 1 { "1 way".to_owned() } else { format!("{} ways", outcome.ways) };
        line(&format!("  {word} {} ({ways}){more}", outcome.name));
        for words in outcome.message().lines() {
            line(&format!("         {words}"));
        }
        if outcome.verdict.fails() && outcome.line > 0 {
            line(&format!("         at {}:{}", outcome.path.display(), outcome.line));
        }
    }
    if let Some(coverage) = &report.coverage {
        let (tested, all) = coverage.counts();
        for (policy, rule, gap) in coverage.gaps() {
            line(&format!("  {}: rule {rule}: {gap}", policy.display()));
        }
        let required = report.required.map(|percent| format!(", {percent} % required")).unwrap_or_default();
        line(&format!("rules with both kinds of tests: {tested} of {all} ({} %{required})", coverage.percent()));
    }
    if report.problems.is_empty() {
        let (passed, failed, known) = report.counts();
        let ways: usize = report.outcomes.iter().map(|outcome| outcome.ways).sum();
        let known = if known > 0 { format!(", {known} known to fail") } else { String::new() };
        let seconds = report.took.as_secs_f64();
        line(&format!("{passed} passed, {failed} failed{known}: {ways} ways in {seconds:.1} s"));
    }
    text
}
