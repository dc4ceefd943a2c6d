//! Price of a model and cost of a call.

use crate::money::NanoUsd;

/// Number of tokens that a price refers to.
const TOKENS_PER_PRICE: u128 = 1_000_000;

/// Tokens used by one call, by price category.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Prompt tokens, including `cached` and the cache writes (the convention of OpenAI and Gemini).
    pub input: u64,
    /// Prompt tokens that the provider read from its cache.
    pub cached: u64,
    /// Prompt tokens that the provider wrote to its cache with the shortest lifetime it offers.
    pub cache_write: u64,
    /// Prompt tokens that the provider wrote to its cache for one hour; not included in `cache_write`.
    pub cache_write_1h: u64,
    /// Output tokens, including reasoning.
    pub output: u64,
}

/// Prices of one model, per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelPrice {
    /// Price of a million prompt tokens.
    pub input: NanoUsd,
    /// Price of a million prompt tokens read from the provider's cache.
    pub cached_input: NanoUsd,
    /// Price of a million prompt tokens written to the provider's cache with its shortest lifetime (Anthropic: 5 minutes).
    pub cache_write: NanoUsd,
    /// Price of a million prompt tokens written to the provider's cache for one hour.
    pub cache_write_1h: NanoUsd,
    /// Price of a million output tokens.
    pub output: NanoUsd,
    /// Maximum number of output tokens of the model, if the table specifies it.
    pub max_output_tokens: Option<u64>,
}

impl ModelPrice {
    /// Returns the cost of `used`: the exact sum of its parts, rounded once, half up, to a nano-dollar. A cost that does
    /// not fit saturates at [`NanoUsd::MAX`].
    ///
    /// A provider that reports more cache reads and writes than prompt tokens contradicts itself. All of them are charged
    /// then, so that a wrong report never makes a call free.
    pub fn cost(&self, used: &Tokens) -> NanoUsd {
        let uncached =
            [used.cached, used.cache_write, used.cache_write_1h].into_iter().fold(used.input, u64::saturating_sub);
        round([
            (uncached, self.input),
            (used.cached, self.cached_input),
            (used.cache_write, self.cache_write),
            (used.cache_write_1h, self.cache_write_1h),
            (used.output, self.output),
        ])
    }

    /// Returns the maximum cost of a call with `input` prompt tokens and at most `output` output tokens over all
    /// candidates.
    ///
    /// The whole prompt is charged at its highest price. That is a cache write if the table has a price for it, because
    /// only the response reports whether the provider wrote to its cache.
    pub fn worst_case(&self, input: u64, output: u64) -> NanoUsd {
        let highest = self.input.max(self.cached_input).max(self.cache_write).max(self.cache_write_1h);
        round([(input, highest), (output, self.output)])
    }
}

/// Sums tokens at their price per million and rounds half up.
fn round<const N: usize>(parts: [(u64, NanoUsd); N]) -> NanoUsd {
    // A product of two factors below 2^64 is below 2^128, but the sum of several products may overflow.
    let numerator =
        parts.iter().fold(0u128, |sum, (tokens, price)| sum.saturating_add(u128::from(*tokens) * u128::from(price.0)));
    let nanos = numerator.saturating_add(TOKENS_PER_PRICE / 2) / TOKENS_PER_PRICE;
    NanoUsd(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn price(input: &str, cached: &str, output: &str) -> ModelPrice {
        let [input, cached_input, output]: [NanoUsd; 3] = [input, cached, output].map(|text| text.parse().unwrap());
        ModelPrice { input, cached_input, cache_write: input, cache_write_1h: input, output, max_output_tokens: None }
    }

    #[test]
    fn cost_is_rounded_once_over_the_sum() {
        let gpt_4o = price("2.50", "1.25", "10.00");
        let tiny = price("0.0001", "0.0001", "0.0001"); // 0.1 nano-dollars per token
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
            let used = Tokens { input, cached, output, ..Tokens::default() };
            assert_eq!(price.cost(&used), NanoUsd(nanos), "{used:?}");
        }
    }

    /// Anthropic, "Prompt caching": reads cost a tenth of the input price, writes 1.25 times (five minutes) or twice (one hour).
    #[test]
    fn cache_reads_and_writes_have_their_own_prices() {
        let [cache_write, cache_write_1h] = ["3.75", "6.00"].map(|text| text.parse().unwrap());
        let sonnet = ModelPrice { cache_write, cache_write_1h, ..price("3.00", "0.30", "15.00") };
        let plain = price("3.00", "0.30", "15.00");
        for (input, cached, cache_write, cache_write_1h, output, nanos, nanos_plain) in [
            (1_000, 0, 0, 0, 0, 3_000_000, 3_000_000),
            (1_000, 1_000, 0, 0, 0, 300_000, 300_000),
            (1_000, 0, 1_000, 0, 0, 3_750_000, 3_000_000),
            (1_000, 0, 0, 1_000, 0, 6_000_000, 3_000_000),
            // 100 uncached, 400 read, 200 and 300 written.
            (
                1_000,
                400,
                200,
                300,
                10,
                300_000 + 120_000 + 750_000 + 1_800_000 + 150_000,
                300_000 + 120_000 + 1_500_000 + 150_000,
            ),
            // Contradictory report: everything reported is charged.
            (10, 400, 200, 300, 0, 120_000 + 750_000 + 1_800_000, 120_000 + 1_500_000),
        ] {
            let used = Tokens { input, cached, cache_write, cache_write_1h, output };
            assert_eq!(sonnet.cost(&used), NanoUsd(nanos), "{used:?}");
            assert_eq!(plain.cost(&used), NanoUsd(nanos_plain), "{used:?}");
        }
        assert_eq!(sonnet.worst_case(1_000, 10), NanoUsd(6_150_000), "the whole prompt may be written for one hour");
        assert_eq!(plain.worst_case(1_000, 10), NanoUsd(3_150_000));
    }

    #[test]
    fn more_cached_than_input_is_still_charged() {
        let price = price("2.50", "1.25", "10.00");
        assert_eq!(price.cost(&Tokens { cached: 1_000, ..Tokens::default() }), NanoUsd(1_250_000));
    }

    #[test]
    fn the_largest_amounts_saturate() {
        let price = price("18446744073.709551615", "18446744073.709551615", "18446744073.709551615");
        let (input, output) = (u64::MAX, u64::MAX);
        assert_eq!(price.cost(&Tokens { input, output, ..Tokens::default() }), NanoUsd::MAX);
        let all = Tokens { input, cached: input, cache_write: input, cache_write_1h: input, output };
        assert_eq!(price.cost(&all), NanoUsd::MAX);
        assert_eq!(price.worst_case(u64::MAX, u64::MAX), NanoUsd::MAX);
    }

    /// `n / TOKENS_PER_PRICE` rounded half up by definition: the integer `r` with `r - 1/2 <= n / TOKENS_PER_PRICE < r + 1/2`.
    fn is_half_up(numerator: u128, rounded: u64) -> bool {
        let (twice, unit) = (2 * numerator, 2 * TOKENS_PER_PRICE * u128::from(rounded));
        unit <= twice + TOKENS_PER_PRICE && twice < unit + TOKENS_PER_PRICE
    }

    fn prices(prices: [u64; 5]) -> ModelPrice {
        let [input, cached_input, cache_write, cache_write_1h, output] = prices.map(NanoUsd);
        ModelPrice { input, cached_input, cache_write, cache_write_1h, output, max_output_tokens: None }
    }

    proptest! {
        #[test]
        fn a_cost_is_the_exact_fraction_rounded_once(
            input in 0u64..1 << 40, parts in prop::array::uniform3(0u64..1 << 38), output in 0u64..1 << 40,
            own in prop::array::uniform5(0u64..1 << 20),
        ) {
            let [cached, cache_write, cache_write_1h] = parts;
            let uncached = input.saturating_sub(parts.iter().sum());
            let exact = [uncached, cached, cache_write, cache_write_1h, output].into_iter().zip(own)
                .map(|(tokens, price)| u128::from(tokens) * u128::from(price)).sum();
            let cost = prices(own).cost(&Tokens { input, cached, cache_write, cache_write_1h, output });
            prop_assert!(is_half_up(exact, cost.0));
        }

        #[test]
        fn no_call_costs_more_than_its_worst_case(
            input: u64, parts in prop::array::uniform3(any::<u64>()), output: u64, more: u64,
            own in prop::array::uniform5(any::<u64>()),
        ) {
            // The parts of the prompt do not exceed the prompt.
            let cached = parts[0].min(input);
            let cache_write = parts[1].min(input - cached);
            let cache_write_1h = parts[2].min(input - cached - cache_write);
            let cost = prices(own).cost(&Tokens { input, cached, cache_write, cache_write_1h, output });
            prop_assert!(cost <= prices(own).worst_case(input, output.saturating_add(more)));
        }
    }
}
