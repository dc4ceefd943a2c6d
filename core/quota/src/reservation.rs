//! Reservation of an admitted call.

use crate::claim::Claim;
use crate::status::BudgetStatus;
use crate::time::UnixMillis;
use crate::usage::CallUsage;

/// Amounts that an admitted call holds in its budgets.
///
/// [`Quota::settle`](crate::Quota::settle) consumes the reservation, so that no call is settled twice. A reservation that
/// is dropped instead stays in force until its lease ends, and is then charged as [`Claim::if_lost`] says.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a reservation that is not settled stays in force until its lease ends"]
pub struct Reservation {
    pub(crate) key: Box<[u8]>,
    pub(crate) claim: Claim,
    pub(crate) expiry: UnixMillis,
    pub(crate) renew_at: UnixMillis,
    pub(crate) statuses: Box<[BudgetStatus]>,
    pub(crate) shared: bool,
    pub(crate) lost_calls: u64,
}

impl Reservation {
    /// Returns the reserved usage, which is also the amount to settle for a call whose actual usage is unknown.
    pub fn reserved(&self) -> &CallUsage {
        &self.claim.most
    }

    /// Returns the charge if the call is lost.
    pub fn if_lost(&self) -> &CallUsage {
        &self.claim.if_lost
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

    /// Returns the number of other calls of the consumer that were found lost, and charged, with this reservation.
    pub fn lost_calls(&self) -> u64 {
        self.lost_calls
    }
}
