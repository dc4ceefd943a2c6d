//! Model prices in integer money.
//!
//! A price list says dollars per million tokens, with a few decimals: `2.50`, `0.075`. In floats these numbers are
//! already wrong before the first multiplication, and a budget is a sum of very many of them. So money here is
//! [`NanoUsd`], an integer count of nano-dollars, read digit by digit from decimal text ([`Decimal`]) and never from a
//! rounded float. A price is nano-dollars per million tokens, a cost is one integer division, and it is rounded once,
//! at the end, over the sum of its parts.
//!
//! A [`PriceTable`] finds the price of the model a client asked for: by its exact name, by its name without a version
//! date (`gpt-4o-2024-08-06` is `gpt-4o`), or by the longest prefix pattern (`gpt-4o*`). A model it does not know has
//! no price, which is not the same as a price of zero: the caller decides what a call without a price means.
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
