//! What a model costs.

use crate::money::NanoUsd;

/// Tokens that a price is said for.
const PER: u128 = 1_000_000;

/// What a call used, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Tokens of the prompt; includes `cached` (the convention of OpenAI and Gemini).
    pub input: u64,
    /// Tokens of the prompt that the provider read from its cache.
    pub cached: u64,
    /// Tokens of the answer, reasoning included.
    pub output: u64,
}

/// The price of one model, per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelPrice {
    /// A million prompt tokens.
    pub input: NanoUsd,
    /// A million prompt tokens read from the provider's cache.
    pub cached_input: NanoUsd,
    /// A million answer tokens.
    pub output: NanoUsd,
    /// The most tokens that the model answers with, where the table says so.
    pub max_output_tokens: Option<u64>,
}

impl ModelPrice {
    /// What `used` costs: exact over the sum of its parts, then rounded once to a nano-dollar, half up. A cost that
    /// does not fit is the most that can be said.
    ///
    /// A provider that reports more cached tokens than prompt tokens contradicts itself; all the cached ones are
    /// charged then, so that a wrong report never makes a call free.
    pub fn cost(&self, used: &Tokens) -> NanoUsd {
        let fresh = used.input.saturating_sub(used.cached);
        round([(fresh, self.input), (used.cached, self.cached_input), (used.output, self.output)])
    }

    /// The most that a call of `input` prompt tokens can cost that answers with at most `output` tokens (of all
    /// candidates together): nothing comes from a cache, unless the cache is what costs more.
    pub fn worst_case(&self, input: u64, output: u64) -> NanoUsd {
        round([(input, self.input.max(self.cached_input)), (output, self.output)])
    }
}

/// The sum of tokens at their price per million, rounded half up.
fn round<const N: usize>(parts: [(u64, NanoUsd); N]) -> NanoUsd {
    // Two factors below 2^64 make a product below 2^128, but a sum of several can pass it.
    let numerator =
        parts.iter().fold(0u128, |sum, (tokens, price)| sum.saturating_add(u128::from(*tokens) * u128::from(price.0)));
    let nanos = numerator.saturating_add(PER / 2) / PER;
    NanoUsd(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn price(input: &str, cached: &str, output: &str) -> ModelPrice {
        let [input, cached_input, output] = [input, cached, output].map(|text| text.parse().unwrap());
        ModelPrice { input, cached_input, output, max_output_tokens: None }
    }

    #[test]
    fn costs() {
        let gpt_4o = price("2.50", "1.25", "10.00");
        let tiny = price("0.0001", "0.0001", "0.0001"); // 0.1 nano-dollars a token
        for (price, input, cached, output, nanos) in [
            (gpt_4o, 0, 0, 0, 0),
            (gpt_4o, 1, 0, 0, 2_500),
            (gpt_4o, 1, 1, 0, 1_250),
            (gpt_4o, 0, 0, 1, 10_000),
            (gpt_4o, 1_000_000, 400_000, 100_000, 1_500_000_000 + 500_000_000 + 1_000_000_000),
            // Rounded once over the sum: 0.2 + 0.2 is 0, 0.3 + 0.2 is 1.
            (tiny, 2, 0, 2, 0),
            (tiny, 3, 0, 2, 1),
            (tiny, 5, 0, 0, 1),
            (tiny, 4, 0, 0, 0),
            (tiny, 14, 0, 0, 1),
            (tiny, 15, 0, 0, 2),
        ] {
            assert_eq!(price.cost(&Tokens { input, cached, output }), NanoUsd(nanos), "{input} {cached} {output}");
        }
    }

    #[test]
    fn more_cached_than_input_is_still_charged() {
        let price = price("2.50", "1.25", "10.00");
        assert_eq!(price.cost(&Tokens { input: 0, cached: 1_000, output: 0 }), NanoUsd(1_250_000));
    }

    #[test]
    fn the_largest_numbers_saturate() {
        let price = price("18446744073.709551615", "18446744073.709551615", "18446744073.709551615");
        assert_eq!(price.cost(&Tokens { input: u64::MAX, cached: 0, output: u64::MAX }), NanoUsd::MAX);
        assert_eq!(price.cost(&Tokens { input: u64::MAX, cached: u64::MAX, output: u64::MAX }), NanoUsd::MAX);
        assert_eq!(price.worst_case(u64::MAX, u64::MAX), NanoUsd::MAX);
    }

    /// `n / PER` rounded half up, by the definition: the integer `r` with `r - 1/2 <= n / PER < r + 1/2`.
    fn is_half_up(numerator: u128, rounded: u64) -> bool {
        let (twice, unit) = (2 * numerator, 2 * PER * u128::from(rounded));
        unit <= twice + PER && twice < unit + PER
    }

    proptest! {
        #[test]
        fn a_cost_is_the_exact_rational_rounded_once(
            input in 0u64..1 << 40, cached in 0u64..1 << 40, output in 0u64..1 << 40,
            prices in prop::array::uniform3(0u64..1 << 20),
        ) {
            let [a, b, c] = prices.map(NanoUsd);
            let price = ModelPrice { input: a, cached_input: b, output: c, max_output_tokens: None };
            let exact = u128::from(input.saturating_sub(cached)) * u128::from(a.0)
                + u128::from(cached) * u128::from(b.0) + u128::from(output) * u128::from(c.0);
            let cost = price.cost(&Tokens { input, cached, output });
            prop_assert!(is_half_up(exact, cost.0));
        }

        #[test]
        fn no_call_costs_more_than_its_worst_case(
            input: u64, cached: u64, output: u64, more: u64, prices in prop::array::uniform3(any::<u64>()),
        ) {
            let [a, b, c] = prices.map(NanoUsd);
            let price = ModelPrice { input: a, cached_input: b, output: c, max_output_tokens: None };
            let cost = price.cost(&Tokens { input, cached: cached.min(input), output });
            prop_assert!(cost <= price.worst_case(input, output.saturating_add(more)));
        }
    }
}
