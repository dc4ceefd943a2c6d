//! Budgets per consumer: reserve before a call, settle after it.
//!
//! The cost of a call to a model is known only when its response has ended, but admission is decided before the call.
//! Gateways that check a counter first and add to it afterwards admit every call of a burst, because none has been counted
//! when the next one is checked. A call therefore **reserves** its maximum usage ([`Quota::reserve`]) in all budgets of its
//! consumer or in none, and later **settles** its actual usage in place of the reservation ([`Quota::settle`]). When a call
//! is admitted, settled and reserved amounts together never exceed a limit.
//!
//! Workers share the counts through a map with compare-and-swap ([`Store`], implemented by Envoy's shared data). All
//! budgets of a consumer are one value under one key, so one swap is one decision. The map never deletes keys and has no
//! size limit. Therefore this crate bounds the number of keys (`max_consumers`), and a value has a few numbers per budget
//! regardless of the number of running calls.
//!
//! A call counts in the window in which it ends; until then its reservation counts in every window. A lease ends the
//! reservation of a call that never ends because the virtual machine of its worker died: whoever next writes the record
//! charges such a call ([`Claim::if_lost`]). The reservation of a call whose response is produced in the background
//! stays, too, until its consumer has fetched the response ([`Quota::hold`]).
//!
//! This crate has no clock and no host: time is a parameter, the store is a trait, and headers and messages for the caller
//! are plain data.
//!
//! ```
//! # use std::{cell::RefCell, collections::BTreeMap, convert::Infallible};
//! use tollgate_quota::{Estimate, Cas, CallUsage, Quota, RawQuota, Refusal, Store, UnixMillis};
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
//! // 500 prompt tokens, and 1024 output tokens assumed because the client set no limit.
//! let usage = quota.worst_case(&Estimate { input_tokens: 500, candidates: 1, ..Estimate::default() }, None);
//! let reservation = quota.reserve(&store, b"alice", now, &usage).unwrap();
//! assert_eq!(reservation.statuses()[0].remaining, 976);
//!
//! // Another call of the same size has to wait for the next minute.
//! let Err(Refusal::LimitExceeded(exceeded)) = quota.reserve(&store, b"alice", now, &usage) else { panic!() };
//! assert_eq!(
//!     exceeded.message(),
//!     "Rate limit reached for budget `per-minute` on tokens per 1m: \
//!      Limit 2500, Used 1524, Requested 1524. Please try again in 40s.",
//! );
//!
//! // The response took only 20 tokens, so a call of the same size fits again.
//! quota.settle(&store, reservation, now, &CallUsage { tokens: 520, ..CallUsage::ZERO }).unwrap();
//! assert_eq!(quota.reserve(&store, b"alice", now, &usage).unwrap().statuses()[0].remaining, 2500 - 520 - 1524);
//! ```

mod bound;
mod budget;
mod claim;
mod codec;
mod config;
mod directory;
mod estimate;
mod held;
mod imposed;
mod leases;
mod ledger;
mod limit_exceeded;
mod quota;
mod record;
mod remaining;
mod reservation;
mod status;
mod store;
mod time;
mod unavailable;
mod unfinished;
mod unit;
mod usage;

pub use budget::Budget;
pub use claim::Claim;
pub use codec::Corrupt;
pub use config::{ConfigError, Overflow, RawBudget, RawConsumer, RawQuota};
pub use estimate::{Estimate, OutputCap};
pub use held::{HeldCall, Hold};
pub use imposed::ImposedLimit;
pub use limit_exceeded::LimitExceeded;
pub use quota::{MAX_CONSUMER_BYTES, Quota, Refusal};
pub use remaining::Remaining;
pub use reservation::Reservation;
pub use status::{BudgetStatus, Header, ratelimit_headers};
pub use store::{Cas, Store};
pub use time::{Period, PeriodError, UnixMillis};
pub use unavailable::Unavailable;
pub use unfinished::{OnAbandoned, OnBackground, OnBatch, OnLost};
pub use unit::Unit;
pub use usage::CallUsage;

#[cfg(test)]
extern crate self as tollgate_quota;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;
