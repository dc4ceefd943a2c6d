//! Model prices and costs in integer nano-dollars.
//!
//! Price lists give dollars per million tokens with a few decimals: `2.50`, `0.075`. Most of these numbers have no exact
//! binary floating-point representation, and a budget sums very many of them. Money is therefore [`NanoUsd`], an integer
//! number of nano-dollars, parsed digit by digit from decimal text ([`Decimal`]) and never from a rounded float. A price
//! is in femto-dollars per unit ([`UnitPrice`], nano-dollars per million tokens); a cost is one integer division, rounded once
//! over the sum of its parts.
//!
//! - [`Dimension`]: everything that has a price of its own: tokens of text, caches, reasoning and media, seconds, images, pages,
//!   requests, web searches.
//! - [`Quantities`]: what one call has used, with totals that include their parts.
//! - [`ModelPrice`]: prices by dimension, [`ServiceTier`] and length of the prompt; the cost of a call, and the most that a call
//!   can cost before it is made.
//! - [`PriceTable`]: finds the price of a model, by the rules of `tollgate-names`. A model that is not in the table has no price,
//!   which is different from a price of zero: the caller decides how to treat such a call.
//!
//! With the feature `built-in`, the table has list prices of the providers, from `data/models.tsv` (see [`source`]).
//!
//! ```
//! use tollgate_prices::{NanoUsd, PriceTable, Quantities, RawPrices};
//!
//! let raw: RawPrices = serde_json::from_str(
//!     r#"{ "gpt-4o": { "input": "2.50", "cached_input": "1.25", "output": "10.00" } }"#,
//! ).unwrap();
//! let table = PriceTable::new(raw).unwrap();
//!
//! let price = table.find("gpt-4o-2024-08-06", None).unwrap();
//! let cost = price.cost(&Quantities { input: 1_000, cached: 400, output: 100, ..Quantities::default() }, None);
//! assert_eq!(cost, NanoUsd(3_000_000)); // 600 x 2.50 + 400 x 1.25 + 100 x 10.00 dollars, over a million
//! assert_eq!(cost.to_string(), "0.003");
//! assert!(table.find("gpt-5", None).is_none());
//! ```

mod adjustments;
#[cfg(feature = "built-in")]
mod built_in;
mod compile;
mod decimal;
mod dimension;
mod money;
mod multiplier;
mod on_unknown;
mod price;
mod provider;
mod quantities;
mod raw;
mod service_tier;
pub mod source;
mod table;
mod unit_price;

pub use adjustments::RawAdjustments;
pub use decimal::{Decimal, DecimalError};
pub use dimension::{Dimension, Per};
pub use money::{MoneyError, NanoUsd};
pub use multiplier::Multiplier;
pub use on_unknown::OnUnknownPrice;
pub use price::{CostPart, ModelPrice, Rate};
pub use quantities::{Quantities, SearchContext};
pub use raw::RawPrice;
pub use service_tier::ServiceTier;
pub use table::{PriceError, PriceMatch, PriceSource, PriceTable, RawPriceTable, RawPrices};
pub use unit_price::UnitPrice;
