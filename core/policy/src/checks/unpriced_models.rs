//! `unpriced-model`: a model without a price under a budget in dollars.

use tollgate_config::{Finding, Path};
use tollgate_prices::{OnUnknownPrice, PriceTable, RawPriceTable};
use tollgate_quota::Unit;

use super::{Check, Code, warning};
use crate::compile::Findings;
use crate::policy::Policy;
use crate::prices::Table;

pub(super) const CODE: Code =
    warning("unpriced-model", "A model or alias without a price, while there is a budget in `usd`.");
pub(super) const CHECK: Check = Check { parts: &["models", "prices", "budgets"], run };

fn run(policy: &Policy, findings: &mut Findings) {
    if !policy.budgets.iter().any(|budget| budget.unit == Unit::Usd) {
        return;
    }
    let prices = policy.prices.clone().unwrap_or_default();
    let raw = RawPriceTable {
        overrides: prices.overrides.clone(),
        listed: prices.models.clone(),
        built_in: prices.table == Table::BuiltIn,
        ..RawPriceTable::default()
    };
    let Ok(table) = PriceTable::compile(raw) else { return };
    let effect = match prices.on_unknown {
        OnUnknownPrice::Refuse => "calls of consumers with a budget in `usd` are refused (403)",
        OnUnknownPrice::Pass => "its calls are not charged to the budgets in `usd`",
        OnUnknownPrice::Free | OnUnknownPrice::As(_) => return,
    };
    let patterns: Vec<&str> = prices.overrides.0.0.keys().filter_map(|name| name.strip_suffix('*')).collect();
    let models = &policy.models.0;
    for (name, model) in models {
        let mut target = name.as_str();
        for _ in 0..models.len() {
            match models.get(target).and_then(|model| model.alias_of.as_deref()) {
                Some(next) => target = next,
                None => break,
            }
        }
        let provider = model.provider.as_deref();
        let priced = |name: &str| match name.strip_suffix('*') {
            // A wildcard has prices if any entry of the table may match its models.
            Some(_) if prices.table == Table::BuiltIn => true,
            Some(prefix) => {
                let overlaps = |pattern: &&str| pattern.starts_with(prefix) || prefix.starts_with(pattern);
                prices.overrides.0.0.keys().any(|key| key.starts_with(prefix)) || patterns.iter().any(overlaps)
            }
            None => table.find(name, provider).is_some(),
        };
        if priced(target) || priced(name) {
            continue;
        }
        let path = Path::part("models").key(name);
        let finding = Finding::warning(CODE.code, path, format!("the model has no price: {effect}")).at_key();
        findings.add(finding.with_help("add it under `prices.override`"));
    }
}
