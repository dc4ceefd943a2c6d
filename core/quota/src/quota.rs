//! Quota: reserve before a call, settle after it.

use std::collections::BTreeMap;
use std::time::Duration;

use tollgate_prices::ModelPrice;

use crate::bound::is_small;
use crate::budget::Budget;
use crate::config::{ConfigError, Overflow, RawQuota, budgets, name};
use crate::directory::register;
use crate::estimate::{Estimate, OutputLimits};
use crate::ledger::{Ledger, lease_expiry};
use crate::limit_exceeded::LimitExceeded;
use crate::record::Record;
use crate::remaining::Remaining;
use crate::reservation::{Hold, Reservation};
use crate::status::BudgetStatus;
use crate::store::{Cas, Store, create};
use crate::time::{Period, UnixMillis};
use crate::unavailable::{MAX_ATTEMPTS, Unavailable};
use crate::usage::CallUsage;

/// Maximum length of a consumer name in bytes; the name is part of a stored key.
pub const MAX_CONSUMER_BYTES: usize = 512;

/// Reason why a call was not admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal<E> {
    /// A budget would be exceeded.
    LimitExceeded(Box<LimitExceeded>),
    /// The quota store is unavailable.
    Unavailable(Unavailable<E>),
}

impl<E> From<Unavailable<E>> for Refusal<E> {
    fn from(unavailable: Unavailable<E>) -> Refusal<E> {
        Refusal::Unavailable(unavailable)
    }
}

/// Validated budgets of all consumers.
#[derive(Debug)]
pub struct Quota {
    budgets: Box<[Budget]>,
    consumers: BTreeMap<Box<[u8]>, Box<[Budget]>>,
    lease: Period,
    max_consumers: u64,
    overflow: Overflow,
    output_limits: OutputLimits,
    /// Prefix of every key. It contains the version of the record format, so that a module with another format starts with
    /// empty records instead of failing on malformed ones.
    prefix: Box<str>,
}

/// Treatment of limits by a reservation.
#[derive(Clone, Copy)]
enum Limits {
    Enforced,
    Ignored,
}

/// Location of the record of a consumer.
struct RecordLocation {
    key: Box<[u8]>,
    shared: bool,
}

impl Quota {
    /// Validates `raw`.
    pub fn new(raw: RawQuota) -> Result<Quota, ConfigError> {
        name(&raw.namespace).map_err(|problem| ConfigError::new("namespace", problem))?;
        if raw.lease.millis() < 1_000 {
            return Err(ConfigError::new("lease", "must be at least 1s"));
        }
        if raw.max_output_tokens.is_some_and(|max| raw.assumed_output_tokens > max) {
            return Err(ConfigError::new("assumed_output_tokens", "must not be above max_output_tokens"));
        }
        let mut consumers = BTreeMap::new();
        for (consumer, own) in raw.consumers.0 {
            let path = format!("consumers.{consumer:?}");
            if consumer.is_empty() || consumer.len() > MAX_CONSUMER_BYTES {
                return Err(ConfigError::new(path, "must be 1 to 512 bytes"));
            }
            consumers.insert(consumer.into_bytes().into(), budgets(own.budgets, &format!("{path}.budgets"))?);
        }
        Ok(Quota {
            budgets: budgets(raw.budgets, "budgets")?,
            consumers,
            lease: raw.lease,
            max_consumers: raw.max_consumers,
            overflow: raw.overflow,
            output_limits: OutputLimits {
                assumed: raw.assumed_output_tokens,
                max: raw.max_output_tokens,
                cap: raw.output_cap,
            },
            prefix: format!("tollgate.quota.1/{}/", raw.namespace).into(),
        })
    }

    /// Returns the budgets of a consumer: its own, or the common ones.
    pub fn budgets(&self, consumer: &[u8]) -> &[Budget] {
        self.consumers.get(consumer).unwrap_or(&self.budgets)
    }

    /// Returns the maximum usage of a call: its prompt, and as much output as the request allows or the model can generate,
    /// at the model's price. Without a price the cost is zero; the caller decides whether such a call may pass.
    pub fn worst_case(&self, estimate: &Estimate, price: Option<&ModelPrice>) -> CallUsage {
        self.output_limits.worst_case(estimate, price)
    }

    /// Reserves `usage` in all budgets of `consumer`, or in none.
    ///
    /// A budget admits a call if its usage, added to everything settled and reserved in the current window, does not exceed
    /// the limit. A usage of zero passes any budget: a free call does not wait for a budget in money.
    pub fn reserve<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        usage: &CallUsage,
    ) -> Result<Reservation, Refusal<S::Error>> {
        self.reserve_always(store, consumer, now, (usage, Limits::Enforced))
    }

    /// Reserves `usage` in all budgets of `consumer` even if it exceeds a limit. For an audit, in which calls that would be
    /// refused pass and are charged.
    pub fn reserve_beyond<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        usage: &CallUsage,
    ) -> Result<Reservation, Refusal<S::Error>> {
        self.reserve_always(store, consumer, now, (usage, Limits::Ignored))
    }

    fn reserve_always<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        usage: (&CallUsage, Limits),
    ) -> Result<Reservation, Refusal<S::Error>> {
        let reservation = self.reserve_if(store, consumer, now, usage, |_, _| true)?;
        debug_assert!(reservation.is_some(), "the condition holds");
        reservation.ok_or_else(|| Unavailable::Contended.into())
    }

    /// Reserves an upper bound of a call's usage like [`reserve`](Self::reserve), but only if it is small: less than a tenth
    /// of the remaining amount of every budget in tokens or money. Otherwise the result is `None`, nothing is reserved, and
    /// the caller has to reserve the exact usage.
    ///
    /// A bound can be several times the usage. Reserved where little remains, it would refuse calls that fit.
    pub fn reserve_bound<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        bound: &CallUsage,
    ) -> Result<Option<Reservation>, Refusal<S::Error>> {
        self.reserve_if(store, consumer, now, (bound, Limits::Enforced), |record, budgets| {
            is_small(record, budgets, bound)
        })
    }

    /// Reserves `usage` if `condition` holds for the consumer's record, whose first ledgers are those of its budgets.
    fn reserve_if<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        (usage, limits): (&CallUsage, Limits),
        condition: impl Fn(&Record, &[Budget]) -> bool,
    ) -> Result<Option<Reservation>, Refusal<S::Error>> {
        let budgets = self.budgets(consumer);
        if budgets.is_empty() {
            return Ok(Some(self.unlimited(usage, now)));
        }
        if consumer.len() > MAX_CONSUMER_BYTES {
            return Err(Unavailable::NameTooLong { length: consumer.len() }.into());
        }
        let mut location = RecordLocation { key: self.key("consumer/", consumer), shared: false };
        for _ in 0..MAX_ATTEMPTS {
            let Some((mut record, cas)) = read(store, &location.key)? else {
                self.open(store, consumer, &mut location)?;
                continue;
            };
            record.advance(budgets, now);
            if !condition(&record, budgets) {
                return Ok(None);
            }
            let holds = match limits {
                Limits::Ignored => self.hold(&mut record, budgets, now, usage),
                Limits::Enforced => self.admit(&mut record, budgets, now, usage).map_err(|exceeded| {
                    Refusal::LimitExceeded(Box::new(LimitExceeded { shared: location.shared, ..exceeded }))
                })?,
            };
            if write(store, &location.key, &record, cas)? {
                let statuses = statuses(&record, budgets, now);
                let (key, renew_at) = (location.key, self.renew_at(now));
                let shared = location.shared;
                return Ok(Some(Reservation { key, reserved: *usage, renew_at, holds, statuses, shared }));
            }
        }
        Err(Unavailable::Contended.into())
    }

    /// Returns the remaining budgets if a call that uses at least `least` could be admitted now. Reserves nothing.
    ///
    /// This is for calls whose size is expensive to compute: most calls that exceed a budget are refused before they are
    /// counted. The result may be outdated immediately; only [`reserve`](Self::reserve) decides.
    pub fn remaining<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        least: &CallUsage,
    ) -> Result<Remaining, Refusal<S::Error>> {
        let budgets = self.budgets(consumer);
        if budgets.is_empty() || consumer.len() > MAX_CONSUMER_BYTES {
            return Ok(Remaining::default());
        }
        // A consumer without a record has used nothing, or will use the shared record, of which at most as much remains.
        let mut record = read(store, &self.key("consumer/", consumer))?.map(|(record, _)| record).unwrap_or_default();
        record.advance(budgets, now);
        let mut remaining = Remaining::default();
        for (budget, ledger) in budgets.iter().zip(&record.ledgers) {
            remaining.narrow(budget.unit(), budget.limit().saturating_sub(ledger.used()));
        }
        match self.admit(&mut record, budgets, now, least) {
            Ok(_) => Ok(remaining),
            Err(exceeded) => Err(Refusal::LimitExceeded(Box::new(LimitExceeded { is_lower_bound: true, ..exceeded }))),
        }
    }

    /// Returns the maximum number of input tokens with which a call, otherwise equal to `estimate`, fits into `remaining`.
    pub fn max_input(&self, remaining: &Remaining, estimate: &Estimate, price: Option<&ModelPrice>) -> u64 {
        let fits = |input_tokens| remaining.fits(&self.worst_case(&Estimate { input_tokens, ..*estimate }, price));
        // Usage grows with the input, so a binary search finds the largest input that fits.
        let (mut fitting, mut above) = (0, u64::MAX);
        if fits(above) {
            return above;
        }
        while above - fitting > 1 {
            let middle = fitting + (above - fitting) / 2;
            if fits(middle) { fitting = middle } else { above = middle }
        }
        fitting
    }

    /// Replaces the reserved amounts by the actual usage, in the windows that admitted the call.
    ///
    /// If a window has ended since, both amounts are dropped for its budget: the old window no longer limits any call, and
    /// the new one did not admit this call. A settlement may exceed the limit, because a response may be longer than
    /// estimated; the consumer's calls are then refused until the window ends.
    pub fn settle<S: Store>(
        &self,
        store: &S,
        reservation: Reservation,
        now: UnixMillis,
        actual: &CallUsage,
    ) -> Result<(), Unavailable<S::Error>> {
        self.change(store, &reservation.key, |record| {
            let mut changed = false;
            for hold in &reservation.holds {
                if let Some(ledger) = record.window_mut(hold.budget, hold.start, now) {
                    ledger.release(reservation.reserved.of(hold.unit), hold.expiry);
                    ledger.settle(actual.of(hold.unit));
                    changed = true;
                }
            }
            changed
        })
    }

    /// Renews the lease of a running call, see [`Reservation::renew_at`]. A lease that has expired in the meantime is
    /// reserved again even if it does not fit any more: an admitted call is never aborted.
    pub fn renew<S: Store>(
        &self,
        store: &S,
        reservation: &mut Reservation,
        now: UnixMillis,
    ) -> Result<(), Unavailable<S::Error>> {
        let expiry = lease_expiry(now, self.lease);
        let mut holds = reservation.holds.clone();
        self.change(store, &reservation.key, |record| {
            let mut changed = false;
            holds.copy_from_slice(&reservation.holds);
            for hold in &mut holds {
                if let Some(ledger) = record.window_mut(hold.budget, hold.start, now) {
                    let amount = reservation.reserved.of(hold.unit);
                    ledger.release(amount, hold.expiry);
                    hold.expiry = ledger.reserve(amount, expiry);
                    changed = true;
                }
            }
            changed
        })?;
        reservation.holds = holds;
        reservation.renew_at = self.renew_at(now);
        Ok(())
    }

    /// Applies `edit` to a record and writes it if `edit` returns `true`. Retries while other workers change the record.
    fn change<S: Store>(
        &self,
        store: &S,
        key: &[u8],
        mut edit: impl FnMut(&mut Record) -> bool,
    ) -> Result<(), Unavailable<S::Error>> {
        if key.is_empty() {
            return Ok(());
        }
        for _ in 0..MAX_ATTEMPTS {
            // If the store lost the record, it lost the reservation of this call as well.
            let Some((mut record, cas)) = read(store, key)? else { return Ok(()) };
            if !edit(&mut record) || write(store, key, &record, cas)? {
                return Ok(());
            }
        }
        Err(Unavailable::Contended)
    }

    /// Creates the record of a new consumer, or switches `location` to the shared record.
    fn open<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        location: &mut RecordLocation,
    ) -> Result<(), Unavailable<S::Error>> {
        let is_counted = !location.shared && !self.consumers.contains_key(consumer);
        if is_counted && !register(store, &self.key("directory", &[]), consumer, self.max_consumers)? {
            return match self.overflow {
                Overflow::Refuse => Err(Unavailable::TooManyConsumers { max_consumers: self.max_consumers }),
                Overflow::Share => {
                    *location = RecordLocation { key: self.key("overflow", &[]), shared: true };
                    Ok(())
                }
            };
        }
        // It does not matter whether this worker or another one created the record.
        create(store, &location.key, &Record::default().encode()).map_err(Unavailable::Store)?;
        Ok(())
    }

    /// Reserves `usage` in the ledgers of all `budgets`, which are the first ones of `record`, or in none.
    fn admit(
        &self,
        record: &mut Record,
        budgets: &[Budget],
        now: UnixMillis,
        usage: &CallUsage,
    ) -> Result<Box<[Hold]>, LimitExceeded> {
        debug_assert!(record.ledgers.len() >= budgets.len(), "`advance` makes a ledger for every budget");
        let exceeded = budgets.iter().zip(&record.ledgers).filter(|(budget, ledger)| {
            let amount = usage.of(budget.unit());
            amount > 0 && ledger.used().checked_add(amount).is_none_or(|sum| sum > budget.limit())
        });
        let worst = exceeded.max_by_key(|(budget, ledger)| (usage.of(budget.unit()) > budget.limit(), ledger.end()));
        if let Some((budget, ledger)) = worst {
            return Err(LimitExceeded {
                budget: budget.name().into(),
                unit: budget.unit(),
                limit: budget.limit(),
                used: ledger.used(),
                requested: usage.of(budget.unit()),
                is_lower_bound: false,
                window: budget.window(),
                retry_after: until(ledger.end(), now),
                never_fits: usage.of(budget.unit()) > budget.limit(),
                statuses: statuses(record, budgets, now),
                shared: false,
            });
        }
        Ok(self.hold(record, budgets, now, usage))
    }

    /// Reserves `usage` in the ledgers of all `budgets`, which are the first ones of `record`.
    fn hold(&self, record: &mut Record, budgets: &[Budget], now: UnixMillis, usage: &CallUsage) -> Box<[Hold]> {
        let expiry = lease_expiry(now, self.lease);
        let hold = |(budget, ledger): (&Budget, &mut Ledger)| Hold {
            budget: budget.id(),
            unit: budget.unit(),
            start: ledger.start,
            expiry: ledger.reserve(usage.of(budget.unit()), expiry),
        };
        budgets.iter().zip(&mut record.ledgers).map(hold).collect()
    }

    /// Returns the empty reservation of a consumer without budgets.
    fn unlimited(&self, usage: &CallUsage, now: UnixMillis) -> Reservation {
        let (holds, statuses) = (Box::default(), Box::default());
        Reservation {
            key: Box::default(),
            reserved: *usage,
            renew_at: self.renew_at(now),
            holds,
            statuses,
            shared: false,
        }
    }

    fn renew_at(&self, now: UnixMillis) -> UnixMillis {
        UnixMillis(now.0.saturating_add(self.lease.millis() / 2))
    }

    fn key(&self, kind: &str, rest: &[u8]) -> Box<[u8]> {
        [self.prefix.as_bytes(), kind.as_bytes(), rest].concat().into()
    }
}

fn read<S: Store>(store: &S, key: &[u8]) -> Result<Option<(Record, Cas)>, Unavailable<S::Error>> {
    match store.get(key).map_err(Unavailable::Store)? {
        Some((bytes, cas)) => Ok(Some((Record::decode(&bytes)?, cas))),
        None => Ok(None),
    }
}

fn write<S: Store>(store: &S, key: &[u8], record: &Record, cas: Cas) -> Result<bool, Unavailable<S::Error>> {
    store.put(key, &record.encode(), cas).map_err(Unavailable::Store)
}

/// Returns the status of `budgets`, whose ledgers are the first ones of `record`.
fn statuses(record: &Record, budgets: &[Budget], now: UnixMillis) -> Box<[BudgetStatus]> {
    let status = |(budget, ledger): (&Budget, &Ledger)| BudgetStatus {
        unit: budget.unit(),
        limit: budget.limit(),
        remaining: budget.limit().saturating_sub(ledger.used()),
        reset: until(ledger.end(), now),
    };
    budgets.iter().zip(&record.ledgers).map(status).collect()
}

/// Returns the time until `end`, at least one millisecond.
fn until(end: UnixMillis, now: UnixMillis) -> Duration {
    Duration::from_millis(end.0.saturating_sub(now.0).max(1))
}

#[cfg(test)]
mod tests;
