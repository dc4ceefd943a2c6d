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

    /// Returns the guards of the filter.
    pub(super) fn guards(&self) -> impl Iterator<Item = &Value> {
        self.rules().and_then(|rules| rules.get("guards")?.as_array()).into_iter().flatten()
    }

    /// Gives each guard a cluster of its own, so that a test knows whose request it is.
    pub(super) fn substitute_guard_clusters(&mut self) {
        let place = if self.name == FilterName::Tollgate { "/firewall/guards" } else { "/guards" };
        let guards = self.configuration.pointer_mut(place).and_then(Value::as_array_mut);
        for guard in guards.into_iter().flatten().filter_map(Value::as_object_mut) {
            let Some(cluster) = guard.get("name").and_then(Value::as_str).map(guard_cluster) else { continue };
            let known = guard.insert("cluster".to_owned(), cluster.into());
            if let Some(known) = known {
                guard.entry("authority").or_insert(known);
            }
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

/// Returns the cluster of a guard in tests.
#[must_use]
pub fn guard_cluster(name: &str) -> String {
    format!("guard.{name}")
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
    fn guards_on_one_cluster_have_clusters_of_their_own_in_tests() {
        let guards =
            json!([{"name": "a", "cluster": "vllm"}, {"name": "b", "cluster": "vllm", "authority": "b.local"}]);
        let configuration = json!({ "guards": guards });
        let name = FilterName::PromptInspector;
        let mut filter = ResolvedFilter { name, configuration, source: "rules.yaml".into() };
        filter.substitute_guard_clusters();
        let guards: Vec<_> = filter.guards().map(|guard| (&guard["cluster"], &guard["authority"])).collect();
        assert_eq!(guards, [(&json!("guard.a"), &json!("vllm")), (&json!("guard.b"), &json!("b.local"))]);
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
