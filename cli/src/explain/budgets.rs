//! Budgets of the consumer, and the amounts to reserve.

use std::cell::Cell;

use serde_json::json;
use tollgate_policy::{CompiledPolicy, Mode, OnUnknownPrice};
use tollgate_prices::{ModelPrice, NanoUsd, ServiceTier};
use tollgate_quota::{CallUsage, Claim, Estimate, LimitExceeded, Quota, Refusal, Unit, UnixMillis};

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
    let is_audit = policy.mode == Mode::Audit;
    let attempt = Attempt { quota, consumer, price, view, is_audit };
    let Outcome { usage, from, exceeded, imposed } = attempt.reserve(count);
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
    } else if view.request.dialect.is_mcp() {
        let calls = view.request.rpc_calls();
        lines.push(format!("Tools count in budgets in requests only; calls in this request: {calls}."));
    } else if view.request.dialect.is_upload() {
        lines.push("Uploads count in budgets in requests only.".into());
    } else if is_free {
        lines.push("Calls to this API are not billed.".into());
    } else if let Some(limit) = imposed {
        lines.push(format!(
            "The reservation is made of {from} and the largest output that an unused budget affords, {limit} tokens, which is \
             written into the request."
        ));
    } else {
        lines.push(format!("The reservation is made of {from} and the largest output that the request allows."));
    }
    let mut facts = json!({ "consumer": consumer, "budgets": facts, "prompt": from });
    if let (Some(facts), Some(limit)) = (facts.as_object_mut(), imposed) {
        facts.insert("imposed_output_tokens".to_owned(), limit.into());
    }
    let stage = Stage::new("budgets", lines, facts);
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
    /// `true` if the policy changes no request, so that no output limit is imposed.
    is_audit: bool,
}

/// Result of an attempt.
struct Outcome {
    usage: CallUsage,
    /// Source of the number of the prompt's tokens.
    from: &'static str,
    /// Limit that the call exceeds.
    exceeded: Option<Box<LimitExceeded>>,
    /// Output limit that is written into the request.
    imposed: Option<u64>,
}

impl Attempt<'_> {
    /// Reserves the bound of the prompt if it is small, else its count, with the output limit that the policy imposes.
    fn reserve(&self, count: &Count) -> Outcome {
        let (store, consumer) = (Unused::default(), self.consumer.as_bytes());
        let is_unchanged = self.is_audit || self.view.request.dialect.is_free();
        let least = self.view.request.least_output_cap(&self.view.body).filter(|_| !is_unchanged);
        let imposed = least.and_then(|least| self.quota.imposed_limit(consumer, self.price, least));
        if let Some(bound) = count.bound.filter(|_| imposed.is_none_or(|imposed| imposed.is_own())) {
            let usage = self.usage(&self.estimate(count.margin.reserved(bound)));
            if let Ok(Some(_)) = self.quota.reserve_bound(&store, consumer, NOW, &usage) {
                return Outcome { usage, from: "the bound of the prompt", exceeded: None, imposed: None };
            }
        }
        let estimate = self.estimate(count.margin.reserved(count.exact.tokens));
        let (usage, limit) = (Cell::new(CallUsage::ZERO), Cell::new(None));
        let reserved = self.quota.reserve_of(&store, consumer, NOW, |remaining| {
            let limited = match &imposed {
                None => estimate,
                Some(imposed) => {
                    let tokens = imposed.affordable(self.quota, remaining, &estimate, self.price);
                    limit.set(Some(tokens).filter(|tokens| imposed.is_written(*tokens)));
                    Estimate { max_output_tokens: Some(tokens), ..estimate }
                }
            };
            usage.set(self.usage(&limited));
            Claim::from(&usage.get())
        });
        let exceeded = match reserved {
            Err(Refusal::LimitExceeded(exceeded)) => Some(exceeded),
            _ => None,
        };
        let imposed = limit.get().filter(|_| exceeded.is_none());
        Outcome { usage: usage.get(), from: "the counted prompt", exceeded, imposed }
    }

    /// Returns the size of the call with a prompt of this many tokens.
    fn estimate(&self, input_tokens: u64) -> Estimate {
        let request = &self.view.request;
        match request.dialect.is_free() {
            true => Estimate { max_output_tokens: Some(0), ..Estimate::default() },
            false => Estimate {
                input_tokens,
                max_output_tokens: request.max_output_tokens,
                min_output_tokens: request.min_output_tokens,
                thinking_tokens: request.thinking_tokens,
                candidates: request.candidates,
                service_tier: request.service_tier.and_then(|tier| ServiceTier::from_name(tier.name())),
            },
        }
    }

    /// Returns the most that a call of this size can use.
    fn usage(&self, estimate: &Estimate) -> CallUsage {
        if self.view.request.dialect.is_mcp() {
            return CallUsage { requests: self.view.request.rpc_calls() as u64, ..CallUsage::ZERO };
        }
        if self.view.request.dialect.is_upload() {
            return CallUsage { requests: 1, ..CallUsage::ZERO };
        }
        let mut usage = self.quota.worst_case(estimate, self.price);
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
