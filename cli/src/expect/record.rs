//! Expectations on what is recorded of a call: verdict, rules, tokens, cost, metrics and properties.

use crate::file::{Expect, Scalar};
use crate::observation::Observation;

use super::Checks;

pub(super) fn check(expect: &Expect, seen: &Observation, checks: &mut Checks<'_>) {
    checks.same("verdict", expect.verdict.map(|verdict| verdict.name()), seen.property("tollgate.verdict"));
    rules(expect, seen, checks);
    // Parts of the numbers of tokens, and costs below a micro-dollar, are published unless they are zero.
    let unless_zero = |name: &str, with: &str| seen.property(name).or(seen.property(with).and(Some("0")));
    if let Some(tokens) = &expect.tokens {
        for (what, expected) in [
            ("input", tokens.input),
            ("cached", tokens.cached),
            ("output", tokens.output),
            ("reasoning", tokens.reasoning),
            ("total", tokens.total),
        ] {
            let found = unless_zero(&format!("tollgate.{what}_tokens"), "tollgate.total_tokens");
            checks.same(&format!("tokens.{what}"), expected, found);
        }
        let source = tokens.source.map(|source| source.name());
        checks.same("tokens.source", source, seen.property("tollgate.usage_source"));
    }
    if let Some(cost) = expect.cost {
        let expected = format!("{} nano-dollars", cost.nanos);
        let found = unless_zero("tollgate.cost_nano_usd", "tollgate.cost_micro_usd")
            .map(|nanos| format!("{nanos} nano-dollars"));
        checks.same("cost", Some(expected), found);
    }
    for (name, growth) in &expect.metrics {
        let found = seen.counters.get(name).copied().unwrap_or_default();
        checks.same(&format!("metrics.{name}"), Some(growth), Some(found));
    }
    for (name, value) in &expect.properties {
        let (what, found) = (format!("properties.{name}"), seen.property(name));
        match value {
            Some(Scalar(value)) if found != Some(value) => {
                let show = |text: &str| checks.mask.show(text.as_bytes());
                let (value, found) = (show(value), found.map_or("none".into(), show));
                checks.add(&what, value, found);
            }
            None if found.is_some() => {
                let found = checks.mask.show(found.unwrap_or_default().as_bytes());
                checks.add(&what, "none", found);
            }
            _ => {}
        }
    }
    checks.same("details", expect.details.as_deref(), Some(&seen.details));
}

fn rules(expect: &Expect, seen: &Observation, checks: &mut Checks<'_>) {
    let mut found = seen.rules();
    found.sort_unstable();
    let list = |rules: &[&str]| if rules.is_empty() { "none".to_owned() } else { rules.join(", ") };
    if let Some(include) = &expect.rules_include {
        for rule in include.iter().filter(|rule| !found.contains(&rule.as_str())) {
            checks.add("rules_include", rule, list(&found));
        }
    } else {
        let mut expected: Vec<&str> = expect.rules.iter().flatten().map(String::as_str).collect();
        expected.sort_unstable();
        expected.dedup();
        if expected != found {
            checks.add("rules", list(&expected), list(&found));
        }
    }
    for rule in expect.not_rules.iter().filter(|rule| found.contains(&rule.as_str())) {
        checks.add("not_rules", format!("{rule} not to match"), list(&found));
    }
}
