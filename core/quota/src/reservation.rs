//! What an admitted call holds until it is settled.

use crate::budget::BudgetId;
use crate::charge::{Charge, Unit};
use crate::status::BudgetStatus;
use crate::time::UnixMillis;

/// An admitted call's hold on its budgets. It ends in [`Quota::settle`](crate::Quota::settle), which takes it, so that
/// no call is settled twice. One that is dropped instead stands until its lease ends.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a reservation that is not settled stands until its lease ends"]
pub struct Reservation {
    pub(crate) key: Box<[u8]>,
    pub(crate) charge: Charge,
    pub(crate) renew_at: UnixMillis,
    pub(crate) holds: Box<[Hold]>,
    pub(crate) statuses: Box<[BudgetStatus]>,
    pub(crate) shared: bool,
}

/// The hold on one budget: in which window it was admitted, and under which lease it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) budget: BudgetId,
    pub(crate) unit: Unit,
    pub(crate) start: UnixMillis,
    pub(crate) expiry: UnixMillis,
}

impl Reservation {
    /// What was reserved: what to settle for a call of which nothing became known.
    pub fn charge(&self) -> &Charge {
        &self.charge
    }

    /// Where the consumer stands in each of its budgets with this call taken off, in their order.
    pub fn statuses(&self) -> &[BudgetStatus] {
        &self.statuses
    }

    /// When a call that is still running should be [renewed](crate::Quota::renew): half a lease after it last was.
    pub fn renew_at(&self) -> UnixMillis {
        self.renew_at
    }

    /// Whether it counts in the record shared by all consumers above `max_consumers`.
    pub fn is_shared(&self) -> bool {
        self.shared
    }
}
