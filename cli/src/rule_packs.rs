//! Packs of firewall rules that come with the command, `firewall: {packs: [...]}`.

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

/// Returns the names of all packs.
pub fn names() -> Vec<&'static str> {
    PACKS.iter().map(|(name, _)| *name).collect()
}
