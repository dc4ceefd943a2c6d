//! Filter under test, and what its configuration says to the runner.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::file::FilterName;

use super::Identity;
use super::identity::SUBSTITUTE;

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
        let mut rules = self.rules()?.clone();
        // Examples are texts for rules; no guard judges them.
        for guard in rules.get_mut("guards").and_then(Value::as_array_mut).into_iter().flatten() {
            guard["on_error"] = json!("pass");
        }
        let configuration = match self.name {
            FilterName::Tollgate => json!({ "version": 1, "firewall": rules }),
            _ => rules,
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

    /// Replaces an attribute that no test can set by a header, as the source of the consumer's name.
    pub(super) fn substitute_identity(&mut self) {
        if self.identity() != Some(Identity::Substitute) {
            return;
        }
        let place = if self.name == FilterName::Tollgate { "/identity/consumer" } else { "/consumer" };
        if let Some(source) = self.configuration.pointer_mut(place).and_then(Value::as_object_mut) {
            source.remove("attribute");
            source.insert("header".to_owned(), SUBSTITUTE.into());
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

    #[test]
    fn a_header_takes_the_place_of_an_attribute_that_no_test_can_set() {
        let attribute = json!({"attribute": ["connection", "uri_san_peer_certificate"], "missing": "anonymous"});
        let quota = json!({ "consumer": attribute });
        let policy = json!({ "identity": {"consumer": attribute} });
        for (name, configuration) in [(FilterName::CostQuota, quota), (FilterName::Tollgate, policy)] {
            let mut filter = ResolvedFilter { name, configuration, source: "tollgate.yaml".into() };
            filter.substitute_identity();
            assert_eq!(filter.identity(), Some(Identity::Header("tollgate-test-consumer".into())));
            assert!(filter.configuration.to_string().contains(r#""missing":"anonymous""#));
            assert!(!filter.configuration.to_string().contains("attribute"));
        }
    }
}
