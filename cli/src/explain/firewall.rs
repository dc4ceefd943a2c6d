//! Rules that match the request, and rules that nearly do.

use std::borrow::Cow;

use serde_json::{Value, json};
use tollgate_inspect::{Action, Finding, Policy, Report, Rule, inspect_request};
use tollgate_llm::{Edits, Endpoint, Request};
use tollgate_policy::document::Document;
use tollgate_policy::{CompiledPolicy, Mode};

use super::{Stage, View, near_match};

/// Explains the firewall. The view is that of the redacted request, if anything is redacted.
pub(super) fn explain(document: &Document, policy: &CompiledPolicy, view: &View<'_>) -> (Stage, Option<View<'static>>) {
    let Some(rules) = &policy.firewall else { return (Stage::idle("firewall", "The policy has no rules."), None) };
    let report = inspect_request(rules, &view.request, &view.body);
    let verdict = report.verdict.map_or("pass", Action::name);
    let plural = if report.matches == 1 { "" } else { "es" };
    let mut lines = vec![format!("The verdict is {verdict} ({} match{plural}).", report.matches)];
    let mut matched = Vec::new();
    for finding in &report.findings {
        let Some(rule) = rules.rule(finding.rule) else { continue };
        let (line, facts) = describe(rule, finding, view);
        lines.push(line);
        matched.push(facts);
    }
    let mut nearly = Vec::new();
    for (index, rule) in rules.rules().iter().enumerate() {
        let raw = document.value().pointer(&format!("/firewall/rules/{index}"));
        if report.rules.iter().any(|matched| matched.get() == index) {
            continue;
        }
        if let Some(near) = raw.and_then(|raw| near_match::find(raw, rules.max_match_bytes(), view)) {
            lines.push(format!("Rule {} nearly matches {}: {}.", rule.id(), near.pointer, near.reason));
            nearly.push(json!({ "rule": rule.id(), "pointer": near.pointer, "reason": near.reason }));
        }
    }
    let facts = json!({ "verdict": verdict, "matches": report.matches, "matched": matched, "nearly": nearly });
    let stage = refused(Stage::new("firewall", lines, facts), rules, &report);
    let edits = if policy.mode == Mode::Audit { &Edits::new() } else { &report.edits };
    (stage, redacted(policy, view, edits))
}

fn describe(rule: &Rule, finding: &Finding, view: &View<'_>) -> (String, Value) {
    let (id, action, pointer) = (rule.id(), finding.action.name(), view.pointer(finding.text));
    let (start, end) = (finding.range.start, finding.range.end);
    let line = format!("Rule {id} ({action}) matches {pointer}, bytes {start} to {end}.");
    (line, json!({ "rule": id, "action": action, "pointer": pointer, "range": [start, end] }))
}

fn refused(stage: Stage, rules: &Policy, report: &Report) -> Stage {
    match report.cause {
        Some(cause) => {
            let error = rules.refusal(cause);
            stage.refuse(error.status, error.message)
        }
        None => stage,
    }
}

/// Returns the request with its redactions.
fn redacted(policy: &CompiledPolicy, view: &View<'_>, edits: &Edits) -> Option<View<'static>> {
    if edits.is_empty() {
        return None;
    }
    let body = edits.apply(&view.body);
    let endpoint = Endpoint {
        model: view.request.path_model.clone(),
        stream: view.request.stream,
        ..Endpoint::from(view.request.dialect)
    };
    let request = Request::parse_at(&endpoint, &body, &policy.limits.for_parser());
    debug_assert!(request.is_ok(), "redactions keep a request well-formed");
    Some(View { request: request.ok()?, body: Cow::Owned(body) })
}
