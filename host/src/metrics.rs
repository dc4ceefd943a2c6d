//! Metrics of a virtual machine: ids for names, values in the process's stats.

use crate::Stats;
use crate::abi::Status;

/// Metrics that a virtual machine has defined. The two low bits of an id are its kind; every definition creates a new id,
/// even for the same name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    counters: Vec<String>,
    gauges: Vec<String>,
    histograms: Vec<String>,
}

const COUNTER: u32 = 0;
const GAUGE: u32 = 1;
const HISTOGRAM: u32 = 2;

impl Metrics {
    pub(crate) fn define(&mut self, stats: &mut Stats, kind: u32, name: &str) -> Result<u32, Status> {
        let name = if name.is_empty() { "wasmcustom".to_owned() } else { format!("wasmcustom.{name}") };
        let names = match kind {
            COUNTER => {
                stats.counters.entry(name.clone()).or_default();
                &mut self.counters
            }
            GAUGE => {
                stats.gauges.entry(name.clone()).or_default();
                &mut self.gauges
            }
            HISTOGRAM => {
                stats.histograms.entry(name.clone()).or_default();
                &mut self.histograms
            }
            _ => return Err(Status::BadArgument),
        };
        names.push(name);
        Ok(u32::try_from(names.len()).unwrap_or(u32::MAX) * 4 + kind)
    }

    fn name(&self, id: u32) -> Option<&str> {
        let names = match id & 3 {
            COUNTER => &self.counters,
            GAUGE => &self.gauges,
            HISTOGRAM => &self.histograms,
            _ => return None,
        };
        names.get(usize::try_from(id / 4).ok()?.checked_sub(1)?).map(String::as_str)
    }

    /// Adds to a counter, which only grows, or to a gauge.
    pub(crate) fn increment(&self, stats: &mut Stats, id: u32, offset: i64) -> Result<(), Status> {
        if id & 3 > GAUGE {
            return Err(Status::BadArgument);
        }
        let name = self.name(id).ok_or(Status::NotFound)?;
        if id & 3 == COUNTER {
            let offset = u64::try_from(offset).ok().filter(|&offset| offset > 0).ok_or(Status::BadArgument)?;
            if let Some(value) = stats.counters.get_mut(name) {
                *value = value.wrapping_add(offset);
            }
        } else if let Some(value) = stats.gauges.get_mut(name) {
            *value = value.wrapping_add_signed(offset);
        }
        Ok(())
    }

    /// Adds to a counter, sets a gauge, or adds a sample to a histogram.
    pub(crate) fn record(&self, stats: &mut Stats, id: u32, value: u64) -> Result<(), Status> {
        let name = self.name(id).ok_or(Status::NotFound)?;
        match id & 3 {
            COUNTER => {
                if let Some(counter) = stats.counters.get_mut(name) {
                    *counter = counter.wrapping_add(value);
                }
            }
            GAUGE => {
                if let Some(gauge) = stats.gauges.get_mut(name) {
                    *gauge = value;
                }
            }
            _ => {
                if let Some(samples) = stats.histograms.get_mut(name) {
                    samples.push(value);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn get(&self, stats: &Stats, id: u32) -> Result<u64, Status> {
        if id & 3 > GAUGE {
            return Err(Status::BadArgument);
        }
        let name = self.name(id).ok_or(Status::NotFound)?;
        Ok(if id & 3 == COUNTER { stats.counter(name) } else { stats.gauge(name) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_recorded_from_envoy() {
        let (mut stats, mut metrics) = (Stats::default(), Metrics::default());
        assert_eq!(metrics.define(&mut stats, 0, "probe.c"), Ok(4));
        assert_eq!(metrics.define(&mut stats, 0, "probe.c"), Ok(8), "the same name again is a new id");
        assert_eq!(metrics.define(&mut stats, 2, "probe.h"), Ok(6));
        assert_eq!(metrics.define(&mut stats, 1, "probe.g"), Ok(5));
        assert_eq!(metrics.define(&mut stats, 3, "x"), Err(Status::BadArgument));
        assert_eq!(metrics.increment(&mut stats, 4, 0), Err(Status::BadArgument));
        assert_eq!(metrics.increment(&mut stats, 4, -1), Err(Status::BadArgument));
        assert_eq!(metrics.increment(&mut stats, 4, 3), Ok(()));
        assert_eq!(metrics.record(&mut stats, 4, 5), Ok(()));
        assert_eq!(metrics.get(&stats, 8), Ok(8), "one counter, whichever id");
        assert_eq!(metrics.get(&stats, 6), Err(Status::BadArgument));
        assert_eq!(metrics.increment(&mut stats, 996, 1), Err(Status::NotFound));
        assert_eq!(metrics.increment(&mut stats, 5, 7), Ok(()));
        assert_eq!(metrics.increment(&mut stats, 5, -2), Ok(()));
        assert_eq!(stats.gauge("wasmcustom.probe.g"), 5);
        assert_eq!(metrics.record(&mut stats, 6, 9), Ok(()));
        assert_eq!(stats.histogram("wasmcustom.probe.h"), [9]);
    }
}
