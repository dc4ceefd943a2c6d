//! Metrics of the filter.

use tollgate_inspect::{Policy, Report};
use tollgate_kit::metrics::Counter;

pub(crate) struct Metrics {
    /// `tollgate_rule_hits_total{rule, action}`: calls in which the rule matched, by the rule's index.
    hits: Vec<Counter>,
    /// Texts and events that passed without inspection.
    unscanned: Counter,
}

impl Metrics {
    pub(crate) fn define(policy: &Policy) -> Metrics {
        let name = |rule: &tollgate_inspect::Rule| {
            format!("tollgate_rule_hits_total.rule.{}.action.{}", rule.id(), rule.action().name())
        };
        Metrics {
            hits: policy.rules().iter().map(|rule| Counter::define(&name(rule))).collect(),
            unscanned: Counter::define("tollgate_unscanned_texts_total"),
        }
    }

    /// Counts the findings of one inspection.
    pub(crate) fn count(&self, report: &Report) {
        for rule in &report.rules {
            if let Some(counter) = self.hits.get(rule.get()) {
                counter.add(1);
            }
        }
        self.unscanned.add(report.unscanned);
    }
}
