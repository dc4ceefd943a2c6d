//! Rules of all packs.

use std::error::Error;

use serde_json::{Value, json};
use tollgate_inspect::{Policy, RawPolicy};
use tollgate_policy::document::Document;

use crate::Measured;

/// Packs by name, as policy files with rules.
const PACKS: [(&str, &str); 8] = [
    ("secrets", include_str!("../../../../examples/rules/secrets.yaml")),
    ("pii", include_str!("../../../../examples/rules/pii.yaml")),
    ("injection", include_str!("../../../../examples/rules/injection.yaml")),
    ("unicode", include_str!("../../../../examples/rules/unicode.yaml")),
    ("links", include_str!("../../../../examples/rules/links.yaml")),
    ("agent", include_str!("../../../../examples/rules/agent.yaml")),
    ("leak", include_str!("../../../../examples/rules/leak.yaml")),
    ("extraction", include_str!("../../../../examples/rules/extraction.yaml")),
];

/// Returns the policy of at most `most` rules of all packs, and their literals.
pub(crate) fn read(most: usize) -> Result<Measured, Box<dyn Error>> {
    let mut rules = Vec::new();
    for (name, text) in PACKS {
        let document = Document::parse(name, text);
        let own = document.value().pointer("/firewall/rules").and_then(Value::as_array);
        rules.extend(own.ok_or_else(|| format!("{name} has no rules"))?.iter().cloned());
    }
    rules.truncate(most);
    for rule in rules.iter_mut().filter_map(Value::as_object_mut) {
        // All rules are measured, of any level.
        rule.remove("paranoia");
    }
    let raw: RawPolicy = serde_json::from_value(json!({ "rules": rules }))?;
    let policy = Policy::from_raw(raw)?;
    let literals = crate::literals(&policy);
    Ok((policy, literals))
}
