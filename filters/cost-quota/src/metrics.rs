//! Metrics of the filter.

use tollgate_kit::metrics::{Counter, Labelled};
use tollgate_prices::NanoUsd;

pub(crate) struct Metrics {
    /// `tollgate_cost_micro_usd_total{model}`.
    cost: Labelled,
    /// Calls refused because a budget was exceeded.
    pub(crate) limit_exceeded: Counter,
    /// Calls whose budgets could not be read or written, refused or not.
    pub(crate) unavailable: Counter,
    /// Calls whose model has no price.
    pub(crate) unpriced: Counter,
    /// Admitted calls whose lease ended without a settlement, counted by the worker that charged them.
    pub(crate) unsettled: Counter,
    /// Calls charged as reserved because their client left before any output.
    pub(crate) abandoned: Counter,
    /// Calls charged as reserved because their response is produced in the background.
    pub(crate) background: Counter,
    /// Prompts counted by this filter.
    pub(crate) counted: Counter,
    /// `tollgate_usage_anomalies_total{reason}`: calls metered by this filter whose reported usage contradicts itself.
    anomalies: Labelled,
}

impl Metrics {
    pub(crate) fn define() -> Metrics {
        Metrics {
            cost: Labelled::new("tollgate_cost_micro_usd_total.model", &[""]),
            limit_exceeded: Counter::define("tollgate_quota_denied_total"),
            unavailable: Counter::define("tollgate_quota_unavailable_total"),
            unpriced: Counter::define("tollgate_unpriced_calls_total"),
            unsettled: Counter::define("tollgate_unsettled_calls_total"),
            abandoned: Counter::define("tollgate_abandoned_calls_total"),
            background: Counter::define("tollgate_background_calls_total"),
            counted: Counter::define("tollgate_prompts_counted_total"),
            anomalies: Labelled::new("tollgate_usage_anomalies_total.reason", &[""]),
        }
    }

    /// Counts a contradiction in the reported usage of a call.
    pub(crate) fn anomaly(&mut self, reason: &str) {
        self.anomalies.counter(reason, 0).add(1);
    }

    /// Adds the cost of a call. `model` becomes a label, so it must be one that a provider has served.
    pub(crate) fn cost(&mut self, model: &str, cost: NanoUsd) {
        self.cost.counter(model, 0).add(cost.micros());
    }
}
