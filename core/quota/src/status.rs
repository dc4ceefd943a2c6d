//! Status of a budget and the rate limit headers.

use std::time::Duration;

use crate::time::GoDuration;
use crate::unit::Unit;
use tollgate_prices::NanoUsd;

/// Status of one budget of a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetStatus {
    /// Unit that the budget counts.
    pub unit: Unit,
    /// Limit per window, in the unit (nano-dollars for money).
    pub limit: u64,
    /// Remaining amount, with all reservations deducted.
    pub remaining: u64,
    /// Time until the window ends. `remaining` is then `limit` less the reservations of running calls.
    pub reset: Duration,
}

/// Header: a lower-case name and a value of visible ASCII.
pub type Header = (&'static str, String);

/// Returns the headers `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` as OpenAI sends them
/// (<https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers>), with resets such as `6m0s`.
///
/// OpenAI has no such header for money; it is reported the same way under `-cost`, in decimal US dollars without a
/// currency sign. There is one set of headers per unit: of several budgets, the one with the smallest remaining amount; of
/// equal ones, the one that resets last.
pub fn ratelimit_headers(statuses: &[BudgetStatus]) -> Vec<Header> {
    let mut headers = Vec::with_capacity(3 * statuses.len().min(3));
    for (unit, [limit, remaining, reset]) in [
        (
            Unit::Requests,
            ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"],
        ),
        (Unit::Tokens, ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"]),
        (Unit::Usd, ["x-ratelimit-limit-cost", "x-ratelimit-remaining-cost", "x-ratelimit-reset-cost"]),
    ] {
        let of_unit = statuses.iter().filter(|status| status.unit == unit);
        let Some(status) = of_unit.min_by_key(|status| (status.remaining, std::cmp::Reverse(status.reset))) else {
            continue;
        };
        headers.push((limit, number(unit, status.limit)));
        headers.push((remaining, number(unit, status.remaining)));
        headers.push((reset, GoDuration(status.reset).to_string()));
    }
    headers
}

fn number(unit: Unit, amount: u64) -> String {
    match unit {
        Unit::Usd => NanoUsd(amount).to_string(),
        Unit::Tokens | Unit::Requests => amount.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(unit: Unit, limit: u64, remaining: u64, reset_millis: u64) -> BudgetStatus {
        BudgetStatus { unit, limit, remaining, reset: Duration::from_millis(reset_millis) }
    }

    #[test]
    fn each_unit_reports_its_tightest_budget() {
        use Unit::*;
        for (statuses, lines) in [
            (vec![], ""),
            (
                vec![status(Tokens, 10_000, 1_218, 360_000)],
                "limit-tokens 10000|remaining-tokens 1218|reset-tokens 6m0s",
            ),
            (
                vec![status(Usd, 5_000_000_000, 4_998_700_000, 250), status(Requests, 60, 0, 1_000)],
                "limit-requests 60|remaining-requests 0|reset-requests 1s|\
                 limit-cost 5.00|remaining-cost 4.9987|reset-cost 250ms",
            ),
            // Several budgets of one unit.
            (
                vec![status(Tokens, 100, 90, 1_000), status(Tokens, 1_000, 20, 60_000), status(Tokens, 50, 30, 1)],
                "limit-tokens 1000|remaining-tokens 20|reset-tokens 1m0s",
            ),
            (
                vec![status(Tokens, 100, 0, 1_000), status(Tokens, 1_000, 0, 60_000)],
                "limit-tokens 1000|remaining-tokens 0|reset-tokens 1m0s",
            ),
        ] {
            let found: Vec<String> = ratelimit_headers(&statuses)
                .iter()
                .map(|(name, value)| format!("{} {value}", name.strip_prefix("x-ratelimit-").unwrap()))
                .collect();
            assert_eq!(found.join("|"), lines);
        }
    }
}
