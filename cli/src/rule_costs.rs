//! Table of the estimated costs of firewall rules, `tollgate check --costs`.

use std::fmt::Write as _;

use tollgate_inspect::{Policy, RuleCost};

/// Maximum number of literals of a rule that are shown.
const MAX_LITERALS: usize = 4;

/// Renders the costs of all rules, the highest first.
pub fn table(policy: &Policy) -> String {
    let mut text =
        format!("{:>10} {:>7} {:>8} {:>6}  {:<44} literals\n", "nodes/byte", "states", "longest", "lead", "rule");
    for cost in policy.costs() {
        let (per_byte, nodes) = (cost.per_byte, cost.nodes);
        let longest = bytes(Some(cost.longest.unwrap_or(usize::MAX)), policy.max_match_bytes());
        let lead = bytes(cost.lead.filter(|_| !cost.literals.is_empty()), policy.max_match_bytes());
        let literals = literals(&cost);
        let _ = writeln!(text, "{per_byte:>10.5} {nodes:>7} {longest:>8} {lead:>6}  {:<44} {literals}", cost.id);
    }
    text
}

/// Returns a number of bytes, at most `max`; `-` for none.
fn bytes(bytes: Option<usize>, max: usize) -> String {
    bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.min(max).to_string())
}

/// Lists the first literals of a rule.
fn literals(cost: &RuleCost<'_>) -> String {
    let shown = cost.literals.iter().take(MAX_LITERALS);
    let shown: Vec<String> = shown.map(|literal| format!("{:?}", String::from_utf8_lossy(literal))).collect();
    match cost.literals.len().saturating_sub(MAX_LITERALS) {
        0 if shown.is_empty() => "none: every text is searched".to_owned(),
        0 => shown.join(" "),
        more => format!("{} and {more} more", shown.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_costliest_rule_is_first() {
        let rules = r#"{"rules": [
            {"id": "word", "match": {"keywords": ["heron", "egret", "crane", "stork", "ibis"]}, "action": "log"},
            {"id": "digits", "match": {"regex": "\\b[0-9]{9}\\b"}, "action": "log"},
            {"id": "key", "match": {"regex": "key=[a-z]+"}, "action": "log"}]}"#;
        let policy = Policy::from_raw(serde_json::from_str(rules).unwrap()).unwrap();
        let table = table(&policy);
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].trim_start().starts_with("nodes/byte  states  longest   lead  rule"), "{table}");
        assert!(lines[1].ends_with("none: every text is searched") && lines[1].contains(" digits "), "{table}");
        assert!(lines.iter().any(|line| line.contains(r#""crane" "egret" "heron" "ibis" and 1 more"#)), "{table}");
        assert!(lines.iter().any(|line| line.contains("1024      0  key ")), "{table}");
    }
}
