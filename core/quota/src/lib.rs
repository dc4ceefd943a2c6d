//! Budgets and windows: reserve before the call, settle after it.
//!
//! What a call to a model costs is known when its answer has ended, and whether it may begin has to be decided before.
//! Gateways that check a counter first and add to it afterwards admit every call of a burst, since none has been
//! counted when the next is checked. So a call **reserves** the most it may take ([`Quota::reserve`]), in all budgets
//! of its consumer at once or in none, and **settles** what it took in place of that ([`Quota::settle`]): settled and
//! reserved together never pass a limit when a call is admitted.
//!
//! The count is shared by workers that share nothing but a map with compare-and-swap ([`Store`], which is Envoy's
//! shared data). All budgets of a consumer are one value under one key, so one swap is one decision. The map deletes
//! nothing and counts nothing: the number of keys is bounded here (`max_consumers`), a value has a few numbers per
//! budget however many calls are running, and a call that never comes back (its worker's virtual machine died) lets go
//! of its reservation when a lease ends.
//!
//! Nothing here knows a clock or a host: time is a parameter, the store a trait, and the headers and sentences for the
//! caller are plain data.
//!
//! ```
//! # use std::{cell::RefCell, collections::BTreeMap, convert::Infallible};
//! use tollgate_quota::{Ask, Cas, Charge, Quota, RawQuota, Refusal, Store, UnixMillis};
//!
//! # #[derive(Default)]
//! # struct Memory(RefCell<(BTreeMap<Vec<u8>, (Vec<u8>, u32)>, u32)>);
//! # impl Store for Memory {
//! #     type Error = Infallible;
//! #     fn get(&self, key: &[u8]) -> Result<Option<(Vec<u8>, Cas)>, Infallible> {
//! #         Ok(self.0.borrow().0.get(key).map(|(value, version)| (value.clone(), Cas::version(*version))))
//! #     }
//! #     fn put(&self, key: &[u8], value: &[u8], cas: Cas) -> Result<bool, Infallible> {
//! #         let (map, version) = &mut *self.0.borrow_mut();
//! #         if map.get(key).is_some_and(|(_, held)| cas != Cas::ANY && cas.get() != *held) {
//! #             return Ok(false);
//! #         }
//! #         *version += 1;
//! #         map.insert(key.to_vec(), (value.to_vec(), *version));
//! #         Ok(true)
//! #     }
//! # }
//! let raw: RawQuota = serde_json::from_str(
//!     r#"{ "budgets": [ { "name": "per-minute", "unit": "tokens", "limit": 2500, "window": "1m" } ] }"#,
//! ).unwrap();
//! let quota = Quota::new(raw).unwrap();
//! let store = Memory::default();
//! let now = UnixMillis(1_700_000_000_000);
//!
//! // 500 tokens of prompt, and 1024 of an answer whose length the client did not limit.
//! let estimate = quota.estimate(&Ask { input_tokens: 500, max_output_tokens: None, candidates: 1 }, None);
//! let reservation = quota.reserve(&store, b"alice", now, &estimate).unwrap();
//! assert_eq!(reservation.statuses()[0].remaining, 976);
//!
//! // Another call of the same size has to wait for the next minute.
//! let Err(Refusal::Denied(denied)) = quota.reserve(&store, b"alice", now, &estimate) else { panic!() };
//! assert_eq!(
//!     denied.message(),
//!     "Rate limit reached for budget `per-minute` on tokens per 1m: \
//!      Limit 2500, Used 1524, Requested 1524. Please try again in 40s.",
//! );
//!
//! // The answer took 20 tokens only: now there is room.
//! quota.settle(&store, reservation, now, &Charge { tokens: 520, ..Charge::NOTHING }).unwrap();
//! assert_eq!(quota.reserve(&store, b"alice", now, &estimate).unwrap().statuses()[0].remaining, 2500 - 520 - 1524);
//! ```

mod budget;
mod charge;
mod codec;
mod config;
mod denied;
mod directory;
mod estimate;
#[cfg(test)]
mod invariants;
mod ledger;
#[cfg(test)]
mod memory;
mod quota;
#[cfg(test)]
mod races;
mod record;
mod reservation;
mod room;
mod status;
mod store;
mod time;
mod unavailable;

pub use budget::Budget;
pub use charge::{Charge, Unit};
pub use codec::Corrupt;
pub use config::{ConfigError, Overflow, RawBudget, RawConsumer, RawQuota};
pub use denied::Denied;
pub use estimate::Ask;
pub use quota::{MAX_CONSUMER_BYTES, Quota, Refusal};
pub use reservation::Reservation;
pub use room::Room;
pub use status::{BudgetStatus, Header, ratelimit_headers};
pub use store::{Cas, Store};
pub use time::{Period, PeriodError, UnixMillis};
pub use unavailable::Unavailable;
