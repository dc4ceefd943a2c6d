//! Rules on members of a request: what it asks for, such as `logprobs`.

use crate::body::within;
use crate::condition::list::OneOrMany;
use crate::error::Problem;
use crate::pattern::tool::has_other_pattern;
use crate::policy::Policy;
use crate::raw::{OnUnscannable, RawAction, RawRule};
use crate::report::{Cause, Finding, Report};
use crate::rule::{Action, Direction, Rule, RuleIndex};
use crate::rule_scope::ScopeMessages;
use crate::rule_set::RuleSet;
use crate::view::View;
use tollgate_llm::{MemberPaths, ParseLimits, Request, Span};

/// Maximum number of names of a rule.
const MAX_NAMES: usize = 64;
const MAX_NAME_BYTES: usize = 100;
/// Replacement of a member.
const NOTHING: &str = "null";

/// Members that the rules of a policy judge, compiled.
#[derive(Debug, Default)]
pub(crate) struct Members {
    paths: MemberPaths,
    /// Rules by the index of the path, ascending.
    rules: Vec<Vec<RuleIndex>>,
}

impl Members {
    /// Compiles the members of all rules.
    pub(crate) fn new(rules: &[Rule]) -> Members {
        let mut members = Members::default();
        for (index, rule) in (0..).map(RuleIndex).zip(rules) {
            for name in rule.members.iter().flatten() {
                let path = members.paths.insert(name);
                debug_assert!(path.is_some(), "paths were checked");
                let Some(path) = path else { continue };
                if members.rules.len() <= path {
                    members.rules.resize_with(path + 1, Vec::new);
                }
                members.rules.get_mut(path).into_iter().filter(|own| own.last() != Some(&index)).for_each(|own| {
                    own.push(index);
                });
            }
        }
        members
    }

    /// Returns `true` if no rule judges members.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns `true` if a rule judges members of a call.
    fn apply_to(&self, excluded: &RuleSet) -> bool {
        self.rules.iter().flatten().any(|rule| !excluded.contains(*rule))
    }
}

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
    if compile(&names).is_none() {
        return Err(("match.members", Problem::EmptyStep));
    }
    if matches!(rule.action, RawAction::Mask | RawAction::Hash | RawAction::Placeholder) || rule.replacement.is_some() {
        return Err(("action", Problem::ActionOfMembers));
    }
    match rule.applies_to.as_deref() {
        None => rule.applies_to = Some(vec![Direction::Request]),
        Some([Direction::Request]) => {}
        Some(_) => return Err(("applies_to", Problem::RequestsOnly)),
    }
    if let Some(scope) = &rule.scope {
        let of_texts = [
            ("scope.roles", scope.roles.is_some()),
            ("scope.messages", scope.messages != ScopeMessages::All),
            ("scope.parts", scope.parts.is_some()),
        ];
        if let Some((field, _)) = of_texts.into_iter().find(|(_, is_present)| *is_present) {
            return Err((field, Problem::OnlyWith("rules on texts: `members` judges the request as a whole")));
        }
    }
    rule.pattern.keywords = Some(names.clone());
    Ok(Some(names.into()))
}

/// Compiles names of members. `None`: one of them has an empty step.
fn compile(names: &[String]) -> Option<MemberPaths> {
    let mut paths = MemberPaths::default();
    names.iter().all(|name| paths.insert(name).is_some()).then_some(paths)
}

/// Returns `true` if a JSON text has a member of the rule, for its examples.
pub(crate) fn matches(names: &[String], text: &str) -> bool {
    let paths = compile(names).unwrap_or_default();
    Request::members(text.as_bytes(), &paths, &ParseLimits::default()).is_ok_and(|found| !found.is_empty())
}

/// Judges the members of a request that was parsed before.
pub(crate) fn inspect(policy: &Policy, excluded: &RuleSet, body: &[u8], report: &mut Report) {
    let members = policy.members();
    // A call that fetches a response has no body.
    if body.is_empty() || !members.apply_to(excluded) {
        return;
    }
    // The parser has bounded the body.
    let limits =
        ParseLimits { max_bytes: usize::MAX, max_depth: usize::MAX, max_items: usize::MAX, ..ParseLimits::default() };
    let found = Request::members(body, &members.paths, &limits);
    debug_assert!(found.is_ok(), "the body was parsed before");
    let Ok(found) = found else {
        match policy.on_unscannable(Direction::Request) {
            OnUnscannable::Block => report.block(Cause::Unreadable),
            OnUnscannable::Pass => report.unscanned += 1,
        }
        return;
    };
    // Outermost members that were removed.
    let mut removed: Vec<Span> = Vec::new();
    for (path, span) in found {
        for index in members.rules.get(path).into_iter().flatten().copied().filter(|index| !excluded.contains(*index)) {
            let Some(rule) = policy.rule(index) else { continue };
            let action = rule.action();
            report.matched(index, action);
            report.add_finding(Finding { rule: index, action, text: usize::MAX, range: 0..0, view: View::Raw });
            match action {
                Action::Log => {}
                Action::Score => report.scores.add(index, rule.points(), false),
                // Another rule has removed it.
                Action::Redact if within(&removed, span) => {}
                Action::Redact if report.edits.replace(span, NOTHING).is_ok() => {
                    removed.push(span);
                    report.redactions += 1;
                }
                // A text in the member is redacted, too: one of the two redactions would be lost.
                Action::Redact => report.block(Cause::Rule(index)),
                Action::Block => report.block_by(index),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Cause, Policy, RuleIndex, inspect_request};
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

    /// Returns the verdict on a request, and the body after all edits.
    fn judged(policy: &Policy, body: &str) -> (&'static str, String) {
        let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
        let report = inspect_request(policy, &view, body.as_bytes());
        (report.verdict_name(), String::from_utf8(report.edits.apply(body.as_bytes())).unwrap())
    }

    #[test]
    fn a_member_in_another_spelling_is_removed() {
        let policy = policy(r#""match": {"members": ["top_logprobs", "a.bC.d"]}, "action": "redact""#).unwrap();
        for (body, edited) in [
            (r#"{"messages":[],"topLogprobs":5}"#, r#"{"messages":[],"topLogprobs":null}"#),
            (
                r#"{"messages":[],"Top_LogProbs":5,"toplogprobs":1}"#,
                r#"{"messages":[],"Top_LogProbs":null,"toplogprobs":null}"#,
            ),
            (r#"{"messages":[],"A":{"b_c":{"D":1,"e":2}}}"#, r#"{"messages":[],"A":{"b_c":{"D":null,"e":2}}}"#),
        ] {
            assert_eq!(judged(&policy, body), ("redact", edited.to_owned()), "{body}");
        }
        let body = r#"{"messages":[],"top-logprobs":5,"bC":{"d":1}}"#;
        assert_eq!(judged(&policy, body), ("allow", body.to_owned()));
    }

    #[test]
    fn a_member_inside_of_a_removed_one_does_not_block() {
        for names in [r#"["a", "a.b"]"#, r#"["a.b", "a"]"#] {
            let policy = policy(&format!(r#""match": {{"members": {names}}}, "action": "redact""#)).unwrap();
            let body = r#"{"messages":[],"a":{"b":1},"c":2}"#;
            assert_eq!(judged(&policy, body), ("redact", r#"{"messages":[],"a":null,"c":2}"#.to_owned()), "{names}");
        }
    }

    #[test]
    fn the_rule_that_blocks_is_the_cause() {
        let json = r#"{"rules": [{"id": "logs", "match": {"members": "echo"}, "action": "log"},
                                 {"id": "late", "match": {"members": "best_of"}, "action": "block"},
                                 {"id": "blocks", "match": {"members": ["ECHO", "n"]}, "action": "block", "status": 451}]}"#;
        let policy = Policy::from_raw(serde_json::from_str(json).unwrap()).unwrap();
        let body = r#"{"messages":[],"echo":true}"#;
        let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
        let report = inspect_request(&policy, &view, body.as_bytes());
        assert_eq!(
            (report.cause, report.rule_names(&policy)),
            (Some(Cause::Rule(RuleIndex(2))), "logs,blocks".to_owned())
        );
        assert_eq!(policy.refusal(report.cause.unwrap()).status, 451);
        // A call without a body has no members.
        assert_eq!(inspect_request(&policy, &view, b"").verdict, None);
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
            (r#""match": {"members": "a..b"}, "action": "log""#, "rules[0].match.members"),
            (r#""match": {"members": ["echo", ".a"]}, "action": "log""#, "rules[0].match.members"),
            (r#""match": {"members": "_"}, "action": "log""#, "rules[0].match.members"),
            (r#""match": {"members": "echo"}, "action": "placeholder""#, "rules[0].action"),
            (r#""match": {"members": "echo"}, "action": "redact", "replacement": "x""#, "rules[0].action"),
            (r#""match": {"members": "echo"}, "action": "log", "scope": {"roles": "user"}"#, "rules[0].scope.roles"),
            (
                r#""match": {"members": "echo"}, "action": "log", "scope": {"messages": "last"}"#,
                "rules[0].scope.messages",
            ),
            (r#""match": {"members": "echo"}, "action": "log", "scope": {"parts": "other"}"#, "rules[0].scope.parts"),
            (r#""match": {"members": "echo", "regex": "x"}, "action": "log""#, "rules[0].match"),
            (r#""match": {"members": "echo"}, "action": "mask""#, "rules[0].action"),
            (r#""match": {"members": "echo"}, "action": "log", "applies_to": ["response"]"#, "rules[0].applies_to"),
        ] {
            assert_eq!(policy(rule).map(|_| ()).unwrap_err(), path, "{rule}");
        }
    }
}
