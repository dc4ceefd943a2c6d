//! Filter under test, and what its configuration says to the runner.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::file::FilterName;

use super::Identity;

/// A filter with its configuration loaded.
#[derive(Clone, Debug)]
pub struct ResolvedFilter {
    /// Name of the filter.
    pub name: FilterName,
    /// Configuration, which Envoy passes as a Struct.
    pub configuration: Value,
    /// File that contains the configuration.
    pub source: PathBuf,
}

impl ResolvedFilter {
    /// Returns the map with the firewall rules (`rules`); `None` for a filter without any.
    #[must_use]
    pub fn rules(&self) -> Option<&Value> {
        match self.name {
            FilterName::Tollgate => self.configuration.get("firewall"),
            FilterName::PromptInspector => Some(&self.configuration),
            FilterName::TokenCounter | FilterName::CostQuota | FilterName::ModelRouter => None,
        }
    }

    /// Returns the same filter with its firewall rules only, because nothing else affects what a rule matches.
    pub(super) fn only_rules(&self) -> Option<ResolvedFilter> {
        let rules = self.rules()?;
        let configuration = match self.name {
            FilterName::Tollgate => json!({ "version": 1, "firewall": rules }),
            _ => rules.clone(),
        };
        Some(ResolvedFilter { configuration, ..self.clone() })
    }

    /// Returns the source of the consumer's name; `None` for a filter that charges nobody.
    pub(super) fn identity(&self) -> Option<Identity> {
        match self.name {
            FilterName::Tollgate => Identity::of(self.configuration.get("identity")?),
            FilterName::CostQuota => Identity::of(&self.configuration),
            FilterName::PromptInspector | FilterName::TokenCounter | FilterName::ModelRouter => None,
        }
    }

    /// Returns `true` if the filter counts a budget of a consumer.
    pub(crate) fn meters(&self, consumer: &str) -> bool {
        let list = |of: &Value| of.get("budgets").and_then(Value::as_array).cloned().unwrap_or_default();
        match self.name {
            FilterName::CostQuota => {
                let own = self.configuration.get("consumers").and_then(|consumers| consumers.get(consumer));
                !list(own.unwrap_or(&self.configuration)).is_empty()
            }
            // A consumer that any `for` lists has only the budgets that list it; others have those without `for`.
            FilterName::Tollgate => list(&self.configuration).iter().any(|budget| {
                let names = budget.get("for").and_then(Value::as_array);
                names.is_none_or(|names| names.iter().any(|name| name == consumer))
            }),
            FilterName::PromptInspector | FilterName::TokenCounter | FilterName::ModelRouter => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_has_rules_an_identity_and_budgets() {
        let configuration = json!({
            "version": 1,
            "identity": {"consumer": {"jwt": ["payload", "sub"]}},
            "budgets": [{"name": "a", "for": ["trial"]}],
            "firewall": {"rules": [{"id": "word"}]},
        });
        let filter = ResolvedFilter { name: FilterName::Tollgate, configuration, source: "tollgate.yaml".into() };
        assert_eq!(filter.rules().and_then(|rules| rules.pointer("/rules/0/id")), Some(&json!("word")));
        let only = filter.only_rules().unwrap().configuration;
        assert_eq!(only, json!({ "version": 1, "firewall": {"rules": [{"id": "word"}]} }));
        let namespace = "envoy.filters.http.jwt_authn".to_owned();
        assert_eq!(filter.identity(), Some(Identity::Metadata(namespace, "payload".into(), vec!["sub".into()])));
        assert_eq!((filter.meters("trial"), filter.meters("acme")), (true, false));
    }
}
