//! Usage as a provider reports it.

use super::{Anomalies, ListedSearches, Usage};

/// Precedence of a report over others about the same call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsageRank {
    /// Counts of a server in front of the model, or of its engine: they fill in what the model's usage lacks.
    Secondary,
    /// The usage of the response.
    #[default]
    Response,
    /// Usage summed over the iterations of a response, of which its other numbers cover only a part.
    Iterations,
}

/// Usage as reported by a provider, in a whole response or in one event; absent numbers are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportedUsage {
    /// Input tokens, as the provider counts them.
    pub input: Option<u64>,
    /// Input tokens of the results of the provider's own tools, which `input` excludes (Gemini).
    pub tool_input: Option<u64>,
    /// Tokens read from a cache.
    pub cached: Option<u64>,
    /// Cached tokens that are audio.
    pub cached_audio: Option<u64>,
    /// Cached tokens that are images.
    pub cached_image: Option<u64>,
    /// Tokens written to a cache in total; those not reported as written for an hour have the shortest lifetime.
    pub cache_write: Option<u64>,
    /// Tokens written to a cache for an hour.
    pub cache_write_1h: Option<u64>,
    /// Audio tokens of the input.
    pub audio_input: Option<u64>,
    /// Image tokens of the input.
    pub image_input: Option<u64>,
    /// Video tokens of the input.
    pub video_input: Option<u64>,
    /// Output tokens, as the provider counts them.
    pub output: Option<u64>,
    /// Reasoning tokens.
    pub reasoning: Option<u64>,
    /// Audio tokens of the output.
    pub audio_output: Option<u64>,
    /// Image tokens of the output.
    pub image_output: Option<u64>,
    /// Video tokens of the output.
    pub video_output: Option<u64>,
    /// Total tokens.
    pub total: Option<u64>,
    /// Milliseconds of input audio.
    pub audio_input_ms: Option<u64>,
    /// Web searches by the provider's own tool, as the provider counts them.
    pub web_searches: Option<u64>,
    /// Web searches that the output lists, for providers that report no number of them.
    pub listed_searches: ListedSearches,
    /// Tokens of cited documents, which Perplexity bills beside the input.
    pub citations: Option<u64>,
    /// Processed pages of documents.
    pub pages: Option<u64>,
    /// Search units.
    pub search_units: Option<u64>,
    /// Index of the choice that the usage covers, where each choice of a response has its own.
    pub choice: Option<u32>,
    /// Output tokens of the choices before that one.
    pub earlier_choices: u64,
    /// `true` if `input` excludes cache reads and cache writes (Anthropic, Bedrock).
    pub input_excludes_cache: bool,
    /// `true` if all tokens are input tokens (embeddings, reranking): a total without parts is the input.
    pub total_is_input: bool,
    /// `true` if `output` excludes reasoning (Gemini).
    pub output_excludes_reasoning: bool,
    /// `true` if reported at the end of the response. If not, more may have been generated since.
    pub complete: bool,
    /// Precedence over other reports.
    pub rank: UsageRank,
}

impl ReportedUsage {
    /// Returns `true` if it contains no number that says what was used.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.has_input()
            && !self.has_output()
            && self.total.or(self.audio_input_ms).or(self.pages).or(self.search_units).is_none()
    }

    /// Returns `true` if any number of the input is reported.
    pub(crate) fn has_input(&self) -> bool {
        let input = self.input.or(self.tool_input).or(self.cached).or(self.cache_write).or(self.cache_write_1h);
        input.or(self.audio_input).or(self.image_input).or(self.video_input).is_some()
    }

    /// Returns `true` if any number of the output is reported.
    pub(crate) fn has_output(&self) -> bool {
        let output = self.output.or(self.reasoning).or(self.audio_output);
        output.or(self.image_output).or(self.video_output).is_some()
    }

    /// Returns the numbers in the inclusive way of [`Usage`].
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.resolve(&mut Anomalies::default())
    }

    /// Returns the usage without the numbers that exceed a bound, as if they had not been reported.
    #[must_use]
    pub fn bounded(mut self, max_input: u64, max_output: u64, anomalies: &mut Anomalies) -> ReportedUsage {
        let max_total = max_input.saturating_add(max_output);
        for (numbers, max) in [
            (
                &mut [
                    &mut self.input,
                    &mut self.tool_input,
                    &mut self.cached,
                    &mut self.cached_audio,
                    &mut self.cached_image,
                    &mut self.cache_write,
                    &mut self.cache_write_1h,
                    &mut self.audio_input,
                    &mut self.image_input,
                    &mut self.video_input,
                    &mut self.citations,
                ][..],
                max_input,
            ),
            (
                &mut [
                    &mut self.output,
                    &mut self.reasoning,
                    &mut self.audio_output,
                    &mut self.image_output,
                    &mut self.video_output,
                ][..],
                max_output,
            ),
            (&mut [&mut self.total][..], max_total),
            (&mut [&mut self.audio_input_ms][..], MAX_AUDIO_MS),
            (&mut [&mut self.web_searches, &mut self.pages, &mut self.search_units][..], MAX_UNITS),
        ] {
            for number in numbers {
                if number.is_some_and(|number| number > max) {
                    **number = None;
                    anomalies.add(Anomalies::NOT_CREDIBLE);
                }
            }
        }
        if self.earlier_choices > max_output {
            self.earlier_choices = 0;
            anomalies.add(Anomalies::NOT_CREDIBLE);
        }
        if self.listed_searches.number() > MAX_UNITS {
            self.listed_searches = ListedSearches::NONE;
            anomalies.add(Anomalies::NOT_CREDIBLE);
        }
        self
    }
}

/// Longest credible audio: a week.
const MAX_AUDIO_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// Largest credible number of searches or pages.
const MAX_UNITS: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_above_a_bound_count_as_not_reported() {
        let reported = ReportedUsage {
            input: Some(u64::MAX),
            cached: Some(5),
            output: Some(7),
            total: Some(150),
            ..ReportedUsage::default()
        };
        let mut anomalies = Anomalies::default();
        let bounded = reported.bounded(1000, 1000, &mut anomalies);
        assert_eq!(bounded, ReportedUsage { input: None, ..reported });
        assert_eq!(anomalies, Anomalies::NOT_CREDIBLE);
        let mut none = Anomalies::default();
        assert_eq!(bounded.bounded(1000, 1000, &mut none), bounded);
        assert!(none.is_empty());
    }

    #[test]
    fn sums_over_events_are_bounded() {
        let reported = ReportedUsage {
            output: Some(7),
            earlier_choices: 1001,
            listed_searches: ListedSearches::single(MAX_UNITS + 1),
            ..ReportedUsage::default()
        };
        let mut anomalies = Anomalies::default();
        let bounded = reported.bounded(1000, 1000, &mut anomalies);
        assert_eq!(bounded, ReportedUsage { output: Some(7), ..ReportedUsage::default() });
        assert_eq!(anomalies, Anomalies::NOT_CREDIBLE);
    }

    #[test]
    fn usage_without_numbers_is_empty() {
        assert!(ReportedUsage::default().is_empty());
        assert!(ReportedUsage { web_searches: Some(1), complete: true, ..ReportedUsage::default() }.is_empty());
        assert!(!ReportedUsage { total: Some(0), ..ReportedUsage::default() }.is_empty());
        assert!(!ReportedUsage { audio_input_ms: Some(9), ..ReportedUsage::default() }.is_empty());
    }
}
