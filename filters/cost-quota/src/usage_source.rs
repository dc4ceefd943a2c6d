//! The tokens that a call is charged for.

use tollgate_kit::{StreamEnd, property};
use tollgate_llm::Usage;
use tollgate_prices::Tokens;
use tollgate_tokens::UsageMeter;

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
    pub(crate) fn usage(&self, end: &StreamEnd) -> Usage {
        match self {
            UsageSource::Local(meter) if end.was_served() => meter.record().usage,
            UsageSource::Local(_) => Usage::default(),
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
        input: usage.input,
        cached: usage.cached,
        cache_write: usage.cache_write_5m,
        cache_write_1h: usage.cache_write_1h,
        output,
    }
}

/// Returns the record that token-counter has published.
fn published() -> Usage {
    let number = |name| property::get_u64(name).unwrap_or_default();
    let cache_write_1h = number(property::CACHE_WRITE_1H_TOKENS);
    Usage {
        input: number(property::INPUT_TOKENS),
        cached: number(property::CACHED_TOKENS),
        cache_write_5m: number(property::CACHE_WRITE_TOKENS).saturating_sub(cache_write_1h),
        cache_write_1h,
        output: number(property::OUTPUT_TOKENS),
        total: number(property::TOTAL_TOKENS),
        ..Usage::default()
    }
}
