//! Report as a single JSON document.

use serde_json::{Value, json};

use crate::test_result::{TestResult, TestStatus};

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
        "tests": report.results.iter().map(result).collect::<Vec<_>>(),
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

fn result(result: &TestResult) -> Value {
    let (word, reason) = match &result.status {
        TestStatus::Passed => ("passed", None),
        TestStatus::PassedInPart(why) => ("passed_in_part", Some(why)),
        TestStatus::Failed(_) => ("failed", None),
        TestStatus::KnownFailure(reason) => ("known_failure", Some(reason)),
        TestStatus::KnownFailurePassed(reason) => ("known_failure_passed", Some(reason)),
    };
    let mut document = json!({
        "file": result.path,
        "line": result.line,
        "name": result.name,
        "backend": result.backend.name(),
        "outcome": word,
        "reason": reason,
        "ways": result.ways,
        "seconds": result.took.as_secs_f64(),
        "rules": result.matched,
    });
    if let (TestStatus::Failed(failure), Some(members)) = (&result.status, document.as_object_mut()) {
        let mismatches: Vec<Value> = failure
            .mismatches
            .iter()
            .map(|mismatch| json!({"what": mismatch.what, "expected": mismatch.expected, "found": mismatch.found}))
            .collect();
        let details = json!({
            "step": failure.step, "line": failure.line, "split": failure.delivery, "findings": mismatches, "log": failure.log,
        });
        members.insert("failure".into(), details);
    }
    document
}
