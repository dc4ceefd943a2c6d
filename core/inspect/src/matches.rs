//! Every match in a text, for reports of tests: which parts of a text must not be shown.

use crate::policy::Policy;
use crate::rule::{Direction, RuleIndex};
use crate::search::meter::Meter;
use crate::search::rule_search::{RuleSearch, Scope};
use std::ops::Range;

/// Error: the text takes too long to search for its size, so that matches may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text takes too long to search")]
pub struct TooCostly;

/// Returns the matches of all rules of both directions in a text: each rule with the range that it reports, in file order.
///
/// # Errors
/// The search takes longer than a body of this size may take.
pub fn all_matches(policy: &Policy, text: &str) -> Result<Vec<(RuleIndex, Range<usize>)>, TooCostly> {
    let mut found = Vec::new();
    for direction in [Direction::Request, Direction::Response] {
        let result = policy.with_memory(|memory| {
            memory.scratch.meter = Meter::for_bytes(text.len() as u64);
            let mut search = RuleSearch::new(policy, direction);
            let result = search.read_views(text, Scope::All, memory, |rule, _, _, one| {
                if policy.rule(rule).is_some_and(|rule| rule.is_tool) {
                    return;
                }
                let (start, end) = one.reported;
                found.push((rule, start as usize..end as usize));
            });
            memory.scratch.meter = Meter::default();
            result
        });
        result.map_err(|_| TooCostly)?;
    }
    found.sort_unstable_by_key(|(rule, range)| (*rule, range.start, range.end));
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rules: &str) -> Policy {
        Policy::from_raw(serde_json::from_str(&format!(r#"{{"rules": [{rules}]}}"#)).unwrap()).unwrap()
    }

    #[test]
    fn the_matches_of_both_directions_are_found_once() {
        let policy = policy(
            r#"{"id": "key", "match": {"regex": "key=([0-9]{4})", "group": 1}, "action": "log"},
               {"id": "asked", "match": {"keywords": ["heron"]}, "applies_to": ["request"], "action": "block"},
               {"id": "answered", "match": {"regex": "[0-9]{3}x"}, "applies_to": ["response"], "action": "redact"}"#,
        );
        let found = all_matches(&policy, "key=1234 heron 123x key=5678").unwrap();
        let found: Vec<_> = found.into_iter().map(|(rule, range)| (rule.get(), range)).collect();
        assert_eq!(found, [(0, 4..8), (0, 24..28), (1, 9..14), (2, 15..19)]);
        assert_eq!(all_matches(&policy, ""), Ok(Vec::new()));
    }

    #[test]
    fn all_of_many_matches_are_returned() {
        let policy = policy(r#"{"id": "n", "match": {"regex": "\\bn[0-9]\\b"}, "action": "log"}"#);
        assert_eq!(all_matches(&policy, &"n1 ".repeat(300)).unwrap().len(), 300);
    }

    #[test]
    fn a_text_that_takes_too_long_is_an_error() {
        let policy = policy(r#"{"id": "a", "match": {"regex": "(?s)zqx.{1,900}(y.{1,20}){9}z"}, "action": "log"}"#);
        assert_eq!(all_matches(&policy, &"zqx yyyy".repeat(20_000)), Err(TooCostly));
    }
}
