//! Firewall rules of a chain, as needed by the test runner: to cut bodies at matches, to mask secrets in reports, and
//! to find rules without tests.
//!
//! The matches are those of the engine that the filters use, so that no secret that a rule finds is shown. They do not decide
//! anything: verdicts come from the module. A rule that is invalid is ignored; the module reports it.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tollgate_inspect::{Policy, RawExamples, RawPolicy, all_matches};

use crate::report::owasp_tags;

/// Name of what takes the place of a rule's id where a text takes too long to search.
const NOT_SEARCHED: &str = "not searched";

/// Rules of all prompt-inspector filters of a chain.
#[derive(Clone, Debug, Default)]
pub struct FirewallRules {
    /// Rules in file order.
    pub rules: Vec<FirewallRule>,
    /// Valid rules of each configuration.
    policies: Vec<Arc<Policy>>,
}

/// A firewall rule.
#[derive(Clone, Debug)]
pub struct FirewallRule {
    /// Id of the rule.
    pub id: String,
    /// Examples in the rule that it must match.
    pub matching: Vec<String>,
    /// Examples in the rule that it must not match.
    pub not_matching: Vec<String>,
    /// `true` if the rule applies to requests.
    pub on_requests: bool,
    /// `true` if the rule applies to responses.
    pub on_responses: bool,
    /// Risks in the OWASP Top 10 for LLM applications that the rule is about, as tags: `owasp-llm-01`.
    pub tags: Vec<String>,
}

impl FirewallRules {
    /// Adds the rules of a prompt-inspector configuration, or of the part `firewall` of a policy.
    pub fn extend(&mut self, configuration: &Value) {
        let rules = configuration.get("rules").and_then(Value::as_array);
        for rule in rules.into_iter().flatten() {
            let texts = |list: &str| -> Vec<String> {
                let examples = RawExamples::KEYS.iter().find_map(|key| rule.get(*key));
                let list = examples.and_then(|examples| examples.get(list)).and_then(Value::as_array);
                list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
            };
            let directions = rule.get("applies_to").or(rule.get("on")).and_then(Value::as_array);
            let applies = |to: &str| directions.is_none_or(|list| list.iter().any(|direction| direction == to));
            let Some(id) = rule.get("id").and_then(Value::as_str) else { continue };
            self.rules.push(FirewallRule {
                id: id.to_owned(),
                matching: texts("match"),
                not_matching: texts("no_match"),
                on_requests: applies("request"),
                on_responses: applies("response"),
                tags: owasp_tags::of_rule(configuration, rule),
            });
        }
        let guards = configuration.get("guards").and_then(Value::as_array);
        for name in guards.into_iter().flatten().filter_map(|guard| guard.get("name")?.as_str()) {
            self.rules.push(FirewallRule {
                id: format!("guard.{name}"),
                matching: Vec::new(),
                not_matching: Vec::new(),
                on_requests: true,
                on_responses: false,
                tags: Vec::new(),
            });
        }
        self.policies.extend(policy(configuration).map(Arc::new));
    }

    /// Returns the matches of all rules in a text, with the rule's id. A text that takes too long to search is one match.
    pub fn matches<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (&'a str, Range<usize>)> {
        self.policies.iter().flat_map(move |policy| match all_matches(policy, text) {
            Ok(found) => {
                let rule = |index| policy.rule(index).map_or("", |rule| rule.id());
                found.into_iter().map(|(index, range)| (rule(index), range)).collect()
            }
            Err(_) => vec![(NOT_SEARCHED, 0..text.len())],
        })
    }
}

/// Compiles the valid rules of a configuration; `None` if there are none.
fn policy(configuration: &Value) -> Option<Policy> {
    let rules = configuration.get("rules")?.as_array()?;
    let member = |name: &str| configuration.get(name).cloned();
    let allow_lists = member("allow_lists").and_then(|lists| serde_json::from_value(lists).ok()).unwrap_or_default();
    let max = member("max_match_bytes").and_then(|max| serde_json::from_value(max).ok());
    let mut raw = RawPolicy {
        rules: rules.iter().filter_map(|rule| serde_json::from_value(rule.clone()).ok()).collect(),
        max_match_bytes: max.unwrap_or_else(RawPolicy::default_max_match_bytes),
        allow_lists,
        ..RawPolicy::default()
    };
    if let Ok(policy) = Policy::from_raw(raw.clone()) {
        return Some(policy);
    }
    // Rules that are valid alone are valid together, unless they are too many or have the same id.
    let is_valid = |rule| Policy::from_raw(RawPolicy { rules: vec![rule], ..raw.clone() }).is_ok();
    let valid = raw.rules.iter().filter(|rule| is_valid((*rule).clone())).cloned().collect();
    raw.rules = valid;
    raw.rules.dedup_by(|later, earlier| later.id == earlier.id);
    Policy::from_raw(raw).ok().filter(|policy| !policy.rules().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_and_keywords_are_found() {
        let mut firewall = FirewallRules::default();
        firewall.extend(&serde_json::json!({"rules": [
            {"id": "key", "match": {"regex": r"\bAKIA[0-9A-Z]{4}\b"}, "applies_to": ["request"], "action": "block",
             "examples": {"match": ["AKIA0000"], "no_match": ["AKIA"]}},
            {"id": "word", "match": {"keywords": ["heron", "blue heron", "c++"]}, "action": "log"},
            {"id": "letters", "match": {"keywords": ["AB"], "ignore_case": false, "word": false}, "action": "log"},
            {"id": "broken", "match": {"regex": "("}, "action": "log", "tests": {"match": ["a", "b"]}},
        ]}));
        let found: Vec<_> = firewall.matches("AKIA0000 Blue Heron xABx c++, herons xAKIA0000").collect();
        assert_eq!(found, [("key", 0..8), ("word", 9..19), ("word", 25..28), ("letters", 21..23)]);
        assert!(firewall.rules[0].on_requests && !firewall.rules[0].on_responses && firewall.rules[1].on_responses);
        assert_eq!((firewall.rules[0].matching.len(), firewall.rules[0].not_matching.len()), (1, 1));
        assert_eq!(firewall.rules[3].matching.len(), 2, "`tests` is another name of `examples`");
    }

    #[test]
    fn matches_are_those_of_the_engine() {
        let mut firewall = FirewallRules::default();
        firewall.extend(&serde_json::json!({
            "packs": [], "paranoia": 2, "max_match_bytes": 64, "allow_lists": {"demo": {"stop_words": ["demo"]}},
            "rules": [
                {"id": "key", "match": {"regex": r"\bAKIA[0-9A-Z]{16}\b"}, "action": "redact"},
                {"id": "named", "match": {"regex": "key: ([a-z]{6})", "group": 1, "allow": {"lists": ["demo"]}}, "action": "log"},
                {"id": "card", "match": {"regex": "[0-9]{16}", "validate": "card"}, "action": "redact"},
            ],
        }));
        for (text, expected) in [
            ("我的密钥AKIAIOSFODNN7EXAMPLE谢谢", vec![("key", 12..32)]),
            ("schlüsselüAKIAIOSFODNN7EXAMPLE", vec![("key", 12..32)]),
            ("key: secret, key: mydemo", vec![("named", 5..11)]),
            ("4111111111111111 4111111111111112", vec![("card", 0..16)]),
        ] {
            assert_eq!(firewall.matches(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn a_text_that_takes_too_long_is_one_match() {
        let mut firewall = FirewallRules::default();
        let rule = serde_json::json!({"id": "a", "match": {"regex": "(?s)zqx.{1,900}(y.{1,20}){9}z"}, "action": "log"});
        firewall.extend(&serde_json::json!({"rules": [rule]}));
        let text = "zqx yyyy".repeat(20_000);
        assert_eq!(firewall.matches(&text).collect::<Vec<_>>(), [(NOT_SEARCHED, 0..text.len())]);
    }
}
