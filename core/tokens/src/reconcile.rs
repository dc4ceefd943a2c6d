//! Decides which numbers a call is charged by: the provider's or the gateway's.
//!
//! Each half, input and output, is the provider's if it reports one, and counted otherwise. Zero is not a report: servers
//! that do not count report zeros, and an engine leaves out a prompt that it had cached. A number that no call can reach
//! is not one either, so that a broken upstream does not use up a budget.

use tollgate_llm::{Anomalies, ReportedUsage, Usage};

use crate::{InputSource, RecordSource, UsageRecord};

/// Largest credible input of a call whose prompt is not larger itself. Tools of the provider, stored conversations and
/// the iterations of a compaction multiply the input of a request, of which the longest context window takes 2 million.
const MAX_INPUT_TOKENS: u64 = 10_000_000;

/// Largest credible input, as a multiple of the gateway's count of the prompt.
const MAX_INPUT_PER_COUNTED: u64 = 4;

/// Largest credible output of a call whose request does not allow more. Models generate up to 400,000 tokens; a call may
/// ask for several candidates without a limit.
pub(crate) const MAX_OUTPUT_TOKENS: u64 = 2_000_000;

/// Evidence about the usage of a call.
pub(crate) struct Evidence<'a> {
    /// Usage reported by the provider.
    pub(crate) reported: Option<ReportedUsage>,
    /// `true` if the response ended regularly.
    pub(crate) complete: bool,
    /// `true` if the response reported an error.
    pub(crate) is_failed: bool,
    /// Output limit of the request, for all candidates together.
    pub(crate) max_output_tokens: Option<u64>,
    /// Counts the prompt; `false` if the number is an estimate.
    pub(crate) prompt: &'a dyn Fn() -> (u64, bool),
    /// Counts the output as far as it arrived.
    pub(crate) output: &'a dyn Fn() -> u64,
}

/// Returns the record of a call, without what only the response knows: tier and models.
pub(crate) fn reconcile(evidence: &Evidence<'_>) -> UsageRecord {
    let mut anomalies = Anomalies::default();
    let usage = evidence.credible(&mut anomalies).resolve(&mut anomalies);
    let complete = evidence.complete;
    let record = |usage, source, input_source| UsageRecord {
        usage,
        source,
        input_source,
        complete,
        anomalies,
        ..UsageRecord::NOTHING
    };
    if usage.input == 0 && usage.output == 0 {
        if usage.audio_input_ms > 0 {
            // Billed by duration: there are no tokens.
            return record(usage, RecordSource::Provider, InputSource::Provider);
        }
        let seen = (evidence.output)();
        if evidence.is_failed && seen == 0 && usage.total == 0 {
            // An error in place of a response: nothing was generated, and no provider charges for it.
            return UsageRecord::NOTHING;
        }
        let (prompt, is_counted) = (evidence.prompt)();
        let (source, input_source) = counted(is_counted);
        if usage.total > seen {
            // Only a total: the rest of it is the input or the output.
            let input = prompt.min(usage.total.saturating_sub(seen));
            let usage = Usage { input, output: usage.total.saturating_sub(input), ..usage };
            return record(usage, RecordSource::Mixed, input_source);
        }
        let usage = Usage { input: prompt, output: seen, total: prompt.saturating_add(seen), ..usage };
        return record(usage, source, input_source);
    }
    // A stream that broke off has the usage of its first event only, with almost no output.
    let seen = if complete && usage.output > 0 { 0 } else { (evidence.output)() };
    let output = usage.output.max(seen);
    let is_output_reported = seen <= usage.output;
    if usage.input > 0 {
        let total = if is_output_reported { usage.total } else { usage.total.max(usage.input.saturating_add(output)) };
        let source = if is_output_reported { RecordSource::Provider } else { RecordSource::Mixed };
        return record(Usage { output, total, ..usage }, source, InputSource::Provider);
    }
    anomalies.add(Anomalies::NO_INPUT);
    let (input, is_counted) = (evidence.prompt)();
    let (source, input_source) = counted(is_counted);
    let source = if is_output_reported { RecordSource::Mixed } else { source };
    let usage = Usage { input, output, total: input.saturating_add(output), ..usage };
    UsageRecord { usage, source, input_source, complete, anomalies, ..UsageRecord::NOTHING }
}

/// Returns the credible ones of the parts of a record that other models used: none if the provider reported a number of the
/// total that is not credible, and not a part with more tokens than the parts before it leave of the total. Tokens of a part
/// that is dropped count as the served model's.
pub(crate) fn credible_parts(
    record: &UsageRecord,
    parts: impl Iterator<Item = (String, Usage)>,
) -> Vec<(String, Usage)> {
    if record.anomalies.contains(Anomalies::NOT_CREDIBLE) {
        return Vec::new();
    }
    let mut rest = record.usage;
    let mut credible = Vec::new();
    for (model, part) in parts {
        if part.input > rest.input || part.output > rest.output {
            continue;
        }
        // The sum of the parts has no hidden output, so the part has none either.
        let part = Usage { total: part.input.saturating_add(part.output), ..part.at_most(&rest) };
        rest = rest.minus(&part);
        credible.push((model, part));
    }
    credible
}

/// Returns the sources of a call whose input, and output if any, are the gateway's numbers.
fn counted(is_counted: bool) -> (RecordSource, InputSource) {
    match is_counted {
        true => (RecordSource::Counted, InputSource::Counted),
        false => (RecordSource::Estimated, InputSource::Bounded),
    }
}

impl Evidence<'_> {
    /// Returns the reported usage without numbers that exceed what the call could have used.
    fn credible(&self, anomalies: &mut Anomalies) -> ReportedUsage {
        let reported = self.reported.unwrap_or_default();
        let max_output = self.max_output_tokens.unwrap_or_default().max(MAX_OUTPUT_TOKENS);
        let mut found = Anomalies::default();
        let bounded = reported.bounded(MAX_INPUT_TOKENS, max_output, &mut found);
        if found.is_empty() {
            return bounded;
        }
        // The exact bounds need a count, which is only made for a suspicious report.
        let max_input = (self.prompt)().0.saturating_mul(MAX_INPUT_PER_COUNTED).max(MAX_INPUT_TOKENS);
        let seen = (self.output)();
        let mut bounded = reported.bounded(max_input, max_output.max(seen), anomalies);
        if reported.output.is_some() && bounded.output.is_none() {
            // What the request allowed is the most that it can have used.
            bounded.output = self.max_output_tokens.map(|max| max.max(seen));
        }
        bounded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reconciles a report of `[input, output, total]`, of which -1 is absent, with a prompt of 8 tokens and a response of 2.
    fn reconciled(numbers: [i128; 3], change: impl FnOnce(&mut Evidence<'_>)) -> UsageRecord {
        let [input, output, total] = numbers.map(|number| u64::try_from(number).ok());
        let mut evidence = Evidence {
            reported: Some(ReportedUsage { input, output, total, ..ReportedUsage::default() }),
            complete: true,
            is_failed: false,
            max_output_tokens: None,
            prompt: &|| (8, true),
            output: &|| 2,
        };
        change(&mut evidence);
        reconcile(&evidence)
    }

    #[test]
    fn each_half_is_the_providers_or_counted() {
        use RecordSource::*;
        for (numbers, want, source) in [
            ([100, 50, 150], [100, 50, 150], Provider),
            ([-1, -1, -1], [8, 2, 10], Counted),
            ([0, 0, 0], [8, 2, 10], Counted),
            ([100, 0, 100], [100, 2, 102], Mixed),
            ([100, -1, -1], [100, 2, 102], Mixed),
            ([0, 5, 5], [8, 5, 13], Mixed),
            ([-1, 5, -1], [8, 5, 13], Mixed),
            // The total says what the other half is.
            ([-1, 5, 14], [9, 5, 14], Provider),
            ([100, -1, 150], [100, 50, 150], Provider),
            // Only a total.
            ([-1, -1, 400], [8, 392, 400], Mixed),
            ([-1, -1, 6], [4, 2, 6], Mixed),
            ([-1, -1, 1], [8, 2, 10], Counted),
        ] {
            let record = reconciled(numbers, |_| {});
            let usage = record.usage;
            assert_eq!(([usage.input, usage.output, usage.total], record.source), (want, source), "{numbers:?}");
            let is_reported = record.input_source == InputSource::Provider;
            assert_eq!(is_reported, source == Provider || numbers[0] > 0, "{numbers:?}");
        }
        let estimated = reconciled([-1, -1, -1], |evidence| evidence.prompt = &|| (8, false));
        assert_eq!((estimated.source, estimated.input_source), (Estimated, InputSource::Bounded));
    }

    #[test]
    fn numbers_that_are_not_credible_do_not_count() {
        let most = i128::from(u64::MAX);
        for (numbers, max_output, want) in [
            ([most, 5, 150], None, [145, 5]),
            ([most, 5, -1], None, [8, 5]),
            ([most, 5, most], None, [8, 5]),
            ([1_000_000_000_000_000_000, 5, 1_000_000_000_000_000_005], None, [8, 5]),
            ([100, most, -1], None, [100, 2]),
            ([100, most, 150], None, [100, 50]),
            ([100, most, -1], Some(40), [100, 40]),
            ([most, most, most], Some(40), [8, 40]),
            ([most, most, most], None, [8, 2]),
            // Large, and possible.
            ([9_000_000, 300_000, 9_300_000], Some(40), [9_000_000, 300_000]),
        ] {
            let record = reconciled(numbers, |evidence| evidence.max_output_tokens = max_output);
            assert_eq!([record.usage.input, record.usage.output], want, "{numbers:?}");
            assert_eq!(record.anomalies.contains(Anomalies::NOT_CREDIBLE), numbers[0].max(numbers[1]) > 10_000_000);
        }
        // A prompt that is larger itself.
        let large = reconciled([30_000_000, 5, -1], |evidence| evidence.prompt = &|| (20_000_000, true));
        assert_eq!((large.usage.input, large.anomalies), (30_000_000, Anomalies::NONE));
    }

    #[test]
    fn parts_of_other_models_are_within_the_total() {
        let usage = |input, output, searches| Usage {
            input,
            output,
            web_searches: searches,
            total: input + output,
            ..Usage::default()
        };
        let large = 1_000_000_000_000_000;
        for (parts, want) in [
            (vec![usage(60, 10, 0), usage(40, 5, 0)], vec![usage(60, 10, 0), usage(40, 5, 0)]),
            (vec![usage(60, 10, 0), usage(41, 5, 0), usage(40, 20, 0)], vec![usage(60, 10, 0), usage(40, 20, 0)]),
            (vec![usage(large, 0, 0)], vec![]),
            (vec![usage(0, large, 0)], vec![]),
            (vec![usage(60, 10, large)], vec![usage(60, 10, 2)]),
            (vec![Usage { total: large, ..usage(60, 10, 0) }], vec![usage(60, 10, 0)]),
        ] {
            let record = UsageRecord { usage: usage(100, 30, 2), ..UsageRecord::NOTHING };
            let named = parts.iter().map(|part| ("m".to_owned(), *part));
            let found: Vec<Usage> = credible_parts(&record, named.clone()).into_iter().map(|(_, part)| part).collect();
            assert_eq!(found, want, "{parts:?}");
            let broken = UsageRecord { anomalies: Anomalies::NOT_CREDIBLE, ..record };
            assert!(credible_parts(&broken, named).is_empty());
        }
    }

    #[test]
    fn an_error_in_place_of_a_response_uses_nothing() {
        for (numbers, output, want) in [
            ([-1, -1, -1], 0, UsageRecord::NOTHING.source),
            ([0, 0, 0], 0, RecordSource::None),
            // What was generated before the error is charged, and what the provider reports.
            ([-1, -1, -1], 2, RecordSource::Counted),
            ([10, 1, -1], 0, RecordSource::Provider),
        ] {
            let count = move || output;
            let record = reconcile(&Evidence {
                is_failed: true,
                output: &count,
                ..Evidence {
                    reported: Some(ReportedUsage {
                        input: u64::try_from(numbers[0]).ok(),
                        output: u64::try_from(numbers[1]).ok(),
                        ..ReportedUsage::default()
                    }),
                    complete: true,
                    is_failed: true,
                    max_output_tokens: None,
                    prompt: &|| (8, true),
                    output: &|| 0,
                }
            });
            assert_eq!(record.source, want, "{numbers:?} {output}");
        }
    }

    #[test]
    fn a_duration_is_a_usage_without_tokens() {
        let duration = Some(ReportedUsage { audio_input_ms: Some(9000), ..ReportedUsage::default() });
        let record = reconciled([-1, -1, -1], |evidence| evidence.reported = duration);
        assert_eq!((record.source, record.usage.audio_input_ms, record.usage.total), (RecordSource::Provider, 9000, 0));
        let pages = Some(ReportedUsage { pages: Some(2), ..ReportedUsage::default() });
        let record = reconciled([-1, -1, -1], |evidence| evidence.reported = pages);
        assert_eq!((record.source, record.usage.pages, record.usage.input), (RecordSource::Counted, 2, 8));
    }
}
