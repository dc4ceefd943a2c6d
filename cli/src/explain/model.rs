//! Resolution of the model's name, step by step.

use serde_json::json;
use tollgate_policy::CompiledPolicy;

use super::Stage;

/// Returns the name of a model at the upstream.
fn upstream<'a>(policy: &'a CompiledPolicy, model: &'a str) -> &'a str {
    let routed = match &policy.router {
        Some(router) => router.decide(Some(model)).ok().and_then(|decision| decision.upstream_model),
        None => policy.upstream_models.find(model).map(String::as_str),
    };
    routed.unwrap_or(model)
}

pub(super) fn explain(policy: &CompiledPolicy, model: Option<&str>) -> Stage {
    let Some(model) = model else { return Stage::idle("model", "The request names no model.") };
    let upstream = upstream(policy, model);
    let aliases = policy.catalog.alias_steps(model);
    let entries = policy.router.as_ref().map(|router| router.steps(model)).unwrap_or_default();
    let texts = |steps: &[tollgate_names::Step<'_>]| steps.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (aliases, entries) = (texts(&aliases), texts(&entries));
    let mut lines = vec![match policy.catalog.resolve_alias(model) {
        target if target == model => format!("The request names {model}, which is no alias."),
        target => format!("The request names {model}, an alias: price and tokenizer are those of {target}."),
    }];
    for (what, steps) in [("alias", &aliases), ("route", &entries)] {
        if !steps.is_empty() {
            lines.push(format!("{what}: {}", steps.join(", ")));
        }
    }
    if upstream != model {
        lines.push(format!("The upstream gets {upstream}."));
    }
    let facts = json!({ "requested": model, "upstream": upstream, "alias_steps": aliases, "route_steps": entries });
    Stage::new("model", lines, facts)
}
