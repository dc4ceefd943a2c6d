//! Packs of firewall rules that come with the command, `firewall: {packs: [...]}`.

use serde_json::Value;
use tollgate_policy::document::Document;

/// Packs by name, as policy files with rules.
const PACKS: [(&str, &str); 8] = [
    ("secrets", include_str!("../../examples/rules/secrets.yaml")),
    ("pii", include_str!("../../examples/rules/pii.yaml")),
    ("injection", include_str!("../../examples/rules/injection.yaml")),
    ("unicode", include_str!("../../examples/rules/unicode.yaml")),
    ("links", include_str!("../../examples/rules/links.yaml")),
    ("agent", include_str!("../../examples/rules/agent.yaml")),
    ("leak", include_str!("../../examples/rules/leak.yaml")),
    ("extraction", include_str!("../../examples/rules/extraction.yaml")),
];

/// Returns the policy file of a pack.
pub fn find(name: &str) -> Option<&'static str> {
    PACKS.iter().find(|(own, _)| *own == name).map(|(_, text)| *text)
}

/// Returns the rules of a pack as they are in its file; none if there is no such pack.
pub fn rules(name: &str) -> Vec<Value> {
    let document = find(name).map(|text| Document::parse(name, text));
    let rules = document.as_ref().and_then(|document| document.value().pointer("/firewall/rules")?.as_array());
    rules.cloned().unwrap_or_default()
}

/// Returns the names of all packs.
pub fn names() -> Vec<&'static str> {
    PACKS.iter().map(|(name, _)| *name).collect()
}
