//! A call that a budget does not admit, and the answer that says so.

use std::time::Duration;

use crate::charge::Unit;
use crate::status::{BudgetStatus, Header, ratelimit_headers};
use crate::time::{GoDuration, Period};

/// A call that does not fit: which budget said so, and by how much. Nothing was reserved in any budget.
///
/// Of several budgets that deny, it names one into which the call could never fit, else the one that resets last:
/// before that, trying again is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The budget's name.
    pub budget: Box<str>,
    /// What it counts.
    pub unit: Unit,
    /// The most that one window takes, in the unit (nano-dollars for money).
    pub limit: u64,
    /// What is settled and reserved in this window.
    pub used: u64,
    /// What the call asked for.
    pub requested: u64,
    /// Whether it asked for more than `requested`, or for as much: nobody has counted it to its end.
    pub is_least: bool,
    /// How long a window of the budget is.
    pub window: Period,
    /// The time until this window ends; never zero.
    pub retry_after: Duration,
    /// Whether the call is larger than the limit itself, so that waiting does not help.
    pub never_fits: bool,
    /// Where the consumer stands in each of its budgets, in their order.
    pub statuses: Box<[BudgetStatus]>,
    /// Whether the count is the one shared by all consumers above `max_consumers`.
    pub shared: bool,
}

impl Denied {
    /// The status of the answer: 429 Too Many Requests.
    pub const STATUS: u16 = 429;

    /// The sentence for the caller, in OpenAI's words as far as they go. It names the budget, its limit, what is used
    /// and what was asked for, and nothing that the call held.
    pub fn message(&self) -> String {
        let Denied { budget, unit, window, .. } = self;
        let what = match unit {
            Unit::Tokens => "tokens",
            Unit::Requests => "requests",
            Unit::Usd => "USD",
        };
        let [limit, used, requested] = [self.limit, self.used, self.requested].map(|amount| unit.amount(amount));
        let at_least = if self.is_least { "at least " } else { "" };
        let wait = GoDuration(self.retry_after);
        match (self.never_fits, unit) {
            (true, Unit::Requests) => {
                format!("Request not admitted by budget `{budget}` on {what} per {window}: Limit {limit}.")
            }
            (true, Unit::Tokens | Unit::Usd) => format!(
                "Request too large for budget `{budget}` on {what} per {window}: Limit {limit}, Requested {at_least}{requested}. \
                 The input or the maximum number of output tokens must be reduced in order to run successfully."
            ),
            (false, Unit::Tokens | Unit::Requests) => format!(
                "Rate limit reached for budget `{budget}` on {what} per {window}: \
                 Limit {limit}, Used {used}, Requested {at_least}{requested}. Please try again in {wait}."
            ),
            (false, Unit::Usd) => format!(
                "You exceeded your current quota: budget `{budget}` on {what} per {window}: \
                 Limit {limit}, Used {used}, Requested {at_least}{requested}. It resets in {wait}."
            ),
        }
    }

    /// OpenAI's error `type`: `tokens`, `requests`, or `insufficient_quota` for money.
    pub fn kind(&self) -> &'static str {
        match self.unit {
            Unit::Tokens => "tokens",
            Unit::Requests => "requests",
            Unit::Usd => "insufficient_quota",
        }
    }

    /// OpenAI's error `code`: `rate_limit_exceeded`, or `insufficient_quota` for money.
    pub fn code(&self) -> &'static str {
        match self.unit {
            Unit::Tokens | Unit::Requests => "rate_limit_exceeded",
            Unit::Usd => "insufficient_quota",
        }
    }

    /// The headers of the answer: where the consumer stands ([`ratelimit_headers`]), and what a client should do.
    ///
    /// `retry-after` in whole seconds, rounded up (RFC 9110, 10.2.3), and `retry-after-ms` for OpenAI's clients, unless
    /// waiting does not help. These clients try every 429 again on their own; `x-should-retry: false` stops them where
    /// that is of no use: for a call that never fits, and for money, whose windows are long.
    pub fn headers(&self) -> Vec<Header> {
        let mut headers = ratelimit_headers(&self.statuses);
        if !self.never_fits {
            let millis = self.retry_after.as_millis();
            headers.push(("retry-after", millis.div_ceil(1_000).to_string()));
            headers.push(("retry-after-ms", millis.to_string()));
        }
        if self.never_fits || self.unit == Unit::Usd {
            headers.push(("x-should-retry", "false".to_owned()));
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(unit: Unit, [limit, used, requested]: [u64; 3], window: &str, retry_millis: u64) -> Denied {
        Denied {
            budget: "team".into(),
            unit,
            limit,
            used,
            requested,
            is_least: false,
            window: window.parse().unwrap(),
            retry_after: Duration::from_millis(retry_millis),
            never_fits: requested > limit,
            statuses: Box::new([]),
            shared: false,
        }
    }

    #[test]
    fn answers() {
        const USD: u64 = 1_000_000_000;
        for (denied, kind, code, message, headers) in [
            (
                denied(Unit::Tokens, [10_000, 8_782, 8_172], "1m", 41_724),
                "tokens",
                "rate_limit_exceeded",
                "Rate limit reached for budget `team` on tokens per 1m: Limit 10000, Used 8782, Requested 8172. \
                 Please try again in 41.724s.",
                "retry-after 42|retry-after-ms 41724",
            ),
            (
                denied(Unit::Requests, [60, 60, 1], "1m", 1),
                "requests",
                "rate_limit_exceeded",
                "Rate limit reached for budget `team` on requests per 1m: Limit 60, Used 60, Requested 1. \
                 Please try again in 1ms.",
                "retry-after 1|retry-after-ms 1",
            ),
            (
                denied(Unit::Usd, [5 * USD, 5 * USD - 20_000_000, 120_000_000], "1d", 21_600_000),
                "insufficient_quota",
                "insufficient_quota",
                "You exceeded your current quota: budget `team` on USD per 1d: \
                 Limit $5.00, Used $4.98, Requested $0.12. It resets in 6h0m0s.",
                "retry-after 21600|retry-after-ms 21600000|x-should-retry false",
            ),
            (
                denied(Unit::Tokens, [10_000, 0, 12_000], "1m", 41_724),
                "tokens",
                "rate_limit_exceeded",
                "Request too large for budget `team` on tokens per 1m: Limit 10000, Requested 12000. \
                 The input or the maximum number of output tokens must be reduced in order to run successfully.",
                "x-should-retry false",
            ),
            (
                denied(Unit::Usd, [USD, 0, 2 * USD], "1d", 1_000),
                "insufficient_quota",
                "insufficient_quota",
                "Request too large for budget `team` on USD per 1d: Limit $1.00, Requested $2.00. \
                 The input or the maximum number of output tokens must be reduced in order to run successfully.",
                "x-should-retry false",
            ),
            (
                denied(Unit::Requests, [0, 0, 1], "1m", 1_000),
                "requests",
                "rate_limit_exceeded",
                "Request not admitted by budget `team` on requests per 1m: Limit 0.",
                "x-should-retry false",
            ),
        ] {
            assert_eq!((denied.kind(), denied.code()), (kind, code));
            assert_eq!(denied.message(), message);
            let found: Vec<String> = denied.headers().iter().map(|(name, value)| format!("{name} {value}")).collect();
            assert_eq!(found.join("|"), headers);
        }
    }

    #[test]
    fn what_was_not_counted_to_its_end_is_said_so() {
        for ([limit, used], words) in
            [([100, 90], "Limit 100, Used 90, Requested at least 20."), ([10, 0], "Limit 10, Requested at least 20.")]
        {
            let denied = Denied { is_least: true, ..denied(Unit::Tokens, [limit, used, 20], "1m", 1) };
            assert!(denied.message().contains(words), "{}", denied.message());
        }
    }

    #[test]
    fn the_ratelimit_headers_come_first() {
        let status = BudgetStatus { unit: Unit::Tokens, limit: 10, remaining: 1, reset: Duration::from_secs(2) };
        let denied = Denied { statuses: Box::new([status]), ..denied(Unit::Tokens, [10, 9, 2], "1m", 2_000) };
        let names: Vec<&str> = denied.headers().iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            [
                "x-ratelimit-limit-tokens",
                "x-ratelimit-remaining-tokens",
                "x-ratelimit-reset-tokens",
                "retry-after",
                "retry-after-ms"
            ]
        );
    }
}
