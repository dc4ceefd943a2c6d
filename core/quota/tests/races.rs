//! Concurrent workers, with every interleaving under the control of the test.
//!
//! A worker is a program of store operations, and the program depends only on their outcomes. It can therefore be paused
//! after any operation and resumed later by running it again from the start and replaying the outcomes recorded so far.
//! No threads are needed, and a schedule is a list of numbers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use proptest::prelude::*;
use tollgate_prices::NanoUsd;

use support::memory::{Memory, Shared};
use tollgate_quota::{CallUsage, Cas, HeldCall, Quota, Refusal, Reservation, Store, Unavailable, UnixMillis};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Outcome {
    Got(Option<(Vec<u8>, Cas)>),
    Put(bool),
}

/// The worker is paused before its next operation.
#[derive(Debug, PartialEq, Eq)]
struct Paused;

/// Store as one worker sees it: replays the recorded outcomes, then allows one new operation, then pauses.
struct Replay<'a> {
    shared: &'a RefCell<Shared>,
    recorded: &'a RefCell<Vec<Outcome>>,
    at: Cell<usize>,
    stepped: Cell<bool>,
}

impl Replay<'_> {
    fn next(&self, operation: impl FnOnce(&mut Shared) -> Outcome) -> Result<Outcome, Paused> {
        let at = self.at.replace(self.at.get() + 1);
        if let Some(outcome) = self.recorded.borrow().get(at) {
            return Ok(outcome.clone());
        }
        if self.stepped.replace(true) {
            return Err(Paused);
        }
        let outcome = operation(&mut self.shared.borrow_mut());
        self.recorded.borrow_mut().push(outcome.clone());
        Ok(outcome)
    }
}

impl Store for Replay<'_> {
    type Error = Paused;

    fn get(&self, key: &[u8]) -> Result<Option<(Vec<u8>, Cas)>, Paused> {
        match self.next(|shared| Outcome::Got(shared.get(key)))? {
            Outcome::Got(value) => Ok(value),
            Outcome::Put(_) => panic!("a replayed program must repeat its operations"),
        }
    }

    fn put(&self, key: &[u8], value: &[u8], cas: Cas) -> Result<bool, Paused> {
        match self.next(|shared| Outcome::Put(shared.put(key, value, cas)))? {
            Outcome::Put(written) => Ok(written),
            Outcome::Got(_) => panic!("a replayed program must repeat its operations"),
        }
    }
}

/// Runs a worker for one operation. Returns `Some` when its program has ended.
fn step<T>(
    shared: &RefCell<Shared>,
    recorded: &RefCell<Vec<Outcome>>,
    program: impl FnOnce(&Replay<'_>) -> Result<T, Paused>,
) -> Option<T> {
    program(&Replay { shared, recorded, at: Cell::new(0), stepped: Cell::new(false) }).ok()
}

fn quota(yaml: &str) -> Quota {
    Quota::new(serde_saphyr::from_str(yaml).unwrap()).unwrap()
}

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const ONE: CallUsage = CallUsage { tokens: 10, requests: 1, nano_usd: NanoUsd(1) };

/// Reserves, and settles if `settle` is set. Returns `true` if the call was admitted.
fn call(quota: &Quota, store: &Replay<'_>, consumer: &[u8], settle: bool) -> Result<bool, Paused> {
    match quota.reserve(store, consumer, NOW, &ONE) {
        Ok(reservation) if settle => match quota.settle(store, reservation, NOW, &ONE) {
            Ok(_) => Ok(true),
            Err(Unavailable::Store(paused)) => Err(paused),
            Err(other) => panic!("{other:?}"),
        },
        Ok(_) => Ok(true),
        Err(Refusal::LimitExceeded(_)) => Ok(false),
        Err(Refusal::Unavailable(Unavailable::Store(paused))) => Err(paused),
        Err(other) => panic!("{other:?}"),
    }
}

/// All workers and their shared data at one moment.
#[derive(Clone)]
struct State {
    shared: Shared,
    workers: Vec<Worker>,
}

#[derive(Clone, Default)]
struct Worker {
    recorded: Vec<Outcome>,
    admitted: Option<bool>,
}

impl State {
    /// Returns a hash that ignores the concrete version numbers: programs only hand a version back, and the store only
    /// compares versions, so states that differ in nothing else are equivalent.
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
            add(&|hasher| (worker.admitted, worker.recorded.len()).hash(hasher));
            for outcome in &worker.recorded {
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

/// Runs every interleaving of one call for each of `consumers`, starting with the store contents `shared`.
///
/// Calls `check` for every final state, with the admission of each call. Returns the number of distinct states.
fn all_interleavings(
    quota: &Quota,
    shared: Shared,
    consumers: &[&[u8]],
    settle: bool,
    check: impl Fn(&Shared, &[bool]),
) -> usize {
    let program = |worker: usize, store: &Replay<'_>| call(quota, store, consumers[worker], settle);
    all_interleavings_of(shared, consumers.len(), program, check)
}

/// Runs every interleaving of the programs of `workers` workers, starting with the store contents `shared`.
fn all_interleavings_of(
    shared: Shared,
    workers: usize,
    program: impl Fn(usize, &Replay<'_>) -> Result<bool, Paused>,
    check: impl Fn(&Shared, &[bool]),
) -> usize {
    let start = State { shared, workers: vec![Worker::default(); workers] };
    let (mut known, mut pending) = (HashSet::from([start.fingerprint()]), vec![start]);
    while let Some(state) = pending.pop() {
        let ended: Vec<bool> = state.workers.iter().filter_map(|worker| worker.admitted).collect();
        if ended.len() == workers {
            check(&state.shared, &ended);
        }
        for at in 0..workers {
            if state.workers[at].admitted.is_some() {
                continue;
            }
            let mut next = state.clone();
            let recorded = RefCell::new(std::mem::take(&mut next.workers[at].recorded));
            let cell = RefCell::new(next.shared);
            let admitted = step(&cell, &recorded, |store| program(at, store));
            next.shared = cell.into_inner();
            // The outcomes of a worker that has ended do not matter any more.
            let recorded = if admitted.is_some() { Vec::new() } else { recorded.into_inner() };
            next.workers[at] = Worker { recorded, admitted };
            if known.insert(next.fingerprint()) {
                pending.push(next);
            }
        }
    }
    known.len()
}

/// Returns a store in which another consumer has made a call.
fn used_store(quota: &Quota) -> Shared {
    let store = Memory::default();
    let _ = quota.reserve(&store, b"another", NOW, &ONE).unwrap();
    store.0.into_inner()
}

/// Returns the remaining amount in each budget of a consumer.
fn remaining(quota: &Quota, shared: &Shared, consumer: &[u8]) -> Vec<u64> {
    let store = Memory(RefCell::new(shared.clone()));
    let probe = quota.reserve(&store, consumer, NOW, &CallUsage::ZERO).unwrap();
    probe.statuses().iter().map(|status| status.remaining).collect()
}

/// Returns the number of consumers in the stored directory.
fn registered_consumers(shared: &Shared) -> u64 {
    let (bytes, _) = &shared.values[&b"tollgate.quota.2/default/directory"[..]];
    u64::from_le_bytes(bytes[1..9].try_into().unwrap())
}

#[test]
fn first_writers_of_a_missing_record_admit_exactly_the_limit_in_every_interleaving() {
    let quota = |limit| quota(&format!("budgets: [ {{ name: a, unit: requests, limit: {limit}, window: 1h }} ]"));
    for (limit, workers, blank) in [(1, 2, true), (2, 3, false)] {
        let quota = quota(limit);
        let (shared, consumers) = if blank { (Shared::default(), 1) } else { (used_store(&quota), 2) };
        let states = all_interleavings(&quota, shared, &vec![&b"new"[..]; workers], false, |shared, admitted| {
            assert_eq!(admitted.iter().filter(|admitted| **admitted).count(), limit);
            assert_eq!(remaining(&quota, shared, b"new"), [0]);
            assert_eq!(registered_consumers(shared), consumers, "a consumer is registered once");
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
fn a_held_call_is_settled_at_most_once_in_every_interleaving() {
    let quota = quota("lease: 4s\nbudgets: [ { name: a, unit: tokens, limit: 1000, window: 1d } ]");
    let at = |millis: u64| UnixMillis(NOW.0 + millis);
    let store = Memory::default();
    for id in ["r1", "r2"] {
        let most = CallUsage { tokens: 100, ..CallUsage::ZERO };
        let reservation = quota.reserve(&store, b"new", NOW, &most).unwrap();
        let hold = quota.hold(&store, b"new", NOW, (reservation, &most), (id, HeldCall::default())).unwrap();
        assert_eq!(hold.returned, None);
    }
    // Two workers fetch the finished response, another one has asked before it was finished. Half of the lease has passed.
    let program = |worker: usize, store: &Replay<'_>| {
        let pause = |why: Unavailable<Paused>| match why {
            Unavailable::Store(paused) => paused,
            other => panic!("{other:?}"),
        };
        if worker == 0 {
            return quota.renew_held(store, b"new", at(3_000), "r1").map(|_| false).map_err(pause);
        }
        let Some(reservation) = quota.take_held(store, b"new", at(3_000), "r1").map_err(pause)? else {
            return Ok(false);
        };
        quota.settle(store, reservation, at(3_000), &ONE).map_err(pause)?;
        Ok(true)
    };
    let states = all_interleavings_of(store.0.into_inner(), 3, program, |shared, settled| {
        let settled = settled.iter().filter(|settled| **settled).count();
        let store = Memory(RefCell::new(shared.clone()));
        let left = |now| {
            let probe = quota.reserve(&store, b"new", now, &CallUsage::ZERO).unwrap();
            probe.statuses()[0].remaining
        };
        // While the lease is being renewed, nobody can settle the call; it then stays reserved, and is charged.
        assert!(settled <= 1);
        let expected = if settled == 1 { 1_000 - 100 - ONE.tokens } else { 1_000 - 200 };
        assert_eq!((left(at(3_000)), left(at(60_000))), (expected, expected));
    });
    assert!(states > 100, "{states} states");
}

#[test]
fn the_last_free_record_is_given_to_one_consumer_in_every_interleaving() {
    // Two workers meet the same new consumer and one record is free: neither call may use the shared record.
    let quota = quota("{ budgets: [ { name: a, unit: requests, limit: 1, window: 1h } ], max_consumers: 1 }");
    all_interleavings(&quota, Shared::default(), &[b"new", b"new"], false, |shared, admitted| {
        assert_eq!(admitted.iter().filter(|admitted| **admitted).count(), 1);
        assert!(!shared.values.contains_key(&b"tollgate.quota.2/default/overflow"[..]));
    });
    // Two consumers and one free record: each is admitted once, one of them in the shared record.
    all_interleavings(&quota, Shared::default(), &[b"one", b"two"], false, |shared, admitted| {
        assert_eq!(admitted, [true, true]);
        let keys: Vec<_> = shared.values.keys().filter(|key| key.starts_with(b"tollgate.quota.2/")).collect();
        assert_eq!(keys.len(), 3, "one consumer, the directory and the shared record: {keys:?}");
        assert_eq!(registered_consumers(shared), 1);
    });
}

#[test]
fn exactly_ten_of_64_calls_are_admitted_under_any_schedule() {
    let quota = quota("budgets: [ { name: a, unit: requests, limit: 10, window: 1h } ]");
    proptest!(ProptestConfig::with_cases(24), |(schedule in prop::collection::vec(0usize..64, 4_000))| {
        let shared = RefCell::new(Shared::default());
        let recorded: Vec<RefCell<Vec<Outcome>>> = (0..64).map(|_| RefCell::default()).collect();
        let mut admitted = [None; 64];
        // Afterwards the remaining programs run one after the other until they end.
        let remaining_steps = (0..64).flat_map(|worker| std::iter::repeat_n(worker, 64));
        for worker in schedule.into_iter().chain(remaining_steps) {
            if admitted[worker].is_none() {
                admitted[worker] = step(&shared, &recorded[worker], |store| call(&quota, store, b"one", false));
            }
        }
        prop_assert_eq!(admitted.iter().filter(|admitted| **admitted == Some(true)).count(), 10);
        prop_assert_eq!(admitted.iter().filter(|admitted| **admitted == Some(false)).count(), 54);
    });
}

#[test]
fn a_worker_that_always_loses_the_race_gives_up() {
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

/// Next action of a worker.
#[derive(Clone, Debug)]
enum Act {
    /// Reserves this many tokens.
    Reserve(u64),
    /// Settles the worker's oldest call with this many tokens more than it reserved.
    Settle(i64),
    /// Loses the virtual machine and with it all running calls.
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

const LIMIT: u64 = 100;
const WINDOW: u64 = 10_000;
const LEASE: u64 = 4_000;

fn tokens(tokens: u64) -> CallUsage {
    CallUsage { tokens, requests: 1, ..CallUsage::ZERO }
}

/// Runs a reservation; only a pause is an error.
fn reserve(
    quota: &Quota,
    store: &Replay<'_>,
    now: UnixMillis,
    amount: u64,
) -> Result<Result<Reservation, Refusal<Paused>>, Paused> {
    match quota.reserve(store, b"one", now, &tokens(amount)) {
        Err(Refusal::Unavailable(Unavailable::Store(paused))) => Err(paused),
        other => Ok(other),
    }
}

/// Admitted call that has not been settled.
struct Running {
    amount: u64,
    began: UnixMillis,
    /// Outcomes of the store operations that reserved it.
    recorded: Vec<Outcome>,
}

impl Running {
    fn new(amount: u64, began: UnixMillis, recorded: &[Outcome]) -> Running {
        Running { amount, began, recorded: recorded.to_vec() }
    }

    /// Returns the reservation, made again from the recorded outcomes: settling consumes a reservation, and a paused
    /// settlement has to run again.
    fn reservation(&self, quota: &Quota) -> Reservation {
        let (shared, recorded) = (RefCell::default(), RefCell::new(self.recorded.clone()));
        let store = Replay { shared: &shared, recorded: &recorded, at: Cell::new(0), stepped: Cell::new(true) };
        reserve(quota, &store, self.began, self.amount).unwrap().unwrap()
    }

    /// Returns the end of its lease: a lease is rounded up to a multiple of a quarter of its length.
    fn expiry(&self) -> u64 {
        (self.began.0 + LEASE).next_multiple_of(LEASE / 4)
    }
}

/// Returns the tokens used in the only ledger of a stored record: settled and reserved together.
fn used(record: &[u8]) -> u64 {
    let number = |at: usize| u64::from_le_bytes(record[at..at + 8].try_into().unwrap());
    let (settled, leases) = (number(36), usize::from(record[44]));
    settled + (0..leases).map(|lease| number(45 + 60 * lease + 12)).sum::<u64>()
}

/// Returns the start of the window of the only ledger of a stored record.
fn window_start(record: &[u8]) -> UnixMillis {
    UnixMillis(u64::from_le_bytes(record[28..36].try_into().unwrap()))
}

#[test]
fn interleaved_workers_never_exceed_the_limit_while_leases_end_and_windows_roll() {
    let quota = quota(&format!(
        "{{ budgets: [ {{ name: a, unit: tokens, limit: {LIMIT}, window: {WINDOW}ms }} ], lease: {LEASE}ms }}"
    ));
    let pause = prop_oneof![8 => Just(0), 2 => 0u64..300, 1 => 0u64..9_000];
    let schedule = prop::collection::vec((0usize..4, pause), 0..400);
    proptest!(ProptestConfig::with_cases(300), |(all_acts in prop::array::uniform4(acts()), schedule in schedule)| {
        let shared = RefCell::new(Shared::default());
        let store = || Memory(RefCell::new(shared.borrow().clone()));
        let (mut now, mut settled) = (NOW.0, Vec::<(UnixMillis, u64)>::new());
        // For each worker: the actions to come, the current action and when it began, the outcomes recorded in it, and
        // the running calls.
        let mut workers =
            all_acts.map(|acts| (acts.into_iter(), None::<(Act, UnixMillis)>, RefCell::default(), Vec::<Running>::new()));
        let (mut lost, mut contended) = (Vec::new(), false);
        let remaining_steps = (0..4).flat_map(|worker| std::iter::repeat_n((worker, 0), 200));
        for (worker, pause) in schedule.into_iter().chain(remaining_steps) {
            // No worker sleeps for seconds between two host calls, so long pauses come only between calls.
            if pause < 300 || workers.iter().all(|(_, current, ..)| current.is_none()) {
                now += pause;
            }
            let (acts, current, recorded, calls) = &mut workers[worker];
            if current.is_none() {
                *current = acts.next().map(|act| (act, UnixMillis(now)));
            }
            let Some((act, began)) = current else { continue };
            let ended = match act {
                Act::Reserve(amount) => {
                    let result = step(&shared, recorded, |store| reserve(&quota, store, *began, *amount));
                    match &result {
                        Some(Ok(reservation)) => {
                            let (bytes, _) = store().get(b"tollgate.quota.2/default/consumer/one").unwrap().unwrap();
                            prop_assert!(used(&bytes) <= LIMIT, "admitted {amount}: {bytes:?}");
                            prop_assert_eq!(reservation.reserved(), &tokens(*amount));
                            calls.push(Running::new(*amount, *began, &recorded.borrow()));
                        }
                        Some(Err(Refusal::LimitExceeded(exceeded))) => {
                            prop_assert!(exceeded.used + *amount > LIMIT, "{exceeded:?}");
                        }
                        Some(Err(_)) => contended = true,
                        None => {}
                    }
                    result.is_some()
                }
                Act::Settle(more) if !calls.is_empty() => {
                    let actual = calls[0].amount.saturating_add_signed(*more);
                    let result = step(&shared, recorded, |store| {
                        match quota.settle(store, calls[0].reservation(&quota), *began, &tokens(actual)) {
                            Err(Unavailable::Store(paused)) => Err(paused),
                            other => Ok(other),
                        }
                    });
                    if let Some(result) = &result {
                        contended |= result.is_err();
                        calls.remove(0);
                        // Another worker may have opened the next window since the settlement began.
                        let (bytes, _) = store().get(b"tollgate.quota.2/default/consumer/one").unwrap().unwrap();
                        settled.push((window_start(&bytes), actual));
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
                *current = None;
                recorded.borrow_mut().clear();
            }
        }
        prop_assert!(!contended && workers.iter().all(|(acts, current, ..)| acts.len() == 0 && current.is_none()));

        // At rest, the budget holds what was settled in this window, the charges of leases that ended in it, and the
        // reservations whose lease has not ended. A call that is lost is charged in full here.
        let window = |time: u64| time / WINDOW;
        let running = workers.iter().flat_map(|(.., calls)| calls).chain(&lost);
        let used: u64 = settled.iter().filter(|(at, _)| window(at.0) == window(now)).map(|(_, actual)| actual).sum::<u64>()
            + running.filter(|call| call.expiry() > now || window(call.expiry()) == window(now)).map(|call| call.amount).sum::<u64>();
        let store = store();
        let probe = quota.reserve(&store, b"one", UnixMillis(now), &CallUsage::ZERO).unwrap();
        prop_assert_eq!(probe.statuses()[0].remaining, LIMIT.saturating_sub(used));
    });
}

/// Holds the in-memory store to what was recorded from Envoy: `set(cas=77 on missing)=0 get=0`,
/// `set(stale)=8 set(0)=0 set(cas old)=8`; the next virtual machine then finds `set(cas=77 on missing)=8`.
#[test]
fn the_memory_store_behaves_like_shared_data_recorded_from_envoy() {
    let store = Memory::default();
    let version = |key: &[u8]| store.get(key).unwrap().unwrap().1;
    assert_eq!(store.get(b"k"), Ok(None));
    assert_eq!(store.put(b"k", b"v", Cas::version(77)), Ok(true));
    let first = version(b"k");
    assert_eq!(store.put(b"k", b"w", Cas::version(first.get() + 1000)), Ok(false));
    assert_eq!(store.put(b"k", b"w", Cas::ANY), Ok(true));
    assert_eq!(store.put(b"k", b"w", first), Ok(false));
    assert_eq!(store.put(b"k", b"v", Cas::version(77)), Ok(false));
    // One counter for all keys, which never yields zero.
    store.put(b"other", b"v", Cas::ANY).unwrap();
    assert!(version(b"other") > version(b"k"));
    store.0.borrow_mut().next = u32::MAX;
    store.put(b"k", b"v", Cas::ANY).unwrap();
    store.put(b"other", b"v", Cas::ANY).unwrap();
    assert_eq!((version(b"k"), version(b"other")), (Cas::version(u32::MAX), Cas::version(1)));
}
