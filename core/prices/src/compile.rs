//! Validation of configured prices.

use crate::decimal::Decimal;
use crate::multiplier::Multiplier;
use crate::price::{ModelPrice, Rate};
use crate::raw::RawPrice;
use crate::unit_price::UnitPrice;

/// Problem of one model's prices: the path below the model, and a description.
pub(crate) type Problem = (String, String);

/// Validates the prices of one model.
pub(crate) fn model_price(raw: &RawPrice) -> Result<ModelPrice, Problem> {
    for (field, value) in [("max_input_tokens", raw.max_input_tokens), ("max_output_tokens", raw.max_output_tokens)] {
        if value == Some(0) {
            return Err((format!(".{field}"), "must be at least 1".to_owned()));
        }
    }
    let mut rates: Vec<Rate> = Vec::new();
    for (tier, above, dimension, dollars, path) in raw.all_rates() {
        let above = match above {
            None => 0,
            Some(text) => threshold(text).ok_or_else(|| {
                let part = path.rsplit_once('.').map_or(path.as_str(), |(part, _)| part);
                (part.to_owned(), "expected a number of tokens such as `272000` or `272k`".to_owned())
            })?,
        };
        let price =
            UnitPrice::from_dollars(dollars, dimension.per()).map_err(|error| (path.clone(), error.to_string()))?;
        if rates.iter().any(|rate| (rate.dimension, rate.tier, rate.above) == (dimension, tier, above)) {
            return Err((path, "the price of this threshold is given twice".to_owned()));
        }
        rates.push(Rate { dimension, tier, above, price });
    }
    let mut uplifts = Vec::new();
    for (name, factor) in &raw.uplifts {
        let factor = factor_of(*factor).ok_or_else(|| {
            (format!(".uplifts.{name:?}"), "expected a factor of at most 100, such as `1.1`".to_owned())
        })?;
        uplifts.push((name.as_str().into(), factor));
    }
    Ok(ModelPrice {
        uplifts,
        one_search_per_call: raw.one_search_per_call,
        max_input_tokens: raw.max_input_tokens,
        max_output_tokens: raw.max_output_tokens,
        ..ModelPrice::new(rates)
    })
}

/// Parses a number of tokens: `272000` or `272k`.
fn threshold(text: &str) -> Option<u64> {
    let (digits, factor) = match text.strip_suffix('k') {
        Some(digits) => (digits, 1_000),
        None => (text, 1),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let tokens: u64 = is_number.then(|| digits.parse().ok())??;
    tokens.checked_mul(factor).filter(|tokens| *tokens > 0)
}

fn factor_of(factor: Decimal) -> Option<Multiplier> {
    factor.scaled(6).and_then(Multiplier::from_millionths)
}
