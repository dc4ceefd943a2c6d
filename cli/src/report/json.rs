//! One JSON document.

use serde_json::{Value, json};

use crate::outcome::{Outcome, Verdict};

use super::Report;

pub(super) fn render(report: &Report) -> String {
    let (passed, failed, known) = report.counts();
    let problems: Vec<Value> = report
        .problems
        .iter()
        .map(|p| json!({"file": p.file, "line": p.line, "column": p.column, "message": p.message}))
        .collect();
    let mut document = json!({
        "version": 1,
        "passed": passed,
        "failed": failed,
        "known_failures": known,
        "seconds": report.took.as_secs_f64(),
        "problems": problems,
        "tests": report.outcomes.iter().map(outcome).collect::<Vec<_>>(),
    });
    if let (Some(coverage), Some(members)) = (&report.coverage, document.as_object_mut()) {
        let gaps: Vec<Value> = coverage
            .gaps()
            .map(|(policy, rule, gap)| json!({"policy": policy, "rule": rule, "missing": gap}))
            .collect();
        let (tested, all) = coverage.counts();
        let summary = json!({"tested": tested, "rules": all, "percent": coverage.percent(), "gaps": gaps});
        members.insert("coverage".into(), summary);
    }
    format!("{document:#}\n")
}

fn outcome(outcome: &Outcome) -> Value {
    let (word, reason) = match &outcome.verdict {
        Verdict::Passed => ("passed", None),
        Verdict::PassedInPart(why) => ("passed_in_part", Some(why)),
        Verdict::Failed(_) => ("failed", None),
        Verdict::KnownFailure(reason) => ("known_failure", Some(reason)),
        Verdict::KnownFailurePassed(reason) => ("known_failure_passed", Some(reason)),
    };
    let mut document = json!({
        "file": outcome.path,
        "line": outcome.line,
        "name": outcome.name,
        "backend": outcome.backend.name(),
        "outcome": word,
        "reason": reason,
        "ways": outcome.ways,
        "seconds": outcome.took.as_secs_f64(),
        "rules": outcome.matched,
    });
    if let (Verdict::Failed(failure), Some(members)) = (&outcome.verdict, document.as_object_mut()) {
        let findings: Vec<Value> = failure
            .findings
            .iter()
            .map(|finding| json!({"what": finding.what, "expected": finding.expected, "found": finding.found}))
            .collect();
        let details = json!({
            "step": failure.step, "line": failure.line, "split": failure.point, "findings": findings, "log": failure.log,
        });
        members.insert("failure".into(), details);
    }
    document
}
