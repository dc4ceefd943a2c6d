//! Rules on pages: their examples hold, and the patterns that a page calls refused are refused for the reason given.

use serde_json::{Value, json};
use tollgate_inspect::{Policy, RawPolicy};

use crate::configurations::{configurations, configure};
use crate::page::{Page, code};

/// Builds the policy of a prompt-inspector configuration.
fn policy(configuration: &Value) -> Policy {
    let mut raw = configuration.clone();
    raw.as_object_mut().unwrap().remove("limits");
    let raw: RawPolicy = serde_json::from_value(raw).unwrap();
    Policy::from_raw(raw).unwrap()
}

#[test]
fn examples_of_rules_on_pages_hold() {
    let mut examples = 0;
    for block in Page::all().iter().flat_map(Page::blocks) {
        for (_, configuration) in configurations(&block).into_iter().filter(|(filter, _)| filter == "prompt-inspector")
        {
            if let Err(wrong) = policy(&configuration).check_examples() {
                panic!("{}: {wrong:?}", block.place);
            }
            let rules = configuration["rules"].as_array().unwrap();
            let of = |rule: &Value, list: &str| rule["examples"][list].as_array().map_or(0, Vec::len);
            examples += rules.iter().map(|rule| of(rule, "match") + of(rule, "no_match")).sum::<usize>();
        }
    }
    assert!(examples >= 10, "only {examples} examples");
}

#[test]
fn patterns_that_a_page_calls_refused_are_refused() {
    let rows = Page::read("docs/writing-rules.md").rows("Refused");
    assert!(rows.len() >= 5, "{rows:?}");
    for row in rows {
        let (pattern, why) = (code(&row[0]).next().unwrap(), &row[1]);
        let rule = json!({"id": "a", "match": {"regex": pattern}, "action": "block"});
        let refused = configure("prompt-inspector", &json!({"rules": [rule]})).unwrap_err();
        assert!(refused.contains(why.as_str()), "{pattern}: {refused}");
    }
}
