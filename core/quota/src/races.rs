//! Tests of many workers at once, every interleaving under control.
//!
//! A worker is a program of store operations, and a program depends on nothing but their outcomes. So it can be stopped
//! after any operation and continued later by running it again from the start with the outcomes it has seen: no
//! threads, and a schedule is a list of numbers.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use proptest::prelude::*;
use tollgate_prices::NanoUsd;

use crate::memory::{Memory, Shared};
use crate::*;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Outcome {
    Got(Option<(Vec<u8>, Cas)>),
    Put(bool),
}

/// The store ends here for now.
#[derive(Debug, PartialEq, Eq)]
struct Paused;

/// A worker's view of the store: the outcomes it has seen, then at most one new operation, then a pause.
struct Replay<'a> {
    shared: &'a RefCell<Shared>,
    seen: &'a RefCell<Vec<Outcome>>,
    at: Cell<usize>,
    stepped: Cell<bool>,
}

impl Replay<'_> {
    fn next(&self, operation: impl FnOnce(&mut Shared) -> Outcome) -> Result<Outcome, Paused> {
        let at = self.at.replace(self.at.get() + 1);
        if let Some(outcome) = self.seen.borrow().get(at) {
            return Ok(outcome.clone());
        }
        if self.stepped.replace(true) {
            return Err(Paused);
        }
        let outcome = operation(&mut self.shared.borrow_mut());
        self.seen.borrow_mut().push(outcome.clone());
        Ok(outcome)
    }
}

impl Store for Replay<'_> {
    type Error = Paused;

    fn get(&self, key: &[u8]) -> Result<Option<(Vec<u8>, Cas)>, Paused> {
        match self.next(|shared| Outcome::Got(shared.get(key)))? {
            Outcome::Got(value) => Ok(value),
            Outcome::Put(_) => panic!("a program that does not repeat itself"),
        }
    }

    fn put(&self, key: &[u8], value: &[u8], cas: Cas) -> Result<bool, Paused> {
        match self.next(|shared| Outcome::Put(shared.put(key, value, cas)))? {
            Outcome::Put(written) => Ok(written),
            Outcome::Got(_) => panic!("a program that does not repeat itself"),
        }
    }
}

/// Runs a worker by one operation. `Some` when its program has ended.
fn step<T>(
    shared: &RefCell<Shared>,
    seen: &RefCell<Vec<Outcome>>,
    program: impl FnOnce(&Replay<'_>) -> Result<T, Paused>,
) -> Option<T> {
    program(&Replay { shared, seen, at: Cell::new(0), stepped: Cell::new(false) }).ok()
}

fn quota(yaml: &str) -> Quota {
    Quota::new(serde_saphyr::from_str(yaml).unwrap()).unwrap()
}

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const ONE: Charge = Charge { tokens: 10, requests: 1, nano_usd: NanoUsd(1) };

/// Reserves, and settles if admitted. `true` if admitted.
fn call(quota: &Quota, store: &Replay<'_>, consumer: &[u8], settle: bool) -> Result<bool, Paused> {
    match quota.reserve(store, consumer, NOW, &ONE) {
        Ok(reservation) if settle => match quota.settle(store, reservation, NOW, &ONE) {
            Ok(()) => Ok(true),
            Err(Unavailable::Store(paused)) => Err(paused),
            Err(other) => panic!("{other:?}"),
        },
        Ok(_) => Ok(true),
        Err(Refusal::Denied(_)) => Ok(false),
        Err(Refusal::Unavailable(Unavailable::Store(paused))) => Err(paused),
        Err(other) => panic!("{other:?}"),
    }
}

/// All workers and what they share, at one moment.
#[derive(Clone)]
struct State {
    shared: Shared,
    workers: Vec<Worker>,
}

#[derive(Clone, Default)]
struct Worker {
    seen: Vec<Outcome>,
    admitted: Option<bool>,
}

impl State {
    /// A hash under which states are the same that differ in nothing but the numbers of their versions: a program does
    /// no more with a version than to hand it back, and the store no more than to compare it.
    fn fingerprint(&self) -> u128 {
        let mut names = HashMap::new();
        let mut name = |version: u32| {
            let next = names.len();
            *names.entry(version).or_insert(next)
        };
        let mut hashers = [0u8, 1].map(|seed| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u8(seed);
            hasher
        });
        let mut add = |part: &dyn Fn(&mut DefaultHasher)| hashers.iter_mut().for_each(part);
        for (key, (value, version)) in &self.shared.values {
            let version = name(*version);
            add(&|hasher| (key, value, version).hash(hasher));
        }
        for worker in &self.workers {
            add(&|hasher| (worker.admitted, worker.seen.len()).hash(hasher));
            for outcome in &worker.seen {
                match outcome {
                    Outcome::Got(Some((value, cas))) => {
                        let version = name(cas.get());
                        add(&|hasher| (value, version).hash(hasher));
                    }
                    Outcome::Got(None) => add(&|hasher| hasher.write_u8(2)),
                    Outcome::Put(written) => add(&|hasher| written.hash(hasher)),
                }
            }
        }
        let [high, low] = hashers.map(|hasher| hasher.finish());
        u128::from(high) << 64 | u128::from(low)
    }
}

/// Runs every interleaving of one call for each of `consumers`, from a store that holds `shared` on, and checks each
/// state that they can end in, with who was admitted. Returns how many states there were.
fn all_interleavings(
    quota: &Quota,
    shared: Shared,
    consumers: &[&[u8]],
    settle: bool,
    check: impl Fn(&Shared, &[bool]),
) -> usize {
    let start = State { shared, workers: vec![Worker::default(); consumers.len()] };
    let (mut known, mut open) = (HashSet::from([start.fingerprint()]), vec![start]);
    while let Some(state) = open.pop() {
        let ended: Vec<bool> = state.workers.iter().filter_map(|worker| worker.admitted).collect();
        if ended.len() == consumers.len() {
            check(&state.shared, &ended);
        }
        for (at, consumer) in consumers.iter().enumerate() {
            if state.workers[at].admitted.is_some() {
                continue;
            }
            let mut next = state.clone();
            let (cell, seen) = (RefCell::new(next.shared), RefCell::new(std::mem::take(&mut next.workers[at].seen)));
            let admitted = step(&cell, &seen, |store| call(quota, store, consumer, settle));
            next.shared = cell.into_inner();
            // What a worker has seen does not matter once it has ended.
            let seen = if admitted.is_some() { Vec::new() } else { seen.into_inner() };
            next.workers[at] = Worker { seen, admitted };
            if known.insert(next.fingerprint()) {
                open.push(next);
            }
        }
    }
    known.len()
}

/// A store in which somebody else has made a call before.
fn in_use(quota: &Quota) -> Shared {
    let store = Memory::default();
    let _ = quota.reserve(&store, b"another", NOW, &ONE).unwrap();
    store.0.into_inner()
}

/// The status of a consumer in each of its budgets.
fn remaining(quota: &Quota, shared: &Shared, consumer: &[u8]) -> Vec<u64> {
    let store = Memory(RefCell::new(shared.clone()));
    let probe = quota.reserve(&store, consumer, NOW, &Charge::NOTHING).unwrap();
    probe.statuses().iter().map(|status| status.remaining).collect()
}

fn directory_seats(shared: &Shared) -> u64 {
    let (bytes, _) = &shared.values[&b"tollgate.quota.1/default/directory"[..]];
    u64::from_le_bytes(bytes[1..9].try_into().unwrap())
}

#[test]
fn first_writers_of_a_missing_record_admit_exactly_the_limit_in_every_interleaving() {
    let quota = |limit| quota(&format!("budgets: [ {{ name: a, unit: requests, limit: {limit}, window: 1h }} ]"));
    for (limit, workers, blank) in [(1, 2, true), (2, 3, false)] {
        let quota = quota(limit);
        let (shared, seats) = if blank { (Shared::default(), 1) } else { (in_use(&quota), 2) };
        let states = all_interleavings(&quota, shared, &vec![&b"new"[..]; workers], false, |shared, admitted| {
            assert_eq!(admitted.iter().filter(|admitted| **admitted).count(), limit);
            assert_eq!(remaining(&quota, shared, b"new"), [0]);
            assert_eq!(directory_seats(shared), seats, "a consumer takes one seat");
        });
        println!("{limit} of {workers}: {states} states");
        assert!(states > 100);
    }
}

#[test]
fn every_settlement_counts_once_in_every_interleaving() {
    let quota = quota(
        "budgets:\n\
         - { name: a, unit: tokens, limit: 1000, window: 1h }\n\
         - { name: b, unit: usd, limit: 1, window: 1d }\n",
    );
    all_interleavings(&quota, Shared::default(), &[b"new", b"new"], true, |shared, admitted| {
        assert_eq!(admitted, [true, true]);
        assert_eq!(remaining(&quota, shared, b"new"), [1_000 - 20, 1_000_000_000 - 2]);
    });
}

#[test]
fn the_last_seat_goes_to_one_consumer_whole_in_every_interleaving() {
    // Two workers meet one new consumer and there is one seat: neither may send a call to the shared record.
    let quota = quota("{ budgets: [ { name: a, unit: requests, limit: 1, window: 1h } ], max_consumers: 1 }");
    all_interleavings(&quota, Shared::default(), &[b"new", b"new"], false, |shared, admitted| {
        assert_eq!(admitted.iter().filter(|admitted| **admitted).count(), 1);
        assert!(!shared.values.contains_key(&b"tollgate.quota.1/default/overflow"[..]));
    });
    // Two consumers and one seat: each is admitted once, one of them in the shared record.
    all_interleavings(&quota, Shared::default(), &[b"one", b"two"], false, |shared, admitted| {
        assert_eq!(admitted, [true, true]);
        let keys: Vec<_> = shared.values.keys().filter(|key| key.starts_with(b"tollgate.quota.1/")).collect();
        assert_eq!(keys.len(), 3, "one consumer, the directory and the shared record: {keys:?}");
        assert_eq!(directory_seats(shared), 1);
    });
}

#[test]
fn ten_of_64_whatever_the_schedule() {
    let quota = quota("budgets: [ { name: a, unit: requests, limit: 10, window: 1h } ]");
    proptest!(ProptestConfig::with_cases(24), |(schedule in prop::collection::vec(0usize..64, 4_000))| {
        let shared = RefCell::new(Shared::default());
        let seen: Vec<RefCell<Vec<Outcome>>> = (0..64).map(|_| RefCell::default()).collect();
        let mut admitted = [None; 64];
        // The rest of the programs run one after the other, which ends them.
        let rest = (0..64).flat_map(|worker| std::iter::repeat_n(worker, 64));
        for worker in schedule.into_iter().chain(rest) {
            if admitted[worker].is_none() {
                admitted[worker] = step(&shared, &seen[worker], |store| call(&quota, store, b"one", false));
            }
        }
        prop_assert_eq!(admitted.iter().filter(|admitted| **admitted == Some(true)).count(), 10);
        prop_assert_eq!(admitted.iter().filter(|admitted| **admitted == Some(false)).count(), 54);
    });
}

#[test]
fn a_worker_that_always_loses_gives_up() {
    struct Lost(Memory);
    impl Store for Lost {
        type Error = std::convert::Infallible;
        fn get(&self, key: &[u8]) -> Result<Option<(Vec<u8>, Cas)>, Self::Error> {
            self.0.get(key)
        }
        fn put(&self, key: &[u8], value: &[u8], cas: Cas) -> Result<bool, Self::Error> {
            if key.ends_with(b"one") && self.0.get(key).unwrap().is_some() {
                return Ok(false);
            }
            self.0.put(key, value, cas)
        }
    }
    let quota = quota("budgets: [ { name: a, unit: tokens, limit: 109, window: 1h } ]");
    let refused = quota.reserve(&Lost(Memory::default()), b"one", NOW, &ONE);
    assert_eq!(refused, Err(Refusal::Unavailable(Unavailable::Contended)));
}

/// What a worker does next: admit a call of so many tokens, settle its oldest with so many more than it reserved, or
/// lose its virtual machine and with it all its calls.
#[derive(Clone, Debug)]
enum Act {
    Reserve(u64),
    Settle(i64),
    Die,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        5 => (1u64..50).prop_map(Act::Reserve),
        4 => (-40i64..10).prop_map(Act::Settle),
        1 => Just(Act::Die),
    ];
    prop::collection::vec(act, 0..10)
}

/// The same reservation again, for a program that is run again.
fn again(held: &Reservation) -> Reservation {
    let Reservation { key, charge, renew_at, holds, statuses, shared } = held;
    Reservation {
        key: key.clone(),
        charge: *charge,
        renew_at: *renew_at,
        holds: holds.clone(),
        statuses: statuses.clone(),
        shared: *shared,
    }
}

#[test]
fn workers_that_interleave_while_leases_end_and_windows_roll_never_admit_more_than_the_limit() {
    const LIMIT: u64 = 100;
    let quota =
        quota(&format!("{{ budgets: [ {{ name: a, unit: tokens, limit: {LIMIT}, window: 10s }} ], lease: 4s }}"));
    let tokens = |tokens| Charge { tokens, requests: 1, ..Charge::NOTHING };
    let pause = prop_oneof![8 => Just(0), 2 => 0u64..300, 1 => 0u64..9_000];
    let schedule = prop::collection::vec((0usize..4, pause), 0..400);
    proptest!(ProptestConfig::with_cases(300), |(all_acts in prop::array::uniform4(acts()), schedule in schedule)| {
        let shared = RefCell::new(Shared::default());
        let store = || Memory(RefCell::new(shared.borrow().clone()));
        let (mut now, mut settled) = (NOW.0, Vec::<(UnixMillis, u64)>::new());
        // The acts to come, when the one at hand began, what it has seen, and the calls that are running.
        let mut workers = all_acts.map(|acts| (acts.into_iter(), None::<(Act, UnixMillis)>, RefCell::default(), Vec::new()));
        let (mut lost, mut contended) = (Vec::new(), false);
        let rest = (0..4).flat_map(|worker| std::iter::repeat_n((worker, 0), 200));
        for (worker, pause) in schedule.into_iter().chain(rest) {
            // No worker sleeps for seconds between two host calls, so long pauses come between calls only.
            if pause < 300 || workers.iter().all(|(_, at_hand, ..)| at_hand.is_none()) {
                now += pause;
            }
            let (acts, at_hand, seen, calls) = &mut workers[worker];
            if at_hand.is_none() {
                *at_hand = acts.next().map(|act| (act, UnixMillis(now)));
            }
            let Some((act, began)) = at_hand else { continue };
            let ended = match act {
                Act::Reserve(amount) => {
                    let result = step(&shared, seen, |store| match quota.reserve(store, b"one", *began, &tokens(*amount)) {
                        Err(Refusal::Unavailable(Unavailable::Store(paused))) => Err(paused),
                        other => Ok(other),
                    });
                    match &result {
                        Some(Ok(_)) => {
                            let (bytes, _) = store().get(b"tollgate.quota.1/default/consumer/one").unwrap().unwrap();
                            let record = crate::record::Record::decode(&bytes).unwrap();
                            prop_assert!(record.ledgers[0].used() <= LIMIT, "admitted {amount}: {record:?}");
                        }
                        Some(Err(Refusal::Denied(denied))) => {
                            prop_assert!(denied.used + *amount > LIMIT, "{denied:?}");
                        }
                        Some(Err(_)) => contended = true,
                        None => {}
                    }
                    let ended = result.is_some();
                    calls.extend(result.into_iter().flatten());
                    ended
                }
                Act::Settle(more) if !calls.is_empty() => {
                    let actual = calls[0].charge.tokens.saturating_add_signed(*more);
                    let result = step(&shared, seen, |store| {
                        match quota.settle(store, again(&calls[0]), *began, &tokens(actual)) {
                            Err(Unavailable::Store(paused)) => Err(paused),
                            other => Ok(other),
                        }
                    });
                    if let Some(result) = &result {
                        contended |= result.is_err();
                        settled.push((calls.remove(0).holds[0].start, actual));
                    }
                    result.is_some()
                }
                Act::Settle(_) => true,
                Act::Die => {
                    lost.append(calls);
                    true
                }
            };
            if ended {
                *at_hand = None;
                seen.borrow_mut().clear();
            }
        }
        prop_assert!(!contended && workers.iter().all(|(acts, at_hand, ..)| acts.len() == 0 && at_hand.is_none()));

        // When all is quiet: what was settled in this window, and what was reserved in it and stands.
        let window = UnixMillis(now - now % 10_000);
        let running = workers.iter().flat_map(|(.., calls)| calls).chain(&lost);
        let used: u64 = settled.iter().filter(|(start, _)| *start == window).map(|(_, actual)| actual).sum::<u64>()
            + running
                .filter(|call| call.holds[0].start == window && call.holds[0].expiry.0 > now)
                .map(|call| call.charge.tokens)
                .sum::<u64>();
        let store = store();
        let probe = quota.reserve(&store, b"one", UnixMillis(now), &Charge::NOTHING).unwrap();
        prop_assert_eq!(probe.statuses()[0].remaining, LIMIT.saturating_sub(used));
    });
}
