//! Charge of a call by the documented rules (`docs/filters/token-counter.md`, decisions 6 and 10), computed from what the mock has
//! received and sent.

use tollgate_llm::{ParseLimits, Request};
use tollgate_mock_llm::Received;
use tollgate_tokens::Profile;

use crate::api::{Api, Format};
use crate::call::{Call, Leave};
use crate::framing::{documents, gunzip};
use crate::policy::{Price, Tokens};
use crate::sent::{Reported, Sent};

/// Tokens and cost of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(crate) tokens: Tokens,
    pub(crate) reasoning: u64,
    pub(crate) total: u64,
    pub(crate) nano_usd: u64,
    /// Output tokens that are charged though none arrived, because the client left before. No property has them.
    pub(crate) abandoned: u64,
    /// `usage_source`.
    pub(crate) source: &'static str,
    /// Label of `tollgate_usage_anomalies_total`.
    pub(crate) anomaly: Option<&'static str>,
}

const NOTHING: Charge = Charge {
    tokens: Tokens { input: 0, cached: 0, written: 0, output: 0 },
    reasoning: 0,
    total: 0,
    nano_usd: 0,
    abandoned: 0,
    source: "none",
    anomaly: None,
};

/// Knowledge about a call besides its reported usage.
struct Seen {
    /// Counted tokens of the prompt.
    prompt: u64,
    /// Counted tokens of the response as far as it was sent.
    output: u64,
    /// `true` if the response ended regularly.
    finished: bool,
    /// `true` if it contains an error.
    failed: bool,
}

impl Charge {
    /// Returns the charge of a call, with the mock's record of it if it arrived there.
    pub(crate) fn of(call: &Call, received: Option<&Received>) -> Charge {
        let Some(received) = received else { return NOTHING };
        if received.status.is_some_and(|status| status >= 400) || call.api == Api::CountTokens {
            return NOTHING;
        }
        let plain;
        let bytes = if call.knobs.iter().any(|(knob, _)| *knob == "gzip") {
            plain = gunzip(received.sent());
            &plain
        } else {
            received.sent()
        };
        let documents = documents(call.format, bytes);
        let sent = Sent::read(call.api, &documents);
        let unreadable = call.format == Format::Whole && documents.is_empty();
        let profile = Profile::of(call.model);
        let body = call.body();
        let request = Request::parse(call.api.dialect(), &body, &ParseLimits::default());
        let seen = Seen {
            prompt: request.map_or(0, |request| profile.count(&request, &body).tokens),
            output: match unreadable {
                true => estimate(call, bytes.len()),
                false => sent.texts.values().map(|text| profile.tokenizer().count(text)).sum(),
            },
            finished: sent.finished,
            failed: sent.failed,
        };
        let mut charge = seen.charge(sent.reported.unwrap_or_default());
        if call.leave == Leave::BeforeResponse {
            charge.abandoned = call.permitted_output();
        }
        // What the total has above its parts is charged as output.
        let output = charge.total - charge.tokens.input + charge.abandoned;
        let mut charged = Tokens { output, ..charge.tokens };
        if charge.abandoned > 0 && Price::of(call.served).is_some_and(Price::is_highest_written) {
            // A reservation has the whole prompt at its highest price.
            charged.written = charged.input;
        }
        charge.nano_usd = Price::of(call.served).map_or(0, |price| price.cost(charged));
        charge
    }
}

/// Returns the estimate for a response that cannot be read: a token per four bytes, at most what the request allows.
fn estimate(call: &Call, bytes: usize) -> u64 {
    let estimate = u64::try_from(bytes).unwrap_or(u64::MAX).div_ceil(4);
    call.prompt.max_tokens.map_or(estimate, |max| estimate.min(max * call.prompt.choices.unwrap_or(1)))
}

impl Seen {
    /// Returns the charge without its cost.
    fn charge(&self, reported: Reported) -> Charge {
        let Reported { cached, written, reasoning, .. } = reported;
        let (mut input, mut output) = (reported.input.unwrap_or_default(), reported.output.unwrap_or_default());
        let (mut anomaly, mut hidden) = (None, 0);
        if input > 0 && cached + written > input {
            input += cached + written;
            anomaly = Some("cache_above_input");
        }
        if output > 0 && reasoning > output {
            output += reasoning;
            anomaly = Some("reasoning_above_output");
        }
        match (reported.total, input, output) {
            (Some(total), 0, 1..) => input = total.saturating_sub(output),
            (Some(total), 1.., 0) => output = total.saturating_sub(input),
            (Some(total), 1.., 1..) if total < input + output => anomaly = Some("total_below_parts"),
            (Some(total), 1.., 1..) if total > input + output => {
                hidden = total - input - output;
                anomaly = Some("total_above_parts");
            }
            _ => {}
        }
        let charge = |input: u64, output: u64, source| Charge {
            tokens: Tokens { input, cached, written, output },
            reasoning,
            total: input + output + hidden,
            nano_usd: 0,
            abandoned: 0,
            source,
            anomaly,
        };
        if input == 0 && output == 0 {
            let total = reported.total.unwrap_or_default();
            return if self.failed && self.output == 0 && total == 0 {
                NOTHING
            } else if total > self.output {
                let input = self.prompt.min(total - self.output);
                charge(input, total - input, "mixed")
            } else {
                charge(self.prompt, self.output, "counted")
            };
        }
        let counted = if self.finished && output > 0 { 0 } else { self.output };
        let is_reported = counted <= output;
        let output = output.max(counted);
        if input > 0 {
            return charge(input, output, if is_reported { "provider" } else { "mixed" });
        }
        let charge = charge(self.prompt, output, if is_reported { "mixed" } else { "counted" });
        Charge { anomaly: Some("no_input"), ..charge }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_half_is_the_providers_or_counted() {
        let seen = Seen { prompt: 8, output: 2, finished: true, failed: false };
        for (numbers, want, source, anomaly) in [
            ([Some(100), Some(50), Some(150)], [100, 50, 150], "provider", None),
            ([None, None, None], [8, 2, 10], "counted", None),
            ([Some(0), Some(0), Some(0)], [8, 2, 10], "counted", None),
            ([Some(100), None, None], [100, 2, 102], "mixed", None),
            ([None, Some(5), None], [8, 5, 13], "mixed", Some("no_input")),
            ([Some(100), None, Some(150)], [100, 50, 150], "provider", None),
            ([None, None, Some(400)], [8, 392, 400], "mixed", None),
            ([Some(100), Some(50), Some(120)], [100, 50, 150], "provider", Some("total_below_parts")),
            ([Some(100), Some(50), Some(160)], [100, 50, 160], "provider", Some("total_above_parts")),
        ] {
            let [input, output, total] = numbers;
            let charge = seen.charge(Reported { input, output, total, ..Reported::default() });
            let got = [charge.tokens.input, charge.tokens.output, charge.total];
            assert_eq!((got, charge.source, charge.anomaly), (want, source, anomaly), "{numbers:?}");
        }
    }

    #[test]
    fn a_stream_that_broke_off_is_charged_for_what_was_sent() {
        for (failed, output, reported, want, source) in [
            (false, 30, Some((10, 1)), [10, 30], "mixed"),
            (false, 1, Some((10, 1)), [10, 1], "provider"),
            (false, 30, None, [8, 30], "counted"),
            (true, 0, None, [0, 0], "none"),
            (true, 30, None, [8, 30], "counted"),
        ] {
            let seen = Seen { prompt: 8, output, finished: false, failed };
            let reported = reported.map(|(input, output)| Reported {
                input: Some(input),
                output: Some(output),
                ..Reported::default()
            });
            let charge = seen.charge(reported.unwrap_or_default());
            assert_eq!(([charge.tokens.input, charge.tokens.output], charge.source), (want, source));
        }
    }
}
