//! Import of rules of other tools (`tollgate import`).

pub mod gitleaks;
pub mod presidio;
mod rule_id;
mod trial;

use serde_json::Value;

use crate::yaml::Node;

/// Choices of the caller.
#[derive(Clone, Debug)]
pub struct Options {
    /// Text in front of the ids of rules.
    pub prefix: String,
    /// Action of every rule: `log`, `redact` or `block`.
    pub action: String,
    /// `max_match_bytes` of the policy.
    pub max_match_bytes: u32,
}

/// Policy, and what it does not say.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// Policy in YAML.
    pub text: String,
    /// Number of rules.
    pub rules: usize,
    /// Parts of the configuration that were left out or changed, each with the rule.
    pub notes: Vec<String>,
}

/// Longest line, if possible.
const WIDTH: usize = 120;

/// Returns a node for a string.
fn string(text: &str) -> Node {
    Node::Scalar(Value::String(text.to_owned()))
}

/// Returns a node for a list of strings.
fn strings(list: &[String]) -> Node {
    Node::List(list.iter().map(|text| string(text)).collect())
}
