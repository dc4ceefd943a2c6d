//! Quota: reserve before a call, settle after it.

use std::collections::BTreeMap;
use std::time::Duration;

use tollgate_prices::ModelPrice;

use crate::bound::is_small;
use crate::budget::Budget;
use crate::claim::Claim;
use crate::config::{ConfigError, Overflow, RawQuota, budgets, name};
use crate::directory::register;
use crate::estimate::{Estimate, OutputCap, OutputLimits};
use crate::leases::lease_expiry;
use crate::ledger::Ledger;
use crate::limit_exceeded::LimitExceeded;
use crate::record::Record;
use crate::remaining::Remaining;
use crate::reservation::Reservation;
use crate::status::BudgetStatus;
use crate::store::{Cas, Store, create};
use crate::time::{Period, UnixMillis};
use crate::unavailable::{MAX_ATTEMPTS, Unavailable};
use crate::unfinished::{OnAbandoned, OnBackground, OnBatch, OnLost};
use crate::unit::Unit;
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
    on_lost: OnLost,
    on_abandoned: OnAbandoned,
    on_background: OnBackground,
    on_batch: OnBatch,
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
            on_lost: raw.on_lost,
            on_abandoned: raw.on_abandoned,
            on_background: raw.on_background,
            on_batch: raw.on_batch,
            max_consumers: raw.max_consumers,
            overflow: raw.overflow,
            output_limits: OutputLimits {
                assumed: raw.assumed_output_tokens,
                max: raw.max_output_tokens,
                cap: raw.output_cap,
            },
            prefix: format!("tollgate.quota.2/{}/", raw.namespace).into(),
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

    /// Returns the policy for the output of a request that sets no maximum.
    pub fn output_cap(&self) -> OutputCap {
        self.output_limits.cap
    }

    /// Returns the maximum number of output tokens to reserve for one response of a model whose own maximum is not known.
    pub fn max_output_tokens(&self) -> Option<u64> {
        self.output_limits.max
    }

    /// Returns the claim of a call that uses at most `most`. `prompt`: the part of it that the prompt uses.
    pub fn claim(&self, most: &CallUsage, prompt: &CallUsage) -> Claim {
        Claim { most: *most, if_lost: self.if_lost(most, prompt) }
    }

    /// Returns the charge of a call of which `seen` has been seen, should it be lost.
    pub fn if_lost(&self, reserved: &CallUsage, seen: &CallUsage) -> CallUsage {
        match self.on_lost {
            OnLost::Produced => *seen,
            OnLost::Reserved => *reserved,
            OnLost::Nothing => CallUsage::ZERO,
        }
    }

    /// Returns the charge policy for calls whose client leaves before any output arrives.
    pub fn on_abandoned(&self) -> OnAbandoned {
        self.on_abandoned
    }

    /// Returns the policy for calls whose response is produced in the background.
    pub fn on_background(&self) -> OnBackground {
        self.on_background
    }

    /// Returns `true` if batches are refused: by the policy, because any consumer has a budget in tokens or money.
    pub fn refuses_batches(&self) -> bool {
        let mut lists = std::iter::once(&self.budgets).chain(self.consumers.values());
        self.on_batch == OnBatch::Refuse
            && lists.any(|budgets| budgets.iter().any(|budget| budget.unit() != Unit::Requests))
    }

    /// Reserves a claim in all budgets of `consumer`, or in none.
    ///
    /// A budget admits a call if its usage, added to everything settled in the current window and to the reservations of
    /// all running calls, does not exceed the limit. A usage of zero passes any budget: a free call does not wait for a
    /// budget in money.
    pub fn reserve<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        claim: impl Into<Claim>,
    ) -> Result<Reservation, Refusal<S::Error>> {
        self.reserve_always(store, consumer, now, (claim.into(), Limits::Enforced))
    }

    /// Reserves a claim in all budgets of `consumer` even if it exceeds a limit. For an audit, in which calls that would be
    /// refused pass and are charged.
    pub fn reserve_beyond<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        claim: impl Into<Claim>,
    ) -> Result<Reservation, Refusal<S::Error>> {
        self.reserve_always(store, consumer, now, (claim.into(), Limits::Ignored))
    }

    fn reserve_always<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        claim: (Claim, Limits),
    ) -> Result<Reservation, Refusal<S::Error>> {
        let (claim, limits) = claim;
        let reservation = self.reserve_if(store, consumer, now, limits, |_, _| Some(claim))?;
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
        bound: impl Into<Claim>,
    ) -> Result<Option<Reservation>, Refusal<S::Error>> {
        let bound = bound.into();
        self.reserve_if(store, consumer, now, Limits::Enforced, |record, budgets| {
            is_small(record, budgets, &bound.most).then_some(bound)
        })
    }

    /// Reserves the claim that `claim` returns for what the budgets of `consumer` leave at that moment. No other call can
    /// take any of it in the meantime.
    pub fn reserve_of<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        claim: impl Fn(&Remaining) -> Claim,
    ) -> Result<Reservation, Refusal<S::Error>> {
        let claim = |record: &Record, budgets: &[Budget]| Some(claim(&remaining(record, budgets)));
        let reservation = self.reserve_if(store, consumer, now, Limits::Enforced, claim)?;
        debug_assert!(reservation.is_some(), "there is always a claim");
        reservation.ok_or_else(|| Unavailable::Contended.into())
    }

    /// Reserves the claim that `claim` returns for the consumer's record, whose first ledgers are those of its budgets.
    fn reserve_if<S: Store>(
        &self,
        store: &S,
        consumer: &[u8],
        now: UnixMillis,
        limits: Limits,
        claim: impl Fn(&Record, &[Budget]) -> Option<Claim>,
    ) -> Result<Option<Reservation>, Refusal<S::Error>> {
        let budgets = self.budgets(consumer);
        if budgets.is_empty() {
            return Ok(claim(&Record::default(), &[]).map(|claim| self.unlimited(claim, now)));
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
            let lost_calls = record.configure(budgets, now);
            let Some(claim) = claim(&record, budgets) else { return Ok(None) };
            if let (Limits::Enforced, Err(exceeded)) = (limits, check(&record, budgets, now, &claim.most)) {
                let exceeded = LimitExceeded { shared: location.shared, ..exceeded };
                return Err(Refusal::LimitExceeded(Box::new(exceeded)));
            }
            let expiry = record.leases.add(&claim, lease_expiry(now, self.lease));
            if write(store, &location.key, &record, cas)? {
                return Ok(Some(Reservation {
                    key: location.key,
                    claim,
                    expiry,
                    renew_at: self.renew_at(now),
                    statuses: statuses(&record, budgets, now),
                    shared: location.shared,
                    lost_calls,
                }));
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
        record.configure(budgets, now);
        match check(&record, budgets, now, least) {
            Ok(()) => Ok(remaining(&record, budgets)),
            Err(exceeded) => Err(Refusal::LimitExceeded(Box::new(LimitExceeded { is_lower_bound: true, ..exceeded }))),
        }
    }

    /// Returns the maximum number of input tokens with which a call, otherwise equal to `estimate`, fits into `remaining`.
    pub fn max_input(&self, remaining: &Remaining, estimate: &Estimate, price: Option<&ModelPrice>) -> u64 {
        largest(|input_tokens| remaining.fits(&self.worst_case(&Estimate { input_tokens, ..*estimate }, price)))
    }

    /// Returns the maximum number of output tokens per response with which a call, otherwise equal to `estimate`, fits into
    /// `remaining`; 0 if not even its prompt does.
    pub fn max_output(&self, remaining: &Remaining, estimate: &Estimate, price: Option<&ModelPrice>) -> u64 {
        largest(|tokens| {
            let max_output_tokens = Some(tokens);
            remaining.fits(&self.worst_case(&Estimate { max_output_tokens, ..*estimate }, price))
        })
    }

    /// Replaces the reserved amounts by the actual usage, in the windows of `now`. Returns the number of lost calls of the
    /// consumer that were charged by the way.
    ///
    /// A call counts in the window in which it ends, in every budget that the record then has. A settlement may exceed the
    /// limit, because a response may be longer than estimated; the consumer's calls are then refused until the window ends.
    /// If the lease has ended before, its charge is replaced too.
    pub fn settle<S: Store>(
        &self,
        store: &S,
        reservation: Reservation,
        now: UnixMillis,
        actual: &CallUsage,
    ) -> Result<u64, Unavailable<S::Error>> {
        self.change(store, &reservation.key, now, |record| {
            record.release(&reservation.claim, reservation.expiry);
            record.settle(actual);
        })
    }

    /// Renews the lease of a running call, see [`Reservation::renew_at`]. `if_lost` replaces [`Claim::if_lost`]. Returns the
    /// number of lost calls of the consumer that were charged by the way.
    ///
    /// A lease that has ended in the meantime is reserved again even if it does not fit any more: an admitted call is never
    /// aborted.
    pub fn renew<S: Store>(
        &self,
        store: &S,
        reservation: &mut Reservation,
        now: UnixMillis,
        if_lost: &CallUsage,
    ) -> Result<u64, Unavailable<S::Error>> {
        let claim = Claim { if_lost: *if_lost, ..reservation.claim };
        let mut expiry = reservation.expiry;
        let lost_calls = self.change(store, &reservation.key, now, |record| {
            record.release(&reservation.claim, reservation.expiry);
            expiry = record.leases.add(&claim, lease_expiry(now, self.lease));
        })?;
        (reservation.claim, reservation.expiry) = (claim, expiry);
        reservation.renew_at = self.renew_at(now);
        Ok(lost_calls)
    }

    /// Advances a record to `now`, applies `edit` and writes it. Retries while other workers change the record. Returns the
    /// number of lost calls.
    pub(crate) fn change<S: Store>(
        &self,
        store: &S,
        key: &[u8],
        now: UnixMillis,
        mut edit: impl FnMut(&mut Record),
    ) -> Result<u64, Unavailable<S::Error>> {
        if key.is_empty() {
            return Ok(0);
        }
        for _ in 0..MAX_ATTEMPTS {
            // If the store lost the record, it lost the reservation of this call as well.
            let Some((mut record, cas)) = read(store, key)? else { return Ok(0) };
            let lost_calls = record.advance(now);
            edit(&mut record);
            if write(store, key, &record, cas)? {
                return Ok(lost_calls);
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

    /// Returns the empty reservation of a consumer without budgets.
    fn unlimited(&self, claim: Claim, now: UnixMillis) -> Reservation {
        Reservation {
            key: Box::default(),
            claim,
            expiry: lease_expiry(now, self.lease),
            renew_at: self.renew_at(now),
            statuses: Box::default(),
            shared: false,
            lost_calls: 0,
        }
    }

    fn renew_at(&self, now: UnixMillis) -> UnixMillis {
        UnixMillis(now.0.saturating_add(self.lease.millis() / 2))
    }

    /// Returns the lifetime of a reservation that is not renewed.
    pub(crate) fn lease(&self) -> Period {
        self.lease
    }

    /// Returns the key of a stored value.
    pub(crate) fn key(&self, kind: &str, rest: &[u8]) -> Box<[u8]> {
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

/// Returns the largest number that fits; 0 if none does. A smaller number than one that fits must fit, too.
fn largest(fits: impl Fn(u64) -> bool) -> u64 {
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

/// Returns what remains of `budgets`, whose ledgers are the first ones of `record`.
fn remaining(record: &Record, budgets: &[Budget]) -> Remaining {
    let mut remaining = Remaining::default();
    for (budget, ledger) in budgets.iter().zip(&record.ledgers) {
        remaining.narrow(budget.unit(), budget.limit().saturating_sub(record.used(ledger)));
    }
    remaining
}

/// Returns the limit that a call of `usage` exceeds. `record` has been configured with `budgets`.
fn check(record: &Record, budgets: &[Budget], now: UnixMillis, usage: &CallUsage) -> Result<(), LimitExceeded> {
    debug_assert!(record.ledgers.len() >= budgets.len(), "`configure` makes a ledger for every budget");
    let exceeded = budgets.iter().zip(&record.ledgers).filter(|(budget, ledger)| {
        let amount = usage.of(budget.unit());
        amount > 0 && record.used(ledger).checked_add(amount).is_none_or(|sum| sum > budget.limit())
    });
    let worst = exceeded.max_by_key(|(budget, ledger)| (usage.of(budget.unit()) > budget.limit(), ledger.end()));
    let Some((budget, ledger)) = worst else { return Ok(()) };
    Err(LimitExceeded {
        budget: budget.name().into(),
        unit: budget.unit(),
        limit: budget.limit(),
        used: record.used(ledger),
        requested: usage.of(budget.unit()),
        is_lower_bound: false,
        window: budget.window(),
        retry_after: until(ledger.end(), now),
        never_fits: usage.of(budget.unit()) > budget.limit(),
        statuses: statuses(record, budgets, now),
        shared: false,
    })
}

/// Returns the status of `budgets`, whose ledgers are the first ones of `record`.
fn statuses(record: &Record, budgets: &[Budget], now: UnixMillis) -> Box<[BudgetStatus]> {
    let status = |(budget, ledger): (&Budget, &Ledger)| BudgetStatus {
        unit: budget.unit(),
        limit: budget.limit(),
        remaining: budget.limit().saturating_sub(record.used(ledger)),
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
