//! Rules on members of a request: what it asks for, such as `logprobs`.

use crate::condition::list::OneOrMany;
use crate::error::Problem;
use crate::pattern::tool::has_other_pattern;
use crate::policy::Policy;
use crate::raw::{RawAction, RawRule};
use crate::report::{Cause, Finding, Report};
use crate::rule::{Action, Direction, Rule, RuleIndex};
use crate::rule_set::RuleSet;
use crate::view::View;
use tollgate_llm::{ParseLimits, Request};

/// Maximum number of names of a rule.
const MAX_NAMES: usize = 64;
const MAX_NAME_BYTES: usize = 100;
/// Replacement of a member.
const NOTHING: &str = "null";

/// Takes the names of members from a rule, which then searches no text. Keywords of the same names take their place, because a rule
/// has a pattern.
pub(crate) fn expand(rule: &mut RawRule) -> Result<Option<Box<[String]>>, (&'static str, Problem)> {
    let Some(OneOrMany(names)) = rule.pattern.members.take() else { return Ok(None) };
    if has_other_pattern(&rule.pattern) {
        return Err(("match", Problem::ToolAlone));
    }
    if names.is_empty() || names.iter().any(String::is_empty) {
        return Err(("match.members", Problem::Empty));
    }
    if names.len() > MAX_NAMES {
        return Err(("match.members", Problem::TooMany(MAX_NAMES)));
    }
    if names.iter().any(|name| name.len() > MAX_NAME_BYTES) {
        return Err(("match.members", Problem::TooLong(MAX_NAME_BYTES)));
    }
    if matches!(rule.action, RawAction::Mask | RawAction::Hash | RawAction::Placeholder) || rule.replacement.is_some() {
        return Err(("action", Problem::ActionOfMembers));
    }
    match rule.applies_to.as_deref() {
        None => rule.applies_to = Some(vec![Direction::Request]),
        Some([Direction::Request]) => {}
        Some(_) => return Err(("applies_to", Problem::RequestsOnly)),
    }
    rule.pattern.keywords = Some(names.clone());
    Ok(Some(names.into()))
}

/// Returns `true` if a JSON text has a member of the rule, for its examples.
pub(crate) fn matches(names: &[String], text: &str) -> bool {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Request::members(text.as_bytes(), &names, &ParseLimits::default()).is_ok_and(|found| !found.is_empty())
}

/// Judges the members of a request that was parsed before.
pub(crate) fn inspect(policy: &Policy, excluded: &RuleSet, body: &[u8], report: &mut Report) {
    // The parser has bounded the body.
    let limits =
        ParseLimits { max_bytes: usize::MAX, max_depth: usize::MAX, max_items: usize::MAX, ..ParseLimits::default() };
    let rules = (0..).map(RuleIndex).zip(policy.rules());
    let rules = rules.filter_map(|(index, rule)| Some((index, rule, rule.members.as_deref()?)));
    let rules: Vec<(RuleIndex, &Rule, &[String])> = rules.filter(|(index, ..)| !excluded.contains(*index)).collect();
    let names: Vec<&str> = rules.iter().flat_map(|(.., names)| names.iter()).map(String::as_str).collect();
    let Ok(found) = Request::members(body, &names, &limits) else { return };
    for (at, span) in found {
        let name = names.get(at).copied().unwrap_or_default();
        let mut removed = None;
        for (index, rule, _) in rules.iter().filter(|(.., own)| own.iter().any(|own| own == name)) {
            let (index, action) = (*index, rule.action());
            report.matched(index, action);
            report.add_finding(Finding { rule: index, action, text: usize::MAX, range: 0..0, view: View::Raw });
            match action {
                Action::Log => {}
                Action::Score => report.scores.add(index, rule.points(), false),
                // Another rule has removed it.
                Action::Redact if removed == Some(span) => {}
                Action::Redact if report.edits.replace(span, NOTHING).is_ok() => {
                    removed = Some(span);
                    report.redactions += 1;
                }
                // A text in the member is redacted, too: one of the two redactions would be lost.
                Action::Redact => report.block(Cause::Rule(index)),
                Action::Block => match &mut report.cause {
                    Some(Cause::Rule(first)) => *first = index.min(*first),
                    cause => *cause = Some(Cause::Rule(index)),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Policy, inspect_request};
    use tollgate_llm::{Dialect, ParseLimits, Request};

    fn policy(rule: &str) -> Result<Policy, String> {
        let json = format!(r#"{{"rules": [{{"id": "a", {rule}}}]}}"#);
        Policy::from_raw(serde_json::from_str(&json).unwrap()).map_err(|error| error.path)
    }

    #[test]
    fn members_are_removed_refused_or_reported() {
        let probes = r#""match": {"members": ["logprobs", "top_logprobs", "logit_bias"]}"#;
        for (action, body, verdict, edited) in [
            (
                "redact",
                r#"{"messages":[],"logprobs":true,"top_logprobs":5}"#,
                "redact",
                r#"{"messages":[],"logprobs":null,"top_logprobs":null}"#,
            ),
            ("redact", r#"{"messages":[],"logprobs":false}"#, "allow", r#"{"messages":[],"logprobs":false}"#),
            (
                "redact",
                r#"{"messages":[{"role":"user","content":"logprobs"}]}"#,
                "allow",
                r#"{"messages":[{"role":"user","content":"logprobs"}]}"#,
            ),
            (
                "redact",
                r#"{"logit_bias":{"50256":-100},"messages":[]}"#,
                "redact",
                r#"{"logit_bias":null,"messages":[]}"#,
            ),
            ("block", r#"{"messages":[],"logprobs":true}"#, "block", r#"{"messages":[],"logprobs":true}"#),
            ("log", r#"{"messages":[],"logprobs":true}"#, "log", r#"{"messages":[],"logprobs":true}"#),
        ] {
            let policy = policy(&format!(r#"{probes}, "action": "{action}""#)).unwrap();
            let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
            let report = inspect_request(&policy, &view, body.as_bytes());
            assert_eq!(report.verdict_name(), verdict, "{action} {body}");
            assert_eq!(String::from_utf8(report.edits.apply(body.as_bytes())).unwrap(), edited, "{action}");
            assert!(policy.has(crate::Direction::Request) && !policy.has(crate::Direction::Response));
        }
    }

    #[test]
    fn a_member_in_which_a_text_is_redacted_is_refused() {
        let json = r#"{"rules": [{"id": "text", "match": {"regex": "x-[0-9]"}, "action": "redact"},
                                 {"id": "user", "match": {"members": "user"}, "action": "redact"},
                                 {"id": "again", "match": {"members": ["user", "echo"]}, "action": "redact"}]}"#;
        let policy = Policy::from_raw(serde_json::from_str(json).unwrap()).unwrap();
        for (body, verdict) in
            [(r#"{"messages":[],"user":"x-1"}"#, "block"), (r#"{"messages":[],"user":"me"}"#, "redact")]
        {
            let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
            let report = inspect_request(&policy, &view, body.as_bytes());
            assert_eq!((report.verdict_name(), report.edits.is_empty()), (verdict, verdict == "block"), "{body}");
        }
    }

    #[test]
    fn examples_are_bodies_and_fields_are_checked() {
        let rule = |examples: &str| {
            policy(&format!(r#""match": {{"members": "echo"}}, "action": "log", "examples": {examples}"#))
        };
        assert!(
            rule(r#"{"match": ["{\"echo\":true}"], "no_match": ["{\"echo\":false}", "echo"]}"#)
                .unwrap()
                .check_examples()
                .is_ok()
        );
        assert!(rule(r#"{"match": ["{\"echo\":false}"]}"#).unwrap().check_examples().is_err());
        for (rule, path) in [
            (r#""match": {"members": []}, "action": "log""#, "rules[0].match.members"),
            (r#""match": {"members": "echo", "regex": "x"}, "action": "log""#, "rules[0].match"),
            (r#""match": {"members": "echo"}, "action": "mask""#, "rules[0].action"),
            (r#""match": {"members": "echo"}, "action": "log", "applies_to": ["response"]"#, "rules[0].applies_to"),
        ] {
            assert_eq!(policy(rule).map(|_| ()).unwrap_err(), path, "{rule}");
        }
    }
}
