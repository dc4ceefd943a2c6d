//! Rules that would match if they were a little broader.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tollgate_inspect::{Direction, Policy, RawAllow, RawPolicy, RawRule, inspect_request};

use super::View;

/// Allow lists of a policy by name.
pub(super) type AllowLists = BTreeMap<String, RawAllow>;

/// Largest `max_match_bytes` of a policy.
const MAX_MATCH_BYTES: u32 = 16 << 10;

/// Near match of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NearMatch {
    /// JSON pointer of the text.
    pub(super) pointer: String,
    /// Difference that prevents a match.
    pub(super) reason: String,
}

/// Broader form of a pattern.
struct Relaxation {
    pattern: Value,
    max_match_bytes: u32,
    reason: String,
}

/// Returns the smallest relaxation under which a rule that does not match would match, if there is one: another direction, a
/// longer match, one condition less, any case, no word boundary.
pub(super) fn find(
    raw: &Value,
    allow_lists: &AllowLists,
    max_match_bytes: usize,
    view: &View<'_>,
) -> Option<NearMatch> {
    let pattern = raw.get("match")?;
    let rule: RawRule = serde_json::from_value(raw.clone()).ok()?;
    let max_match_bytes = u32::try_from(max_match_bytes).ok()?;
    let is_on = rule.applies_to.is_none_or(|directions| directions.contains(&Direction::Request));
    let as_is = |reason: String, max_match_bytes| Relaxation { pattern: pattern.clone(), max_match_bytes, reason };
    let mut relaxations = Vec::new();
    if !is_on {
        relaxations.push(as_is("it applies to responses only".into(), max_match_bytes));
    } else {
        let reason = format!("the match is longer than `max_match_bytes` ({max_match_bytes})");
        relaxations.push(as_is(reason, MAX_MATCH_BYTES));
        let broader = unconditional(pattern).into_iter().chain(broader(pattern));
        relaxations.extend(broader.map(|(reason, pattern)| Relaxation {
            pattern,
            max_match_bytes,
            reason: reason.to_owned(),
        }));
    }
    relaxations.into_iter().find_map(|relaxation| relaxation.find(allow_lists, view))
}

/// Conditions on a match, and what it means that a match fails only one of them.
const CONDITIONS: &[(&str, &str)] = &[
    ("allow", "`allow` permits the match"),
    ("context", "no word of `context` is in front of the match"),
    ("keywords", "no keyword is near the match"),
    ("entropy", "the entropy is too low"),
    ("validate", "`validate` does not hold"),
    ("not_before", "the character in front of the match is in `not_before`"),
    ("not_after", "the character behind the match is in `not_after`"),
];

/// Returns the pattern without each of its conditions.
fn unconditional(pattern: &Value) -> Vec<(&'static str, Value)> {
    let is_alone = pattern.get("regex").is_none();
    let conditions = CONDITIONS.iter().filter(|(key, _)| !(is_alone && *key == "keywords"));
    let without = |(key, reason): &(&str, &'static str)| {
        let mut pattern = pattern.clone();
        pattern.as_object_mut()?.remove(*key)?;
        Some((*reason, pattern))
    };
    conditions.filter_map(without).collect()
}

/// Returns the broader forms of a pattern, the least broad first.
fn broader(pattern: &Value) -> Vec<(&'static str, Value)> {
    if let Some(regex) = pattern.get("regex").and_then(Value::as_str) {
        let bounded = regex.trim_start_matches(r"\b").trim_end_matches(r"\b");
        let with = |regex: String| {
            let mut pattern = pattern.clone();
            pattern.as_object_mut().map(|members| members.insert("regex".to_owned(), regex.into()));
            pattern
        };
        return vec![
            ("only upper and lower case differ; `(?i)` ignores them", with(format!("(?i:{regex})"))),
            (r"it is inside a longer word; without `\b` the rule would match", with(bounded.to_owned())),
            (
                r"it is inside a longer word, in another case; `(?i)` without `\b` would match",
                with(format!("(?i:{bounded})")),
            ),
        ];
    }
    let with = |keys: &[(&str, bool)]| {
        let mut pattern = pattern.clone();
        for (key, value) in keys {
            if let Some(object) = pattern.as_object_mut() {
                object.insert((*key).to_owned(), Value::Bool(*value));
            }
        }
        pattern
    };
    vec![
        ("only upper and lower case differ; `ignore_case: true` ignores them", with(&[("ignore_case", true)])),
        ("a keyword is inside a longer word; `word: false` would match", with(&[("word", false)])),
        (
            "a keyword is inside a longer word, in another case; `word: false` and `ignore_case: true` would match",
            with(&[("word", false), ("ignore_case", true)]),
        ),
    ]
}

impl Relaxation {
    fn find(self, allow_lists: &AllowLists, view: &View<'_>) -> Option<NearMatch> {
        let rule = json!({ "id": "relaxed", "match": self.pattern, "action": "log" });
        let rules: Vec<RawRule> = vec![serde_json::from_value(rule).ok()?];
        let max_match_bytes = self.max_match_bytes;
        let raw = RawPolicy { rules, max_match_bytes, allow_lists: allow_lists.clone(), ..RawPolicy::default() };
        let policy = Policy::from_raw(raw).ok()?;
        let report = inspect_request(&policy, &view.request, &view.body);
        let first = report.findings.first()?;
        Some(NearMatch { pointer: view.pointer(first.text), reason: self.reason })
    }
}
