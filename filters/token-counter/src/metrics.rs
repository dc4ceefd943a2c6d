//! Metrics of the filter.

use tollgate_kit::metrics::{Counter, Histogram, Labelled};
use tollgate_tokens::UsageRecord;

/// Suffixes by token type: OpenTelemetry's `gen_ai.token.type`, and parts of these.
const TYPES: &[&str] = &[".type.input", ".type.cached_input", ".type.cache_write", ".type.output", ".type.reasoning"];
/// Suffixes by source of the usage, in the order of [`RecordSource`](tollgate_tokens::RecordSource).
const SOURCES: &[&str] = &[".source.provider", ".source.counted", ".source.mixed", ".source.estimated", ".source.none"];

pub(crate) struct Metrics {
    /// `tollgate_tokens_total{model, type}`.
    tokens: Labelled,
    /// `tollgate_calls_total{model, source}`: settled calls by the source of their usage.
    calls: Labelled,
    /// `tollgate_usage_anomalies_total{reason}`: calls whose reported usage contradicts itself.
    anomalies: Labelled,
    /// `tollgate_ttft_ms`.
    ttft: Histogram,
    /// Prompts counted by this filter.
    pub(crate) counted: Counter,
}

impl Metrics {
    pub(crate) fn define() -> Metrics {
        Metrics {
            tokens: Labelled::new("tollgate_tokens_total.model", TYPES),
            calls: Labelled::new("tollgate_calls_total.model", SOURCES),
            anomalies: Labelled::new("tollgate_usage_anomalies_total.reason", &[""]),
            ttft: Histogram::define("tollgate_ttft_ms"),
            counted: Counter::define("tollgate_prompts_counted_total"),
        }
    }

    /// Counts a settled call.
    pub(crate) fn settle(&mut self, model: &str, record: &UsageRecord, ttft_ms: Option<u64>) {
        let usage = record.usage;
        let by_type = [usage.input, usage.cached, usage.cache_write(), usage.output, usage.reasoning];
        for (i, tokens) in by_type.into_iter().enumerate() {
            if tokens > 0 {
                self.tokens.counter(model, i).add(tokens);
            }
        }
        self.calls.counter(model, record.source as usize).add(1);
        for reason in record.anomalies.names() {
            self.anomalies.counter(reason, 0).add(1);
        }
        if let Some(ms) = ttft_ms {
            self.ttft.record(ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use tollgate_tokens::RecordSource;

    use super::SOURCES;

    #[test]
    fn every_source_has_its_suffix() {
        let names = ["provider", "counted", "mixed", "estimated", "none"];
        assert_eq!(names.len(), SOURCES.len());
        for name in names {
            let source = RecordSource::from_name(name).unwrap();
            assert_eq!(SOURCES[source as usize], format!(".source.{name}"));
        }
    }
}
