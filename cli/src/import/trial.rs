//! Compilation of an imported rule alone, which finds what a policy cannot say.

use tollgate_inspect::{Policy, RawPolicy, RawRule, Rule};

use crate::yaml::Node;

/// Compiles a rule with the other members of a policy. Returns `true` if it needs `slow: true`.
///
/// # Errors
/// The reason why a policy cannot have the rule.
pub(super) fn compile(rule: &Node, others: RawPolicy) -> Result<bool, String> {
    let rule: RawRule = serde_json::from_value(rule.value()).map_err(|error| error.to_string())?;
    let raw = RawPolicy { rules: vec![rule], ..others };
    let is_slow = |policy: Policy| policy.rules().iter().any(Rule::is_slow);
    Policy::from_raw(raw).map(is_slow).map_err(|error| {
        let field = error.path.trim_start_matches("rules[0].").to_owned();
        format!("`{field}` {}", error.problem)
    })
}
