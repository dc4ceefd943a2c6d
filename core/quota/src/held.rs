//! Reservations of calls whose response is produced in the background, by the id of the response.
//!
//! The stream of such a call has ended; a later call of the same consumer fetches the finished response and settles the
//! reservation. Each consumer has its own list, so nobody can settle the call of another, and a consumer can fill no list
//! but its own. Whoever removes an entry settles it, so it is settled once. An entry is removed when its lease ends:
//! the record then charges the call.

use tollgate_prices::ServiceTier;

use crate::claim::Claim;
use crate::leases::lease_expiry;
use crate::quota::Quota;
use crate::reservation::Reservation;
use crate::store::{Store, create};
use crate::time::UnixMillis;
use crate::unavailable::{MAX_ATTEMPTS, Unavailable};
use crate::usage::CallUsage;

mod list;

use list::{Entry, List};

/// Maximum number of held calls per consumer. A list is a stored value, and the store has no size limit.
const MAX_HELD: usize = 64;

/// Maximum length of the id of a response, and of the name of a model, in bytes.
const MAX_NAME_BYTES: usize = 512;

/// Facts of a held call by which its finished response is metered and charged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldCall {
    /// Model that the client asked for; empty if it named none.
    pub model: String,
    /// Tokens of the prompt.
    pub input_tokens: u64,
    /// Maximum number of output tokens that the request sets.
    pub max_output_tokens: Option<u64>,
    /// Service tier that the request asks for, if it has prices of its own.
    pub service_tier: Option<ServiceTier>,
}

/// Result of [`Quota::hold`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a reservation that is returned has to be settled"]
pub struct Hold {
    /// Reservation, unchanged, if the call cannot be held.
    pub returned: Option<Reservation>,
    /// Number of lost calls of the consumer that were charged by the way.
    pub lost_calls: u64,
}

impl Quota {
    /// Holds the reservation of a call whose response has the id `id`, for a new lease. `most` replaces the reserved
    /// amounts, and is charged if the lease ends. The request counts at once in budgets of requests.
    ///
    /// The reservation is returned if the call cannot be held: the consumer already has 64 held calls, its list cannot be read,
    /// it shares a record with others, or a name is too long.
    pub fn hold<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        (reservation, most): (Reservation, &CallUsage),
        (id, call): (&str, HeldCall),
    ) -> Result<Hold, Unavailable<S::Error>> {
        let names_fit = !id.is_empty() && id.len() <= MAX_NAME_BYTES && call.model.len() <= MAX_NAME_BYTES;
        if reservation.is_shared() || !names_fit || !self.has_room(store, consumer, now, id).unwrap_or(false) {
            return Ok(Hold { returned: Some(reservation), lost_calls: 0 });
        }
        let reserved = CallUsage { requests: 0, ..*most };
        let mut expiry = reservation.expiry;
        let lost_calls = self.change(store, &reservation.key, now, |record| {
            record.release(&reservation.claim, reservation.expiry);
            record.settle(&CallUsage { requests: most.requests, ..CallUsage::ZERO });
            expiry = record.leases.add(&Claim::from(&reserved), lease_expiry(now, self.lease()));
        })?;
        let entry = Entry { id: id.into(), expiry, reserved, call };
        let more_lost_calls = self.insert_or_charge(store, consumer, now, &entry)?;
        Ok(Hold { returned: None, lost_calls: lost_calls + more_lost_calls })
    }

    /// Adds an entry to the list of a consumer. If there is no room, because another worker has just filled the list, or the
    /// store fails, the call is charged what it reserved. Returns the number of lost calls that were charged by the way.
    fn insert_or_charge<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        entry: &Entry,
    ) -> Result<u64, Unavailable<S::Error>> {
        match self.insert_held(store, consumer, now, entry) {
            Ok(true) => Ok(0),
            Ok(false) | Err(_) => self.settle(store, self.reservation_of(consumer, entry), now, &entry.reserved),
        }
    }

    /// Returns the held call of `consumer` whose response has the id `id`.
    pub fn held<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        id: &str,
    ) -> Result<Option<HeldCall>, Unavailable<S::Error>> {
        let mut list = self.held_list(store, consumer, now)?;
        Ok(list.take(|entry| *entry.id == *id).map(|entry| entry.call))
    }

    /// Returns `true` if a call can be added to the list of a consumer.
    fn has_room<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        id: &str,
    ) -> Result<bool, Unavailable<S::Error>> {
        Ok(self.held_list(store, consumer, now)?.has_room(id))
    }

    /// Reads the list of a consumer.
    fn held_list<S: Store>(&self, store: &S, consumer: &[u8], now: UnixMillis) -> Result<List, Unavailable<S::Error>> {
        let Some((bytes, _)) = store.get(&self.held_key(consumer)).map_err(Unavailable::Store)? else {
            return Ok(List::default());
        };
        let mut list = List::decode(&bytes)?;
        list.expire(now);
        Ok(list)
    }

    /// Takes the reservation of a held call, to be settled with the usage of its response. Its request has been counted
    /// before. `None`: another call has taken it, or its lease has ended.
    pub fn take_held<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        id: &str,
    ) -> Result<Option<Reservation>, Unavailable<S::Error>> {
        let taken = self.take_held_if(store, consumer, now, |entry| *entry.id == *id)?;
        Ok(taken.map(|entry| self.reservation_of(consumer, &entry)))
    }

    /// Renews the lease of a held call, whose response is not finished, once half of it has passed. Returns the number of lost
    /// calls of the consumer that were charged by the way.
    pub fn renew_held<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        id: &str,
    ) -> Result<u64, Unavailable<S::Error>> {
        let is_due = |expiry: UnixMillis| expiry.0.saturating_sub(now.0) <= self.lease().millis() / 2;
        // Nobody else changes the lease while the entry is not in the list.
        let taken = self.take_held_if(store, consumer, now, |entry| *entry.id == *id && is_due(entry.expiry))?;
        let Some(mut entry) = taken else { return Ok(0) };
        let mut reservation = self.reservation_of(consumer, &entry);
        let renewed = self.renew(store, &mut reservation, now, &entry.reserved);
        // Without a renewed lease, the call can be settled until the old one ends.
        entry.expiry = reservation.expiry;
        let lost_calls = self.insert_or_charge(store, consumer, now, &entry)?;
        Ok(renewed? + lost_calls)
    }

    /// Adds an entry to the list of a consumer. Returns `false` if the list is full or the id is in it.
    fn insert_held<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        entry: &Entry,
    ) -> Result<bool, Unavailable<S::Error>> {
        let key = self.held_key(consumer);
        for _ in 0..MAX_ATTEMPTS {
            let Some((bytes, cas)) = store.get(&key).map_err(Unavailable::Store)? else {
                create(store, &key, &List::default().encode()).map_err(Unavailable::Store)?;
                continue;
            };
            let mut list = List::decode(&bytes)?;
            list.expire(now);
            if !list.insert(entry) {
                return Ok(false);
            }
            if store.put(&key, &list.encode(), cas).map_err(Unavailable::Store)? {
                return Ok(true);
            }
        }
        Err(Unavailable::Contended)
    }

    /// Removes the entry for which `condition` holds from the list of a consumer.
    fn take_held_if<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        condition: impl Fn(&Entry) -> bool,
    ) -> Result<Option<Entry>, Unavailable<S::Error>> {
        let key = self.held_key(consumer);
        for _ in 0..MAX_ATTEMPTS {
            let Some((bytes, cas)) = store.get(&key).map_err(Unavailable::Store)? else { return Ok(None) };
            let mut list = List::decode(&bytes)?;
            list.expire(now);
            let Some(entry) = list.take(&condition) else { return Ok(None) };
            if store.put(&key, &list.encode(), cas).map_err(Unavailable::Store)? {
                return Ok(Some(entry));
            }
        }
        Err(Unavailable::Contended)
    }

    fn held_key(&self, consumer: &[u8]) -> Box<[u8]> {
        self.key("held/", consumer)
    }

    /// Returns the reservation of an entry.
    fn reservation_of(&self, consumer: &[u8], entry: &Entry) -> Reservation {
        Reservation {
            key: self.key("consumer/", consumer),
            claim: Claim::from(&entry.reserved),
            expiry: entry.expiry,
            renew_at: entry.expiry,
            statuses: Box::default(),
            shared: false,
            lost_calls: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use tollgate_prices::NanoUsd;

    use super::*;
    use crate::Cas;
    use crate::support::memory::Memory;
    use crate::{RawQuota, Refusal};

    /// Start of a day.
    const NOW: UnixMillis = UnixMillis(1_699_920_000_000);
    const MOST: CallUsage = CallUsage { tokens: 400, requests: 1, nano_usd: NanoUsd(4_000) };

    fn quota(more: &str) -> Quota {
        let raw: RawQuota = serde_json::from_str(&format!(
            r#"{{"lease": "4s", {more}"budgets": [
                {{"name": "t", "unit": "tokens", "limit": 1000, "window": "1d"}},
                {{"name": "r", "unit": "requests", "limit": 100, "window": "1d"}}]}}"#
        ))
        .unwrap();
        Quota::new(raw).unwrap()
    }

    fn after(millis: u64) -> UnixMillis {
        UnixMillis(NOW.0 + millis)
    }

    fn call() -> HeldCall {
        HeldCall { model: "o3".to_owned(), input_tokens: 9, max_output_tokens: Some(391), service_tier: None }
    }

    fn hold(quota: &Quota, store: &Memory, consumer: &[u8], id: &str) -> bool {
        // The reservation of the stream covers a bound of the prompt, the held one its count.
        let reserved = CallUsage { tokens: MOST.tokens + 50, ..MOST };
        let reservation = quota.reserve(store, consumer, NOW, &reserved).unwrap();
        let hold = quota.hold(store, consumer, NOW, (reservation, &MOST), (id, call())).unwrap();
        assert_eq!(hold.lost_calls, 0);
        let Some(returned) = hold.returned else { return true };
        assert_eq!(returned.reserved(), &reserved);
        quota.settle(store, returned, NOW, &MOST).unwrap();
        false
    }

    /// Returns what remains of tokens and requests.
    fn remaining(quota: &Quota, store: &Memory, consumer: &[u8], now: UnixMillis) -> (u64, u64) {
        let probe = quota.reserve(store, consumer, now, &CallUsage::ZERO).unwrap();
        let remaining = (probe.statuses()[0].remaining, probe.statuses()[1].remaining);
        quota.settle(store, probe, now, &CallUsage::ZERO).unwrap();
        remaining
    }

    fn settle(quota: &Quota, store: &Memory, consumer: &[u8], now: UnixMillis, id: &str) -> bool {
        let Some(reservation) = quota.take_held(store, consumer, now, id).unwrap() else { return false };
        quota.settle(store, reservation, now, &CallUsage { tokens: 30, ..CallUsage::ZERO }).unwrap();
        true
    }

    #[test]
    fn a_held_call_is_settled_once_by_its_own_consumer() {
        let (quota, store) = (quota(""), Memory::default());
        assert!(hold(&quota, &store, b"ann", "r1"));
        assert_eq!(remaining(&quota, &store, b"ann", NOW), (600, 99));
        assert_eq!(quota.held(&store, b"ann", NOW, "r1").unwrap(), Some(call()));
        for (consumer, id) in [(&b"ben"[..], "r1"), (b"ann", "r2"), (b"", "r1")] {
            assert_eq!(quota.held(&store, consumer, NOW, id).unwrap(), None);
            assert!(!settle(&quota, &store, consumer, NOW, id), "{consumer:?} {id}");
        }
        assert_eq!(remaining(&quota, &store, b"ann", NOW), (600, 99));
        assert!(settle(&quota, &store, b"ann", after(1), "r1"));
        assert!(!settle(&quota, &store, b"ann", after(2), "r1"));
        assert_eq!(remaining(&quota, &store, b"ann", after(3)), (970, 99));
    }

    #[test]
    fn a_call_whose_lease_ends_is_charged_what_it_reserved() {
        for on_lost in ["produced", "reserved", "nothing"] {
            let (quota, store) = (quota(&format!(r#""on_lost": "{on_lost}", "#)), Memory::default());
            assert!(hold(&quota, &store, b"ann", "r1"));
            for (millis, left) in [(3_999, (600, 99)), (5_001, (600, 99)), (9_000, (600, 99))] {
                assert_eq!(remaining(&quota, &store, b"ann", after(millis)), left, "{on_lost} {millis}");
            }
            assert!(!settle(&quota, &store, b"ann", after(9_000), "r1"));
            assert_eq!(remaining(&quota, &store, b"ann", after(9_000)), (600, 99));
            // It is charged in the window in which its lease ended.
            assert_eq!(remaining(&quota, &store, b"ann", after(86_400_000)), (1_000, 100));
        }
    }

    #[test]
    fn a_lease_is_renewed_once_half_of_it_has_passed() {
        let (quota, store) = (quota(""), Memory::default());
        assert!(hold(&quota, &store, b"ann", "r1") && hold(&quota, &store, b"ann", "r2"));
        for millis in [1_000, 2_500, 4_500, 6_500] {
            quota.renew_held(&store, b"ann", after(millis), "r1").unwrap();
        }
        // The other call was lost, and is charged.
        assert_eq!(remaining(&quota, &store, b"ann", after(8_000)), (200, 98));
        assert!(!settle(&quota, &store, b"ann", after(8_000), "r2"));
        assert!(settle(&quota, &store, b"ann", after(8_000), "r1"));
        assert_eq!(remaining(&quota, &store, b"ann", after(8_000)), (570, 98));
    }

    #[test]
    fn the_reservation_of_a_call_that_cannot_be_held_is_returned() {
        let long = "r".repeat(MAX_NAME_BYTES + 1);
        for (more, id) in [("", ""), ("", &*long), (r#""max_consumers": 0, "#, "r1")] {
            let (quota, store) = (quota(more), Memory::default());
            assert!(!hold(&quota, &store, b"ann", id), "{more} {id}");
            assert_eq!(remaining(&quota, &store, b"ann", after(60_000)), (600, 99));
        }
        // An id that a list already has.
        let (quota, store) = (quota(""), Memory::default());
        assert!(hold(&quota, &store, b"ann", "r1") && !hold(&quota, &store, b"ann", "r1"));
        assert_eq!(remaining(&quota, &store, b"ann", NOW), (200, 98));
        assert!(settle(&quota, &store, b"ann", NOW, "r1"));
        assert_eq!(remaining(&quota, &store, b"ann", NOW), (570, 98));
    }

    #[test]
    fn the_number_of_held_calls_is_bounded() {
        let (quota, store) = (quota(""), Memory::default());
        let nothing = CallUsage { requests: 1, ..CallUsage::ZERO };
        let mut held = Vec::new();
        for id in 0..MAX_HELD + 2 {
            let reservation = quota.reserve(&store, b"ann", NOW, &nothing).unwrap();
            let id = id.to_string();
            let hold = quota.hold(&store, b"ann", NOW, (reservation, &nothing), (&*id, call())).unwrap();
            held.push(hold.returned.is_none());
        }
        assert_eq!(held.iter().filter(|held| **held).count(), MAX_HELD);
        assert!(!held[MAX_HELD] && !held[MAX_HELD + 1]);
        // After their leases there is room again.
        let reservation = quota.reserve(&store, b"ann", after(6_000), &nothing).unwrap();
        let again = quota.hold(&store, b"ann", after(6_000), (reservation, &nothing), ("new", call())).unwrap();
        // The two that were returned and not settled here.
        assert_eq!(again, Hold { returned: None, lost_calls: 0 });
    }

    /// Store of which one access fails.
    #[derive(Default)]
    struct Failing {
        memory: Memory,
        accesses: Cell<usize>,
        fails_at: Cell<Option<usize>>,
    }

    impl Failing {
        fn access<T>(&self, access: impl FnOnce(&Memory) -> Result<T, Infallible>) -> Result<T, &'static str> {
            let number = self.accesses.replace(self.accesses.get() + 1);
            match access(&self.memory) {
                Ok(result) if self.fails_at.get() != Some(number) => Ok(result),
                _ => Err("the store failed"),
            }
        }
    }

    impl Store for Failing {
        type Error = &'static str;

        fn get(&self, key: &[u8]) -> Result<Option<(Vec<u8>, Cas)>, &'static str> {
            self.access(|memory| memory.get(key))
        }

        fn put(&self, key: &[u8], value: &[u8], cas: Cas) -> Result<bool, &'static str> {
            // A write that fails changes nothing.
            let key_or_none = if self.fails_at.get() == Some(self.accesses.get()) { None } else { Some(key) };
            self.access(|memory| key_or_none.map_or(Ok(false), |key| memory.put(key, value, cas)))
        }
    }

    #[test]
    fn a_call_is_charged_whatever_access_to_the_store_fails() {
        let mut charged_by_use = 0;
        for fails_at in 0..32 {
            let (quota, store) = (quota(""), Failing::default());
            let reservation = quota.reserve(&store, b"ann", NOW, &MOST).unwrap();
            store.accesses.set(0);
            store.fails_at.set(Some(fails_at));
            let hold = quota.hold(&store, b"ann", NOW, (reservation, &MOST), ("r1", call()));
            if let Ok(Hold { returned: Some(reservation), .. }) = hold {
                let _ = quota.settle(&store, reservation, NOW, &MOST);
            }
            let _ = quota.renew_held(&store, b"ann", after(2_500), "r1");
            if let Ok(Some(reservation)) = quota.take_held(&store, b"ann", after(3_000), "r1") {
                let used = CallUsage { tokens: 30, ..CallUsage::ZERO };
                charged_by_use += usize::from(quota.settle(&store, reservation, after(3_000), &used).is_ok());
            }
            let left = remaining(&quota, &store.memory, b"ann", after(60_000));
            assert!([(970, 99), (600, 99)].contains(&left), "{fails_at}: {left:?}");
        }
        assert!(charged_by_use > 16, "{charged_by_use}");
    }

    #[test]
    fn a_held_call_refuses_others_above_the_limit() {
        let (quota, store) = (quota(""), Memory::default());
        assert!(hold(&quota, &store, b"ann", "r1") && hold(&quota, &store, b"ann", "r2"));
        assert!(matches!(quota.reserve(&store, b"ann", NOW, &MOST), Err(Refusal::LimitExceeded(_))));
    }
}
