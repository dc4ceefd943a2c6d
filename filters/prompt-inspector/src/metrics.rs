//! Metrics of the filter.

use tollgate_inspect::{Policy, Report, RuleIndex, RuleSet};
use tollgate_kit::metrics::Counter;

use crate::guards::GuardError;

pub(crate) struct Metrics {
    /// `tollgate_rule_hits_total{rule, action}`: calls in which the rule matched, by the rule's index.
    hits: Vec<Counter>,
    /// Texts and events that passed without inspection.
    unscanned: Counter,
    /// `tollgate_guard_errors_total{rule, reason}`: calls that a guard has not judged, by the guard's rule.
    guard_errors: Vec<(RuleIndex, [Counter; GuardError::ALL.len()])>,
}

impl Metrics {
    pub(crate) fn define(policy: &Policy) -> Metrics {
        let name = |rule: &tollgate_inspect::Rule| {
            format!("tollgate_rule_hits_total.rule.{}.action.{}", rule.id(), rule.action().name())
        };
        let all = RuleSet::new();
        let of_guard = |rule: RuleIndex, name: &str| {
            let name =
                |error: GuardError| format!("tollgate_guard_errors_total.rule.guard.{name}.reason.{}", error.name());
            (rule, GuardError::ALL.map(|error| Counter::define(&name(error))))
        };
        Metrics {
            guard_errors: policy.guards(&all).map(|(rule, guard)| of_guard(rule, guard.name())).collect(),
            hits: policy.rules().iter().map(|rule| Counter::define(&name(rule))).collect(),
            unscanned: Counter::define("tollgate_unscanned_texts_total"),
        }
    }

    /// Counts a call that a guard has not judged.
    pub(crate) fn count_guard_error(&self, rule: RuleIndex, error: GuardError) {
        let guard = self.guard_errors.iter().find(|(own, _)| *own == rule);
        if let Some(counter) = guard.and_then(|(_, counters)| counters.get(error as usize)) {
            counter.add(1);
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
