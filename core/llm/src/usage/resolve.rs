//! Converts reported numbers to a [`Usage`]: what the provider leaves out is added, and contradictions get their plausible
//! reading.

use super::merge::sum;
use super::{Anomalies, ReportedUsage, Usage};

impl ReportedUsage {
    /// Returns the numbers in the inclusive way of [`Usage`], and adds the contradictions in them to `anomalies`.
    ///
    /// An input or output that is not reported is derived from the total and the other half, if both are.
    #[must_use]
    pub fn resolve(&self, anomalies: &mut Anomalies) -> Usage {
        let number = Option::unwrap_or_default;
        let (cached, reasoning) = (number(self.cached), number(self.reasoning));
        let cache_write_1h: u64 = number(self.cache_write_1h);
        let cache_write = number(self.cache_write).max(cache_write_1h);
        let mut input = sum([self.input, self.tool_input]);
        let mut output: u64 = number(self.output).saturating_add(self.earlier_choices);
        if self.total_is_input && input == 0 && output == 0 {
            input = number(self.total);
        }
        let (beside_input, beside_output) = self.beside(input, output, anomalies);
        input = input.saturating_add(beside_input);
        output = output.saturating_add(beside_output);
        if let (Some(total), false) = (self.total, self.total_is_input) {
            match (input, output) {
                (0, 1..) => input = total.saturating_sub(output),
                (1.., 0) => output = total.saturating_sub(input),
                _ => {}
            }
        }
        let [audio_input, image_input, video_input] =
            [self.audio_input, self.image_input, self.video_input].map(number);
        let [audio_output, image_output, video_output] =
            [self.audio_output, self.image_output, self.video_output].map(number);
        input = with_modalities(input, [self.audio_input, self.image_input, self.video_input], anomalies);
        output = with_modalities(output, [self.audio_output, self.image_output, self.video_output], anomalies);
        Usage {
            input,
            cached,
            cached_audio: number(self.cached_audio),
            cached_image: number(self.cached_image),
            cache_write_5m: cache_write.saturating_sub(cache_write_1h),
            cache_write_1h,
            output,
            reasoning,
            audio_input,
            audio_output,
            image_input,
            image_output,
            video_input,
            video_output,
            audio_input_ms: number(self.audio_input_ms),
            web_searches: self.web_searches.unwrap_or_else(|| self.listed_searches.number()),
            citations: number(self.citations),
            pages: number(self.pages),
            search_units: number(self.search_units),
            total: self.resolved_total(input, output, anomalies),
            // Providers do not report these.
            output_images: 0,
            characters: 0,
        }
    }

    /// Returns the cached and written tokens that the input excludes, and the reasoning that the output excludes.
    ///
    /// The dialect says how it counts. Compatible servers count otherwise, in both directions: the total tells, or a part
    /// that is larger than the number that should include it.
    fn beside(&self, input: u64, output: u64, anomalies: &mut Anomalies) -> (u64, u64) {
        let number = Option::unwrap_or_default;
        let (cached, reasoning): (u64, u64) = (number(self.cached), number(self.reasoning));
        let written = number(self.cache_write).max(number(self.cache_write_1h));
        let cache = cached.saturating_add(written);
        let of_input = if self.input_excludes_cache { [cache, 0, 0, 0] } else { [0, cache, cached, written] };
        let of_output = if self.output_excludes_reasoning { [reasoning, 0] } else { [0, reasoning] };
        let fits = |beside_input: u64, beside_output: u64| {
            let input = input.saturating_add(beside_input);
            cache <= input && reasoning <= output.saturating_add(beside_output)
        };
        if let Some(total) = self.total {
            let sum = input.saturating_add(output);
            // Cached tokens explain a total before reasoning does: they are cheaper, and part of most calls.
            for beside_output in of_output {
                for beside_input in of_input {
                    let explained = sum.saturating_add(beside_input).saturating_add(beside_output);
                    if explained == total && fits(beside_input, beside_output) {
                        return (beside_input, beside_output);
                    }
                }
            }
        }
        let [mut beside_input, ..] = of_input;
        let [mut beside_output, _] = of_output;
        if cache > input.saturating_add(beside_input) {
            if input > 0 {
                anomalies.add(Anomalies::CACHE_ABOVE_INPUT);
            }
            beside_input = cache;
        }
        if reasoning > output.saturating_add(beside_output) {
            if output > 0 {
                anomalies.add(Anomalies::REASONING_ABOVE_OUTPUT);
            }
            beside_output = reasoning;
        }
        (beside_input, beside_output)
    }

    /// Returns the total: the reported one if its parts do not exceed it.
    fn resolved_total(&self, input: u64, output: u64, anomalies: &mut Anomalies) -> u64 {
        let sum = input.saturating_add(output);
        let Some(total) = self.total else { return sum };
        // Some servers leave cached tokens and reasoning out of the total if they leave them out of the parts.
        let partial = self.input.unwrap_or_default().saturating_add(self.output.unwrap_or_default());
        let is_partial = total == partial && (self.input_excludes_cache || self.output_excludes_reasoning);
        if total < sum && total > 0 && !is_partial {
            anomalies.add(Anomalies::TOTAL_BELOW_PARTS);
        }
        if total > sum && sum > 0 {
            anomalies.add(Anomalies::TOTAL_ABOVE_PARTS);
        }
        total.max(sum)
    }
}

/// Returns the tokens with those of audio, images and video: usually they are included.
fn with_modalities(tokens: u64, parts: [Option<u64>; 3], anomalies: &mut Anomalies) -> u64 {
    let parts = sum(parts);
    if parts <= tokens {
        return tokens;
    }
    if tokens > 0 {
        anomalies.add(Anomalies::MODALITIES_ABOVE_TOKENS);
    }
    tokens.saturating_add(parts)
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

    /// Numbers in the order input, cached, written, output, reasoning, total; -1 is absent.
    #[test]
    fn contradictions_have_a_plausible_reading() {
        let none = Anomalies::NONE;
        for (numbers, want, anomaly) in [
            // The input includes the cache, the output the reasoning.
            ([10_000, 1000, 8000, 10, 0, 10_010], [10_000, 10, 10_010], none),
            ([1000, -1, -1, 415, 400, 1415], [1000, 415, 1415], none),
            // The total tells that they are beside.
            ([1000, 9000, 0, 10, -1, 10_010], [10_000, 10, 10_010], none),
            ([1000, 500, -1, 10, -1, 1510], [1500, 10, 1510], none),
            ([1000, 500, 200, 10, -1, 1710], [1700, 10, 1710], none),
            ([1000, 500, 200, 10, -1, 1510], [1500, 10, 1510], none),
            ([1000, -1, -1, 15, 400, 1415], [1000, 415, 1415], none),
            ([1000, 700, -1, 15, 400, 2115], [1700, 415, 2115], none),
            // Cached tokens explain a total before reasoning does.
            ([1000, 400, -1, 500, 400, 1900], [1400, 500, 1900], none),
            // A part that is larger than the whole is beside it.
            ([1000, 9000, -1, 10, -1, -1], [10_000, 10, 10_010], Anomalies::CACHE_ABOVE_INPUT),
            ([1000, -1, -1, 15, 400, -1], [1000, 415, 1415], Anomalies::REASONING_ABOVE_OUTPUT),
            ([1000, -1, -1, 15, 400, 1015], [1000, 415, 1415], Anomalies::REASONING_ABOVE_OUTPUT),
            // A total without an explanation.
            ([1000, 10, -1, 15, -1, 1415], [1000, 15, 1415], Anomalies::TOTAL_ABOVE_PARTS),
            ([1000, -1, -1, 15, -1, 15], [1000, 15, 1015], Anomalies::TOTAL_BELOW_PARTS),
            // Half of a usage.
            ([-1, -1, -1, 5, -1, 14], [9, 5, 14], none),
            ([0, -1, -1, 5, -1, 5], [0, 5, 5], none),
            ([100, -1, -1, -1, -1, 150], [100, 50, 150], none),
            ([-1, -1, -1, -1, -1, 400], [0, 0, 400], none),
        ] {
            let [input, cached, cache_write, output, reasoning, total] =
                numbers.map(|number: i64| u64::try_from(number).ok());
            let reported =
                ReportedUsage { input, cached, cache_write, output, reasoning, total, ..ReportedUsage::default() };
            let mut anomalies = Anomalies::default();
            let usage = reported.resolve(&mut anomalies);
            assert_eq!([usage.input, usage.output, usage.total], want, "{numbers:?}");
            let is_expected = if anomaly.is_empty() { anomalies.is_empty() } else { anomalies.contains(anomaly) };
            assert!(is_expected, "{numbers:?}: {anomalies:?}");
            assert!(
                usage.cached + usage.cache_write() <= usage.input && usage.reasoning <= usage.output,
                "{numbers:?}"
            );
        }
    }

    /// Numbers in the order input, cached, output, reasoning, total; -1 is absent.
    #[test]
    fn parts_are_included_against_the_convention_where_only_that_explains_the_total() {
        for (numbers, want) in [
            // Beside, by the convention and the total.
            ([10, -1, 5, 1000, 1015], [10, 1005, 1015]),
            ([1000, 500, 10, -1, 1510], [1500, 10, 1510]),
            ([1000, 500, 100, 50, 1650], [1500, 150, 1650]),
            // Included, by the total.
            ([10, -1, 1005, 1000, 1015], [10, 1005, 1015]),
            ([1000, 500, 10, -1, 1010], [1000, 10, 1010]),
            ([1000, 500, 100, 50, 1100], [1000, 100, 1100]),
            // One is included, the other beside.
            ([1000, 500, 100, 50, 1600], [1500, 100, 1600]),
            ([1000, 500, 100, 50, 1150], [1000, 150, 1150]),
            // A part that is larger than the rest is beside it, even if the total leaves it out.
            ([10, -1, 5, 1000, 15], [10, 1005, 1015]),
            ([10, 500, 5, -1, 15], [510, 5, 515]),
            // Without a total the convention holds.
            ([10, -1, 1005, 1000, -1], [10, 2005, 2015]),
            ([1000, 500, 10, -1, -1], [1500, 10, 1510]),
        ] {
            let [input, cached, output, reasoning, total] = numbers.map(|number: i64| u64::try_from(number).ok());
            let reported = ReportedUsage {
                input,
                cached,
                output,
                reasoning,
                total,
                input_excludes_cache: true,
                output_excludes_reasoning: true,
                ..ReportedUsage::default()
            };
            let usage = reported.usage();
            assert_eq!([usage.input, usage.output, usage.total], want, "{numbers:?}");
        }
    }

    #[test]
    fn a_total_alone_is_the_input_of_calls_without_output() {
        let reported = ReportedUsage { total: Some(800), total_is_input: true, ..ReportedUsage::default() };
        let usage = reported.usage();
        assert_eq!((usage.input, usage.output, usage.total), (800, 0, 800));
    }

    #[test]
    fn modalities_are_included_or_beside() {
        for (input, image, want) in [(50, 40, 50), (0, 1000, 1000), (50, 1000, 1050)] {
            let reported = ReportedUsage { input: Some(input), image_input: Some(image), ..ReportedUsage::default() };
            assert_eq!(reported.usage().input, want);
        }
    }

    #[test]
    fn large_numbers_saturate() {
        let most = Some(u64::MAX);
        let reported = ReportedUsage {
            input: most,
            tool_input: most,
            cached: most,
            cache_write: most,
            audio_input: most,
            image_input: most,
            output: most,
            reasoning: most,
            input_excludes_cache: true,
            output_excludes_reasoning: true,
            ..ReportedUsage::default()
        };
        assert_eq!(reported.usage().total, u64::MAX);
        assert_eq!(ReportedUsage { total: Some(3), ..reported }.usage().total, u64::MAX);
    }
}
