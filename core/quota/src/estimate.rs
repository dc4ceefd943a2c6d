//! Maximum usage of a call, computed before it is sent.

use tollgate_prices::ModelPrice;

use crate::usage::CallUsage;

/// Size of a call as far as it is known before the call is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Counted prompt tokens.
    pub input_tokens: u64,
    /// The client's `max_completion_tokens` or `max_tokens`, if the request has one.
    pub max_output_tokens: Option<u64>,
    /// The client's `n`: the number of alternative responses.
    pub candidates: u32,
}

/// Maximum number of alternative responses per request: the maximum of `n` in OpenAI's API description
/// (`CreateChatCompletionRequest.n`, <https://github.com/openai/openai-openapi>).
const MAX_CANDIDATES: u32 = 128;

/// Limits on the number of output tokens to reserve per response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutputLimits {
    /// Reserved if the request sets no maximum.
    pub(crate) assumed: u64,
    /// Upper bound for any request, unless the price table has the model's own maximum.
    pub(crate) max: u64,
}

impl OutputLimits {
    /// Returns the maximum usage of a call: the prompt, and for each response the client's maximum, capped by the model's.
    ///
    /// The cap keeps a client that sends `max_tokens: 999999999` from blocking a budget that other calls share. The result
    /// is at least one token, so that an empty call is refused by an exhausted budget.
    ///
    /// Without a price the cost is zero; the caller decides whether such a call may pass.
    pub(crate) fn worst_case(&self, estimate: &Estimate, price: Option<&ModelPrice>) -> CallUsage {
        let cap = price.and_then(|price| price.max_output_tokens).unwrap_or(self.max);
        let candidates = u64::from(estimate.candidates.clamp(1, MAX_CANDIDATES));
        let output = estimate.max_output_tokens.unwrap_or(self.assumed).min(cap).saturating_mul(candidates);
        CallUsage {
            tokens: estimate.input_tokens.saturating_add(output).max(1),
            requests: 1,
            nano_usd: price.map(|price| price.worst_case(estimate.input_tokens, output)).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tollgate_prices::NanoUsd;

    use super::*;

    #[test]
    fn reserves_the_prompt_and_the_capped_output_of_every_candidate() {
        let limits = OutputLimits { assumed: 1_024, max: 16_384 };
        let price = |max_output_tokens| ModelPrice {
            input: NanoUsd(1_000_000_000),
            cached_input: NanoUsd(500_000_000),
            cache_write: NanoUsd(1_000_000_000),
            cache_write_1h: NanoUsd(1_000_000_000),
            output: NanoUsd(2_000_000_000),
            max_output_tokens,
        };
        for (input_tokens, max_output_tokens, candidates, model_cap, output) in [
            (100, None, 1, None, 1_024),
            (100, Some(50), 1, None, 50),
            (100, Some(50), 3, None, 150),
            (100, Some(50), 0, None, 50),
            (100, None, 2, None, 2_048),
            (100, Some(999_999_999), 1, None, 16_384),
            (100, Some(u64::MAX), u32::MAX, None, 16_384 * 128),
            (100, Some(999_999_999), 1, Some(4_096), 4_096),
            (100, Some(100_000), 1, Some(65_536), 65_536),
            (100, None, 1, Some(512), 512),
            (100, Some(u64::MAX), 128, Some(u64::MAX), u64::MAX),
        ] {
            let estimate = Estimate { input_tokens, max_output_tokens, candidates };
            let price = price(model_cap);
            let nano_usd = price.worst_case(input_tokens, output);
            let tokens = u64::saturating_add(input_tokens, output);
            assert_eq!(
                limits.worst_case(&estimate, Some(&price)),
                CallUsage { tokens, requests: 1, nano_usd },
                "{estimate:?}"
            );
        }
    }

    #[test]
    fn an_empty_call_reserves_one_token_and_no_money_without_a_price() {
        let limits = OutputLimits { assumed: 1_024, max: 16_384 };
        let estimate = Estimate { input_tokens: 0, max_output_tokens: Some(0), candidates: 1 };
        assert_eq!(limits.worst_case(&estimate, None), CallUsage { tokens: 1, requests: 1, nano_usd: NanoUsd::ZERO });
    }
}
