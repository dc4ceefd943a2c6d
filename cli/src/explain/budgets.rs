//! Budgets of the consumer, and the amounts to reserve.

use serde_json::json;
use tollgate_policy::{CompiledPolicy, OnUnknownPrice};
use tollgate_prices::{ModelPrice, NanoUsd, ServiceTier};
use tollgate_quota::{CallUsage, Estimate, LimitExceeded, Quota, Refusal, Unit, UnixMillis};

use super::tokens::Count;
use super::unused::Unused;
use super::{Stage, View};

/// Time of the reservation. In an unused window, nothing depends on it.
const NOW: UnixMillis = UnixMillis(0);

pub(super) fn explain(
    policy: &CompiledPolicy,
    view: &View<'_>,
    consumer: Option<&str>,
    count: &Count,
    price: Option<&ModelPrice>,
) -> Stage {
    let Some(quota) = &policy.quota else { return Stage::idle("budgets", "The policy has no budgets.") };
    let Some(consumer) = consumer else { return Stage::idle("budgets", "There is no consumer to charge.") };
    let budgets = quota.budgets(consumer.as_bytes());
    let is_free = view.request.dialect.is_free();
    let is_unpriced = price.is_none() && !is_free && budgets.iter().any(|budget| budget.unit() == Unit::Usd);
    let attempt = Attempt { quota, consumer, price, view };
    let (usage, from, exceeded) = attempt.reserve(count);
    let mut lines = Vec::new();
    let mut facts = Vec::new();
    for budget in budgets {
        let (unit, name, window) = (budget.unit(), budget.name(), budget.window());
        let (limit, reserved) = (budget.limit(), usage.of(unit));
        let fits = reserved <= limit;
        let verdict = if fits { "which fits into an unused window" } else { "which exceeds the limit" };
        lines.push(format!(
            "{name}: {} per {window}; {} reserved, {verdict}.",
            amount(unit, limit),
            amount(unit, reserved)
        ));
        facts.push(json!({
            "name": name, "unit": unit.name(), "limit": limit, "window": window.to_string(), "reserved": reserved,
            "fits": fits,
        }));
    }
    if budgets.is_empty() {
        lines.push(format!("No budget applies to {consumer}."));
    } else if is_free {
        lines.push("Calls to this API are not billed.".into());
    } else {
        lines.push(format!("The reservation is made of {from} and the largest output that the request allows."));
    }
    let stage = Stage::new("budgets", lines, json!({ "consumer": consumer, "budgets": facts, "prompt": from }));
    if is_unpriced && policy.on_unknown_price == OnUnknownPrice::Refuse {
        return stage.refuse(403, "This model has no price, and the caller's budget is in US dollars.");
    }
    match exceeded {
        Some(exceeded) => stage.refuse(LimitExceeded::STATUS, exceeded.message()),
        None => stage,
    }
}

/// Attempt to reserve a call in unused budgets.
struct Attempt<'a> {
    quota: &'a Quota,
    consumer: &'a str,
    price: Option<&'a ModelPrice>,
    view: &'a View<'a>,
}

impl Attempt<'_> {
    /// Reserves the bound of the prompt if it is small, else its count. Returns the reservation, its source, and the limit
    /// that it exceeds, if there is one.
    fn reserve(&self, count: &Count) -> (CallUsage, &'static str, Option<Box<LimitExceeded>>) {
        let (store, consumer) = (Unused::default(), self.consumer.as_bytes());
        if let Some(bound) = count.bound {
            let usage = self.usage(count.margin.reserved(bound));
            if let Ok(Some(_)) = self.quota.reserve_bound(&store, consumer, NOW, &usage) {
                return (usage, "the bound of the prompt", None);
            }
        }
        let usage = self.usage(count.margin.reserved(count.exact.tokens));
        let exceeded = match self.quota.reserve(&store, consumer, NOW, &usage) {
            Err(Refusal::LimitExceeded(exceeded)) => Some(exceeded),
            _ => None,
        };
        (usage, "the counted prompt", exceeded)
    }

    /// Returns the most that the call can use.
    fn usage(&self, input_tokens: u64) -> CallUsage {
        let request = &self.view.request;
        let estimate = match request.dialect.is_free() {
            true => Estimate { max_output_tokens: Some(0), ..Estimate::default() },
            false => Estimate {
                input_tokens,
                max_output_tokens: request.max_output_tokens,
                min_output_tokens: request.min_output_tokens,
                thinking_tokens: request.thinking_tokens,
                candidates: request.candidates,
                service_tier: request.service_tier.and_then(|tier| ServiceTier::from_name(tier.name())),
            },
        };
        let mut usage = self.quota.worst_case(&estimate, self.price);
        if self.price.is_none() {
            // The price is unknown, but not zero.
            usage.nano_usd = NanoUsd(1);
        }
        usage
    }
}

fn amount(unit: Unit, amount: u64) -> String {
    match unit {
        Unit::Usd => format!("${}", NanoUsd(amount)),
        unit => format!("{amount} {}", unit.name()),
    }
}
