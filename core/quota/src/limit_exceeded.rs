//! Exceeded limit and its error response.

use std::time::Duration;

use crate::status::{BudgetStatus, Header, ratelimit_headers};
use crate::time::{GoDuration, Period};
use crate::unit::Unit;

/// Call that exceeds a budget. Nothing was reserved in any budget.
///
/// If the call exceeds several budgets, this is one into which it could never fit, else the one that resets last: retrying
/// earlier is useless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitExceeded {
    /// Name of the budget.
    pub budget: Box<str>,
    /// Unit that the budget counts.
    pub unit: Unit,
    /// Limit per window, in the unit (nano-dollars for money).
    pub limit: u64,
    /// Amount settled and reserved in this window.
    pub used: u64,
    /// Amount that the call requested.
    pub requested: u64,
    /// `true` if `requested` is a lower bound, because counting stopped once the outcome was certain.
    pub is_lower_bound: bool,
    /// Length of a window.
    pub window: Period,
    /// Time until this window ends; never zero.
    pub retry_after: Duration,
    /// `true` if the call is larger than the limit itself, so that waiting does not help.
    pub never_fits: bool,
    /// Status of each budget of the consumer, in their order.
    pub statuses: Box<[BudgetStatus]>,
    /// `true` if the record is the one shared by all consumers above `max_consumers`.
    pub shared: bool,
}

/// Longest `retry-after` that OpenAI's and Anthropic's clients wait for (`openai-python` and `anthropic-sdk-python`, `_base_client.py`).
/// For a longer one they retry after a few seconds all the same.
const MAX_WAIT: Duration = Duration::from_secs(60);

impl LimitExceeded {
    /// HTTP status of the response: 429 Too Many Requests.
    pub const STATUS: u16 = 429;

    /// Returns the message for the caller, in OpenAI's wording where it applies. It contains the budget, its limit, the used
    /// and the requested amount, and nothing from the body of the call.
    pub fn message(&self) -> String {
        let LimitExceeded { budget, unit, window, .. } = self;
        let unit_name = match unit {
            Unit::Tokens => "tokens",
            Unit::Requests => "requests",
            Unit::Usd => "USD",
        };
        let [limit, used, requested] = [self.limit, self.used, self.requested].map(|amount| unit.amount(amount));
        let at_least = if self.is_lower_bound { "at least " } else { "" };
        let wait = GoDuration(self.retry_after);
        match (self.never_fits, unit) {
            (true, Unit::Requests) => {
                format!("Request not admitted by budget `{budget}` on {unit_name} per {window}: Limit {limit}.")
            }
            (true, Unit::Tokens | Unit::Usd) => format!(
                "Request too large for budget `{budget}` on {unit_name} per {window}: Limit {limit}, Requested {at_least}{requested}. \
                 The input or the maximum number of output tokens must be reduced in order to run successfully."
            ),
            (false, Unit::Tokens | Unit::Requests) => format!(
                "Rate limit reached for budget `{budget}` on {unit_name} per {window}: \
                 Limit {limit}, Used {used}, Requested {at_least}{requested}. Please try again in {wait}."
            ),
            (false, Unit::Usd) => format!(
                "You exceeded your current quota: budget `{budget}` on {unit_name} per {window}: \
                 Limit {limit}, Used {used}, Requested {at_least}{requested}. It resets in {wait}."
            ),
        }
    }

    /// Returns OpenAI's error `type`: `tokens`, `requests`, or `insufficient_quota` for money.
    pub fn kind(&self) -> &'static str {
        match self.unit {
            Unit::Tokens => "tokens",
            Unit::Requests => "requests",
            Unit::Usd => "insufficient_quota",
        }
    }

    /// Returns OpenAI's error `code`: `rate_limit_exceeded`, or `insufficient_quota` for money.
    pub fn code(&self) -> &'static str {
        match self.unit {
            Unit::Tokens | Unit::Requests => "rate_limit_exceeded",
            Unit::Usd => "insufficient_quota",
        }
    }

    /// Returns the headers of the response: the rate limit headers ([`ratelimit_headers`]) and the retry headers.
    ///
    /// Unless waiting does not help, these are `retry-after` in whole seconds, rounded up (RFC 9110, section 10.2.3), and
    /// `retry-after-ms` for OpenAI's clients. These clients retry every 429 within seconds; `x-should-retry: false` stops them if
    /// a retry is useless: for a call that never fits, for money, and for a window that ends later than a minute.
    pub fn headers(&self) -> Vec<Header> {
        let mut headers = ratelimit_headers(&self.statuses);
        if !self.never_fits {
            let millis = self.retry_after.as_millis();
            headers.push(("retry-after", millis.div_ceil(1_000).to_string()));
            headers.push(("retry-after-ms", millis.to_string()));
        }
        if self.never_fits || self.unit == Unit::Usd || self.retry_after > MAX_WAIT {
            headers.push(("x-should-retry", "false".to_owned()));
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit_exceeded(
        unit: Unit,
        [limit, used, requested]: [u64; 3],
        window: &str,
        retry_millis: u64,
    ) -> LimitExceeded {
        LimitExceeded {
            budget: "team".into(),
            unit,
            limit,
            used,
            requested,
            is_lower_bound: false,
            window: window.parse().unwrap(),
            retry_after: Duration::from_millis(retry_millis),
            never_fits: requested > limit,
            statuses: Box::new([]),
            shared: false,
        }
    }

    #[test]
    fn message_type_code_and_headers_by_unit() {
        const USD: u64 = 1_000_000_000;
        for (exceeded, kind, code, message, headers) in [
            (
                limit_exceeded(Unit::Tokens, [10_000, 8_782, 8_172], "1m", 41_724),
                "tokens",
                "rate_limit_exceeded",
                "Rate limit reached for budget `team` on tokens per 1m: Limit 10000, Used 8782, Requested 8172. \
                 Please try again in 41.724s.",
                "retry-after 42|retry-after-ms 41724",
            ),
            (
                limit_exceeded(Unit::Requests, [60, 60, 1], "1m", 1),
                "requests",
                "rate_limit_exceeded",
                "Rate limit reached for budget `team` on requests per 1m: Limit 60, Used 60, Requested 1. \
                 Please try again in 1ms.",
                "retry-after 1|retry-after-ms 1",
            ),
            (
                limit_exceeded(Unit::Requests, [60, 60, 1], "7d", 200_000_000),
                "requests",
                "rate_limit_exceeded",
                "Rate limit reached for budget `team` on requests per 7d: Limit 60, Used 60, Requested 1. \
                 Please try again in 55h33m20s.",
                "retry-after 200000|retry-after-ms 200000000|x-should-retry false",
            ),
            (
                limit_exceeded(Unit::Usd, [5 * USD, 5 * USD - 20_000_000, 120_000_000], "1d", 21_600_000),
                "insufficient_quota",
                "insufficient_quota",
                "You exceeded your current quota: budget `team` on USD per 1d: \
                 Limit $5.00, Used $4.98, Requested $0.12. It resets in 6h0m0s.",
                "retry-after 21600|retry-after-ms 21600000|x-should-retry false",
            ),
            (
                limit_exceeded(Unit::Tokens, [10_000, 0, 12_000], "1m", 41_724),
                "tokens",
                "rate_limit_exceeded",
                "Request too large for budget `team` on tokens per 1m: Limit 10000, Requested 12000. \
                 The input or the maximum number of output tokens must be reduced in order to run successfully.",
                "x-should-retry false",
            ),
            (
                limit_exceeded(Unit::Usd, [USD, 0, 2 * USD], "1d", 1_000),
                "insufficient_quota",
                "insufficient_quota",
                "Request too large for budget `team` on USD per 1d: Limit $1.00, Requested $2.00. \
                 The input or the maximum number of output tokens must be reduced in order to run successfully.",
                "x-should-retry false",
            ),
            (
                limit_exceeded(Unit::Requests, [0, 0, 1], "1m", 1_000),
                "requests",
                "rate_limit_exceeded",
                "Request not admitted by budget `team` on requests per 1m: Limit 0.",
                "x-should-retry false",
            ),
        ] {
            assert_eq!((exceeded.kind(), exceeded.code()), (kind, code));
            assert_eq!(exceeded.message(), message);
            let found: Vec<String> = exceeded.headers().iter().map(|(name, value)| format!("{name} {value}")).collect();
            assert_eq!(found.join("|"), headers);
        }
    }

    #[test]
    fn a_lower_bound_is_reported_as_such() {
        for ([limit, used], words) in
            [([100, 90], "Limit 100, Used 90, Requested at least 20."), ([10, 0], "Limit 10, Requested at least 20.")]
        {
            let exceeded =
                LimitExceeded { is_lower_bound: true, ..limit_exceeded(Unit::Tokens, [limit, used, 20], "1m", 1) };
            assert!(exceeded.message().contains(words), "{}", exceeded.message());
        }
    }

    #[test]
    fn the_ratelimit_headers_come_first() {
        let status = BudgetStatus { unit: Unit::Tokens, limit: 10, remaining: 1, reset: Duration::from_secs(2) };
        let exceeded =
            LimitExceeded { statuses: Box::new([status]), ..limit_exceeded(Unit::Tokens, [10, 9, 2], "1m", 2_000) };
        let names: Vec<&str> = exceeded.headers().iter().map(|(name, _)| *name).collect();
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
