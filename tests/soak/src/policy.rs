//! Policy of the run: the reference policy with prices, consumers and budgets of its own.

use serde_json::{Map, Value, json};

/// Prices of a model in nano-dollars per million tokens, which the policy states in dollars.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Price {
    pub(crate) model: &'static str,
    input: u64,
    cached: u64,
    written: u64,
    output: u64,
}

const fn price(model: &'static str, [input, cached, written, output]: [u64; 4]) -> Price {
    Price { model, input, cached, written, output }
}

/// Prices of all models of a run. Some have fractions of a nano-dollar per token, so that costs are rounded.
pub(crate) const PRICES: &[Price] = &[
    price("gpt-4o", [2_500_000_000, 1_250_000_000, 2_500_000_000, 10_000_000_000]),
    price("gpt-4o-mini", [150_000_007, 75_000_003, 150_000_007, 600_000_019]),
    price("llama-3.1-8b", [50_000_000, 50_000_000, 50_000_000, 80_400_000]),
    price("claude-sonnet-4-5", [3_000_000_000, 300_000_000, 3_750_000_000, 15_000_000_000]),
    price("gemini-2.5-flash", [300_000_000, 30_000_001, 300_000_000, 2_500_000_000]),
    price("command-r", [150_000_000, 150_000_000, 150_000_000, 600_000_000]),
    price("text-embedding-3-small", [20_000_000, 20_000_000, 20_000_000, 0]),
    price("gpt-image-1", [5_000_000_000, 1_250_000_000, 5_000_000_000, 40_000_000_000]),
];

/// Charged tokens of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// Input tokens, including cached and written ones.
    pub(crate) input: u64,
    pub(crate) cached: u64,
    pub(crate) written: u64,
    pub(crate) output: u64,
}

impl Price {
    /// Returns the price of a model.
    pub(crate) fn of(model: &str) -> Option<&'static Price> {
        PRICES.iter().find(|price| price.model == model)
    }

    /// Returns `true` if a prompt costs most where it is written to a cache.
    pub(crate) fn is_highest_written(&self) -> bool {
        self.written > self.input.max(self.cached)
    }

    /// Returns the cost in nano-dollars: the exact sum, rounded once, half up.
    pub(crate) fn cost(&self, tokens: Tokens) -> u64 {
        let fresh = tokens.input.saturating_sub(tokens.cached).saturating_sub(tokens.written);
        let parts = [
            (fresh, self.input),
            (tokens.cached, self.cached),
            (tokens.written, self.written),
            (tokens.output, self.output),
        ];
        let sum: u128 = parts.iter().map(|(tokens, price)| u128::from(*tokens) * u128::from(*price)).sum();
        u64::try_from((sum + 500_000) / 1_000_000).unwrap_or(u64::MAX)
    }
}

/// Caller with budgets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Consumer {
    pub(crate) name: &'static str,
    pub(crate) budgets: &'static [Budget],
}

/// Unit of a budget, and its limit: tokens, requests or nano-dollars.
pub(crate) type Budget = (Unit, u64);

/// Unit of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Tokens,
    Requests,
    NanoUsd,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Unit::Tokens => "tokens",
            Unit::Requests => "requests",
            Unit::NanoUsd => "usd",
        }
    }

    /// Returns the response header with the remaining budget.
    pub(crate) fn header(self) -> &'static str {
        match self {
            Unit::Tokens => "x-ratelimit-remaining-tokens",
            Unit::Requests => "x-ratelimit-remaining-requests",
            Unit::NanoUsd => "x-ratelimit-remaining-cost",
        }
    }

    /// Parses the value of the header.
    pub(crate) fn parse(self, text: &str) -> Option<u64> {
        if self != Unit::NanoUsd {
            return text.parse().ok();
        }
        let (dollars, fraction) = text.split_once('.').unwrap_or((text, ""));
        let nanos: u64 = format!("{fraction:0<9}").parse().ok()?;
        dollars.parse::<u64>().ok()?.checked_mul(NANOS)?.checked_add(nanos)
    }
}

const NANOS: u64 = 1_000_000_000;

const WIDE: &[Budget] =
    &[(Unit::Tokens, 100_000_000_000), (Unit::Requests, 100_000_000), (Unit::NanoUsd, 10_000_000 * NANOS)];

/// Consumers whose budgets cannot be exceeded.
pub(crate) const ROOMY: &[&str] = &["acme", "globex", "initech"];

/// Consumer of the kinds with a known difference, so that the sums of the others stay exact.
pub(crate) const APART: &str = "apart";

/// Consumers that exceed their budgets in every run.
pub(crate) const TIGHT: &[&str] = &["thrifty", "penny", "seldom"];

/// All consumers.
pub(crate) const CONSUMERS: &[Consumer] = &[
    Consumer { name: "acme", budgets: WIDE },
    Consumer { name: "globex", budgets: WIDE },
    Consumer { name: "initech", budgets: WIDE },
    Consumer { name: APART, budgets: WIDE },
    Consumer { name: "thrifty", budgets: &[(Unit::Tokens, 12_000)] },
    Consumer { name: "penny", budgets: &[(Unit::NanoUsd, 40_000_000)] },
    Consumer { name: "seldom", budgets: &[(Unit::Requests, 9)] },
];

/// Adds models, prices and budgets to the reference policy.
pub(crate) fn extend(policy: &mut Value) {
    let routes = [("gpt-image-*", "openai", "openai"), ("command-*", "openai", "cohere")];
    for (model, route, provider) in routes {
        policy["models"][model] = json!({"route": route, "provider": provider});
    }
    let prices = PRICES.iter().map(|price| {
        let of = |nanos| Value::String(dollars(nanos));
        let value = json!({
            "input": of(price.input), "cached_input": of(price.cached), "cache_write": of(price.written),
            "output": of(price.output),
        });
        (price.model.to_owned(), value)
    });
    policy["prices"]["override"] = prices.collect::<Map<_, _>>().into();
    let budgets = CONSUMERS.iter().flat_map(|consumer| {
        consumer.budgets.iter().map(|(unit, limit)| {
            let limit = if *unit == Unit::NanoUsd { json!(dollars(*limit)) } else { json!(limit) };
            let (unit, name) = (unit.name(), consumer.name);
            // The longest window, whose end no run meets but by chance.
            json!({"name": format!("{name}-{unit}"), "for": [name], "unit": unit, "limit": limit, "window": "366d"})
        })
    });
    if let Some(all) = policy["budgets"].as_array_mut() {
        all.extend(budgets);
    }
}

fn dollars(nanos: u64) -> String {
    format!("{}.{:09}", nanos / NANOS, nanos % NANOS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_rounded_once_half_up() {
        for (model, tokens, cost) in [
            ("gpt-4o", Tokens { input: 1200, cached: 200, written: 0, output: 340 }, 6_150_000),
            ("claude-sonnet-4-5", Tokens { input: 100, cached: 50, written: 20, output: 10 }, 330_000),
            // 3 * 150.000007 + 2 * 600.000019
            ("gpt-4o-mini", Tokens { input: 3, cached: 0, written: 0, output: 2 }, 1650),
            // 80.4 and 402.0
            ("llama-3.1-8b", Tokens { output: 1, ..Tokens::default() }, 80),
            ("llama-3.1-8b", Tokens { output: 5, ..Tokens::default() }, 402),
        ] {
            assert_eq!(Price::of(model).unwrap().cost(tokens), cost, "{model} {tokens:?}");
        }
    }

    #[test]
    fn remaining_budgets_are_read_to_the_nano_dollar() {
        for (unit, text, value) in [
            (Unit::Tokens, "17", Some(17)),
            (Unit::NanoUsd, "9.99", Some(9_990_000_000)),
            (Unit::NanoUsd, "0.000000001", Some(1)),
            (Unit::NanoUsd, "3", Some(3_000_000_000)),
            (Unit::NanoUsd, "none", None),
        ] {
            assert_eq!(unit.parse(text), value, "{text}");
        }
    }
}
