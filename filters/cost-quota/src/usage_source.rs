//! The tokens that a call is charged for.

use tollgate_kit::{StreamEnd, property};
use tollgate_llm::{self as llm, Usage};
use tollgate_prices::{Dimension, ModelPrice, Quantities, ServiceTier};
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

    /// Returns the usage of a running call as far as this filter has seen it; `None` if it reads no response.
    pub(crate) fn record_so_far(&self) -> Option<UsageRecord> {
        match self {
            UsageSource::Local(meter) => Some(meter.record()),
            UsageSource::TokenCounter => None,
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

/// Returns `true` if the provider has reported the output.
pub(crate) fn is_reported(record: &UsageRecord) -> bool {
    matches!(record.source, RecordSource::Provider | RecordSource::Mixed)
}

/// Returns `true` for a call that its provider has refused in a response with status 200.
pub(crate) fn has_failed(record: &UsageRecord) -> bool {
    record.source == RecordSource::None
}

/// Publishes the tokens of a response that this filter has metered, and that token-counter does not count.
pub(crate) fn publish_tokens(record: &UsageRecord, served_model: Option<&str>) {
    property::set_number(property::INPUT_TOKENS, record.usage.input);
    property::set_number(property::OUTPUT_TOKENS, record.usage.output);
    property::set_number(property::TOTAL_TOKENS, record.usage.total);
    property::set(property::USAGE_SOURCE, record.source.name());
    if let Some(model) = served_model {
        property::set_name(property::SERVED_MODEL, model);
    }
}

/// Returns the quantities that are charged at a price.
pub(crate) fn charged(usage: &Usage, price: &ModelPrice) -> Quantities {
    let used = Quantities {
        input: usage.input,
        cached: usage.cached,
        cached_audio: usage.cached_audio,
        cached_image: usage.cached_image,
        cache_write: usage.cache_write_5m,
        cache_write_1h: usage.cache_write_1h,
        audio_input: usage.audio_input,
        image_input: usage.image_input,
        video_input: usage.video_input,
        citations: usage.citations,
        output: output(usage),
        reasoning: usage.reasoning,
        audio_output: usage.audio_output,
        image_output: usage.image_output,
        video_output: usage.video_output,
        pages: usage.pages,
        queries: usage.search_units,
        web_searches: usage.web_searches,
        output_images: usage.output_images,
        characters: usage.characters,
        ..Quantities::default()
    };
    // A provider reports audio in tokens or by its duration.
    if usage.total > 0 || usage.audio_input_ms == 0 {
        return used;
    }
    if price.has(Dimension::AudioSecond) {
        return Quantities { audio_ms: usage.audio_input_ms, ..used };
    }
    let tokens = audio_tokens(usage.audio_input_ms);
    Quantities { input: tokens, audio_input: tokens, ..used }
}

/// Returns the tokens that budgets of tokens count.
pub(crate) fn used_tokens(usage: &Usage) -> u64 {
    let input = if usage.total == 0 { audio_tokens(usage.audio_input_ms) } else { usage.input };
    input.saturating_add(output(usage))
}

/// Returns the output tokens. A total above the sum of its parts includes output that the provider charges for but does not show
/// (hidden reasoning).
fn output(usage: &Usage) -> u64 {
    usage.output.max(usage.total.saturating_sub(usage.input))
}

/// Returns the tier whose prices apply, if it has prices of its own.
pub(crate) fn priced_tier(tier: llm::ServiceTier) -> Option<ServiceTier> {
    ServiceTier::from_name(tier.name())
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
    let source = property::get(property::USAGE_SOURCE).and_then(|name| RecordSource::from_name(&name));
    let mut record = UsageRecord { usage, source: source.unwrap_or(RecordSource::None), ..UsageRecord::NOTHING };
    if let Some(details) = property::get(property::USAGE_DETAILS) {
        record.add_details(&details);
    }
    record
}

#[cfg(test)]
mod tests {
    use tollgate_prices::{Rate, UnitPrice};

    use super::*;

    fn price(dimension: Dimension) -> ModelPrice {
        ModelPrice::new(vec![Rate { dimension, tier: None, above: 0, price: UnitPrice(1) }])
    }

    #[test]
    fn audio_that_is_billed_by_duration_is_charged_by_the_second_or_else_in_tokens() {
        let usage = Usage { audio_input_ms: 600_000, ..Usage::default() };
        assert_eq!(used_tokens(&usage), 10_000);
        let by_second = charged(&usage, &price(Dimension::AudioSecond));
        assert_eq!(by_second, Quantities { audio_ms: 600_000, ..Quantities::default() });
        let by_token = charged(&usage, &price(Dimension::Input));
        assert_eq!(by_token, Quantities { input: 10_000, audio_input: 10_000, ..Quantities::default() });
        // Reported in tokens, too: charged once.
        let both = Usage { input: 140, audio_input: 140, total: 140, ..usage };
        let once = Quantities { input: 140, audio_input: 140, ..Quantities::default() };
        assert_eq!((charged(&both, &price(Dimension::AudioSecond)), used_tokens(&both)), (once, 140));
    }

    #[test]
    fn every_measured_dimension_is_charged_and_no_other() {
        let usage = Usage {
            input: 100,
            cached: 3,
            cached_audio: 1,
            cached_image: 1,
            cache_write_5m: 1,
            cache_write_1h: 1,
            output: 100,
            reasoning: 1,
            audio_input: 2,
            audio_output: 1,
            image_input: 2,
            image_output: 1,
            video_input: 1,
            video_output: 1,
            audio_input_ms: 1,
            web_searches: 1,
            citations: 1,
            pages: 1,
            search_units: 1,
            output_images: 1,
            characters: 1,
            total: 200,
        };
        let price = price(Dimension::AudioSecond);
        let by_duration = charged(&Usage { audio_input_ms: 1, ..Usage::default() }, &price);
        let all = Quantities { audio_ms: by_duration.audio_ms, requests: 1, ..charged(&usage, &price) };
        let mut charged: Vec<Dimension> = price.parts(&all, None).map(|part| part.dimension).collect();
        charged.sort_unstable();
        let measured: Vec<Dimension> = Dimension::ALL.into_iter().filter(|dimension| dimension.is_measured()).collect();
        assert_eq!(charged, measured);
    }

    #[test]
    fn hidden_output_is_charged() {
        let usage = Usage { input: 10, output: 5, reasoning: 2, total: 40, ..Usage::default() };
        let used = charged(&usage, &ModelPrice::default());
        assert_eq!((used.output, used.reasoning, used_tokens(&usage)), (30, 2, 40));
    }

    #[test]
    fn tiers_with_prices_are_known_by_the_same_names_to_requests_and_prices() {
        use llm::ServiceTier as Reported;
        for tier in ServiceTier::ALL {
            let reported = Reported::from_reported(tier.name());
            assert_eq!(reported.and_then(priced_tier), Some(tier));
            assert_eq!(reported.map(Reported::name), Some(tier.name()));
        }
        let unpriced: Vec<_> = Reported::ALL.into_iter().filter(|tier| priced_tier(*tier).is_none()).collect();
        assert_eq!(unpriced, [Reported::Default, Reported::Other]);
    }
}
