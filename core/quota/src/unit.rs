//! Units that budgets count.

use std::fmt;

use serde::Deserialize;
use tollgate_prices::NanoUsd;

/// Unit that a budget counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Input and output tokens together.
    Tokens,
    /// Calls.
    Requests,
    /// Money, in nano-dollars.
    Usd,
}

impl Unit {
    /// Returns the name in a configuration: `tokens`, `requests` or `usd`.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Tokens => "tokens",
            Unit::Requests => "requests",
            Unit::Usd => "usd",
        }
    }

    /// Formats an amount of this unit for people: `8782`, or `$4.98`.
    pub(crate) fn amount(self, amount: u64) -> impl fmt::Display {
        struct Amount(Unit, u64);
        impl fmt::Display for Amount {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    Unit::Usd => write!(f, "${}", NanoUsd(self.1)),
                    Unit::Tokens | Unit::Requests => write!(f, "{}", self.1),
                }
            }
        }
        Amount(self, amount)
    }
}
