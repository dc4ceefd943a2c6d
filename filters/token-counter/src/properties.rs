//! Properties of a call at its end.

use tollgate_kit::property;
use tollgate_llm::ServiceTier;
use tollgate_tokens::{RecordSource, UsageRecord};

/// Publishes the usage of a call.
pub(crate) fn publish(record: &UsageRecord) {
    let usage = &record.usage;
    for (name, value) in [
        (property::INPUT_TOKENS, usage.input),
        (property::OUTPUT_TOKENS, usage.output),
        (property::TOTAL_TOKENS, usage.total),
    ] {
        property::set_number(name, value);
    }
    for (name, value) in [
        (property::CACHED_TOKENS, usage.cached),
        (property::CACHE_WRITE_TOKENS, usage.cache_write()),
        (property::CACHE_WRITE_1H_TOKENS, usage.cache_write_1h),
        (property::AUDIO_INPUT_TOKENS, usage.audio_input),
        (property::IMAGE_INPUT_TOKENS, usage.image_input),
        (property::VIDEO_INPUT_TOKENS, usage.video_input),
        (property::AUDIO_INPUT_MS, usage.audio_input_ms),
        (property::REASONING_TOKENS, usage.reasoning),
        (property::AUDIO_OUTPUT_TOKENS, usage.audio_output),
        (property::IMAGE_OUTPUT_TOKENS, usage.image_output),
        (property::VIDEO_OUTPUT_TOKENS, usage.video_output),
        (property::WEB_SEARCHES, usage.web_searches),
        (property::PAGES, usage.pages),
        (property::SEARCH_UNITS, usage.search_units),
    ] {
        property::set_unless_zero(name, value);
    }
    if let Some(tier) = record.service_tier.or(record.requested_tier).filter(|tier| *tier != ServiceTier::Default) {
        property::set(property::SERVICE_TIER, tier.name());
    }
    if !record.anomalies.is_empty() {
        property::set(property::USAGE_ANOMALIES, record.anomalies.names().collect::<Vec<_>>().join(","));
    }
    if let Some(details) = record.details() {
        property::set(property::USAGE_DETAILS, details);
    }
    property::set(property::USAGE_SOURCE, record.source.name());
    if record.source != RecordSource::None {
        property::set(property::INPUT_TOKENS_SOURCE, record.input_source.name());
    }
    property::set(property::USAGE_COMPLETE, if record.complete { "true" } else { "false" });
}
