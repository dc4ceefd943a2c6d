//! Route of the call.

use serde_json::json;
use tollgate_policy::CompiledPolicy;

use super::Stage;

pub(super) fn explain(policy: &CompiledPolicy, model: Option<&str>) -> Stage {
    let Some(router) = &policy.router else { return Stage::idle("route", "The policy has no routes.") };
    match router.decide(model) {
        Ok(decision) => {
            let provider = decision.provider.map(|name| format!(", the provider {name}")).unwrap_or_default();
            let lines = vec![format!("The route is {}{provider}.", decision.route)];
            let facts = json!({
                "route": decision.route, "provider": decision.provider, "upstream_model": decision.upstream_model,
            });
            Stage::new("route", lines, facts)
        }
        Err(refusal) => {
            let error = refusal.api_error();
            let line = "No entry of `models` with a route applies.".to_owned();
            Stage::new("route", vec![line], json!({})).refuse(error.status, error.message)
        }
    }
}
