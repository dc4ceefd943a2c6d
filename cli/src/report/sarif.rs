//! Report as SARIF 2.1.0 (OASIS) for code scanning.

use std::path::Path;

use serde_json::{Value, json};

use super::Report;

pub(super) fn render(report: &Report) -> String {
    let mut results = Vec::new();
    for problem in &report.problems {
        let place = place(problem.file.as_deref(), problem.line, problem.column);
        results.push(result("bad-input", "error", &problem.message, place));
    }
    for test in report.results.iter().filter(|test| test.status.fails()) {
        let message = format!("{}: {}", test.name, test.message());
        results.push(result("test-failure", "error", &message, place(Some(&test.path), test.line, test.column)));
    }
    if let Some(coverage) = report.coverage.as_ref().filter(|_| report.uncovered()) {
        for (policy, rule, gap) in coverage.gaps() {
            results.push(result("untested-rule", "error", &format!("rule {rule}: {gap}"), place(Some(policy), 0, 0)));
            let tags = coverage.tags(policy, rule);
            results.last_mut().into_iter().for_each(|result| add_tags(result, tags));
        }
    }
    let rules = json!([
        rule("bad-input", "An input file is invalid."),
        rule("test-failure", "A test of a policy fails."),
        rule("untested-rule", "A firewall rule lacks a matching or a non-matching test."),
    ]);
    document("tollgate test", &rules, &Value::Array(results))
}

/// Returns the document of one run.
pub(super) fn document(tool: &str, rules: &Value, results: &Value) -> String {
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": tool, "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

pub(super) fn rule(id: &str, text: &str) -> Value {
    json!({"id": id, "shortDescription": {"text": text}})
}

pub(super) fn result(rule: &str, level: &str, message: &str, location: Option<Value>) -> Value {
    json!({"ruleId": rule, "level": level, "message": {"text": message}, "locations": location.as_slice()})
}

/// Adds tags to a result.
pub(super) fn add_tags(result: &mut Value, tags: &[String]) {
    if let Some(members) = result.as_object_mut().filter(|_| !tags.is_empty()) {
        members.insert("properties".to_owned(), json!({"tags": tags}));
    }
}

pub(super) fn place(file: Option<&Path>, line: u64, column: u64) -> Option<Value> {
    let uri: String = file?.display().to_string().replace('\\', "/");
    let uri = uri.replace('%', "%25").replace(' ', "%20").replace('#', "%23").replace('?', "%3F");
    let mut place = json!({"artifactLocation": {"uri": uri}});
    if let Some(members) = place.as_object_mut().filter(|_| line > 0) {
        members.insert("region".into(), json!({"startLine": line, "startColumn": column.max(1)}));
    }
    Some(json!({"physicalLocation": place}))
}
