//! Usage of a call in the units that budgets count.

use tollgate_prices::NanoUsd;

use crate::unit::Unit;

/// Usage of one call in every unit: its maximum when it is reserved, its actual usage when it is settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CallUsage {
    /// Input and output tokens together.
    pub tokens: u64,
    /// Number of calls: 1, or 0 for a call that was never sent upstream.
    pub requests: u64,
    /// Cost.
    pub nano_usd: NanoUsd,
}

impl CallUsage {
    /// No usage: settles a call that was never sent upstream.
    pub const ZERO: CallUsage = CallUsage { tokens: 0, requests: 0, nano_usd: NanoUsd::ZERO };

    /// Adds each unit, up to the largest number.
    pub(crate) fn saturating_add(self, other: CallUsage) -> CallUsage {
        CallUsage {
            tokens: self.tokens.saturating_add(other.tokens),
            requests: self.requests.saturating_add(other.requests),
            nano_usd: NanoUsd(self.nano_usd.0.saturating_add(other.nano_usd.0)),
        }
    }

    /// Subtracts each unit, down to zero.
    pub(crate) fn saturating_sub(self, other: CallUsage) -> CallUsage {
        CallUsage {
            tokens: self.tokens.saturating_sub(other.tokens),
            requests: self.requests.saturating_sub(other.requests),
            nano_usd: NanoUsd(self.nano_usd.0.saturating_sub(other.nano_usd.0)),
        }
    }

    /// Returns the amount that a budget of `unit` counts.
    pub fn of(&self, unit: Unit) -> u64 {
        match unit {
            Unit::Tokens => self.tokens,
            Unit::Requests => self.requests,
            Unit::Usd => self.nano_usd.0,
        }
    }
}
