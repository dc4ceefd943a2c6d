//! Part `prices`: what tokens cost.

use serde::Deserialize;
use tollgate_names::Entries;
use tollgate_prices::{OnUnknownPrice, RawPrices as PricesByModel};

/// Prices of models.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RawPrices {
    /// Table that `override` changes. Default: `none`.
    pub table: Table,
    /// File of prices that `tollgate prices update` has written, relative to the policy. Its prices win over those of `table`.
    /// The command reads it into `models`; a filter reads no files.
    pub file: Option<String>,
    /// Prices of the file, by exact name. `tollgate render` writes them here.
    pub models: PricesByModel,
    /// Prices in dollars per million tokens, by model, in place of those of the table. A name is exact or ends in `*`; `*` alone
    /// applies to models that no table has.
    #[serde(rename = "override")]
    pub overrides: PricesByModel,
    /// Discounts by provider and model: `azure/*: 15%`. A name is that of a model, with or without its provider in front, or ends in
    /// `*`. Default: none.
    pub discounts: Entries<String>,
    /// Surcharges by provider and model: a share (`10%`), or the name of an uplift of the model's prices: `eu` and `us` (processing
    /// in a region), `fedramp`, `regional` (endpoints of Vertex AI that are not global). Default: none.
    pub uplifts: Entries<String>,
    /// Policy for a call whose model has no price while a budget in `usd` applies to its consumer. Default: `refuse`.
    pub on_unknown: OnUnknownPrice,
}

/// Table of prices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Table {
    /// No table: only models under `override` and in `file` have a price.
    #[default]
    None,
    /// List prices of the providers, as of the release.
    BuiltIn,
}
