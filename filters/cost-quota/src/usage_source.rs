//! The tokens that a call is charged for.

use tollgate_kit::{StreamEnd, property};
use tollgate_llm::Usage;
use tollgate_prices::Tokens;
use tollgate_tokens::{RecordSource, UsageMeter, UsageRecord};

/// Source of the usage of a call.
pub(crate) enum UsageSource {
    /// token-counter, earlier in the chain. It publishes its record before this filter settles, since `on_log` runs in
    /// chain order.
    TokenCounter,
    /// A meter of this filter's own.
    Local(Box<UsageMeter>),
}

impl UsageSource {
    /// Returns the usage of the call: none if no provider has worked for it.
    pub(crate) fn record(&self, end: &StreamEnd) -> UsageRecord {
        match self {
            UsageSource::Local(meter) if end.was_served() => meter.record(),
            UsageSource::Local(_) => UsageRecord::NOTHING,
            UsageSource::TokenCounter => published(),
        }
    }

    /// Returns the model that the provider says it served.
    pub(crate) fn served_model(&self) -> Option<String> {
        match self {
            UsageSource::Local(meter) => meter.served_model().map(str::to_owned),
            UsageSource::TokenCounter => property::get(property::SERVED_MODEL),
        }
    }

    /// Returns the meter, if this filter counts itself.
    pub(crate) fn local_meter(&mut self) -> Option<&mut UsageMeter> {
        match self {
            UsageSource::Local(meter) => Some(meter),
            UsageSource::TokenCounter => None,
        }
    }
}

/// Returns the tokens that are charged.
pub(crate) fn charged(usage: &Usage) -> Tokens {
    // A total above the sum of its parts includes output that the provider charges for but does not show (hidden reasoning).
    let output = usage.output.max(usage.total.saturating_sub(usage.input));
    Tokens {
        input: if usage.total == 0 { audio_tokens(usage.audio_input_ms) } else { usage.input },
        cached: usage.cached,
        cache_write: usage.cache_write_5m,
        cache_write_1h: usage.cache_write_1h,
        output,
    }
}

/// Returns the tokens of audio that the provider bills by its duration, so that it counts in budgets of tokens and has a
/// cost where the price has none per second: 1,000 a minute (OpenAI, "Pricing": transcription costs $0.006 a minute or
/// $6.00 per million audio tokens).
fn audio_tokens(milliseconds: u64) -> u64 {
    milliseconds.div_ceil(60)
}

/// Returns the record that token-counter has published.
fn published() -> UsageRecord {
    let number = |name| property::get_u64(name).unwrap_or_default();
    let cache_write_1h = number(property::CACHE_WRITE_1H_TOKENS);
    let usage = Usage {
        input: number(property::INPUT_TOKENS),
        cached: number(property::CACHED_TOKENS),
        cache_write_5m: number(property::CACHE_WRITE_TOKENS).saturating_sub(cache_write_1h),
        cache_write_1h,
        output: number(property::OUTPUT_TOKENS),
        total: number(property::TOTAL_TOKENS),
        ..Usage::default()
    };
    let mut record = UsageRecord { usage, source: RecordSource::Provider, ..UsageRecord::NOTHING };
    if let Some(details) = property::get(property::USAGE_DETAILS) {
        record.add_details(&details);
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_that_is_billed_by_duration_is_charged_in_tokens() {
        let usage = Usage { audio_input_ms: 600_000, ..Usage::default() };
        assert_eq!(charged(&usage), Tokens { input: 10_000, ..Tokens::default() });
        let both = Usage { input: 140, total: 140, ..usage };
        assert_eq!(charged(&both).input, 140);
    }
}
