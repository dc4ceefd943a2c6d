//! Sequential calls.

use std::cell::Cell;

use tollgate_prices::{Dimension, ModelPrice, NanoUsd, Rate, UnitPrice};

use super::*;
use crate::support::memory::Memory;

const NOW: UnixMillis = UnixMillis(1_700_000_010_000); // 30 s into a minute
const CALL: CallUsage = CallUsage { tokens: 40, requests: 1, nano_usd: NanoUsd(400) };

fn quota(yaml: &str) -> Quota {
    Quota::new(serde_saphyr::from_str(yaml).unwrap()).unwrap()
}

fn later(millis: u64) -> UnixMillis {
    UnixMillis(NOW.0 + millis)
}

fn remaining(quota: &Quota, store: &Memory, consumer: &str, now: UnixMillis) -> Vec<u64> {
    let probe = quota.reserve(store, consumer.as_bytes(), now, &CallUsage::ZERO).unwrap();
    probe.statuses().iter().map(|status| status.remaining).collect()
}

fn limit_exceeded(result: Result<Reservation, Refusal<std::convert::Infallible>>) -> LimitExceeded {
    match result {
        Err(Refusal::LimitExceeded(exceeded)) => *exceeded,
        other => panic!("{other:?}"),
    }
}

const THREE: &str = "budgets:\n\
     - { name: r, unit: requests, limit: 3, window: 1m }\n\
     - { name: t, unit: tokens, limit: 100, window: 1m }\n\
     - { name: m, unit: usd, limit: \"0.000001\", window: 1d }\n";

#[test]
fn a_refused_call_changes_no_budget() {
    let (quota, store) = (quota(THREE), Memory::default());
    let first = quota.reserve(&store, b"a", NOW, &CALL).unwrap();
    assert_eq!(remaining(&quota, &store, "a", NOW), [2, 60, 600]);
    let refused = limit_exceeded(quota.reserve(&store, b"a", NOW, &CallUsage { tokens: 61, ..CALL }));
    assert_eq!((&*refused.budget, refused.used, refused.requested, refused.limit), ("t", 40, 61, 100));
    assert_eq!((refused.never_fits, refused.shared), (false, false));
    assert_eq!(refused.retry_after, Duration::from_secs(30));
    assert_eq!(refused.statuses, first.statuses().into());
    assert_eq!(remaining(&quota, &store, "a", NOW), [2, 60, 600]);
    quota.settle(&store, first, NOW, &CallUsage { tokens: 90, requests: 1, nano_usd: NanoUsd(5) }).unwrap();
    assert_eq!(remaining(&quota, &store, "a", NOW), [2, 10, 995]);
}

#[test]
fn of_several_exceeded_budgets_the_one_that_resets_last_is_reported() {
    let (quota, store) = (quota(THREE), Memory::default());
    let _held = quota.reserve(&store, b"a", NOW, &CallUsage { tokens: 90, requests: 1, nano_usd: NanoUsd(900) });
    assert_eq!(&*limit_exceeded(quota.reserve(&store, b"a", NOW, &CallUsage { tokens: 20, ..CALL })).budget, "m");
    let refused = limit_exceeded(quota.reserve(&store, b"a", NOW, &CallUsage { tokens: 101, ..CALL }));
    assert_eq!((&*refused.budget, refused.never_fits), ("t", true));
}

#[test]
fn a_settlement_may_exceed_the_limit_and_later_calls_are_refused() {
    let (quota, store) = (quota(THREE), Memory::default());
    let held = quota.reserve(&store, b"a", NOW, &CALL).unwrap();
    quota.settle(&store, held, NOW, &CallUsage { tokens: 1_000, ..CALL }).unwrap();
    let refused = limit_exceeded(quota.reserve(&store, b"a", NOW, &CallUsage { tokens: 1, ..CallUsage::ZERO }));
    assert_eq!((refused.used, refused.never_fits), (1_000, false));
    assert_eq!(refused.statuses[1].remaining, 0);
    assert!(quota.reserve(&store, b"a", later(30_000), &CALL).is_ok(), "the next minute");
}

#[test]
fn settling_zero_releases_the_whole_reservation() {
    let (quota, store) = (quota(THREE), Memory::default());
    let held = quota.reserve(&store, b"a", NOW, &CALL).unwrap();
    quota.settle(&store, held, NOW, &CallUsage::ZERO).unwrap();
    assert_eq!(remaining(&quota, &store, "a", NOW), [3, 100, 1_000]);
}

#[test]
fn a_call_counts_in_the_window_in_which_it_ends() {
    let (quota, store) = (quota(THREE), Memory::default());
    let held = quota.reserve(&store, b"a", NOW, &CALL).unwrap();
    // Its reservation counts in every window until then.
    for now in [later(30_000), later(90_000), later(150_000)] {
        assert_eq!(remaining(&quota, &store, "a", now), [2, 60, 600], "{now:?}");
    }
    let refused = limit_exceeded(quota.reserve(&store, b"a", later(150_000), &CallUsage { tokens: 61, ..CALL }));
    assert_eq!((refused.used, refused.requested), (40, 61));
    quota.settle(&store, held, later(150_000), &CallUsage { tokens: 70, ..CALL }).unwrap();
    assert_eq!(remaining(&quota, &store, "a", later(150_000)), [2, 30, 600]);
    assert_eq!(remaining(&quota, &store, "a", later(210_000)), [3, 100, 600]);
}

/// Answers of 2.5 s under a window of 2 s, one asked for every 0.1 s: each window admits no more than its limit, although
/// every call ends in a later one.
#[test]
fn calls_that_outlast_the_window_stay_within_the_limit() {
    let quota = quota("budgets: [{ name: t, unit: tokens, limit: 20000, window: 2s }]");
    let answer = CallUsage { tokens: 5_000, requests: 1, nano_usd: NanoUsd(0) };
    for duration in [50, 2_500, 7_000] {
        let (store, mut running, mut served) = (Memory::default(), Vec::new(), BTreeMap::<u64, u64>::new());
        for now in (1_700_000_000_000..1_700_000_030_000).step_by(50) {
            while running.first().is_some_and(|(end, _)| *end <= now) {
                let (end, held) = running.remove(0);
                quota.settle(&store, held, UnixMillis(end), &answer).unwrap();
                *served.entry(end / 2_000).or_default() += answer.tokens;
            }
            if let Ok(held) = quota.reserve(&store, b"a", UnixMillis(now), &answer) {
                running.push((now + duration, held));
            }
        }
        assert!(served.values().all(|tokens| *tokens <= 20_000), "{duration}: {served:?}");
        assert!(served.values().sum::<u64>() >= 20_000, "{duration}: {served:?}");
    }
}

#[test]
fn a_lost_call_is_charged_once_when_its_lease_ends() {
    let quota = quota(&THREE.replace("1m", "1d"));
    let store = Memory::default();
    let if_lost = CallUsage { tokens: 15, requests: 1, nano_usd: NanoUsd(150) };
    drop(quota.reserve(&store, b"a", NOW, Claim { most: CALL, if_lost }).unwrap());
    assert_eq!(remaining(&quota, &store, "a", later(15 * 60_000 - 1)), [2, 60, 600]);
    let expired = later(19 * 60_000);
    let next = quota.reserve(&store, b"a", expired, &CallUsage::ZERO).unwrap();
    assert_eq!(next.lost_calls(), 1);
    assert_eq!(remaining(&quota, &store, "a", expired), [2, 85, 850]);
    assert_eq!(quota.settle(&store, next, expired, &CallUsage::ZERO), Ok(0));
    assert_eq!(remaining(&quota, &store, "a", later(20 * 60_000)), [2, 85, 850]);
}

#[test]
fn a_settlement_finds_calls_that_are_lost() {
    let quota = quota(&THREE.replace("1m", "1d"));
    let store = Memory::default();
    drop(quota.reserve(&store, b"a", NOW, &CALL).unwrap());
    let mut running = quota.reserve(&store, b"a", later(400_000), &CALL).unwrap();
    assert_eq!(quota.renew(&store, &mut running, later(850_000), &CALL), Ok(0));
    assert_eq!(quota.settle(&store, running, later(1_200_000), &CallUsage::ZERO), Ok(1));
    assert_eq!(remaining(&quota, &store, "a", later(1_200_000)), [2, 60, 600]);
}

#[test]
fn a_call_that_is_settled_after_its_lease_is_charged_once() {
    let quota = quota(&THREE.replace("1m", "1d"));
    let late = later(3_600_000);
    for found_before in [false, true] {
        let store = Memory::default();
        let held = quota.reserve(&store, b"a", NOW, &CALL).unwrap();
        if found_before {
            drop(quota.reserve(&store, b"a", late, &CallUsage::ZERO).unwrap());
        }
        quota.settle(&store, held, late, &CallUsage { tokens: 10, ..CALL }).unwrap();
        assert_eq!(remaining(&quota, &store, "a", late), [2, 90, 600], "{found_before}");
    }
}

#[test]
fn a_long_call_keeps_its_reservation_and_settles_once() {
    let quota = quota(&THREE.replace("1m", "1d"));
    let store = Memory::default();
    let mut held = quota.reserve(&store, b"a", NOW, &CALL).unwrap();
    let mut now = NOW;
    for _ in 0..10 {
        now = held.renew_at();
        quota.renew(&store, &mut held, now, &CALL).unwrap();
        assert_eq!(remaining(&quota, &store, "a", now), [2, 60, 600]);
    }
    assert_eq!(now, later(10 * 450_000));
    quota.settle(&store, held, now, &CALL).unwrap();
    assert_eq!(remaining(&quota, &store, "a", now), [2, 60, 600]);
    // A late renewal takes the charge of the ended lease back and reserves again.
    let if_lost = CallUsage { tokens: 1, ..CallUsage::ZERO };
    let mut held = quota.reserve(&store, b"b", NOW, Claim { most: CALL, if_lost }).unwrap();
    assert_eq!(remaining(&quota, &store, "b", later(3_600_000)), [3, 99, 1_000]);
    quota.renew(&store, &mut held, later(3_600_000), &CallUsage { tokens: 7, ..if_lost }).unwrap();
    assert_eq!(remaining(&quota, &store, "b", later(3_600_000)), [2, 60, 600]);
    assert_eq!(remaining(&quota, &store, "b", later(5_900_000)), [3, 93, 1_000]);
}

#[test]
fn a_free_call_passes_an_exhausted_budget_in_money() {
    let (quota, store) = (quota(THREE), Memory::default());
    let _held = quota.reserve(&store, b"a", NOW, &CallUsage { nano_usd: NanoUsd(1_000), ..CALL }).unwrap();
    assert_eq!(&*limit_exceeded(quota.reserve(&store, b"a", NOW, &CALL)).budget, "m");
    assert!(quota.reserve(&store, b"a", NOW, &CallUsage { nano_usd: NanoUsd(0), ..CALL }).is_ok());
}

#[test]
fn usage_survives_a_change_of_limits_and_order() {
    let (old, store) = (quota(THREE), Memory::default());
    let held = old.reserve(&store, b"a", NOW, &CALL).unwrap();
    let new = quota(
        "budgets:\n\
         - { name: m, unit: usd, limit: \"0.000002\", window: 24h }\n\
         - { name: t, unit: tokens, limit: 50, window: 60s }\n",
    );
    assert_eq!(remaining(&new, &store, "a", NOW), [1_600, 10]);
    // A running call settles into all budgets of its consumer: those of its own configuration and those of the new one.
    old.settle(&store, held, NOW, &CallUsage { tokens: 45, ..CALL }).unwrap();
    assert_eq!(remaining(&new, &store, "a", NOW), [1_600, 5]);
    assert_eq!(remaining(&old, &store, "a", NOW), [2, 55, 600]);
}

#[test]
fn consumers_and_namespaces_have_separate_counts() {
    let (first, store) = (quota(THREE), Memory::default());
    let second = quota(&format!("{THREE}namespace: second\n"));
    let _held = first.reserve(&store, b"a", NOW, &CALL).unwrap();
    assert_eq!(remaining(&first, &store, "a", NOW), [2, 60, 600]);
    assert_eq!(remaining(&first, &store, "b", NOW), [3, 100, 1_000]);
    assert_eq!(remaining(&second, &store, "a", NOW), [3, 100, 1_000]);
}

#[test]
fn a_consumer_without_budgets_never_touches_the_store() {
    struct Broken;
    impl Store for Broken {
        type Error = &'static str;
        fn get(&self, _: &[u8]) -> Result<Option<(Vec<u8>, Cas)>, &'static str> {
            Err("no store")
        }
        fn put(&self, _: &[u8], _: &[u8], _: Cas) -> Result<bool, &'static str> {
            Err("no store")
        }
    }
    let quota = quota(&format!("{THREE}consumers: {{ admin: {{ budgets: [] }} }}\n"));
    let mut held = quota.reserve(&Broken, b"admin", NOW, &CALL).unwrap();
    assert_eq!((held.statuses(), held.reserved(), held.is_shared()), (&[][..], &CALL, false));
    quota.renew(&Broken, &mut held, NOW, &CALL).unwrap();
    quota.settle(&Broken, held, NOW, &CALL).unwrap();
    let refused = quota.reserve(&Broken, b"other", NOW, &CALL);
    assert_eq!(refused, Err(Refusal::Unavailable(Unavailable::Store("no store"))));
}

#[test]
fn consumers_above_the_maximum_share_one_record() {
    let quota = quota(&format!(
        "{THREE}max_consumers: 2\nconsumers: {{ vip: {{ budgets: [ {{ name: r, unit: requests, limit: 9, window: 1m }} ] }} }}\n"
    ));
    let store = Memory::default();
    for (consumer, shared, remaining) in [
        ("a", false, 2),
        ("b", false, 2),
        ("c", true, 2),
        ("d", true, 1),
        ("a", false, 1),
        ("vip", false, 8),
        ("c", true, 0),
    ] {
        let held =
            quota.reserve(&store, consumer.as_bytes(), NOW, &CallUsage { requests: 1, ..CallUsage::ZERO }).unwrap();
        assert_eq!((held.is_shared(), held.statuses()[0].remaining), (shared, remaining), "{consumer}");
    }
    assert!(limit_exceeded(quota.reserve(&store, b"e", NOW, &CALL)).shared);
    for index in 0..1_000 {
        let _ = quota.reserve(&store, format!("other {index}").as_bytes(), NOW, &CALL);
    }
    // The ticket, the directory, the shared record, two consumers and the configured one.
    assert_eq!(store.0.borrow().values.len(), 6);
}

#[test]
fn consumers_above_the_maximum_are_refused_if_configured() {
    let quota = quota(&format!("{THREE}max_consumers: 1\noverflow: refuse\n"));
    let store = Memory::default();
    assert!(quota.reserve(&store, b"a", NOW, &CALL).is_ok());
    let refused = quota.reserve(&store, b"b", NOW, &CALL);
    assert_eq!(refused, Err(Refusal::Unavailable(Unavailable::TooManyConsumers { max_consumers: 1 })));
    assert!(quota.reserve(&store, b"a", NOW, &CALL).is_ok());
}

#[test]
fn a_malformed_record_is_an_error_and_is_not_overwritten() {
    let (quota, store) = (quota(THREE), Memory::default());
    let held = quota.reserve(&store, b"a", NOW, &CALL).unwrap();
    store.put(b"tollgate.quota.2/default/consumer/a", b"\x02garbage!\x01\x00", Cas::ANY).unwrap();
    let corrupt = Unavailable::Corrupt(crate::Corrupt { offset: 11 });
    assert_eq!(quota.reserve(&store, b"a", NOW, &CALL), Err(Refusal::Unavailable(corrupt)));
    assert_eq!(quota.settle(&store, held, NOW, &CALL), Err(corrupt));
    assert_eq!(store.get(b"tollgate.quota.2/default/consumer/a").unwrap().unwrap().0, b"\x02garbage!\x01\x00");
}

#[test]
fn reserving_and_settling_take_two_host_calls_each() {
    struct Counted(Memory, Cell<usize>);
    impl Store for Counted {
        type Error = std::convert::Infallible;
        fn get(&self, key: &[u8]) -> Result<Option<(Vec<u8>, Cas)>, Self::Error> {
            self.1.set(self.1.get() + 1);
            self.0.get(key)
        }
        fn put(&self, key: &[u8], value: &[u8], cas: Cas) -> Result<bool, Self::Error> {
            self.1.set(self.1.get() + 1);
            self.0.put(key, value, cas)
        }
    }
    let quota = quota(THREE);
    let store = Counted(Memory::default(), Cell::new(0));
    drop(quota.reserve(&store, b"a", NOW, &CALL).unwrap());
    store.1.set(0);
    let held = quota.reserve(&store, b"a", NOW, &CALL).unwrap();
    assert_eq!(store.1.get(), 2);
    quota.settle(&store, held, NOW, &CALL).unwrap();
    assert_eq!(store.1.get(), 4);
}

/// `max_input` of the remaining budgets is exactly the largest input that a reservation admits.
#[test]
fn the_maximum_input_is_admitted_and_one_token_more_is_refused() {
    let rate = |dimension, price| Rate { dimension, tier: None, above: 0, price: UnitPrice(price) };
    let price = |input, output| ModelPrice::new(vec![rate(Dimension::Input, input), rate(Dimension::Output, output)]);
    let budget = |unit, limit| format!("budgets: [{{ name: a, unit: {unit}, limit: {limit}, window: 1m }}]\n");
    for (yaml, price, used, output, most) in [
        (budget("tokens", "100"), None, 30, 20, 50),
        (budget("tokens", "100"), None, 100, 20, 0),
        (budget("tokens", "100"), None, 0, 20, 80),
        // 3 and 2 dollars per million tokens: 0.000001 - 10 x 0.000002 is negative; 0.0001 leaves 80,000 nanos at 3,000 each.
        (budget("usd", "\"0.0001\""), Some(price(3_000_000_000, 2_000_000_000)), 0, 10, 26),
        (budget("usd", "\"0.000001\""), Some(price(3_000_000_000, 2_000_000_000)), 0, 10, 0),
        (budget("usd", "\"0.0001\""), Some(price(0, 2_000_000_000)), 0, 10, u64::MAX),
        (budget("usd", "\"0.0001\""), None, 0, 10, u64::MAX),
        (budget("requests", "3"), None, 30, 20, u64::MAX),
        ("budgets: []".to_owned(), None, 30, 20, u64::MAX),
    ] {
        let (quota, store) = (quota(&yaml), Memory::default());
        let held = quota.reserve(&store, b"a", NOW, &CallUsage { tokens: used, ..CallUsage::ZERO });
        let estimate = |input_tokens| Estimate {
            input_tokens,
            max_output_tokens: Some(output),
            candidates: 1,
            ..Estimate::default()
        };
        let worst_case = |input_tokens| quota.worst_case(&estimate(input_tokens), price.as_ref());
        let remaining = quota.remaining(&store, b"a", NOW, &CallUsage::ZERO).unwrap();
        assert_eq!(quota.max_input(&remaining, &estimate(0), price.as_ref()), most, "{yaml}");
        let admits = |input_tokens| {
            let fits = quota.remaining(&store, b"a", NOW, &worst_case(input_tokens)).is_ok();
            let reserved = quota.reserve(&store, b"a", NOW, &worst_case(input_tokens));
            assert_eq!(fits, reserved.is_ok(), "{yaml}: {input_tokens}");
            reserved.map(|own| quota.settle(&store, own, NOW, &CallUsage::ZERO).unwrap()).is_ok()
        };
        if most == 0 {
            assert!(!admits(1), "{yaml}");
        } else {
            assert!(admits(most), "{yaml}");
            assert!(most == u64::MAX || !admits(most + 1), "{yaml}");
        }
        drop(held);
    }
}

#[test]
fn remaining_changes_nothing_and_reports_a_lower_bound() {
    let (quota, store) = (quota(THREE), Memory::default());
    let refused = |result: Result<Remaining, Refusal<std::convert::Infallible>>| match result {
        Err(Refusal::LimitExceeded(exceeded)) => *exceeded,
        other => panic!("{other:?}"),
    };
    // No consumer has a record yet.
    let never = refused(quota.remaining(&store, b"a", NOW, &CallUsage { tokens: 101, ..CALL }));
    assert_eq!((never.is_lower_bound, never.never_fits, never.requested), (true, true, 101));
    assert!(store.0.borrow().values.is_empty());
    let _held = quota.reserve(&store, b"a", NOW, &CALL).unwrap();
    let before = remaining(&quota, &store, "a", NOW);
    assert!(quota.remaining(&store, b"a", NOW, &CALL).is_ok());
    let exceeded = refused(quota.remaining(&store, b"a", NOW, &CallUsage { tokens: 61, ..CALL }));
    assert_eq!((&*exceeded.budget, exceeded.used, exceeded.requested, exceeded.is_lower_bound), ("t", 40, 61, true));
    assert_eq!(remaining(&quota, &store, "a", NOW), before);
}

#[test]
fn a_burst_of_calls_with_imposed_limits_never_exceeds_a_budget() {
    let rate = |dimension, price| Rate { dimension, tier: None, above: 0, price: UnitPrice(price) };
    let rates = vec![rate(Dimension::Input, 1_000_000_000), rate(Dimension::Output, 3_000_000_000)];
    let price = ModelPrice::new(rates);
    let tokens = r#"{ name: t, unit: tokens, limit: 10000, window: 1d }"#;
    let money = r#"{ name: m, unit: usd, limit: "0.00002", window: 1d }"#;
    // Budgets, candidates per call, largest limit.
    for (budgets, candidates, most) in [
        (tokens.to_owned(), 1, u64::MAX),
        (tokens.to_owned(), 3, 500),
        (money.to_owned(), 1, 700),
        (money.to_owned(), 2, u64::MAX),
        (format!("{tokens}, {money}"), 1, 250),
    ] {
        let (quota, store) = (quota(&format!("output_cap: impose\nbudgets: [{budgets}]")), Memory::default());
        let (mut used, mut admitted, mut running) = (CallUsage::ZERO, 0, Vec::new());
        for call in 0..200_u64 {
            let estimate = Estimate { input_tokens: call % 7 + 1, candidates, ..Estimate::default() };
            let limit = Cell::new(0);
            let reserved = quota.reserve_of(&store, b"a", NOW, |remaining| {
                limit.set(quota.max_output(remaining, &estimate, Some(&price)).min(most).max(1));
                let estimate = Estimate { max_output_tokens: Some(limit.get()), ..estimate };
                Claim::from(&quota.worst_case(&estimate, Some(&price)))
            });
            if let Ok(reservation) = reserved {
                admitted += 1;
                running.push((reservation, Estimate { max_output_tokens: Some(limit.get()), ..estimate }));
            }
            // Every third call generates all that it may, the others almost nothing.
            if call % 2 == 1 && !running.is_empty() {
                let (reservation, estimate) = running.remove(0);
                let output = if call % 3 == 0 { estimate.max_output_tokens } else { Some(1) };
                let actual = quota.worst_case(&Estimate { max_output_tokens: output, ..estimate }, Some(&price));
                used = used.saturating_add(actual);
                quota.settle(&store, reservation, NOW, &actual).unwrap();
            }
        }
        for (reservation, estimate) in running {
            let actual = quota.worst_case(&estimate, Some(&price));
            used = used.saturating_add(actual);
            quota.settle(&store, reservation, NOW, &actual).unwrap();
        }
        assert!(admitted > 1, "{budgets} {candidates} {most}");
        for budget in quota.budgets(b"a") {
            assert!(used.of(budget.unit()) <= budget.limit(), "{budgets} {candidates} {most}: {used:?}");
        }
    }
}
