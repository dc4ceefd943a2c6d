//! Counters and histograms, which Envoy publishes as `wasmcustom.<name>`.
//!
//! Envoy never frees a stat, so every label value must come from a bounded set: see [`Labelled`]. Labels are part of the
//! name (`tollgate_tokens_total.model.gpt-4o.type.input`); the reference bootstrap's `stats_tags` turn them into tags.

use std::collections::BTreeMap;

use crate::abi::{self, MetricKind};

/// Number that only grows.
#[derive(Clone, Copy, Debug)]
pub struct Counter(Option<u32>);

impl Counter {
    /// Defines the counter; call it once per virtual machine (in `configure`).
    pub fn define(name: &str) -> Counter {
        Counter(define(MetricKind::Counter, name))
    }

    /// Adds to the counter. Does nothing for 0, which Envoy refuses.
    pub fn add(self, n: u64) {
        if let (Some(id), 1..) = (self.0, n) {
            let _ = abi::increment_metric(id, i64::try_from(n).unwrap_or(i64::MAX));
        }
    }
}

/// Distribution of samples.
#[derive(Clone, Copy, Debug)]
pub struct Histogram(Option<u32>);

impl Histogram {
    /// Defines the histogram; call it once per virtual machine (in `configure`).
    pub fn define(name: &str) -> Histogram {
        Histogram(define(MetricKind::Histogram, name))
    }

    /// Adds a sample.
    pub fn record(self, value: u64) {
        if let Some(id) = self.0 {
            let _ = abi::record_metric(id, value);
        }
    }
}

fn define(kind: MetricKind, name: &str) -> Option<u32> {
    match abi::define_metric(kind, name) {
        Ok(id) => Some(id),
        Err(status) => {
            log::warn!("tollgate: metric {name} not defined: {status}");
            None
        }
    }
}

/// Counters that differ in one label whose values are not known in advance. Each of the first [`LIMIT`](Self::LIMIT)
/// distinct values has counters of its own; further values are counted under `other`.
#[derive(Debug)]
pub struct Labelled {
    prefix: &'static str,
    suffixes: &'static [&'static str],
    counters: BTreeMap<String, Vec<Counter>>,
}

impl Labelled {
    /// Number of distinct label values per virtual machine.
    pub const LIMIT: usize = 64;

    /// Returns counters named `<prefix>.<value><suffix>`, one per suffix.
    pub fn new(prefix: &'static str, suffixes: &'static [&'static str]) -> Labelled {
        Labelled { prefix, suffixes, counters: BTreeMap::new() }
    }

    /// Returns the counter of a label value, by the index of its suffix.
    pub fn counter(&mut self, value: &str, suffix: usize) -> Counter {
        debug_assert!(suffix < self.suffixes.len(), "no such suffix");
        let value = if value.is_empty() || value.len() > 128 || !value.bytes().all(|b| b.is_ascii_graphic()) {
            "other"
        } else {
            value
        };
        if let Some(counters) = self.counters.get(value) {
            return counters.get(suffix).copied().unwrap_or(Counter(None));
        }
        let value = if self.counters.len() >= Self::LIMIT { "other" } else { value };
        let (prefix, suffixes) = (self.prefix, self.suffixes);
        let counters = self
            .counters
            .entry(value.to_owned())
            .or_insert_with(|| suffixes.iter().map(|s| Counter::define(&format!("{prefix}.{value}{s}"))).collect());
        counters.get(suffix).copied().unwrap_or(Counter(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_bounded() {
        let mut labelled = Labelled::new("t.model", &[".type.input"]);
        for i in 0..1000 {
            labelled.counter(&format!("model-{i}"), 0);
        }
        assert_eq!(labelled.counters.len(), Labelled::LIMIT + 1);
        assert!(labelled.counters.contains_key("other"));
    }

    #[test]
    fn values_unfit_for_a_stat_name_are_other() {
        let mut labelled = Labelled::new("t.model", &[""]);
        for value in ["", "a b", "é", &"x".repeat(129)] {
            labelled.counter(value, 0);
        }
        assert_eq!(labelled.counters.keys().collect::<Vec<_>>(), ["other"]);
    }
}
