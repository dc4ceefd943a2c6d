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
    /// A counter's value; 0 if there is none of that name.
    pub fn counter(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or_default()
    }

    /// A gauge's value; 0 if there is none of that name.
    pub fn gauge(&self, name: &str) -> u64 {
        self.gauges.get(name).copied().unwrap_or_default()
    }

    /// Everything recorded into a histogram, in order.
    pub fn histogram(&self, name: &str) -> &[u64] {
        self.histograms.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// All counters.
    pub fn counters(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counters.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// All gauges.
    pub fn gauges(&self) -> impl Iterator<Item = (&str, u64)> {
        self.gauges.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// All histograms.
    pub fn histograms(&self) -> impl Iterator<Item = (&str, &[u64])> {
        self.histograms.iter().map(|(name, samples)| (name.as_str(), samples.as_slice()))
    }
}
