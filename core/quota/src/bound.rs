//! Decision between an upper bound and an exact count of a call's usage.

use crate::budget::Budget;
use crate::record::Record;
use crate::unit::Unit;
use crate::usage::CallUsage;

/// Share of a remaining budget that a bound must stay below: one tenth. Nine more calls of that bound then fit, so that
/// over-reserving a few concurrent calls refuses none of them.
const SHARE: u64 = 10;

/// Returns `true` if `bound` takes less than a tenth of what remains of every budget in tokens or money. Budgets in requests
/// do not depend on it. `record` has been advanced to `budgets`.
pub(crate) fn is_small(record: &Record, budgets: &[Budget], bound: &CallUsage) -> bool {
    budgets.iter().zip(&record.ledgers).filter(|(budget, _)| budget.unit() != Unit::Requests).all(|(budget, ledger)| {
        let (remaining, amount) = (budget.limit().saturating_sub(record.used(ledger)), bound.of(budget.unit()));
        // A free call does not use up any budget.
        amount == 0 || amount.checked_mul(SHARE).is_some_and(|least| least < remaining)
    })
}

#[cfg(test)]
mod tests {
    use tollgate_prices::NanoUsd;

    use crate::support::memory::Memory;
    use crate::{CallUsage, Quota, RawQuota, Refusal, UnixMillis};

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    fn quota(budgets: &str) -> Quota {
        let raw: RawQuota = serde_json::from_str(&format!(r#"{{"budgets": [{budgets}]}}"#)).unwrap();
        Quota::new(raw).unwrap()
    }

    fn usage(tokens: u64, nano_usd: u64) -> CallUsage {
        CallUsage { tokens, requests: 1, nano_usd: NanoUsd(nano_usd) }
    }

    #[test]
    fn a_bound_is_reserved_below_a_tenth_of_every_remaining_budget() {
        let tokens = r#"{"name": "t", "unit": "tokens", "limit": 1000, "window": "1h"}"#;
        let money = r#"{"name": "m", "unit": "usd", "limit": "0.000001", "window": "1h"}"#;
        let requests = r#"{"name": "r", "unit": "requests", "limit": 2, "window": "1h"}"#;
        let both = &format!("{tokens}, {money}");
        let all = &format!("{both}, {requests}");
        // Budgets, settled tokens and nano-dollars, bound in tokens and nano-dollars.
        for (budgets, used, bound, is_reserved) in [
            ("", (0, 0), (u64::MAX, u64::MAX), true),
            (requests, (0, 0), (u64::MAX, u64::MAX), true),
            (tokens, (0, 0), (99, u64::MAX), true),
            (tokens, (0, 0), (100, 0), false),
            (tokens, (0, 0), (u64::MAX, 0), false),
            (tokens, (500, 0), (49, 0), true),
            (tokens, (500, 0), (50, 0), false),
            (tokens, (1000, 0), (1, 0), false),
            (tokens, (1001, 0), (1, 0), false),
            (money, (0, 0), (u64::MAX, 99), true),
            (money, (0, 0), (0, 100), false),
            (money, (0, 1000), (9, 0), true),
            (both, (0, 0), (99, 99), true),
            (both, (0, 0), (99, 100), false),
            (both, (0, 0), (100, 99), false),
            (all, (0, 0), (99, 99), true),
            (all, (0, 990), (9, 1), false),
        ] {
            let (quota, store) = (quota(budgets), Memory::default());
            if used != (0, 0) {
                let first = quota.reserve(&store, b"a", NOW, &usage(1, 1)).unwrap();
                quota.settle(&store, first, NOW, &usage(used.0, used.1)).unwrap();
            }
            let bound = usage(bound.0, bound.1);
            let reservation = quota.reserve_bound(&store, b"a", NOW, &bound).unwrap();
            assert_eq!(reservation.is_some(), is_reserved, "{budgets}: {used:?}, {bound:?}");
            if let Some(reservation) = reservation {
                assert_eq!(reservation.reserved(), &bound);
                quota.settle(&store, reservation, NOW, &CallUsage::ZERO).unwrap();
            }
        }
    }

    #[test]
    fn a_budget_in_requests_still_refuses() {
        let quota = quota(r#"{"name": "r", "unit": "requests", "limit": 1, "window": "1h"}"#);
        let store = Memory::default();
        assert!(quota.reserve_bound(&store, b"a", NOW, &usage(5, 5)).unwrap().is_some());
        assert!(matches!(quota.reserve_bound(&store, b"a", NOW, &usage(5, 5)), Err(Refusal::LimitExceeded(_))));
    }

    #[test]
    fn reserved_bounds_count_as_used() {
        let quota = quota(r#"{"name": "t", "unit": "tokens", "limit": 1000, "window": "1h"}"#);
        let store = Memory::default();
        let admitted: u64 = (0..100)
            .filter_map(|_| quota.reserve_bound(&store, b"a", NOW, &usage(90, 0)).unwrap())
            .map(|reservation| reservation.reserved().tokens)
            .sum();
        // The second bound exceeds a tenth of the remaining 910.
        assert_eq!(admitted, 180);
    }
}
