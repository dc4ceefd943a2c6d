//! The chain of the four filters as one policy.
//!
//! [`policy`] says in one `tollgate.yaml` what a chain says in four configurations, so that the tests of the chain run on the
//! gateway filter too, with the same expectations.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tollgate::plan::ResolvedFilter;
use tollgate_workspace as workspace;

/// Settings of cost-quota that have the same name in the part `quota`.
const QUOTA: [&str; 12] = [
    "namespace",
    "lease",
    "on_lost",
    "on_abandoned",
    "on_background",
    "on_batch",
    "max_consumers",
    "overflow",
    "output_cap",
    "assumed_output_tokens",
    "max_output_tokens",
    "oversized_status",
];

/// Returns the policy that does what the chain does, with exact counting. `None`: no policy does, since the chain has another
/// order, one filter twice, or filters with different limits.
pub fn policy(chain: &[ResolvedFilter]) -> Option<Value> {
    let chain: Vec<(String, Value)> =
        chain.iter().map(|filter| (filter.name.root_id().to_owned(), filter.configuration.clone())).collect();
    policy_of(&chain)
}

/// Like [`policy`], of root ids and configurations.
pub fn policy_of(chain: &[(String, Value)]) -> Option<Value> {
    let positions: Vec<usize> = chain
        .iter()
        .map(|(root_id, _)| workspace::FILTERS.iter().position(|name| name == root_id))
        .collect::<Option<_>>()?;
    if !positions.is_sorted_by(|a, b| a < b) {
        return None;
    }
    let limits = chain.first()?.1.get("limits");
    if chain.iter().any(|(_, configuration)| configuration.get("limits") != limits) {
        return None;
    }
    let mut policy = Policy::default();
    policy.parts.insert("version".to_owned(), json!(1));
    policy.parts.insert("counting".to_owned(), json!("off"));
    if let Some(limits) = limits {
        policy.parts.insert("limits".to_owned(), limits.clone());
    }
    for (root_id, configuration) in chain {
        let mut configuration = configuration.as_object()?.clone();
        configuration.remove("limits");
        match root_id.as_str() {
            "prompt-inspector" => {
                identify(&mut policy, &mut configuration);
                policy.parts.insert("firewall".to_owned(), Value::Object(configuration));
            }
            "token-counter" => count(&mut policy, &configuration),
            "cost-quota" => pay(&mut policy, configuration),
            "model-router" => route(&mut policy, &configuration),
            _ => return None,
        }
    }
    let Policy { mut parts, models } = policy;
    if !models.is_empty() {
        parts.insert("models".to_owned(), Value::Object(models.into_iter().map(|(k, v)| (k, v.into())).collect()));
    }
    Some(Value::Object(parts))
}

/// Policy that is being built.
#[derive(Default)]
struct Policy {
    /// Parts other than `models`.
    parts: Map<String, Value>,
    models: BTreeMap<String, Map<String, Value>>,
}

impl Policy {
    fn model(&mut self, name: &str) -> &mut Map<String, Value> {
        self.models.entry(name.to_owned()).or_default()
    }
}

/// Adds tokenizers, aliases and requests for usage, as token-counter and cost-quota have them.
fn count(policy: &mut Policy, configuration: &Map<String, Value>) {
    policy.parts.insert("counting".to_owned(), json!("exact"));
    if let Some(tokenizers) = configuration.get("tokenizers") {
        policy.parts.insert("tokenizers".to_owned(), tokenizers.clone());
    }
    for (alias, target) in entries(configuration.get("aliases")) {
        policy.model(alias).insert("alias_of".to_owned(), target.clone());
    }
    match configuration.get("usage") {
        Some(Value::String(asked)) => {
            policy.model("*").insert("usage".to_owned(), json!(asked));
        }
        asked => {
            for (name, asked) in entries(asked) {
                policy.model(name).insert("usage".to_owned(), asked.clone());
            }
        }
    }
}

/// Adds the consumer and the team, as prompt-inspector has them: a call without them passes.
fn identify(policy: &mut Policy, configuration: &mut Map<String, Value>) {
    let names = ["consumer", "team"].map(|name| Some((name.to_owned(), configuration.remove(name)?)));
    let mut identity: Map<String, Value> = names.into_iter().flatten().collect();
    if !identity.is_empty() {
        identity.insert("missing".to_owned(), json!("anonymous"));
        policy.parts.insert("identity".to_owned(), Value::Object(identity));
    }
}

/// Adds prices, budgets and the consumer, as cost-quota has them.
fn pay(policy: &mut Policy, mut configuration: Map<String, Value>) {
    count(policy, &configuration);
    if let Some(Value::Object(mut consumer)) = configuration.remove("consumer") {
        let mut identity = Map::new();
        if let Some(missing) = consumer.remove("missing") {
            identity.insert("missing".to_owned(), missing);
        }
        identity.insert("consumer".to_owned(), Value::Object(consumer));
        policy.parts.insert("identity".to_owned(), Value::Object(identity));
    }
    let mut prices = Map::new();
    if let Some(table) = configuration.remove("prices") {
        prices.insert("override".to_owned(), table);
    }
    let on_unknown = configuration.remove("on_unknown_price").filter(|policy| policy != "allow");
    prices.insert("on_unknown".to_owned(), on_unknown.unwrap_or_else(|| json!("pass")));
    policy.parts.insert("prices".to_owned(), Value::Object(prices));
    if let Some(margin) = configuration.remove("estimate_margin") {
        policy.parts.insert("counting".to_owned(), json!({"mode": "exact", "estimate_margin": margin}));
    }
    let list = |of: Option<&Value>| of.and_then(Value::as_array).cloned().unwrap_or_default();
    let mut budgets = list(configuration.get("budgets"));
    let mut exempt = Vec::new();
    for (consumer, own) in entries(configuration.get("consumers")) {
        let own = list(own.get("budgets"));
        if own.is_empty() {
            exempt.push(json!(consumer));
        }
        budgets.extend(own.into_iter().map(|mut budget| {
            if let Some(budget) = budget.as_object_mut() {
                budget.insert("for".to_owned(), json!([consumer]));
            }
            budget
        }));
    }
    policy.parts.insert("budgets".to_owned(), Value::Array(budgets));
    let mut quota = Map::from_iter([("exempt".to_owned(), Value::Array(exempt))]);
    for name in QUOTA {
        if let Some(value) = configuration.remove(name) {
            quota.insert(name.to_owned(), value);
        }
    }
    if configuration.get("on_unavailable").is_some_and(|policy| policy == "allow") {
        quota.insert("on_unavailable".to_owned(), json!("pass"));
    }
    policy.parts.insert("quota".to_owned(), Value::Object(quota));
}

/// Adds routes, as model-router has them.
fn route(policy: &mut Policy, configuration: &Map<String, Value>) {
    for (name, route) in entries(configuration.get("models")) {
        let model = policy.model(name);
        for (key, value) in route.as_object().into_iter().flatten() {
            if key != "upstream_model" || model.get("alias_of") != Some(value) {
                model.insert(key.clone(), value.clone());
            }
        }
    }
    if let Some(Value::Object(default)) = configuration.get("default") {
        policy.model("*").extend(default.clone());
    }
}

fn entries(of: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    of.and_then(Value::as_object).into_iter().flatten()
}
