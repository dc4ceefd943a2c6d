//! What is left to a consumer.

use crate::charge::{Charge, Unit};

/// What is left of the budgets of a consumer, in each unit: of several budgets, the least. A unit without a budget has
/// no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    tokens: u64,
    requests: u64,
    nano_usd: u64,
}

impl Default for Room {
    /// Room without an end.
    fn default() -> Room {
        Room { tokens: u64::MAX, requests: u64::MAX, nano_usd: u64::MAX }
    }
}

impl Room {
    /// Takes in a budget of `unit` that has `left` left.
    pub(crate) fn narrow(&mut self, unit: Unit, left: u64) {
        let own = match unit {
            Unit::Tokens => &mut self.tokens,
            Unit::Requests => &mut self.requests,
            Unit::Usd => &mut self.nano_usd,
        };
        *own = left.min(*own);
    }

    /// Whether `charge` fits.
    pub(crate) fn holds(&self, charge: &Charge) -> bool {
        charge.tokens <= self.tokens && charge.requests <= self.requests && charge.nano_usd.0 <= self.nano_usd
    }
}
