//! Policy with the rules of all packs at their default level.

use serde_json::{Value, json};
use tollgate_envoy_harness::{Context, Error, Result};
use tollgate_workspace as workspace;

/// Returns the rules of all packs.
fn rules() -> Result<Vec<Value>> {
    let folder = workspace::root().join("examples/rules");
    let entries = std::fs::read_dir(&folder).context(|| folder.display().to_string())?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    let mut rules = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).context(|| path.display().to_string())?;
        let document: Value = serde_saphyr::from_str(&text).context(|| path.display().to_string())?;
        let own = document.pointer("/firewall/rules").and_then(Value::as_array);
        rules.extend(own.ok_or_else(|| Error::new(format!("{} has no rules", path.display())))?.iter().cloned());
    }
    Ok(rules)
}

/// Returns the policy.
pub(super) fn policy() -> Result<String> {
    let mut rules = rules()?;
    // The level that a policy has by default.
    rules.retain(|rule| rule.get("paranoia").is_none_or(|level| level == 1));
    for rule in rules.iter_mut().filter_map(Value::as_object_mut) {
        rule.remove("paranoia");
        rule.remove("examples");
        if rule.get("action").is_some_and(|action| action == "block") {
            rule.insert("action".to_owned(), json!("log"));
        }
    }
    let policy = json!({
        "version": 1,
        "identity": {"consumer": {"header": "x-consumer"}, "missing": "anonymous"},
        "counting": "exact",
        "prices": {"on_unknown": "pass"},
        "firewall": {"rules": rules},
    });
    Ok(policy.to_string())
}

/// Returns the examples of all rules that match.
pub(super) fn matches() -> Vec<String> {
    let rules = rules().unwrap_or_default();
    let examples = rules.iter().filter_map(|rule| rule.pointer("/examples/match")?.as_array().cloned()).flatten();
    examples.filter_map(|example| example.as_str().map(str::to_owned)).collect()
}
