//! Firewall rules of a chain, as needed by the test runner: to cut bodies at matches, to mask secrets in reports, and
//! to find rules without tests.
//!
//! The rules are compiled a second time here, with the `regex` crate instead of the code under test. They do not decide
//! anything: verdicts come from the module. A rule that does not compile here is ignored; the module reports it.

use std::ops::Range;

use regex::Regex;
use serde_json::Value;

/// Rules of all prompt-inspector filters of a chain.
#[derive(Clone, Debug, Default)]
pub struct FirewallRules {
    /// Rules in file order.
    pub rules: Vec<FirewallRule>,
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
    pattern: Option<Regex>,
}

impl FirewallRules {
    /// Adds the rules of a prompt-inspector configuration.
    pub fn extend(&mut self, configuration: &Value) {
        let rules = configuration.get("rules").and_then(Value::as_array);
        for rule in rules.into_iter().flatten() {
            let texts = |pointer: &str| -> Vec<String> {
                let list = rule.pointer(pointer).and_then(Value::as_array);
                list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
            };
            let directions = rule.get("applies_to").or(rule.get("on")).and_then(Value::as_array);
            let applies = |to: &str| directions.is_none_or(|list| list.iter().any(|direction| direction == to));
            let Some(id) = rule.get("id").and_then(Value::as_str) else { continue };
            self.rules.push(FirewallRule {
                id: id.to_owned(),
                matching: texts("/examples/match"),
                not_matching: texts("/examples/no_match"),
                on_requests: applies("request"),
                on_responses: applies("response"),
                pattern: rule.get("match").and_then(pattern),
            });
        }
    }

    /// Returns the matches of all rules in a text, with the rule's id.
    pub fn matches<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (&'a str, Range<usize>)> {
        self.rules.iter().flat_map(move |rule| {
            let found = rule.pattern.iter().flat_map(move |pattern| pattern.find_iter(text));
            found.map(|found| (rule.id.as_str(), found.range())).filter(|(_, range)| !range.is_empty())
        })
    }
}

/// Compiles the matcher of a rule, see docs/writing-rules.md.
fn pattern(matcher: &Value) -> Option<Regex> {
    if let Some(regex) = matcher.get("regex").and_then(Value::as_str) {
        return Regex::new(regex).ok();
    }
    let mut keywords: Vec<&str> = matcher.get("keywords")?.as_array()?.iter().filter_map(Value::as_str).collect();
    // The longest of several keywords that begin at the same position wins.
    keywords.sort_by_key(|keyword| std::cmp::Reverse(keyword.len()));
    let flag = |name| matcher.get(name).and_then(Value::as_bool).unwrap_or(true);
    let (case, ahead, behind) = (
        if flag("ignore_case") { "(?i)" } else { "" },
        if flag("word") { r"\b{start-half}" } else { "" },
        if flag("word") { r"\b{end-half}" } else { "" },
    );
    let any = keywords.into_iter().map(regex::escape).collect::<Vec<_>>().join("|");
    Regex::new(&format!("{case}{ahead}(?:{any}){behind}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_and_keywords_are_found() {
        let mut firewall = FirewallRules::default();
        firewall.extend(&serde_json::json!({"rules": [
            {"id": "key", "match": {"regex": r"\bAKIA[0-9A-Z]{4}\b"}, "applies_to": ["request"],
             "examples": {"match": ["AKIA0000"], "no_match": ["AKIA"]}},
            {"id": "word", "match": {"keywords": ["heron", "blue heron", "c++"]}},
            {"id": "letters", "match": {"keywords": ["AB"], "ignore_case": false, "word": false}},
            {"id": "broken", "match": {"regex": "("}},
        ]}));
        let found: Vec<_> = firewall.matches("AKIA0000 Blue Heron xABx c++, herons xAKIA0000").collect();
        assert_eq!(found, [("key", 0..8), ("word", 9..19), ("word", 25..28), ("letters", 21..23)]);
        assert!(firewall.rules[0].on_requests && !firewall.rules[0].on_responses && firewall.rules[1].on_responses);
        assert_eq!((firewall.rules[0].matching.len(), firewall.rules[0].not_matching.len()), (1, 1));
    }
}
