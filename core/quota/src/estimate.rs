//! What a call may take, before anybody knows.

use tollgate_prices::ModelPrice;

use crate::charge::Charge;

/// What a request says about its own size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Tokens of the prompt, counted.
    pub input_tokens: u64,
    /// The client's `max_completion_tokens` or `max_tokens`.
    pub max_output_tokens: Option<u64>,
    /// The client's `n`.
    pub candidates: u32,
}

/// The most answers that a request can ask for: the maximum of `n` in OpenAI's API description
/// (`CreateChatCompletionRequest.n`, <https://github.com/openai/openai-openapi>).
const MAX_CANDIDATES: u32 = 128;

/// How much output to reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutputCaps {
    /// For a client that does not say.
    pub(crate) assumed: u64,
    /// For a client that says more than its model can answer with, unless the price table knows the model's own cap.
    pub(crate) max: u64,
}

impl OutputCaps {
    /// The prompt, and for each answer as many tokens as the client allows, but no more than the model can give: a
    /// client that says `max_tokens: 999999999` must not pin a budget that others share. At least one token, so that
    /// an empty call does not pass an exhausted budget.
    ///
    /// Without a price there is no money in the estimate. Whether such a call may pass is not decided here.
    pub(crate) fn estimate(&self, ask: &Ask, price: Option<&ModelPrice>) -> Charge {
        let cap = price.and_then(|price| price.max_output_tokens).unwrap_or(self.max);
        let answers = u64::from(ask.candidates.clamp(1, MAX_CANDIDATES));
        let output = ask.max_output_tokens.unwrap_or(self.assumed).min(cap).saturating_mul(answers);
        Charge {
            tokens: ask.input_tokens.saturating_add(output).max(1),
            requests: 1,
            nano_usd: price.map(|price| price.worst_case(ask.input_tokens, output)).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tollgate_prices::NanoUsd;

    use super::*;

    #[test]
    fn estimates() {
        let caps = OutputCaps { assumed: 1_024, max: 16_384 };
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
            let ask = Ask { input_tokens, max_output_tokens, candidates };
            let price = price(model_cap);
            let nano_usd = price.worst_case(input_tokens, output);
            let tokens = u64::saturating_add(input_tokens, output);
            assert_eq!(caps.estimate(&ask, Some(&price)), Charge { tokens, requests: 1, nano_usd }, "{ask:?}");
        }
    }

    #[test]
    fn an_empty_call_takes_one_token_and_no_price_takes_no_money() {
        let caps = OutputCaps { assumed: 1_024, max: 16_384 };
        let ask = Ask { input_tokens: 0, max_output_tokens: Some(0), candidates: 1 };
        assert_eq!(caps.estimate(&ask, None), Charge { tokens: 1, requests: 1, nano_usd: NanoUsd::ZERO });
    }
}
