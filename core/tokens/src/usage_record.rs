//! Token usage of a call at its end, with the sources of its numbers.

use tollgate_llm::{Anomalies, ServiceTier, Usage};

mod details;

/// Source of the numbers of a [`UsageRecord`]: the property `tollgate.usage_source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordSource {
    /// Reported by the provider.
    Provider,
    /// Counted by the gateway: the prompt, and the response as far as it arrived.
    Counted,
    /// One of input and output as reported by the provider, the other as counted.
    Mixed,
    /// Estimated by the gateway: the prompt was bounded instead of counted, and its texts were not kept.
    Estimated,
    /// No usage: the call never reached a provider, or the provider refused it.
    None,
}

impl RecordSource {
    /// Returns the value of the property `tollgate.usage_source`.
    pub fn name(self) -> &'static str {
        match self {
            RecordSource::Provider => "provider",
            RecordSource::Counted => "counted",
            RecordSource::Mixed => "mixed",
            RecordSource::Estimated => "estimated",
            RecordSource::None => "none",
        }
    }

    /// Returns the source with that name.
    pub fn from_name(name: &str) -> Option<RecordSource> {
        [
            RecordSource::Provider,
            RecordSource::Counted,
            RecordSource::Mixed,
            RecordSource::Estimated,
            RecordSource::None,
        ]
        .into_iter()
        .find(|s| s.name() == name)
    }
}

/// Source of the input tokens of a call: the property `tollgate.input_tokens_source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputSource {
    /// Counted by the gateway.
    Counted,
    /// Bounded by the gateway: an upper bound before the call, an estimate after it.
    Bounded,
    /// Reported by the provider.
    Provider,
}

impl InputSource {
    /// Returns the value of the property `tollgate.input_tokens_source`.
    pub fn name(self) -> &'static str {
        match self {
            InputSource::Counted => "counted",
            InputSource::Bounded => "bounded",
            InputSource::Provider => "provider",
        }
    }
}

/// Token usage of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRecord {
    /// Token numbers; `input` includes `cached`, `output` includes `reasoning`, `total` is the provider's if it
    /// reported one.
    pub usage: Usage,
    /// Source of the numbers.
    pub source: RecordSource,
    /// Source of the input tokens.
    pub input_source: InputSource,
    /// `true` if the response ended regularly; otherwise the numbers cover the part that arrived.
    pub complete: bool,
    /// Contradictions in the provider's numbers.
    pub anomalies: Anomalies,
    /// Service tier that the provider reports.
    pub service_tier: Option<ServiceTier>,
    /// Service tier that the request asks for, if the provider reports none: the call may have been served in the default one.
    pub requested_tier: Option<ServiceTier>,
    /// `true` if the provider reports that it processed the call in the United States only, which Anthropic charges more for.
    pub in_us: bool,
    /// Parts of `usage` that other models than the served one used, for which their own prices apply.
    pub by_model: Vec<(String, Usage)>,
}

impl UsageRecord {
    /// Record of a call that costs nothing.
    pub const NOTHING: UsageRecord = UsageRecord {
        usage: NO_USAGE,
        source: RecordSource::None,
        input_source: InputSource::Counted,
        complete: true,
        anomalies: Anomalies::NONE,
        service_tier: None,
        requested_tier: None,
        in_us: false,
        by_model: Vec::new(),
    };
}

impl UsageRecord {
    /// Returns the service tiers that may have served the call, `None` being the default one. The call is charged at the dearer
    /// of them: a client must not lower its price by asking for a tier that the server does not know.
    pub fn possible_tiers(&self) -> [Option<ServiceTier>; 2] {
        match self.service_tier {
            Some(_) => [self.service_tier; 2],
            None => [self.requested_tier, None],
        }
    }

    /// Returns the usage of the served model: all of it but that of other models.
    pub fn own_usage(&self) -> Usage {
        self.by_model.iter().fold(self.usage, |own, (_, part)| own.minus(part))
    }
}

/// No usage.
const NO_USAGE: Usage = Usage {
    input: 0,
    cached: 0,
    cached_audio: 0,
    cached_image: 0,
    cache_write_5m: 0,
    cache_write_1h: 0,
    output: 0,
    reasoning: 0,
    audio_input: 0,
    audio_output: 0,
    image_input: 0,
    image_output: 0,
    video_input: 0,
    video_output: 0,
    audio_input_ms: 0,
    web_searches: 0,
    citations: 0,
    pages: 0,
    search_units: 0,
    output_images: 0,
    characters: 0,
    total: 0,
};
