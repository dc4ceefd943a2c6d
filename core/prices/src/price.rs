//! Price of a model and cost of a call.

use crate::dimension::{Dimension, Per};
use crate::money::NanoUsd;
use crate::multiplier::Multiplier;
use crate::quantities::Quantities;
use crate::service_tier::ServiceTier;
use crate::unit_price::UnitPrice;

/// Price of one dimension, for all calls or for those of one service tier or with a long prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Quantity that is charged.
    pub dimension: Dimension,
    /// Service tier of the calls that are charged this price; `None`: of any tier without a price of its own.
    pub tier: Option<ServiceTier>,
    /// Number of prompt tokens that a call must exceed to be charged this price; 0 for every call.
    pub above: u64,
    /// Price of one unit.
    pub price: UnitPrice,
}

/// Prices of one model.
///
/// A long prompt changes the price of the whole call, not only of the tokens above the threshold. At one threshold, the price of
/// the service tier wins over the one without a tier. A dimension without a price has that of its
/// [parent](Dimension::parent). A dimension that costs exactly what its parent costs where its price is given follows the
/// parent to other thresholds and tiers: reasoning at the price of output stays at the price of output. A long prompt never
/// lowers a price: the highest of the exceeded thresholds applies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelPrice {
    /// Prices; at most one per dimension, tier and threshold.
    pub(crate) rates: Vec<Rate>,
    /// Thresholds of the prices, without 0.
    pub(crate) thresholds: Vec<u64>,
    /// Charges one web search per call, however many the provider ran (Gemini before 3).
    pub one_search_per_call: bool,
    /// Factor on the whole cost: discounts and regional uplifts.
    pub multiplier: Multiplier,
    /// Surcharges that have not been applied, by name: `eu` (processing in a region), `fedramp`. The policy applies them, or
    /// the provider reports that they apply.
    pub uplifts: Vec<(Box<str>, Multiplier)>,
    /// Maximum number of prompt tokens of the model, if known.
    pub max_input_tokens: Option<u64>,
    /// Maximum number of output tokens of the model, if known.
    pub max_output_tokens: Option<u64>,
}

/// Part of a cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CostPart {
    /// Quantity that is charged.
    pub dimension: Dimension,
    /// Number of units; milliseconds for seconds.
    pub amount: u64,
    /// Price of one unit.
    pub price: UnitPrice,
}

/// Femto-dollars per nano-dollar.
const FEMTOS_PER_NANO: u128 = 1_000_000;

/// Number of steps of a quantity per priced unit: a second has 1000 milliseconds. All amounts are summed in these steps, so
/// that a cost is rounded once.
const STEPS: u128 = 1_000;

impl ModelPrice {
    /// Creates prices without limits, discounts and uplifts. `rates` has at most one rate per dimension, tier and threshold.
    #[must_use]
    pub fn new(rates: Vec<Rate>) -> ModelPrice {
        let mut thresholds: Vec<u64> = rates.iter().map(|rate| rate.above).filter(|above| *above > 0).collect();
        thresholds.sort_unstable();
        thresholds.dedup();
        ModelPrice { rates, thresholds, ..ModelPrice::default() }
    }

    /// Returns the prices as listed or configured.
    #[must_use]
    pub fn rates(&self) -> &[Rate] {
        &self.rates
    }

    /// Returns `true` if the dimension has a price of its own.
    #[must_use]
    pub fn has(&self, dimension: Dimension) -> bool {
        self.rates.iter().any(|rate| rate.dimension == dimension)
    }

    /// Returns the cost of `used` under a service tier: the exact sum of its parts times the multiplier, rounded once, half up,
    /// to a nano-dollar. A cost that does not fit saturates at [`NanoUsd::MAX`].
    pub fn cost(&self, used: &Quantities, tier: Option<ServiceTier>) -> NanoUsd {
        let femtos = self.parts(used, tier).map(|part| steps(part.dimension, part.amount, part.price));
        self.round(femtos.fold(0, u128::saturating_add))
    }

    /// Returns the parts of a cost: one per dimension with an amount.
    pub fn parts(&self, used: &Quantities, tier: Option<ServiceTier>) -> impl Iterator<Item = CostPart> {
        let used = self.billed(used);
        used.amounts().into_iter().filter(|(_, amount)| *amount > 0).map(move |(dimension, amount)| CostPart {
            dimension,
            amount,
            price: self.price(dimension, tier, used.input),
        })
    }

    /// Returns the maximum cost of a call with the totals of `most`, however they are divided into parts, if it is processed by
    /// the tier `tier` or by the default one.
    ///
    /// The whole prompt is charged at the highest price of any part at any threshold that it can reach, because only the
    /// response reports whether the provider wrote to its cache; and so is the output. Parts in `most` are ignored.
    pub fn worst_case(&self, most: &Quantities, tier: Option<ServiceTier>) -> NanoUsd {
        let highest = |dimensions: &[Dimension]| {
            let tiers =
                [tier, None].into_iter().flat_map(|tier| dimensions.iter().map(move |dimension| (*dimension, tier)));
            tiers.map(|(dimension, tier)| self.price(dimension, tier, most.input)).max().unwrap_or_default()
        };
        let most = self.billed(most);
        let parts = most.amounts().into_iter().filter(|(dimension, _)| dimension.per() != Per::MillionTokens);
        let fees = parts.map(|(dimension, amount)| match amount {
            0 => 0,
            _ => steps(dimension, amount, highest(&[dimension])),
        });
        let tokens = |amount, dimensions: &[Dimension]| match amount {
            0 => 0,
            _ => steps(Dimension::Input, amount, highest(dimensions)),
        };
        let input = tokens(most.input, &Dimension::INPUT);
        let output = tokens(most.output, &Dimension::OUTPUT);
        let citations = tokens(most.citations, &[Dimension::Citation]);
        self.round(fees.chain([input, output, citations]).fold(0, u128::saturating_add))
    }

    /// Returns the price of a dimension for a call with `input` prompt tokens: the highest at any threshold that they exceed. 0
    /// if neither the dimension nor its parents have a price.
    #[must_use]
    pub fn price(&self, dimension: Dimension, tier: Option<ServiceTier>, input: u64) -> UnitPrice {
        let exceeded = self.thresholds.iter().copied().take_while(|above| *above < input);
        let prices = exceeded.chain([0]).map(|above| self.price_above(dimension, tier, above));
        prices.max().unwrap_or_default()
    }

    /// Returns the price of a dimension at a threshold.
    fn price_above(&self, dimension: Dimension, tier: Option<ServiceTier>, above: u64) -> UnitPrice {
        let own = self.rate(dimension, tier, above);
        let Some(parent) = dimension.parent() else { return own.map(|rate| rate.price).unwrap_or_default() };
        match own {
            // A chain of parents has at most two, so the recursion is short.
            Some(own) if own.price != self.price_above(parent, own.tier, own.above) => own.price,
            _ => self.price_above(parent, tier, above),
        }
    }

    /// Returns the rate of exactly this dimension that applies at a threshold.
    fn rate(&self, dimension: Dimension, tier: Option<ServiceTier>, above: u64) -> Option<&Rate> {
        let applies = |rate: &&Rate| {
            rate.dimension == dimension && rate.above <= above && (rate.tier.is_none() || rate.tier == tier)
        };
        self.rates.iter().filter(applies).max_by_key(|rate| (rate.above, rate.tier.is_some()))
    }

    /// Applies a surcharge of the model, if it has one of this name that has not been applied.
    pub fn apply_uplift(&mut self, name: &str) {
        if let Some(at) = self.uplifts.iter().position(|(own, _)| &**own == name) {
            let (_, factor) = self.uplifts.swap_remove(at);
            self.multiplier = self.multiplier.times(factor);
        }
    }

    /// Returns the quantities that are charged.
    fn billed(&self, used: &Quantities) -> Quantities {
        let web_searches = if self.one_search_per_call { used.web_searches.min(1) } else { used.web_searches };
        Quantities { web_searches, ..*used }
    }

    /// Rounds a sum of femto-dollars per step half up to nano-dollars, after the multiplier.
    fn round(&self, femtos: u128) -> NanoUsd {
        let unit = FEMTOS_PER_NANO * STEPS * Multiplier::SCALE;
        let nanos = femtos.saturating_mul(self.multiplier.parts()).saturating_add(unit / 2) / unit;
        NanoUsd(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// Returns the cost of an amount in femto-dollars per step.
fn steps(dimension: Dimension, amount: u64, price: UnitPrice) -> u128 {
    let femtos = u128::from(amount) * u128::from(price.0);
    match dimension.per() {
        Per::Second => femtos,
        Per::MillionTokens | Per::Piece => femtos.saturating_mul(STEPS),
    }
}

#[cfg(test)]
mod tests;
