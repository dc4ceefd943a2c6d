//! Rules that match the request, and rules that nearly do.

use serde_json::{Value, json};
use tollgate_inspect::{Direction, Policy, RawPolicy, RawRule, inspect_request};
use tollgate_llm::Request;
use tollgate_policy::CompiledPolicy;
use tollgate_policy::document::Document;

use super::{Call, Stage};

pub(super) fn explain(document: &Document, policy: &CompiledPolicy, call: &Call) -> Stage {
    let Some(rules) = &policy.firewall else {
        return Stage::new("firewall", vec!["The policy has no rules.".into()], json!({}));
    };
    let (request, body) = call.view();
    let report = inspect_request(rules, request, body);
    let verdict = report.verdict_name();
    let mut lines = vec![format!("The verdict is {verdict}; {} matches.", report.matches)];
    let mut matched = Vec::new();
    for finding in &report.findings {
        let (Some(rule), Some(text)) = (rules.rule(finding.rule), request.texts.get(finding.text)) else { continue };
        let place = if request.is_form { String::new() } else { Request::pointer(body, text.str.span) };
        let (start, end) = (finding.range.start, finding.range.end);
        lines.push(format!("Rule {} ({}) matches {place}, bytes {start} to {end}.", rule.id(), finding.action.name()));
        matched.push(
            json!({ "rule": rule.id(), "action": finding.action.name(), "pointer": place, "range": [start, end] }),
        );
    }
    let mut nearly = Vec::new();
    for (index, rule) in rules.rules().iter().enumerate() {
        let found = report.rules.iter().any(|matched| matched.get() == index);
        let raw = document.value().pointer(&format!("/firewall/rules/{index}"));
        if found || !rule.is_on(Direction::Request) {
            continue;
        }
        if let Some(reason) = raw.and_then(|raw| near_match(raw, rules.max_match_bytes(), request, body)) {
            lines.push(format!("Rule {} nearly matches: {reason}.", rule.id()));
            nearly.push(json!({ "rule": rule.id(), "reason": reason }));
        }
    }
    Stage::new("firewall", lines, json!({ "verdict": verdict, "matched": matched, "nearly": nearly }))
}

/// Returns the relaxation under which a rule matches, if there is one: no word boundary, or any case.
fn near_match(raw: &Value, max_match_bytes: usize, request: &Request, body: &[u8]) -> Option<&'static str> {
    let pattern = raw.get("match")?;
    let relaxed = match pattern.get("regex").and_then(Value::as_str) {
        Some(regex) => vec![(
            "it would match with upper and lower case ignored (`(?i)`)",
            json!({ "regex": format!("(?i:{regex})") }),
        )],
        None => {
            let with = |keys: &[(&str, bool)]| {
                let mut pattern = pattern.clone();
                for (key, value) in keys {
                    pattern.as_object_mut().map(|object| object.insert((*key).into(), (*value).into()));
                }
                pattern
            };
            vec![
                ("a keyword occurs inside a longer word (`word: false` would match)", with(&[("word", false)])),
                ("a keyword occurs in another case (`ignore_case: true` would match)", with(&[("ignore_case", true)])),
                (
                    "a keyword occurs in another case and inside a longer word",
                    with(&[("word", false), ("ignore_case", true)]),
                ),
            ]
        }
    };
    relaxed.into_iter().find_map(|(reason, pattern)| {
        let rule = json!({ "id": "relaxed", "match": pattern, "action": "log" });
        let rule: RawRule = serde_json::from_value(rule).ok()?;
        let max_match_bytes = u32::try_from(max_match_bytes).ok()?;
        let policy = Policy::from_raw(RawPolicy { rules: vec![rule], max_match_bytes, on_unscannable: None }).ok()?;
        (inspect_request(&policy, request, body).matches > 0).then_some(reason)
    })
}
