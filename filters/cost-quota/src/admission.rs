//! Budget check before counting: stops counting once the outcome is certain.

use tollgate_kit::{Call, random_key};
use tollgate_prices::{ModelPrice, NanoUsd};
use tollgate_quota::{CallUsage, Claim, Estimate, LimitExceeded, Refusal, Remaining, Store};
use tollgate_tokens::{Margin, Profile, TextCache};

use crate::config::Config;
use crate::millis;
use crate::store::SharedData;

/// Smallest body, in bytes, whose budgets are checked before its prompt is counted. For smaller ones there is little to
/// save, and the refusal can name the exact number.
const LARGE: usize = 4 << 10;

/// Context of the admission of a call.
pub(crate) struct Admission<'a> {
    pub(crate) config: &'a Config,
    pub(crate) consumer: &'a [u8],
    pub(crate) price: Option<&'a ModelPrice>,
    /// Margin to reserve on the count of the prompt.
    pub(crate) margin: Margin,
    /// Number of requests that the call counts as.
    pub(crate) requests: u64,
    /// `true` if the call uses budgets in requests only: tokens of tools and uploads are charged with the prompt that contains them.
    pub(crate) uses_requests_only: bool,
}

impl Admission<'_> {
    /// Returns the most that a call can use.
    pub(crate) fn estimate(&self, token_estimate: &Estimate) -> CallUsage {
        if self.uses_requests_only {
            return CallUsage { requests: self.requests, ..CallUsage::ZERO };
        }
        let mut estimate = self.config.quota.worst_case(token_estimate, self.price);
        estimate.requests = self.requests;
        if self.price.is_none() {
            // The price is unknown, but not zero: a budget that is used up must not let the call pass.
            estimate.nano_usd = NanoUsd(1);
        }
        estimate
    }

    /// Returns the claim of a call: the most that it can use, and the part of its prompt.
    pub(crate) fn claim(&self, token_estimate: &Estimate) -> Claim {
        if self.uses_requests_only {
            return Claim::from(&self.estimate(token_estimate));
        }
        let no_output =
            Estimate { max_output_tokens: Some(0), min_output_tokens: 0, thinking_tokens: 0, ..*token_estimate };
        let prompt = CallUsage { requests: self.requests, ..self.config.quota.worst_case(&no_output, self.price) };
        self.config.quota.claim(&self.estimate(token_estimate), &prompt)
    }

    /// Returns what the budgets leave, given that at least `input_tokens` are reserved for the prompt.
    pub(crate) fn remaining(
        &self,
        call: &Call<'_>,
        token_estimate: &Estimate,
        input_tokens: u64,
    ) -> Result<Remaining, Refusal<<SharedData as Store>::Error>> {
        let least = self.estimate(&Estimate { input_tokens, ..*token_estimate });
        self.config.quota.remaining(&SharedData, self.consumer, millis(call.now_ns()), &least)
    }

    /// Counts the prompt of a call, given its other usage in `token_estimate`: completely if the call can be admitted, else
    /// only until it is certain that it cannot.
    pub(crate) fn count(
        &self,
        profile: &Profile,
        call: &Call<'_>,
        token_estimate: &Estimate,
    ) -> Result<u64, Box<LimitExceeded>> {
        let (view, body) = (call.view(), call.body());
        if body.len() >= LARGE {
            match self.remaining(call, token_estimate, self.margin.reserved(profile.lower_bound(view))) {
                Err(Refusal::LimitExceeded(exceeded)) => return Err(exceeded),
                // The reservation fails in the same way, and `on_unavailable` decides there.
                Err(Refusal::Unavailable(_)) => {}
                Ok(left) => {
                    let most = self.margin.counted(self.config.quota.max_input(&left, token_estimate, self.price));
                    let count = TextCache::with_shared(body, random_key, |cache| {
                        profile.count_at_most(view, body, most, cache)
                    });
                    if let Some(count) = count {
                        return Ok(count.tokens);
                    }
                    if let Err(Refusal::LimitExceeded(exceeded)) =
                        self.remaining(call, token_estimate, self.margin.reserved(most.saturating_add(1)))
                    {
                        return Err(exceeded);
                    }
                    // Another call has been settled in the meantime.
                }
            }
        }
        Ok(TextCache::with_shared(body, random_key, |cache| profile.count_cached(view, body, cache)).tokens)
    }
}
