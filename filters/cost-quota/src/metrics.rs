//! The metrics of the filter.

use tollgate_kit::metrics::{Counter, Labelled};
use tollgate_prices::NanoUsd;

pub(crate) struct Metrics {
    /// `tollgate_cost_micro_usd_total{model}`.
    cost: Labelled,
    /// Calls refused because a budget had not enough left.
    pub(crate) denied: Counter,
    /// Calls that passed, or were refused, because the count could not be asked.
    pub(crate) unavailable: Counter,
    /// Calls whose model has no price.
    pub(crate) unpriced: Counter,
    /// Calls that were admitted and whose use could not be settled; their reservation stands until its lease ends.
    pub(crate) unsettled: Counter,
    /// Prompts that were counted, here or by token-counter: one a call.
    pub(crate) counted: Counter,
}

impl Metrics {
    pub(crate) fn define() -> Metrics {
        Metrics {
            cost: Labelled::new("tollgate_cost_micro_usd_total.model", &[""]),
            denied: Counter::define("tollgate_quota_denied_total"),
            unavailable: Counter::define("tollgate_quota_unavailable_total"),
            unpriced: Counter::define("tollgate_unpriced_calls_total"),
            unsettled: Counter::define("tollgate_unsettled_calls_total"),
            counted: Counter::define("tollgate_prompts_counted_total"),
        }
    }

    /// Counts what a call of a priced model cost. `model` becomes a label: it is one that a provider has answered to.
    pub(crate) fn cost(&mut self, model: &str, cost: NanoUsd) {
        self.cost.counter(model, 0).add(cost.micros());
    }
}
