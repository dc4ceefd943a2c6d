//! Invariants that hold for any sequence of calls, compared with a model that keeps every call.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use tollgate_prices::NanoUsd;

use support::memory::Memory;
use tollgate_quota::{
    CallUsage, Claim, MAX_CONSUMER_BYTES, Quota, Refusal, Reservation, Unavailable, Unit, UnixMillis,
};

const MINUTE: u64 = 60_000;
const LEASE: u64 = 40_000;

fn quota(limits: [u64; 3]) -> Quota {
    let [requests, tokens, nano_usd] = limits;
    let usd = NanoUsd(nano_usd);
    let yaml = format!(
        "budgets:\n\
         - {{ name: r, unit: requests, limit: {requests}, window: 1m }}\n\
         - {{ name: t, unit: tokens, limit: {tokens}, window: 3m }}\n\
         - {{ name: m, unit: usd, limit: \"{usd}\", window: 1h }}\n\
         lease: {LEASE}ms\n"
    );
    Quota::new(serde_saphyr::from_str(&yaml).unwrap()).unwrap()
}

#[derive(Clone, Debug)]
enum Act {
    Reserve { consumer: usize, usage: CallUsage, if_lost: CallUsage },
    Settle { which: usize, actual: CallUsage },
    Renew { which: usize, if_lost: CallUsage },
    Die { which: usize },
    Wait { millis: u64 },
}

fn usage(max: u64) -> impl Strategy<Value = CallUsage> {
    (0..=max, 0u64..=2, 0..=max).prop_map(|(tokens, requests, nano_usd)| CallUsage {
        tokens,
        requests,
        nano_usd: NanoUsd(nano_usd),
    })
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (0usize..2, usage(60), usage(20)).prop_map(|(consumer, usage, if_lost)| Act::Reserve { consumer, usage, if_lost }),
        4 => (any::<usize>(), usage(90)).prop_map(|(which, actual)| Act::Settle { which, actual }),
        1 => (any::<usize>(), usage(40)).prop_map(|(which, if_lost)| Act::Renew { which, if_lost }),
        1 => any::<usize>().prop_map(|which| Act::Die { which }),
        3 => prop_oneof![0u64..100, 0..LEASE, 0..2 * MINUTE].prop_map(|millis| Act::Wait { millis }),
    ];
    prop::collection::vec(act, 1..120)
}

/// Call as the model records it.
struct Held {
    consumer: usize,
    usage: CallUsage,
    if_lost: CallUsage,
    /// End of its lease.
    expiry: u64,
    /// Time at which it was settled, and its usage.
    settled: Option<(u64, CallUsage)>,
}

const WINDOWS: [(Unit, u64); 3] = [(Unit::Requests, MINUTE), (Unit::Tokens, 3 * MINUTE), (Unit::Usd, 60 * MINUTE)];

/// Every call that was ever admitted.
#[derive(Default)]
struct Model(Vec<Held>);

impl Model {
    /// Returns the settled and reserved amount of one budget, summed call by call: a call that was settled counts in the
    /// window in which it was, a running one in every window, and a lost one in the window in which its lease ended.
    fn used(&self, consumer: usize, budget: usize, now: u64) -> u64 {
        let (unit, window) = WINDOWS[budget];
        let used = |held: &Held| match held.settled {
            Some((at, actual)) if at / window == now / window => actual.of(unit),
            Some(_) => 0,
            None if held.expiry > now => held.usage.of(unit),
            None if held.expiry / window == now / window => held.if_lost.of(unit),
            None => 0,
        };
        self.0.iter().filter(|held| held.consumer == consumer).map(used).sum()
    }
}

/// Returns the end of a lease that begins at `now`: `LEASE` later, rounded up to a multiple of a quarter of it.
fn expiry(now: u64) -> u64 {
    (now + LEASE).div_ceil(LEASE / 4) * (LEASE / 4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn records_agree_with_a_model_that_keeps_every_call(
        limits in [1u64..8, 1u64..200, 1u64..400], begin in 0u64..10 * MINUTE, acts in acts(),
    ) {
        let (quota, store, mut model, mut now) = (quota(limits), Memory::default(), Model::default(), begin);
        let names = [&b"alice"[..], b"bob"];
        let mut calls: Vec<(usize, Reservation)> = Vec::new();
        let (mut lost_calls, mut found_late) = (0, 0);
        for act in acts {
            match act {
                Act::Reserve { consumer, usage, if_lost } => {
                    let used = [0, 1, 2].map(|budget| model.used(consumer, budget, now));
                    let fits = |budget: usize| {
                        let amount = usage.of(WINDOWS[budget].0);
                        amount == 0 || used[budget] + amount <= limits[budget]
                    };
                    match quota.reserve(&store, names[consumer], UnixMillis(now), Claim { most: usage, if_lost }) {
                        Ok(reservation) => {
                            prop_assert!([0, 1, 2].into_iter().all(fits), "admitted {usage:?} beside {used:?}");
                            for (budget, status) in reservation.statuses().iter().enumerate() {
                                let (unit, window) = WINDOWS[budget];
                                let sum = used[budget] + usage.of(unit);
                                prop_assert_eq!(status.remaining, limits[budget].saturating_sub(sum));
                                prop_assert_eq!(status.reset.as_millis() as u64, window - now % window);
                            }
                            lost_calls += reservation.lost_calls();
                            calls.push((model.0.len(), reservation));
                            model.0.push(Held { consumer, usage, if_lost, expiry: expiry(now), settled: None });
                        }
                        Err(Refusal::LimitExceeded(exceeded)) => {
                            let budget = ["r", "t", "m"].iter().position(|name| **name == *exceeded.budget).unwrap();
                            let (unit, window) = WINDOWS[budget];
                            prop_assert!(!fits(budget), "exceeded {usage:?} beside {used:?}");
                            prop_assert_eq!(
                                (exceeded.unit, exceeded.used, exceeded.requested, exceeded.limit),
                                (unit, used[budget], usage.of(unit), limits[budget])
                            );
                            prop_assert_eq!(exceeded.never_fits, usage.of(unit) > limits[budget]);
                            prop_assert_eq!(exceeded.retry_after.as_millis() as u64, window - now % window);
                        }
                        Err(other) => prop_assert!(false, "{other:?}"),
                    }
                }
                Act::Settle { which, actual } if !calls.is_empty() => {
                    let (index, reservation) = calls.swap_remove(which % calls.len());
                    // A worker that settles after the lease of the call has itself found it lost, or another one has.
                    found_late += u64::from(model.0[index].expiry <= now);
                    lost_calls += quota.settle(&store, reservation, UnixMillis(now), &actual).unwrap();
                    model.0[index].settled = Some((now, actual));
                }
                Act::Renew { which, if_lost } if !calls.is_empty() => {
                    let at = which % calls.len();
                    let (index, reservation) = &mut calls[at];
                    found_late += u64::from(model.0[*index].expiry <= now);
                    lost_calls += quota.renew(&store, reservation, UnixMillis(now), &if_lost).unwrap();
                    prop_assert_eq!(reservation.renew_at(), UnixMillis(now + LEASE / 2));
                    (model.0[*index].expiry, model.0[*index].if_lost) = (expiry(now), if_lost);
                }
                Act::Die { which } if !calls.is_empty() => drop(calls.swap_remove(which % calls.len())),
                Act::Wait { millis } => now += millis,
                Act::Settle { .. } | Act::Renew { .. } | Act::Die { .. } => {}
            }
        }
        // Every lease that ended without a settlement is reported once.
        now += 2 * LEASE;
        for name in names {
            if let Ok(probe) = quota.reserve(&store, name, UnixMillis(now), &CallUsage::ZERO) {
                lost_calls += probe.lost_calls();
            }
        }
        let unsettled = model.0.iter().filter(|held| held.settled.is_none()).count() as u64;
        prop_assert_eq!(lost_calls, unsettled + found_late);
        // The size of a record does not grow with the number of calls.
        for (key, (value, _)) in &store.0.borrow().values {
            prop_assert!(value.len() <= 12 + 3 * 33 + 8 * 60, "{} bytes under {key:?}", value.len());
        }
    }

    #[test]
    fn small_clock_skew_never_admits_more_than_the_limit(
        limit in 1u64..10, calls in prop::collection::vec((0u64..40, 0u64..5_000, any::<bool>()), 1..80),
    ) {
        // Each call is made by a worker whose clock is up to 5 s behind the true time. A window that one worker has
        // opened stays open for all, so no window admits more than its limit.
        let yaml = format!("budgets: [ {{ name: a, unit: requests, limit: {limit}, window: 10s }} ]");
        let quota = Quota::new(serde_saphyr::from_str(&yaml).unwrap()).unwrap();
        let store = Memory::default();
        let one = CallUsage { requests: 1, ..CallUsage::ZERO };
        let (mut now, mut admitted) = (100_000, BTreeMap::<u64, u64>::new());
        for (wait, behind, settle) in calls {
            now += wait * 100;
            let clock = UnixMillis(now - behind);
            if let Ok(reservation) = quota.reserve(&store, b"a", clock, &one) {
                let window = clock.0 + reservation.statuses()[0].reset.as_millis() as u64;
                *admitted.entry(window).or_default() += 1;
                if settle {
                    quota.settle(&store, reservation, UnixMillis(now), &one).unwrap();
                }
            }
        }
        prop_assert!(admitted.values().all(|count| *count <= limit), "{admitted:?}");
    }

    #[test]
    fn any_numbers_give_a_valid_result(
        now: u64, later: u64, tokens: u64, actual: u64, limit: u64, consumer in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let yaml = format!("budgets: [ {{ name: a, unit: tokens, limit: \"{limit}\", window: 1h }} ]");
        let quota = Quota::new(serde_saphyr::from_str(&yaml).unwrap()).unwrap();
        let store = Memory::default();
        let usage = |tokens| CallUsage { tokens, ..CallUsage::ZERO };
        match quota.reserve(&store, &consumer, UnixMillis(now), &usage(tokens)) {
            Ok(mut reservation) => {
                prop_assert!(tokens <= limit);
                quota.renew(&store, &mut reservation, UnixMillis(later), &usage(actual)).unwrap();
                quota.settle(&store, reservation, UnixMillis(later), &usage(actual)).unwrap();
            }
            Err(Refusal::LimitExceeded(exceeded)) => prop_assert!(tokens > limit && exceeded.never_fits && !exceeded.message().is_empty()),
            Err(Refusal::Unavailable(why)) => {
                prop_assert_eq!(why, Unavailable::NameTooLong { length: consumer.len() });
                prop_assert!(consumer.len() > MAX_CONSUMER_BYTES);
            }
        }
    }
}
