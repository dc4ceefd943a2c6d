//! Maximum usage of a call, computed before it is sent.

use tollgate_prices::ModelPrice;

use crate::usage::CallUsage;

/// Size of a call as far as it is known before the call is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Counted prompt tokens.
    pub input_tokens: u64,
    /// The client's `max_completion_tokens` or `max_tokens`, if the request has one.
    pub max_output_tokens: Option<u64>,
    /// Output tokens that the request makes possible whatever its maximum is: vLLM's `min_tokens`, Anthropic's
    /// `thinking.budget_tokens`.
    pub min_output_tokens: u64,
    /// Reasoning tokens beyond the visible output: Gemini's `thinkingBudget`.
    pub thinking_tokens: u64,
    /// The client's `n`: the number of alternative responses.
    pub candidates: u32,
}

impl Estimate {
    /// Returns the output tokens that one response can have, if a request without a maximum has `assumed`.
    fn output(&self, assumed: u64) -> u64 {
        let visible = self.max_output_tokens.unwrap_or(assumed).max(self.min_output_tokens);
        visible.saturating_add(self.thinking_tokens)
    }
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
        let output = estimate.output(self.assumed).min(cap).saturating_mul(candidates);
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
            let estimate = Estimate { input_tokens, max_output_tokens, candidates, ..Estimate::default() };
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
    fn minimum_and_thinking_tokens_are_part_of_the_output() {
        for (max_output_tokens, min_output_tokens, thinking_tokens, output) in [
            (None, 0, 0, 1_024),
            (None, 100, 0, 1_024),
            (None, 5_000, 0, 5_000),
            (Some(50), 70, 0, 70),
            (Some(500), 70, 0, 500),
            (None, 0, 2_000, 3_024),
            (Some(500), 0, 2_000, 2_500),
            (Some(u64::MAX), 0, 2_000, u64::MAX),
        ] {
            let estimate = Estimate { max_output_tokens, min_output_tokens, thinking_tokens, ..Estimate::default() };
            assert_eq!(estimate.output(1_024), output, "{estimate:?}");
        }
    }

    #[test]
    fn an_empty_call_reserves_one_token_and_no_money_without_a_price() {
        let limits = OutputLimits { assumed: 1_024, max: 16_384 };
        let estimate = Estimate { max_output_tokens: Some(0), candidates: 1, ..Estimate::default() };
        assert_eq!(limits.worst_case(&estimate, None), CallUsage { tokens: 1, requests: 1, nano_usd: NanoUsd::ZERO });
    }
}
