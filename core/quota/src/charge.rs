//! What a call takes from its budgets.

use std::fmt;

use serde::Deserialize;
use tollgate_prices::NanoUsd;

/// What a budget counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Tokens, of prompt and answer together.
    Tokens,
    /// Calls.
    Requests,
    /// Money. Amounts are nano-dollars.
    Usd,
}

impl Unit {
    /// The name in a configuration: `tokens`, `requests`, `usd`.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Tokens => "tokens",
            Unit::Requests => "requests",
            Unit::Usd => "usd",
        }
    }

    /// An amount of this unit for people: `8782`, or `$4.98`.
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

/// What one call takes, in every unit: an estimate when it is reserved, the truth when it is settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    /// Tokens, of prompt and answer together.
    pub tokens: u64,
    /// Calls: 1, or 0 for a call that never went upstream.
    pub requests: u64,
    /// Money.
    pub nano_usd: NanoUsd,
}

impl Charge {
    /// Nothing: settles a call that never went upstream.
    pub const NOTHING: Charge = Charge { tokens: 0, requests: 0, nano_usd: NanoUsd::ZERO };

    /// The part that a budget of `unit` counts.
    pub fn of(&self, unit: Unit) -> u64 {
        match unit {
            Unit::Tokens => self.tokens,
            Unit::Requests => self.requests,
            Unit::Usd => self.nano_usd.0,
        }
    }
}
