//! Reservation of an admitted call.

use crate::budget::BudgetId;
use crate::status::BudgetStatus;
use crate::time::UnixMillis;
use crate::unit::Unit;
use crate::usage::CallUsage;

/// Amounts that an admitted call holds in its budgets.
///
/// [`Quota::settle`](crate::Quota::settle) consumes the reservation, so that no call is settled twice. A reservation that
/// is dropped instead stays in force until its lease ends.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a reservation that is not settled stays in force until its lease ends"]
pub struct Reservation {
    pub(crate) key: Box<[u8]>,
    pub(crate) reserved: CallUsage,
    pub(crate) renew_at: UnixMillis,
    pub(crate) holds: Box<[Hold]>,
    pub(crate) statuses: Box<[BudgetStatus]>,
    pub(crate) shared: bool,
}

/// Reserved amount in one budget: the window that admitted it and the expiry of its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) budget: BudgetId,
    pub(crate) unit: Unit,
    pub(crate) start: UnixMillis,
    pub(crate) expiry: UnixMillis,
}

impl Reservation {
    /// Returns the reserved usage, which is also the amount to settle for a call whose actual usage is unknown.
    pub fn reserved(&self) -> &CallUsage {
        &self.reserved
    }

    /// Returns the status of each budget of the consumer, in their order, with this call deducted.
    pub fn statuses(&self) -> &[BudgetStatus] {
        &self.statuses
    }

    /// Returns the time at which a running call should be [renewed](crate::Quota::renew): half a lease after the last renewal.
    pub fn renew_at(&self) -> UnixMillis {
        self.renew_at
    }

    /// Returns `true` if the call counts in the record shared by all consumers above `max_consumers`.
    pub fn is_shared(&self) -> bool {
        self.shared
    }
}
