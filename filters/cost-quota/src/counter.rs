//! What a call is charged for, whoever counted it.

use tollgate_kit::{End, property};
use tollgate_llm::Usage;
use tollgate_prices::Tokens;
use tollgate_tokens::UsageMeter;

/// Who knows what the call uses.
pub(crate) enum Counter {
    /// A token-counter before this filter: it publishes the record before this filter settles, for `on_log` runs in the
    /// order of the chain.
    Neighbour,
    /// Nobody else.
    Own(Box<UsageMeter>),
}

impl Counter {
    /// The tokens that are charged: none if no provider has worked for the call.
    pub(crate) fn charged(&self, end: &End) -> Tokens {
        let usage = match self {
            Counter::Own(meter) if end.was_served() => meter.record().usage,
            Counter::Own(_) => Usage::default(),
            Counter::Neighbour => published(),
        };
        // A total above its parts: output that the provider charges for and does not show (hidden reasoning).
        let output = usage.output.max(usage.total.saturating_sub(usage.input));
        Tokens {
            input: usage.input,
            cached: usage.cached,
            cache_write: usage.cache_write_5m,
            cache_write_1h: usage.cache_write_1h,
            output,
        }
    }

    /// The model that the provider says answered.
    pub(crate) fn served_model(&self) -> Option<String> {
        match self {
            Counter::Own(meter) => meter.served_model().map(str::to_owned),
            Counter::Neighbour => property::get(property::SERVED_MODEL),
        }
    }

    /// The meter, if this filter counts by itself.
    pub(crate) fn own(&mut self) -> Option<&mut UsageMeter> {
        match self {
            Counter::Own(meter) => Some(meter),
            Counter::Neighbour => None,
        }
    }
}

/// The record that token-counter has published.
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
