//! Token usage reported by the provider.
//!
//! Providers name the same numbers in many ways and put them in many places; [`table`] lists the names, and dialects say
//! where their usage objects are. Providers also count in different ways. OpenAI and Gemini include cached tokens in the
//! input; Anthropic and Bedrock report only the input that was neither read from the cache nor written to it. OpenAI's
//! output includes reasoning; Gemini's does not. A [`ReportedUsage`] holds the numbers as reported, with their way of
//! counting; [`ReportedUsage::resolve`] converts them to a [`Usage`], which includes everything.
//!
//! ```
//! use tollgate_llm::{Chunk, Dialect, ParseLimits};
//!
//! let (mut reported, limits) = (None, ParseLimits::default());
//! for data in [
//!     r#"{"type":"message_start","message":{"usage":{"input_tokens":10,"cache_read_input_tokens":90,"output_tokens":1}}}"#,
//!     r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}"#,
//! ] {
//!     let chunk = Chunk::parse(Dialect::AnthropicMessages, data.as_bytes(), &limits)?.ok_or("the end")?;
//!     tollgate_llm::ReportedUsage::merge(&mut reported, chunk.usage);
//! }
//! let usage = reported.ok_or("no usage")?.usage();
//! assert_eq!((usage.input, usage.cached, usage.fresh(), usage.output, usage.total), (100, 90, 10, 7, 107));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(crate) mod anomaly;
pub(crate) mod headers;
mod iterations;
mod listed_searches;
pub(crate) mod merge;
pub(crate) mod reader;
pub(crate) mod reported;
mod resolve;
pub(crate) mod service_tier;
mod table;
#[cfg(test)]
mod tests;

pub use anomaly::Anomalies;
pub use listed_searches::ListedSearches;
pub use reported::{ReportedUsage, UsageRank};
pub use service_tier::ServiceTier;

/// Tokens and other billed units used by a call. However the provider counts, `input` includes cache reads and cache
/// writes, and `output` includes `reasoning`.
///
/// `total` is the provider's if it reports one that is not below `input + output`; it may exceed them (hidden reasoning).
/// Otherwise it is their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Input tokens, including cached ones.
    pub input: u64,
    /// Input tokens read from the provider's cache.
    pub cached: u64,
    /// Cached tokens that are audio.
    pub cached_audio: u64,
    /// Cached tokens that are images.
    pub cached_image: u64,
    /// Input tokens written to the provider's cache with its shortest lifetime (Anthropic: 5 minutes).
    pub cache_write_5m: u64,
    /// Input tokens written to the provider's cache for an hour.
    pub cache_write_1h: u64,
    /// Output tokens, including reasoning, over all candidates.
    pub output: u64,
    /// Output tokens that are reasoning.
    pub reasoning: u64,
    /// Input tokens that are audio.
    pub audio_input: u64,
    /// Output tokens that are audio.
    pub audio_output: u64,
    /// Input tokens that are images.
    pub image_input: u64,
    /// Output tokens that are images.
    pub image_output: u64,
    /// Input tokens that are video.
    pub video_input: u64,
    /// Output tokens that are video.
    pub video_output: u64,
    /// Milliseconds of input audio, where the provider bills audio by its duration.
    pub audio_input_ms: u64,
    /// Web searches by the provider's own tool.
    pub web_searches: u64,
    /// Tokens of cited documents, which Perplexity bills beside the input.
    pub citations: u64,
    /// Processed pages of documents (OCR).
    pub pages: u64,
    /// Search units, by which reranking is billed (Cohere: a query with up to 100 documents).
    pub search_units: u64,
    /// Generated images, in the dialects that generate images.
    pub output_images: u64,
    /// Characters to speak, of a speech request.
    pub characters: u64,
    /// Total tokens.
    pub total: u64,
}

impl Usage {
    /// Returns the input tokens that were neither read from nor written to a cache.
    #[must_use]
    pub fn fresh(&self) -> u64 {
        self.input.saturating_sub(self.cached).saturating_sub(self.cache_write())
    }

    /// Returns the input tokens written to a cache, with any lifetime.
    #[must_use]
    pub fn cache_write(&self) -> u64 {
        self.cache_write_5m.saturating_add(self.cache_write_1h)
    }

    /// Returns the sum of two usages.
    #[must_use]
    pub fn plus(&self, other: &Usage) -> Usage {
        self.zip(other, u64::saturating_add)
    }

    /// Returns this usage without a part of it.
    #[must_use]
    pub fn minus(&self, part: &Usage) -> Usage {
        self.zip(part, u64::saturating_sub)
    }

    /// Returns this usage with every number at most that of `most`.
    #[must_use]
    pub fn at_most(&self, most: &Usage) -> Usage {
        self.zip(most, u64::min)
    }

    /// Combines two usages number by number.
    fn zip(&self, other: &Usage, combine: impl Fn(u64, u64) -> u64) -> Usage {
        Usage {
            input: combine(self.input, other.input),
            cached: combine(self.cached, other.cached),
            cached_audio: combine(self.cached_audio, other.cached_audio),
            cached_image: combine(self.cached_image, other.cached_image),
            cache_write_5m: combine(self.cache_write_5m, other.cache_write_5m),
            cache_write_1h: combine(self.cache_write_1h, other.cache_write_1h),
            output: combine(self.output, other.output),
            reasoning: combine(self.reasoning, other.reasoning),
            audio_input: combine(self.audio_input, other.audio_input),
            audio_output: combine(self.audio_output, other.audio_output),
            image_input: combine(self.image_input, other.image_input),
            image_output: combine(self.image_output, other.image_output),
            video_input: combine(self.video_input, other.video_input),
            video_output: combine(self.video_output, other.video_output),
            audio_input_ms: combine(self.audio_input_ms, other.audio_input_ms),
            web_searches: combine(self.web_searches, other.web_searches),
            citations: combine(self.citations, other.citations),
            pages: combine(self.pages, other.pages),
            search_units: combine(self.search_units, other.search_units),
            output_images: combine(self.output_images, other.output_images),
            characters: combine(self.characters, other.characters),
            total: combine(self.total, other.total),
        }
    }
}
