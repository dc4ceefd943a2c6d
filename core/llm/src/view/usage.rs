//! Token usage reported by the provider.
//!
//! Providers count in different ways. OpenAI and Gemini include cached tokens in the input; Anthropic and Bedrock report
//! only the input that was neither read from the cache nor written to it. OpenAI's output includes reasoning; Gemini's does
//! not. A dialect stores the numbers and their way of counting in a [`ReportedUsage`]; only this module converts it to a
//! [`Usage`], which includes everything.
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

/// Tokens used by a call. However the provider counts, `input` includes cache reads and cache writes, and `output`
/// includes `reasoning`.
///
/// `total` is the provider's, if reported; it may exceed `input + output` (hidden reasoning). Otherwise it is their
/// sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Input tokens, including cached ones.
    pub input: u64,
    /// Input tokens read from the provider's cache.
    pub cached: u64,
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
}

/// Usage as reported by a provider, in a whole response or in one event; absent numbers are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportedUsage {
    /// Input tokens, as the provider counts them.
    pub input: Option<u64>,
    /// Tokens read from a cache.
    pub cached: Option<u64>,
    /// Tokens written to a cache in total; those not reported as written for an hour have the shortest lifetime.
    pub cache_write: Option<u64>,
    /// Tokens written to a cache for an hour.
    pub cache_write_1h: Option<u64>,
    /// Output tokens, as the provider counts them.
    pub output: Option<u64>,
    /// Reasoning tokens.
    pub reasoning: Option<u64>,
    /// Audio tokens of the input.
    pub audio_input: Option<u64>,
    /// Audio tokens of the output.
    pub audio_output: Option<u64>,
    /// Total tokens.
    pub total: Option<u64>,
    /// `true` if `input` excludes cache reads and cache writes (Anthropic, Bedrock).
    pub input_excludes_cache: bool,
    /// `true` if `output` excludes reasoning (Gemini).
    pub output_excludes_reasoning: bool,
    /// `true` if reported at the end of the response. If not, more may have been generated since.
    pub complete: bool,
}

impl ReportedUsage {
    /// Returns `true` if it contains no token count.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.input.or(self.output).or(self.total).or(self.cached).or(self.cache_write).is_none()
    }

    /// Merges the usage of a later event. All known streams report totals so far, so numbers are never added. They
    /// grow, so the larger of two is the later one; a zero that a server repeats for a number reported before changes
    /// nothing.
    pub fn merge(so_far: &mut Option<ReportedUsage>, later: Option<ReportedUsage>) {
        let Some(later) = later else { return };
        let Some(known) = so_far else {
            *so_far = Some(later);
            return;
        };
        known.input = known.input.max(later.input);
        known.cached = known.cached.max(later.cached);
        known.cache_write = known.cache_write.max(later.cache_write);
        known.cache_write_1h = known.cache_write_1h.max(later.cache_write_1h);
        known.output = known.output.max(later.output);
        known.reasoning = known.reasoning.max(later.reasoning);
        known.audio_input = known.audio_input.max(later.audio_input);
        known.audio_output = known.audio_output.max(later.audio_output);
        known.total = known.total.max(later.total);
        known.input_excludes_cache |= later.input_excludes_cache;
        known.output_excludes_reasoning |= later.output_excludes_reasoning;
        known.complete |= later.complete;
    }

    /// Returns the numbers in the inclusive way of [`Usage`].
    #[must_use]
    pub fn usage(&self) -> Usage {
        let number = Option::unwrap_or_default;
        let (cached, reasoning) = (number(self.cached), number(self.reasoning));
        let cache_write_1h = number(self.cache_write_1h);
        let cache_write = number(self.cache_write).max(cache_write_1h);
        let mut input: u64 = number(self.input);
        if self.input_excludes_cache {
            input = input.saturating_add(cached).saturating_add(cache_write);
        }
        let mut output: u64 = number(self.output);
        if self.output_excludes_reasoning {
            output = output.saturating_add(reasoning);
        }
        Usage {
            input,
            cached,
            cache_write_5m: cache_write.saturating_sub(cache_write_1h),
            cache_write_1h,
            output,
            reasoning,
            audio_input: number(self.audio_input),
            audio_output: number(self.audio_output),
            total: self.total.unwrap_or_else(|| input.saturating_add(output)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ways_of_counting_give_the_same_usage() {
        let common =
            ReportedUsage { cached: Some(90), output: Some(7), reasoning: Some(2), ..ReportedUsage::default() };
        let openai = ReportedUsage { input: Some(100), ..common };
        let anthropic = ReportedUsage { input: Some(10), input_excludes_cache: true, ..common };
        let gemini = ReportedUsage { input: Some(100), output: Some(5), output_excludes_reasoning: true, ..common };
        let want = Usage { input: 100, cached: 90, output: 7, reasoning: 2, total: 107, ..Usage::default() };
        for reported in [openai, anthropic, gemini] {
            assert_eq!(reported.usage(), want);
            assert_eq!(reported.usage().fresh(), 10);
        }
    }

    #[test]
    fn cache_writes_are_split_by_lifetime() {
        for (all, hour, want) in
            [(Some(30), None, (30, 0)), (Some(30), Some(10), (20, 10)), (None, Some(10), (0, 10)), (None, None, (0, 0))]
        {
            let reported = ReportedUsage {
                input: Some(5),
                cache_write: all,
                cache_write_1h: hour,
                input_excludes_cache: true,
                ..ReportedUsage::default()
            };
            let usage = reported.usage();
            assert_eq!((usage.cache_write_5m, usage.cache_write_1h), want);
            assert_eq!((usage.input, usage.fresh()), (5 + want.0 + want.1, 5));
        }
    }

    #[test]
    fn running_totals_are_never_added() {
        let mut all = None;
        for (input, output, complete) in [(Some(25), Some(1), false), (None, Some(15), true), (Some(0), Some(15), true)]
        {
            let later = ReportedUsage { input, output, complete, ..ReportedUsage::default() };
            ReportedUsage::merge(&mut all, Some(later));
            ReportedUsage::merge(&mut all, None);
        }
        let all = all.unwrap();
        assert_eq!((all.usage().input, all.usage().output, all.usage().total, all.complete), (25, 15, 40, true));
        assert!(!all.is_empty() && ReportedUsage::default().is_empty());
    }

    #[test]
    fn reported_total_wins_and_large_numbers_saturate() {
        let most = Some(u64::MAX);
        let reported = ReportedUsage {
            input: most,
            cached: most,
            cache_write: most,
            output: most,
            reasoning: most,
            input_excludes_cache: true,
            output_excludes_reasoning: true,
            ..ReportedUsage::default()
        };
        assert_eq!(reported.usage().total, u64::MAX);
        assert_eq!(ReportedUsage { total: Some(3), ..reported }.usage().total, 3);
    }
}
