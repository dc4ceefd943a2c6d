//! What the provider says was used.
//!
//! Providers count in two ways. OpenAI and Gemini say a prompt with its cached tokens in it; Anthropic and Bedrock say
//! what was neither read from the cache nor written to it. OpenAI's output includes its reasoning; Gemini's does not.
//! A dialect writes down what it reads as a [`ReportedUsage`] and which of the ways it was; here, and nowhere else, it becomes
//! a [`Usage`], in which everything is included.
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

/// What a call used, in tokens: whatever the provider's own way of counting, `input` includes what was read from a cache
/// and what was written to one, and `output` includes `reasoning`.
///
/// `total` is the provider's, where it says one; it may exceed `input + output` (hidden reasoning). Elsewhere it is their
/// sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub input: u64,
    /// Tokens of the prompt that were read from the provider's cache.
    pub cached: u64,
    /// Tokens of the prompt that were written to the provider's cache for its shortest time (Anthropic: 5 minutes).
    pub cache_write_5m: u64,
    /// Tokens of the prompt that were written to the provider's cache for an hour.
    pub cache_write_1h: u64,
    /// Tokens of the answer, reasoning included, over all candidates.
    pub output: u64,
    /// Tokens of the answer that are reasoning.
    pub reasoning: u64,
    /// Tokens of the prompt that are sound.
    pub audio_input: u64,
    /// Tokens of the answer that are sound.
    pub audio_output: u64,
    /// Tokens in all.
    pub total: u64,
}

impl Usage {
    /// Tokens of the prompt that were neither read from a cache nor written to one.
    #[must_use]
    pub fn fresh(&self) -> u64 {
        self.input.saturating_sub(self.cached).saturating_sub(self.cache_write())
    }

    /// Tokens of the prompt that were written to a cache, for whatever time.
    #[must_use]
    pub fn cache_write(&self) -> u64 {
        self.cache_write_5m.saturating_add(self.cache_write_1h)
    }
}

/// Usage as a provider reports it, in a whole answer or in one event: what it does not say is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportedUsage {
    /// Tokens of the prompt, by the provider's own way of counting.
    pub input: Option<u64>,
    /// Read from a cache.
    pub cached: Option<u64>,
    /// Written to a cache, all of them: what is not said to be for an hour is for the shortest time.
    pub cache_write: Option<u64>,
    /// Written to a cache for an hour.
    pub cache_write_1h: Option<u64>,
    /// Tokens of the answer, by the provider's own way of counting.
    pub output: Option<u64>,
    /// Reasoning.
    pub reasoning: Option<u64>,
    /// Sound in the prompt.
    pub audio_input: Option<u64>,
    /// Sound in the answer.
    pub audio_output: Option<u64>,
    /// All of it.
    pub total: Option<u64>,
    /// `input` is without what was read from a cache or written to one (Anthropic, Bedrock).
    pub input_excludes_cache: bool,
    /// `output` is without the reasoning (Gemini).
    pub output_excludes_reasoning: bool,
    /// It is said at the end of the answer. If not, more may have been produced since.
    pub complete: bool,
}

impl ReportedUsage {
    /// Whether no count of tokens is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.input.or(self.output).or(self.total).or(self.cached).or(self.cache_write).is_none()
    }

    /// Joins what a later event says. The numbers of all known streams are totals so far: never added up. They grow, so
    /// of two the larger is the later one; a zero that a server repeats for what it has said already changes nothing.
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

    /// The numbers with everything included.
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
    fn both_ways_of_counting_give_one_record() {
        let said = ReportedUsage { cached: Some(90), output: Some(7), reasoning: Some(2), ..ReportedUsage::default() };
        let openai = ReportedUsage { input: Some(100), ..said };
        let anthropic = ReportedUsage { input: Some(10), input_excludes_cache: true, ..said };
        let gemini = ReportedUsage { input: Some(100), output: Some(5), output_excludes_reasoning: true, ..said };
        let want = Usage { input: 100, cached: 90, output: 7, reasoning: 2, total: 107, ..Usage::default() };
        for reported in [openai, anthropic, gemini] {
            assert_eq!(reported.usage(), want);
            assert_eq!(reported.usage().fresh(), 10);
        }
    }

    #[test]
    fn writes_to_a_cache_by_their_time() {
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
    fn totals_so_far_are_never_added() {
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
    fn a_total_of_its_own_stands_and_huge_numbers_saturate() {
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
