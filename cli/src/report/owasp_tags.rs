//! Tags of results in reports: risks in the OWASP Top 10 for LLM applications.

use serde_json::Value;

/// Returns the tags of a rule of the part `firewall`, such as `owasp-llm-01` for `LLM01:2025`: of its `owasp`, else of the part's.
pub(crate) fn of_rule(firewall: &Value, rule: &Value) -> Vec<String> {
    let ids = rule.get("owasp").or_else(|| firewall.get("owasp"));
    let ids: Vec<&Value> = match ids {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(id) => vec![id],
        None => Vec::new(),
    };
    ids.into_iter().filter_map(|id| tag(id.as_str()?)).collect()
}

fn tag(id: &str) -> Option<String> {
    let (risk, _year) = id.split_once(':')?;
    Some(format!("owasp-llm-{}", risk.strip_prefix("LLM")?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tags_are_those_of_the_rule_else_of_the_firewall() {
        for (firewall, rule, tags) in [
            (json!({}), json!({}), &[][..]),
            (json!({}), json!({"owasp": "LLM01:2025"}), &["owasp-llm-01"]),
            (json!({"owasp": ["LLM02:2025", "LLM05:2025"]}), json!({}), &["owasp-llm-02", "owasp-llm-05"]),
            (json!({"owasp": "LLM02:2025"}), json!({"owasp": ["LLM10:2025"]}), &["owasp-llm-10"]),
            (json!({}), json!({"owasp": ["first", 1]}), &[]),
        ] {
            assert_eq!(of_rule(&firewall, &rule), tags, "{firewall} {rule}");
        }
    }
}
