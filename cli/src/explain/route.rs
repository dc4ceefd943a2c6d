//! Route of the call.

use serde_json::json;
use tollgate_policy::CompiledPolicy;

use super::Stage;

pub(super) fn explain(policy: &CompiledPolicy, model: Option<&str>) -> Stage {
    let Some(router) = &policy.router else {
        return Stage::new("route", vec!["The policy has no routes.".into()], json!({}));
    };
    match router.decide(model) {
        Ok(decision) => {
            let provider = decision.provider.map(|name| format!(", provider {name}")).unwrap_or_default();
            let facts = json!({ "route": decision.route, "provider": decision.provider, "upstream_model": decision.upstream_model });
            Stage::new("route", vec![format!("The route is {}{provider}.", decision.route)], facts)
        }
        Err(refusal) => {
            let error = refusal.api_error();
            let line = format!("Refused with {}: {}", error.status, error.message);
            Stage::new("route", vec![line], json!({ "refused": error.status, "message": error.message }))
        }
    }
}
