//! Model prices and costs in integer nano-dollars.
//!
//! Price lists give dollars per million tokens with a few decimals: `2.50`, `0.075`. Most of these numbers have no exact
//! binary floating-point representation, and a budget sums very many of them. Money is therefore [`NanoUsd`], an integer
//! number of nano-dollars, parsed digit by digit from decimal text ([`Decimal`]) and never from a rounded float. A price
//! is in nano-dollars per million tokens; a cost is one integer division, rounded once over the sum of its parts.
//!
//! A [`PriceTable`] finds the price of the requested model by exact name, by the name without its version date
//! (`gpt-4o-2024-08-06` is priced as `gpt-4o`), or by the longest prefix wildcard (`gpt-4o*`). A model that is not in the
//! table has no price, which is different from a price of zero: the caller decides how to treat such a call.
//!
//! ```
//! use tollgate_prices::{NanoUsd, PriceTable, RawPrices, Tokens};
//!
//! let raw: RawPrices = serde_json::from_str(
//!     r#"{ "gpt-4o": { "input": "2.50", "cached_input": "1.25", "output": "10.00" } }"#,
//! ).unwrap();
//! let table = PriceTable::new(raw).unwrap();
//!
//! let price = table.find("gpt-4o-2024-08-06").unwrap();
//! let cost = price.cost(&Tokens { input: 1_000, cached: 400, output: 100, ..Tokens::default() });
//! assert_eq!(cost, NanoUsd(3_000_000)); // 600 x 2.50 + 400 x 1.25 + 100 x 10.00 dollars, over a million
//! assert_eq!(cost.to_string(), "0.003");
//! assert!(table.find("gpt-5").is_none());
//! ```

mod decimal;
mod money;
mod price;
mod table;

pub use decimal::{Decimal, DecimalError};
pub use money::{MoneyError, NanoUsd};
pub use price::{ModelPrice, Tokens};
pub use table::{PriceError, PriceTable, RawPrice, RawPrices};
