//! Ids of imported rules.

use std::collections::BTreeSet;

/// Maximum length of a rule's id.
const MAX_BYTES: usize = 64;

/// Returns an id of a rule in the policy that no earlier rule has: `a-b`, `a-b-2` ...
pub(super) fn unique(id: &str, prefix: &str, ids: &BTreeSet<String>) -> String {
    let valid = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-');
    let id = format!("{prefix}{id}").to_ascii_lowercase();
    let id: String = id.chars().map(|c| if valid(c) { c } else { '-' }).collect();
    let numbered = (2..).map(|number| format!("-{number}"));
    let mut candidates = std::iter::once(String::new()).chain(numbered).map(|end| {
        let kept = id.get(..MAX_BYTES.saturating_sub(end.len())).unwrap_or(&id);
        format!("{kept}{end}")
    });
    candidates.find(|candidate| !ids.contains(candidate)).unwrap_or(id)
}
