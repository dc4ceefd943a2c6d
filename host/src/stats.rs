//! Metrics of a process.

use std::collections::BTreeMap;

/// Metrics by name. A guest's metric `x` is `wasmcustom.x`, as in Envoy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub(crate) counters: BTreeMap<String, u64>,
    pub(crate) gauges: BTreeMap<String, u64>,
    pub(crate) histograms: BTreeMap<String, Vec<u64>>,
}

impl Stats {
    /// Returns a counter's value, or 0 if it does not exist.
    pub fn counter(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or_default()
    }

    /// Returns a gauge's value, or 0 if it does not exist.
    pub fn gauge(&self, name: &str) -> u64 {
        self.gauges.get(name).copied().unwrap_or_default()
    }

    /// Returns all samples of a histogram, in order.
    pub fn histogram(&self, name: &str) -> &[u64] {
        self.histograms.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns all counters.
    pub fn counters(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counters.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// Returns all gauges.
    pub fn gauges(&self) -> impl Iterator<Item = (&str, u64)> {
        self.gauges.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// Returns all histograms.
    pub fn histograms(&self) -> impl Iterator<Item = (&str, &[u64])> {
        self.histograms.iter().map(|(name, samples)| (name.as_str(), samples.as_slice()))
    }
}
