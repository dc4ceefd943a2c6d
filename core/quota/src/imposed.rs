//! Output limits that are imposed on requests which set none.

use tollgate_prices::ModelPrice;

use crate::estimate::{Estimate, OutputCap};
use crate::quota::Quota;
use crate::remaining::Remaining;
use crate::unit::Unit;

/// Range of the output limit to impose on a call, see [`OutputCap::Impose`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImposedLimit {
    /// Smallest limit that the API accepts.
    least: u64,
    /// Largest useful limit: the model's own maximum, or that of the configuration.
    most: u64,
    /// `true` if `most` is the model's own maximum.
    is_own: bool,
}

impl Quota {
    /// Returns the range of the limit to impose on a call that sets none. `least`: the smallest limit that its API accepts.
    /// `None` if no limit is imposed, or no budget of the consumer counts output.
    pub fn imposed_limit(&self, consumer: &[u8], price: Option<&ModelPrice>, least: u64) -> Option<ImposedLimit> {
        let is_limited = self.budgets(consumer).iter().any(|budget| budget.unit() != Unit::Requests);
        if !is_limited || self.output_cap() != OutputCap::Impose {
            return None;
        }
        let own = price.and_then(|price| price.max_output_tokens);
        let most = own.or(self.max_output_tokens()).unwrap_or(u64::MAX);
        Some(ImposedLimit { least, most, is_own: own.is_some() })
    }
}

impl ImposedLimit {
    /// Returns the estimate of a call with the smallest limit.
    pub fn at_least(&self, estimate: &Estimate) -> Estimate {
        Estimate { max_output_tokens: Some(self.least), ..*estimate }
    }

    /// Returns the largest limit with which a call fits into `remaining`; the smallest one if none does.
    pub fn affordable(
        &self,
        quota: &Quota,
        remaining: &Remaining,
        estimate: &Estimate,
        price: Option<&ModelPrice>,
    ) -> u64 {
        quota.max_output(remaining, estimate, price).min(self.most).max(self.least)
    }

    /// Returns `true` if the model has a maximum of its own, which is reserved for a call without a limit.
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// Returns `true` if a limit has to be written into the request: the model's own maximum holds anyway.
    pub fn is_written(&self, tokens: u64) -> bool {
        tokens < u64::MAX && !(self.is_own && tokens >= self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RawQuota;

    #[test]
    fn the_limit_is_what_the_budget_affords_within_its_range() {
        // Configuration, the model's own maximum, remaining tokens, limit, and `true` if it is written.
        for (more, own, remaining, limit, is_written) in [
            ("", None, 1_000, 990, true),
            ("", None, u64::MAX, u64::MAX, false),
            ("", None, 12, 16, true),
            ("", None, 0, 16, true),
            ("", Some(500), 1_000, 500, false),
            ("", Some(500), 400, 390, true),
            ("max_output_tokens: 700\nassumed_output_tokens: 700\n", None, 1_000, 700, true),
            ("max_output_tokens: 700\nassumed_output_tokens: 700\n", Some(800), 1_000, 800, false),
        ] {
            let raw = format!(
                "output_cap: impose\n{more}budgets: [{{name: t, unit: tokens, limit: 1, window: 1d}}]\n\
                 consumers: {{free: {{budgets: []}}, r: {{budgets: [{{name: r, unit: requests, limit: 1, window: 1d}}]}}}}"
            );
            let quota = Quota::new(serde_saphyr::from_str::<RawQuota>(&raw).unwrap()).unwrap();
            let mut price = ModelPrice::default();
            price.max_output_tokens = own;
            let imposed = quota.imposed_limit(b"a", Some(&price), 16).unwrap();
            let mut left = Remaining::default();
            left.narrow(Unit::Tokens, remaining);
            let estimate = Estimate { input_tokens: 10, candidates: 1, ..Estimate::default() };
            let found = imposed.affordable(&quota, &left, &estimate, Some(&price));
            assert_eq!((found, imposed.is_written(found)), (limit, is_written), "{more} {own:?} {remaining}");
            assert_eq!(imposed.is_own(), own.is_some());
            for consumer in ["free", "r"] {
                assert_eq!(quota.imposed_limit(consumer.as_bytes(), Some(&price), 16), None);
            }
        }
    }
}
