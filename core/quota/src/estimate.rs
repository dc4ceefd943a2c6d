//! Maximum usage of a call, computed before it is sent.

use serde::Deserialize;
use tollgate_prices::{ModelPrice, Quantities, ServiceTier};

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
    /// The client's `n`: the number of alternative responses. 0 counts as 1.
    pub candidates: u32,
    /// Service tier that the request asks for, if it has prices of its own.
    pub service_tier: Option<ServiceTier>,
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

/// Output that is reserved for a request that sets no maximum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OutputCap {
    /// `assumed_output_tokens`. A longer response exceeds its reservation.
    #[default]
    Assume,
    /// The model's own maximum, or `assumed_output_tokens` where that is unknown. No response of a model with a known maximum
    /// exceeds its reservation.
    Model,
    /// Rest of the consumer's budgets, at most the model's own maximum, which the caller then writes into the request. No
    /// response exceeds its reservation. Where it cannot, as `model`.
    Impose,
}

/// Limits on the number of output tokens to reserve per response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutputLimits {
    /// Reserved if the request sets no maximum, and `cap` is not the model's own.
    pub(crate) assumed: u64,
    /// Upper bound for any request, unless the price table has the model's own maximum.
    pub(crate) max: Option<u64>,
    /// Output that is reserved for a request that sets no maximum.
    pub(crate) cap: OutputCap,
}

impl OutputLimits {
    /// Returns the maximum usage of a call: the prompt, and for each response the client's maximum, at most the model's.
    ///
    /// The result is at least one token, so that an empty call is refused by an exhausted budget.
    ///
    /// Without a price the cost is zero; the caller decides whether such a call may pass.
    pub(crate) fn worst_case(&self, estimate: &Estimate, price: Option<&ModelPrice>) -> CallUsage {
        let own = price.and_then(|price| price.max_output_tokens);
        let without_maximum = match self.cap {
            OutputCap::Assume => self.assumed,
            OutputCap::Model | OutputCap::Impose => own.unwrap_or(self.assumed),
        };
        let requested = estimate.output(without_maximum);
        let each = own.or(self.max).map_or(requested, |cap| requested.min(cap));
        let candidates = u64::from(estimate.candidates.clamp(1, MAX_CANDIDATES));
        let most = Quantities {
            input: estimate.input_tokens,
            output: each.saturating_mul(candidates),
            output_images: candidates,
            requests: 1,
            ..Quantities::default()
        };
        CallUsage {
            tokens: most.input.saturating_add(most.output).max(1),
            requests: 1,
            nano_usd: price.map(|price| price.worst_case(&most, estimate.service_tier)).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tollgate_prices::{Dimension, NanoUsd, Rate, UnitPrice};

    use super::*;

    const LIMITS: OutputLimits = OutputLimits { assumed: 1_024, max: None, cap: OutputCap::Assume };

    fn estimate(input_tokens: u64, max_output_tokens: Option<u64>, candidates: u32) -> Estimate {
        Estimate { input_tokens, max_output_tokens, candidates, ..Estimate::default() }
    }

    fn price(max_output_tokens: Option<u64>) -> ModelPrice {
        let rate = |dimension, above, price| Rate { dimension, tier: None, above, price: UnitPrice(price) };
        let priority = Rate { tier: Some(ServiceTier::Priority), ..rate(Dimension::Input, 0, 5_000_000_000) };
        let rates = vec![
            rate(Dimension::Input, 0, 1_000_000_000),
            rate(Dimension::Output, 0, 2_000_000_000),
            rate(Dimension::Input, 200_000, 3_000_000_000),
            priority,
        ];
        let mut price = ModelPrice::new(rates);
        price.max_output_tokens = max_output_tokens;
        price
    }

    #[test]
    fn reserves_the_prompt_and_the_whole_output_of_every_candidate() {
        let capped = OutputLimits { max: Some(16_384), ..LIMITS };
        let model = OutputLimits { cap: OutputCap::Model, ..LIMITS };
        for (limits, max_output_tokens, candidates, model_max, output) in [
            (LIMITS, None, 1, None, 1_024),
            (LIMITS, Some(50), 1, None, 50),
            (LIMITS, Some(50), 3, None, 150),
            (LIMITS, Some(50), 0, None, 50),
            (LIMITS, None, 2, None, 2_048),
            // A maximum is reserved in full, at most the model's own.
            (LIMITS, Some(64_000), 1, None, 64_000),
            (LIMITS, Some(999_999_999), 1, None, 999_999_999),
            (LIMITS, Some(999_999_999), 1, Some(4_096), 4_096),
            (LIMITS, Some(100_000), 1, Some(65_536), 65_536),
            (LIMITS, None, 1, Some(512), 512),
            (LIMITS, None, 1, Some(4_096), 1_024),
            (LIMITS, Some(u64::MAX), 128, Some(u64::MAX), u64::MAX),
            (LIMITS, Some(u64::MAX), u32::MAX, None, u64::MAX),
            (capped, Some(999_999_999), 1, None, 16_384),
            (capped, Some(u64::MAX), u32::MAX, None, 16_384 * 128),
            (capped, Some(100_000), 1, Some(65_536), 65_536),
            (model, None, 1, Some(4_096), 4_096),
            (model, None, 2, Some(4_096), 8_192),
            (model, None, 1, None, 1_024),
            (model, Some(50), 1, Some(4_096), 50),
        ] {
            let (estimate, price) = (estimate(100, max_output_tokens, candidates), price(model_max));
            let most = Quantities { input: 100, output, ..Quantities::default() };
            let (tokens, nano_usd) = (u64::saturating_add(100, output), price.worst_case(&most, None));
            assert_eq!(
                limits.worst_case(&estimate, Some(&price)),
                CallUsage { tokens, requests: 1, nano_usd },
                "{limits:?}, {estimate:?}"
            );
        }
    }

    #[test]
    fn a_long_prompt_and_a_service_tier_are_reserved_at_their_prices() {
        let priority = Some(ServiceTier::Priority);
        for (input_tokens, service_tier, nano_usd) in [
            (200_000, None, 200_000 * 1_000),
            (300_000, None, 300_000 * 3_000),
            (100, priority, 100 * 5_000),
            (100, Some(ServiceTier::Flex), 100 * 1_000),
        ] {
            let estimate = Estimate { service_tier, ..estimate(input_tokens, Some(0), 1) };
            assert_eq!(LIMITS.worst_case(&estimate, Some(&price(None))).nano_usd, NanoUsd(nano_usd), "{estimate:?}");
        }
    }

    #[test]
    fn an_image_is_reserved_per_candidate() {
        let rate =
            Rate { dimension: Dimension::OutputImage, tier: None, above: 0, price: UnitPrice(40_000_000_000_000) };
        let reserved = LIMITS.worst_case(&estimate(10, None, 3), Some(&ModelPrice::new(vec![rate])));
        assert_eq!(reserved.nano_usd, NanoUsd(120_000_000));
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
        let reserved = LIMITS.worst_case(&estimate(0, Some(0), 1), None);
        assert_eq!(reserved, CallUsage { tokens: 1, requests: 1, nano_usd: NanoUsd::ZERO });
    }
}
