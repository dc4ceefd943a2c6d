//! Budgets of the consumer, and the amounts to reserve.

use serde_json::json;
use tollgate_policy::CompiledPolicy;
use tollgate_prices::{ModelPrice, NanoUsd};
use tollgate_quota::{Estimate, Unit};

use super::{Call, Stage};

pub(super) fn explain(
    policy: &CompiledPolicy,
    call: &Call,
    consumer: Option<&str>,
    input_tokens: u64,
    price: Option<&ModelPrice>,
) -> Stage {
    let (Some(quota), Some(consumer)) = (&policy.quota, consumer) else {
        let reason = if policy.quota.is_none() { "The policy has no budgets." } else { "No consumer to charge." };
        return Stage::new("budgets", vec![reason.into()], json!({}));
    };
    let (request, _) = call.view();
    let estimate =
        Estimate { input_tokens, max_output_tokens: request.max_output_tokens, candidates: request.candidates };
    let worst = quota.worst_case(&estimate, price);
    let amount = |unit: Unit, amount: u64| match unit {
        Unit::Usd => format!("{} dollars", NanoUsd(amount)),
        unit => format!("{amount} {}", unit.name()),
    };
    let (mut lines, mut budgets) = (Vec::new(), Vec::new());
    for budget in quota.budgets(consumer.as_bytes()) {
        let (unit, name, window) = (budget.unit(), budget.name(), budget.window());
        let (limit, reserved) = (amount(unit, budget.limit()), amount(unit, worst.of(unit)));
        let fits = worst.of(unit) <= budget.limit();
        let verdict = if fits { "fits into an unused window" } else { "exceeds the budget: refused" };
        lines.push(format!("{name}: {limit} per {window}; at most {reserved} reserved, which {verdict}."));
        let facts = json!({ "name": name, "unit": unit.name(), "limit": budget.limit(), "window": window.to_string(), "reserved": worst.of(unit), "fits": fits });
        budgets.push(facts);
    }
    if lines.is_empty() {
        lines.push(format!("No budget applies to {consumer}."));
    }
    Stage::new("budgets", lines, json!({ "budgets": budgets }))
}
