//! `unpriced-model`: a model without a price under a budget in dollars.

use tollgate_config::{Finding, Path};
use tollgate_prices::PriceTable;
use tollgate_quota::Unit;

use super::{Check, Code, warning};
use crate::admission::Admission;
use crate::compile::Findings;
use crate::policy::Policy;

pub(super) const CODE: Code =
    warning("unpriced-model", "A model or alias without a price, while there is a budget in `usd`.");
pub(super) const CHECK: Check = Check { parts: &["models", "prices", "budgets"], run };

fn run(policy: &Policy, findings: &mut Findings) {
    if !policy.budgets.iter().any(|budget| budget.unit == Unit::Usd) {
        return;
    }
    let prices = policy.prices.clone().unwrap_or_default();
    let Ok(table) = PriceTable::new(prices.overrides.clone()) else { return };
    let patterns: Vec<&str> = prices.overrides.0.0.keys().filter_map(|name| name.strip_suffix('*')).collect();
    let models = &policy.models.0;
    for name in models.keys() {
        let mut target = name.as_str();
        for _ in 0..models.len() {
            match models.get(target).and_then(|model| model.alias_of.as_deref()) {
                Some(next) => target = next,
                None => break,
            }
        }
        let priced = |name: &str| match name.strip_suffix('*') {
            // A wildcard has prices if any entry of the table may match its models.
            Some(prefix) => {
                let overlaps = |pattern: &&str| pattern.starts_with(prefix) || prefix.starts_with(pattern);
                prices.overrides.0.0.keys().any(|key| key.starts_with(prefix)) || patterns.iter().any(overlaps)
            }
            None => table.find(name).is_some(),
        };
        if priced(target) || priced(name) {
            continue;
        }
        let path = Path::part("models").key(name);
        let effect = match prices.on_unknown {
            Admission::Refuse => "calls of consumers with a budget in `usd` are refused (403)",
            Admission::Pass => "its calls are not charged to the budgets in `usd`",
        };
        let finding = Finding::warning(CODE.code, path, format!("the model has no price: {effect}")).at_key();
        findings.add(finding.with_help("add it under `prices.override`"));
    }
}
