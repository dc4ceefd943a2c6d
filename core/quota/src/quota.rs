//! Reserve before the call, settle after it.

use std::collections::BTreeMap;
use std::time::Duration;

use tollgate_prices::ModelPrice;

use crate::budget::Budget;
use crate::charge::Charge;
use crate::config::{ConfigError, Overflow, RawQuota, budgets, name};
use crate::denied::Denied;
use crate::directory::take_seat;
use crate::estimate::{Ask, OutputCaps};
use crate::ledger::{Ledger, lease_expiry};
use crate::record::Record;
use crate::reservation::{Hold, Reservation};
use crate::room::Room;
use crate::status::BudgetStatus;
use crate::store::{Cas, Store, create};
use crate::time::{Period, UnixMillis};
use crate::unavailable::{MAX_ATTEMPTS, Unavailable};

/// The longest name of a consumer, in bytes: it is part of a stored key.
pub const MAX_CONSUMER_BYTES: usize = 512;

/// Why a call was not admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal<E> {
    /// A budget does not have enough left.
    Denied(Box<Denied>),
    /// No budget could be asked.
    Unavailable(Unavailable<E>),
}

impl<E> From<Unavailable<E>> for Refusal<E> {
    fn from(unavailable: Unavailable<E>) -> Refusal<E> {
        Refusal::Unavailable(unavailable)
    }
}

/// Budgets and whom they apply to, validated.
#[derive(Debug)]
pub struct Quota {
    budgets: Box<[Budget]>,
    consumers: BTreeMap<Box<[u8]>, Box<[Budget]>>,
    lease: Period,
    max_consumers: u64,
    overflow: Overflow,
    caps: OutputCaps,
    /// What every key begins with; the format of the records is part of it, so that a module with another format
    /// begins anew instead of finding them corrupt.
    prefix: Box<str>,
}

/// Where a consumer's count is kept.
struct Seat {
    key: Box<[u8]>,
    shared: bool,
}

impl Quota {
    /// Checks `raw`.
    pub fn new(raw: RawQuota) -> Result<Quota, ConfigError> {
        name(&raw.namespace).map_err(|problem| ConfigError::new("namespace", problem))?;
        if raw.lease.millis() < 1_000 {
            return Err(ConfigError::new("lease", "must be at least 1s"));
        }
        if raw.assumed_output_tokens > raw.max_output_tokens {
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
            caps: OutputCaps { assumed: raw.assumed_output_tokens, max: raw.max_output_tokens },
            prefix: format!("tollgate.quota.1/{}/", raw.namespace).into(),
        })
    }

    /// The budgets of a consumer: its own, or those of everybody.
    pub fn budgets(&self, consumer: &[u8]) -> &[Budget] {
        self.consumers.get(consumer).unwrap_or(&self.budgets)
    }

    /// The most that a request may take, before anybody knows: its prompt, and as much output as it allows or the
    /// model can give, at the model's price. Without a price there is no money in it; what that means is up to the
    /// caller.
    pub fn estimate(&self, ask: &Ask, price: Option<&ModelPrice>) -> Charge {
        self.caps.estimate(ask, price)
    }

    /// Reserves `estimate` in all budgets of `consumer`, or in none.
    ///
    /// A budget admits what fits beside all that is settled and reserved in the current window. A part of the estimate
    /// that is zero passes any budget: a call that costs nothing does not wait for money.
    pub fn reserve<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        estimate: &Charge,
    ) -> Result<Reservation, Refusal<S::Error>> {
        let budgets = self.budgets(consumer);
        if budgets.is_empty() {
            return Ok(self.unlimited(estimate, now));
        }
        if consumer.len() > MAX_CONSUMER_BYTES {
            return Err(Unavailable::NameTooLong { length: consumer.len() }.into());
        }
        let mut seat = Seat { key: self.key("consumer/", consumer), shared: false };
        for _ in 0..MAX_ATTEMPTS {
            let Some((mut record, cas)) = read(store, &seat.key)? else {
                self.open(store, consumer, &mut seat)?;
                continue;
            };
            record.advance(budgets, now);
            let reservation = self.admit(&mut record, budgets, seat.shared, now, estimate);
            let holds = reservation.map_err(|denied| Refusal::Denied(Box::new(denied)))?;
            if write(store, &seat.key, &record, cas)? {
                let statuses = statuses(&record, budgets, now);
                let (key, renew_at) = (seat.key, self.renew_at(now));
                return Ok(Reservation { key, charge: *estimate, renew_at, holds, statuses, shared: seat.shared });
            }
        }
        Err(Unavailable::Contended.into())
    }

    /// Whether a call that takes `least` or more may be admitted now, and how much room there is for it; reserves
    /// nothing. For calls whose size it takes long to find out: most of those that a budget does not admit are refused
    /// before.
    ///
    /// What it says is over when it is said: [`reserve`](Self::reserve) decides.
    pub fn room<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        least: &Charge,
    ) -> Result<Room, Refusal<S::Error>> {
        let budgets = self.budgets(consumer);
        if budgets.is_empty() || consumer.len() > MAX_CONSUMER_BYTES {
            return Ok(Room::default());
        }
        // A consumer without a record has used nothing, or shares a record that has no more left than that.
        let mut record = read(store, &self.key("consumer/", consumer))?.map(|(record, _)| record).unwrap_or_default();
        record.advance(budgets, now);
        let mut room = Room::default();
        for (budget, ledger) in budgets.iter().zip(&record.ledgers) {
            room.narrow(budget.unit(), budget.limit().saturating_sub(ledger.used()));
        }
        match self.admit(&mut record, budgets, false, now, least) {
            Ok(_) => Ok(room),
            Err(denied) => Err(Refusal::Denied(Box::new(Denied { is_least: true, ..denied }))),
        }
    }

    /// The most input tokens that a call can have that is otherwise as `ask` says, to fit into `room`.
    pub fn most_input(&self, room: &Room, ask: &Ask, price: Option<&ModelPrice>) -> u64 {
        let fits = |input_tokens| room.holds(&self.estimate(&Ask { input_tokens, ..*ask }, price));
        // What a call takes grows with its input: the last that fits is found by halving.
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

    /// Puts what was really used in the place of what was reserved, in the windows that admitted the call.
    ///
    /// In a budget whose window has rolled since, both are dropped: that window's count is closed and denies nobody any
    /// more, and the next one never admitted this call. A settlement may pass the limit, since an answer may be longer
    /// than anybody estimated; the consumer is then denied until the window ends.
    pub fn settle<S: Store>(
        &self,
        store: &S,
        reservation: Reservation,
        now: UnixMillis,
        actual: &Charge,
    ) -> Result<(), Unavailable<S::Error>> {
        self.change(store, &reservation.key, |record| {
            let mut changed = false;
            for hold in &reservation.holds {
                if let Some(ledger) = record.window_mut(hold.budget, hold.start, now) {
                    ledger.release(reservation.charge.of(hold.unit), hold.expiry);
                    ledger.settle(actual.of(hold.unit));
                    changed = true;
                }
            }
            changed
        })
    }

    /// Begins the lease of a call that is still running anew, see [`Reservation::renew_at`]. A lease that has ended
    /// meanwhile stands again, whether or not it still fits: an admitted call is not cut off.
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
                    let amount = reservation.charge.of(hold.unit);
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

    /// Applies `edit` to a record, as often as it takes to be the first; writes if it says that it changed something.
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
            // A record that is gone (the store forgot it) holds nothing of this call either.
            let Some((mut record, cas)) = read(store, key)? else { return Ok(()) };
            if !edit(&mut record) || write(store, key, &record, cas)? {
                return Ok(());
            }
        }
        Err(Unavailable::Contended)
    }

    /// Makes the record of a consumer that has none, or leads it to the shared one.
    fn open<S: Store>(&self, store: &S, consumer: &[u8], seat: &mut Seat) -> Result<(), Unavailable<S::Error>> {
        let counted = !seat.shared && !self.consumers.contains_key(consumer);
        if counted && !take_seat(store, &self.key("directory", &[]), consumer, self.max_consumers)? {
            return match self.overflow {
                Overflow::Refuse => Err(Unavailable::Crowded { max_consumers: self.max_consumers }),
                Overflow::Share => {
                    *seat = Seat { key: self.key("overflow", &[]), shared: true };
                    Ok(())
                }
            };
        }
        // Whether this worker or another made it does not matter.
        create(store, &seat.key, &Record::default().encode()).map_err(Unavailable::Store)?;
        Ok(())
    }

    /// Reserves in all ledgers of `budgets` (the first ones of `record`), or says why not.
    fn admit(
        &self,
        record: &mut Record,
        budgets: &[Budget],
        shared: bool,
        now: UnixMillis,
        estimate: &Charge,
    ) -> Result<Box<[Hold]>, Denied> {
        let denying = budgets.iter().zip(&record.ledgers).filter(|(budget, ledger)| {
            let amount = estimate.of(budget.unit());
            amount > 0 && ledger.used().checked_add(amount).is_none_or(|sum| sum > budget.limit())
        });
        let worst = denying.max_by_key(|(budget, ledger)| (estimate.of(budget.unit()) > budget.limit(), ledger.end()));
        if let Some((budget, ledger)) = worst {
            return Err(Denied {
                budget: budget.name().into(),
                unit: budget.unit(),
                limit: budget.limit(),
                used: ledger.used(),
                requested: estimate.of(budget.unit()),
                is_least: false,
                window: budget.window(),
                retry_after: until(ledger.end(), now),
                never_fits: estimate.of(budget.unit()) > budget.limit(),
                statuses: statuses(record, budgets, now),
                shared,
            });
        }
        let expiry = lease_expiry(now, self.lease);
        let hold = |(budget, ledger): (&Budget, &mut Ledger)| Hold {
            budget: budget.id(),
            unit: budget.unit(),
            start: ledger.start,
            expiry: ledger.reserve(estimate.of(budget.unit()), expiry),
        };
        Ok(budgets.iter().zip(&mut record.ledgers).map(hold).collect())
    }

    /// The reservation of a consumer that has no budgets.
    fn unlimited(&self, estimate: &Charge, now: UnixMillis) -> Reservation {
        let (holds, statuses) = (Box::default(), Box::default());
        Reservation {
            key: Box::default(),
            charge: *estimate,
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

/// Where the consumer stands in `budgets`, whose ledgers are the first ones of `record`.
fn statuses(record: &Record, budgets: &[Budget], now: UnixMillis) -> Box<[BudgetStatus]> {
    let status = |(budget, ledger): (&Budget, &Ledger)| BudgetStatus {
        unit: budget.unit(),
        limit: budget.limit(),
        remaining: budget.limit().saturating_sub(ledger.used()),
        reset: until(ledger.end(), now),
    };
    budgets.iter().zip(&record.ledgers).map(status).collect()
}

/// The time until `end`; a millisecond at least.
fn until(end: UnixMillis, now: UnixMillis) -> Duration {
    Duration::from_millis(end.0.saturating_sub(now.0).max(1))
}

#[cfg(test)]
mod tests;
