//! Model that the call resolves to.

use serde_json::json;
use tollgate_policy::CompiledPolicy;

use super::Stage;

/// Returns the model to count and price: the one that the route or the alias requests.
pub(super) fn upstream(policy: &CompiledPolicy, model: &str) -> String {
    let routed = policy.router.as_ref().and_then(|router| router.decide(Some(model)).ok()?.upstream_model);
    routed.unwrap_or_else(|| policy.catalog.resolve_alias(model)).to_owned()
}

pub(super) fn explain(policy: &CompiledPolicy, model: Option<&str>) -> Stage {
    let Some(model) = model else { return Stage::idle("model", "The request names no model.") };
    let upstream = upstream(policy, model);
    let line = if upstream == model {
        format!("The request names {model}, which is no alias.")
    } else {
        format!("The request names {model}; the upstream gets {upstream}.")
    };
    Stage::new("model", vec![line], json!({ "requested": model, "upstream": upstream }))
}
