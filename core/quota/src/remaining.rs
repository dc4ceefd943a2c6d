//! Remaining budgets of a consumer.

use crate::unit::Unit;
use crate::usage::CallUsage;

/// Remaining amount of a consumer in each unit: the smallest of its budgets, or unlimited for a unit without a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    tokens: u64,
    requests: u64,
    nano_usd: u64,
}

impl Default for Remaining {
    /// Returns unlimited amounts.
    fn default() -> Remaining {
        Remaining { tokens: u64::MAX, requests: u64::MAX, nano_usd: u64::MAX }
    }
}

impl Remaining {
    /// Applies a budget of `unit` with the remaining amount `amount`.
    pub(crate) fn narrow(&mut self, unit: Unit, amount: u64) {
        let least = match unit {
            Unit::Tokens => &mut self.tokens,
            Unit::Requests => &mut self.requests,
            Unit::Usd => &mut self.nano_usd,
        };
        *least = amount.min(*least);
    }

    /// Returns `true` if `usage` fits into the remaining amounts.
    pub(crate) fn fits(&self, usage: &CallUsage) -> bool {
        usage.tokens <= self.tokens && usage.requests <= self.requests && usage.nano_usd.0 <= self.nano_usd
    }
}
