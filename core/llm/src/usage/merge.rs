//! Merges the reports of the events of a stream into one.
//!
//! All known streams report totals so far, so numbers are never added. A later report replaces an earlier one, because
//! servers correct themselves: the first event has an estimate of the input, or the whole of it as fresh input, and the
//! last event has its real split into fresh, cached and written tokens. The numbers of the input are therefore one group:
//! mixing the input of one event with the cached tokens of another would count tokens twice. What an event does not
//! report, or reports as zero where an earlier one had a number, changes nothing.

use std::cmp::Ordering;

use super::ReportedUsage;

impl ReportedUsage {
    /// Merges the usage of a later event.
    pub fn merge(so_far: &mut Option<ReportedUsage>, later: Option<ReportedUsage>) {
        let Some(later) = later else { return };
        let Some(known) = so_far else {
            *so_far = Some(later);
            return;
        };
        let complete = known.complete || later.complete;
        let listed_searches = known.listed_searches.merge(later.listed_searches);
        match later.rank.cmp(&known.rank) {
            Ordering::Less => known.fill(&later),
            Ordering::Equal => known.replace(&later),
            Ordering::Greater => {
                let earlier = std::mem::replace(known, later);
                known.fill(&earlier);
            }
        }
        known.complete = complete;
        known.listed_searches = listed_searches;
    }

    /// Adds the halves, input and output, that this usage lacks.
    pub(crate) fn fill(&mut self, other: &ReportedUsage) {
        let lacks_all = self.reported_input() == 0 && self.output.unwrap_or_default() == 0;
        if self.total.is_none() && lacks_all {
            self.total = other.total;
        }
        if self.reported_input() == 0 && other.has_input() {
            self.copy_input(other);
        }
        if self.output.unwrap_or_default() == 0 && other.has_output() {
            self.copy_output(other);
        }
        self.replace_units(&ReportedUsage {
            audio_input_ms: other.audio_input_ms.filter(|_| self.audio_input_ms.is_none()),
            web_searches: other.web_searches.filter(|_| self.web_searches.is_none()),
            citations: other.citations.filter(|_| self.citations.is_none()),
            pages: other.pages.filter(|_| self.pages.is_none()),
            search_units: other.search_units.filter(|_| self.search_units.is_none()),
            ..ReportedUsage::default()
        });
    }

    /// Replaces the numbers that a later report of the same rank has.
    fn replace(&mut self, later: &ReportedUsage) {
        let before = *self;
        self.replace_input(later);
        self.replace_choice(later);
        self.replace_output(later);
        self.replace_units(later);
        // A total belongs to the numbers that it was reported with.
        let numbers = |usage: &ReportedUsage| {
            // Zero in place of no number is no change.
            (
                usage.input_numbers().map(Option::unwrap_or_default),
                usage.output_numbers().map(Option::unwrap_or_default),
            )
        };
        let is_changed = numbers(&before) != numbers(self);
        match later.total {
            // The total of one choice.
            _ if self.earlier_choices > 0 => self.total = None,
            Some(total) if total > 0 => self.total = Some(total),
            _ if is_changed => self.total = None,
            _ => {}
        }
    }

    /// Replaces the input by that of a later report.
    fn replace_input(&mut self, later: &ReportedUsage) {
        let is_same = self
            .input_numbers()
            .iter()
            .zip(later.input_numbers())
            .all(|(known, later)| later.is_none() || *known == later);
        if is_same || later.reported_input() == 0 && self.reported_input() > 0 {
            return;
        }
        let later_cache = later.cached.unwrap_or_default().saturating_add(later.cache_write.unwrap_or_default());
        if later.input.is_some() && later_cache > 0 {
            let kept_hour = self.hour_of(later.cache_write);
            self.copy_input(later);
            self.cache_write_1h = later.cache_write_1h.or(kept_hour);
            return;
        }
        if later.input == Some(self.reported_input())
            && later.cached.or(later.cache_write).is_none()
            && self.input_excludes_cache
        {
            // The same input, in one number.
            return;
        }
        let known = *self;
        self.copy_input(later);
        self.input = later.input.or(known.input);
        self.tool_input = later.tool_input.or(known.tool_input);
        self.input_excludes_cache |= known.input_excludes_cache;
        // Parts that the later report omits are kept if they still fit.
        let cache = (later.cached.or(known.cached), later.cache_write.or(known.cache_write));
        let input = self.input.unwrap_or_default();
        if self.input_excludes_cache || sum([cache.0, cache.1]) <= input {
            (self.cached, self.cache_write) = cache;
            self.cache_write_1h = later.cache_write_1h.or(known.hour_of(later.cache_write)).or(known.cache_write_1h);
        }
        let parts = [
            later.audio_input.or(known.audio_input),
            later.image_input.or(known.image_input),
            later.video_input.or(known.video_input),
        ];
        if sum(parts) <= self.reported_input() {
            [self.audio_input, self.image_input, self.video_input] = parts;
        }
    }

    /// Returns how many of the cache writes of a later report, which does not split them by lifetime, are for an hour: the
    /// same share as of the writes so far.
    fn hour_of(&self, written: Option<u64>) -> Option<u64> {
        let (hour, written) = (self.cache_write_1h?, written?);
        let all = self.cache_write.unwrap_or_default().max(hour);
        let share = u128::from(hour).saturating_mul(u128::from(written)).checked_div(u128::from(all))?;
        Some(u64::try_from(share).unwrap_or(written).min(written))
    }

    /// Keeps the output of a choice when the usage of another choice follows: each is reported once, at its end. A usage of
    /// the whole response includes them.
    fn replace_choice(&mut self, later: &ReportedUsage) {
        if !later.has_output() {
            return;
        }
        match (self.choice, later.choice) {
            (Some(known), Some(choice)) if known != choice => {
                self.earlier_choices = self.earlier_choices.saturating_add(self.output.unwrap_or_default());
                self.output = None;
                self.reasoning = None;
            }
            (_, None) => self.earlier_choices = 0,
            _ => {}
        }
        self.choice = later.choice;
    }

    /// Replaces the output by that of a later report. A number that is omitted or zero keeps the earlier one, as far as it
    /// is still a part of the output.
    fn replace_output(&mut self, later: &ReportedUsage) {
        if !later.has_output() || sum(later.output_numbers()) == 0 && self.has_output() {
            return;
        }
        let known = *self;
        self.copy_output(later);
        self.output_excludes_reasoning |= known.output_excludes_reasoning;
        self.output = nonzero(later.output).or(known.output).or(later.output);
        let output = self.output.unwrap_or_default();
        // A part that was not included in the output before need not be so now.
        let was_beside = |part: u64| part > known.output.unwrap_or_default();
        let fits = |part: Option<u64>| part.filter(|part| *part <= output || was_beside(*part));
        let kept_reasoning = if self.output_excludes_reasoning { known.reasoning } else { fits(known.reasoning) };
        self.reasoning = nonzero(later.reasoning).or(kept_reasoning).or(later.reasoning);
        self.audio_output = nonzero(later.audio_output).or(fits(known.audio_output)).or(later.audio_output);
        self.image_output = nonzero(later.image_output).or(fits(known.image_output)).or(later.image_output);
        self.video_output = nonzero(later.video_output).or(fits(known.video_output)).or(later.video_output);
    }

    /// Replaces the units other than tokens that a later report has.
    fn replace_units(&mut self, later: &ReportedUsage) {
        self.audio_input_ms = nonzero(later.audio_input_ms).or(self.audio_input_ms);
        self.web_searches = nonzero(later.web_searches).or(self.web_searches);
        self.citations = nonzero(later.citations).or(self.citations);
        self.pages = nonzero(later.pages).or(self.pages);
        self.search_units = nonzero(later.search_units).or(self.search_units);
    }

    fn copy_input(&mut self, from: &ReportedUsage) {
        *self = ReportedUsage {
            input: from.input,
            tool_input: from.tool_input,
            cached: from.cached,
            cached_audio: from.cached_audio,
            cached_image: from.cached_image,
            cache_write: from.cache_write,
            cache_write_1h: from.cache_write_1h,
            audio_input: from.audio_input,
            image_input: from.image_input,
            video_input: from.video_input,
            input_excludes_cache: from.input_excludes_cache,
            total_is_input: from.total_is_input,
            ..*self
        };
    }

    fn copy_output(&mut self, from: &ReportedUsage) {
        *self = ReportedUsage {
            output: from.output,
            reasoning: from.reasoning,
            audio_output: from.audio_output,
            image_output: from.image_output,
            video_output: from.video_output,
            output_excludes_reasoning: from.output_excludes_reasoning,
            ..*self
        };
    }

    fn input_numbers(&self) -> [Option<u64>; 8] {
        [
            self.input,
            self.tool_input,
            self.cached,
            self.cache_write,
            self.cache_write_1h,
            self.audio_input,
            self.image_input,
            self.video_input,
        ]
    }

    fn output_numbers(&self) -> [Option<u64>; 5] {
        [self.output, self.reasoning, self.audio_output, self.image_output, self.video_output]
    }

    /// Returns the input tokens by the dialect's way of counting, without regard to the total.
    fn reported_input(&self) -> u64 {
        let own = sum([self.input, self.tool_input]);
        let cache = sum([self.cached, self.cache_write.max(self.cache_write_1h)]);
        if self.input_excludes_cache { own.saturating_add(cache) } else { own.max(cache) }
    }
}

fn nonzero(number: Option<u64>) -> Option<u64> {
    number.filter(|number| *number > 0)
}

pub(super) fn sum<const N: usize>(numbers: [Option<u64>; N]) -> u64 {
    numbers.into_iter().flatten().fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::super::reported::UsageRank;
    use super::*;

    /// Returns a report of `[input, cached, cache_write, output]`; -1 is absent.
    fn report([input, cached, cache_write, output]: [i64; 4], input_excludes_cache: bool) -> ReportedUsage {
        let number = |number: i64| u64::try_from(number).ok();
        ReportedUsage {
            input: number(input),
            cached: number(cached),
            cache_write: number(cache_write),
            output: number(output),
            input_excludes_cache,
            ..ReportedUsage::default()
        }
    }

    fn merged(reports: &[ReportedUsage]) -> ReportedUsage {
        let mut all = None;
        for later in reports {
            ReportedUsage::merge(&mut all, Some(*later));
        }
        all.unwrap()
    }

    #[test]
    fn a_later_report_replaces_an_earlier_one() {
        for (excludes, reports, want) in [
            // Only the output is reported later.
            (true, &[[25, -1, -1, 1], [-1, -1, -1, 15]][..], [25, 0, 0, 15]),
            // Zeros are no correction.
            (true, &[[10, 90, -1, 1], [0, -1, -1, 9]], [100, 90, 0, 9]),
            (true, &[[10, 90, 0, 1], [0, 0, 0, 9]], [100, 90, 0, 9]),
            (true, &[[25, -1, -1, 15], [25, -1, -1, 0]], [25, 0, 0, 15]),
            // The real split of the input comes last.
            (true, &[[5000, -1, -1, 0], [200, 4800, 0, 20]], [5000, 4800, 0, 20]),
            (true, &[[30_500, -1, -1, 0], [4000, 26_000, 0, 40]], [30_000, 26_000, 0, 40]),
            (true, &[[0, -1, -1, 0], [200, 4800, -1, 20]], [5000, 4800, 0, 20]),
            (true, &[[10, 0, 900, 1], [10, 800, 100, 20]], [910, 800, 100, 20]),
            (true, &[[10, -1, 4990, 1], [10, 4990, -1, 20]], [5000, 4990, 0, 20]),
            // All of the input is cached.
            (true, &[[5000, -1, -1, 0], [0, 5000, -1, 20]], [5000, 5000, 0, 20]),
            // A report of the fresh input, or of the whole input, leaves the cached tokens.
            (true, &[[10, 90, -1, 1], [10, -1, -1, 9]], [100, 90, 0, 9]),
            (true, &[[10, 90, -1, 1], [12, -1, -1, 9]], [102, 90, 0, 9]),
            (true, &[[200, 4800, -1, 1], [5000, -1, -1, 9]], [5000, 4800, 0, 9]),
            (true, &[[200, 4800, -1, 1], [5000, 0, -1, 9]], [5000, 0, 0, 9]),
            (true, &[[10, -1, 900, 1], [10, 0, -1, 9]], [910, 0, 900, 9]),
            // Input that includes cached tokens.
            (false, &[[5200, -1, -1, 1], [5000, 4800, -1, 20]], [5000, 4800, 0, 20]),
            (false, &[[160, -1, -1, -1], [80, -1, -1, 12]], [80, 0, 0, 12]),
            (false, &[[5200, 5000, -1, 1], [100, -1, -1, 2]], [100, 0, 0, 2]),
            (false, &[[5200, 100, -1, 1], [5300, -1, -1, 2]], [5300, 100, 0, 2]),
            // An output that falls is a correction; one that is omitted is not.
            (false, &[[5, -1, -1, 9], [5, -1, -1, 7]], [5, 0, 0, 7]),
            (false, &[[5, -1, -1, 9], [6, -1, -1, -1]], [6, 0, 0, 9]),
        ] {
            let reports: Vec<_> = reports.iter().map(|numbers| report(*numbers, excludes)).collect();
            let usage = merged(&reports).usage();
            assert_eq!([usage.input, usage.cached, usage.cache_write(), usage.output], want, "{reports:?}");
        }
    }

    #[test]
    fn reports_without_numbers_change_nothing_wherever_they_are() {
        let empty = [
            ReportedUsage::default(),
            report([0, -1, -1, -1], true),
            report([0, 0, 0, 0], true),
            report([-1, -1, -1, 0], true),
            ReportedUsage { total: Some(0), ..ReportedUsage::default() },
        ];
        let reports = [report([10, 90, -1, 1], true), report([12, 80, 5, 7], true), report([-1, -1, -1, 30], true)];
        let want = merged(&reports).usage();
        for number in 0..empty.len().pow(3) {
            for at in 0..=reports.len() {
                let mut mixed = reports.to_vec();
                for position in 0..3 {
                    mixed.insert(at, empty[number / empty.len().pow(position) % empty.len()]);
                }
                assert_eq!(merged(&mixed).usage(), want, "{mixed:?}");
            }
        }
    }

    #[test]
    fn zero_output_leaves_the_total_that_tells_the_output() {
        let cached = ReportedUsage { cached: Some(8), total: Some(30), ..ReportedUsage::default() };
        let zero = ReportedUsage { output: Some(0), ..ReportedUsage::default() };
        let usage = merged(&[cached, zero]).usage();
        assert_eq!((usage.input, usage.cached, usage.output, usage.total), (8, 8, 22, 30));
    }

    #[test]
    fn secondary_counts_fill_in_the_half_that_is_missing() {
        let own = report([-1, -1, -1, 7], true);
        let engine = ReportedUsage { rank: UsageRank::Secondary, ..report([3, 4, -1, 9], true) };
        for reports in [[own, engine], [engine, own]] {
            let usage = merged(&reports).usage();
            assert_eq!((usage.input, usage.cached, usage.output), (7, 4, 7));
        }
        let iterations = ReportedUsage { rank: UsageRank::Iterations, ..report([900, -1, -1, 80], false) };
        let last = report([100, -1, -1, 8], true);
        for reports in [[last, iterations], [iterations, last]] {
            let usage = merged(&reports).usage();
            assert_eq!((usage.input, usage.output), (900, 80));
        }
    }

    #[test]
    fn parts_that_are_omitted_later_are_kept_as_far_as_they_fit() {
        let first = ReportedUsage {
            input: Some(100),
            audio_input: Some(60),
            output: Some(50),
            reasoning: Some(40),
            total: Some(150),
            ..ReportedUsage::default()
        };
        for (later, want) in [((200, 60), (60, 40, 260)), ((50, 30), (0, 0, 80))] {
            let later = ReportedUsage { input: Some(later.0), output: Some(later.1), ..ReportedUsage::default() };
            let usage = merged(&[first, later]).usage();
            assert_eq!((usage.audio_input, usage.reasoning, usage.total), want);
        }
        let beside = ReportedUsage { output: Some(3), reasoning: Some(40), ..ReportedUsage::default() };
        for (output, want) in [(0, 43), (5, 45)] {
            let later = ReportedUsage { output: Some(output), ..ReportedUsage::default() };
            assert_eq!(merged(&[beside, later]).usage().output, want);
        }
    }

    #[test]
    fn cache_writes_without_a_split_by_lifetime_keep_the_share_of_each() {
        for (hour, written, later, want) in [
            (Some(900), 900, [3000, -1, 900, 2], (0, 900)),
            (Some(900), 900, [3000, 0, 900, 2], (0, 900)),
            (Some(900), 900, [3000, -1, 100, 2], (0, 100)),
            (Some(900), 900, [3000, -1, 1000, 2], (0, 1000)),
            (Some(300), 900, [3000, 5, 900, 2], (600, 300)),
            (Some(300), 900, [3000, 5, 600, 2], (400, 200)),
            (Some(0), 900, [3000, 5, 600, 2], (600, 0)),
            (None, 900, [3000, 5, 600, 2], (600, 0)),
            // A later report without writes, and one without any input.
            (Some(300), 900, [3000, -1, -1, 2], (600, 300)),
            (Some(300), 900, [3000, 70, 0, 2], (0, 0)),
            (Some(300), 900, [-1, -1, -1, 2], (600, 300)),
        ] {
            let first = ReportedUsage { cache_write_1h: hour, ..report([10, 0, written, 1], true) };
            let usage = merged(&[first, report(later, true)]).usage();
            assert_eq!((usage.cache_write_5m, usage.cache_write_1h), want, "{hour:?} {later:?}");
        }
        let first = ReportedUsage { cache_write_1h: Some(900), ..report([10, 0, 900, 1], true) };
        let later = ReportedUsage { cache_write_1h: Some(100), ..report([10, 0, 900, 2], true) };
        let usage = merged(&[first, later]).usage();
        assert_eq!((usage.cache_write_5m, usage.cache_write_1h), (800, 100));
    }
}
