//! Part `prices`: what tokens cost.

use serde::Deserialize;
use tollgate_prices::RawPrices as PricesByModel;

use crate::admission::Admission;

/// Prices of models.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RawPrices {
    /// Table that `override` changes. Default: `none`.
    pub table: Table,
    /// Prices in dollars per million tokens, by model. A name is exact or ends in `*`.
    #[serde(rename = "override")]
    pub overrides: PricesByModel,
    /// Policy for a call whose model has no price while a budget in `usd` applies to its consumer. Default: `refuse`.
    pub on_unknown: Admission,
}

/// Table of prices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Table {
    /// No table: only models under `override` have a price.
    #[default]
    None,
    /// List prices of the providers. Not available yet.
    BuiltIn,
}
