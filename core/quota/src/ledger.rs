//! Ledger: the settled usage of one budget by one consumer.

use crate::budget::{Budget, BudgetId, window_start};
use crate::time::{Period, UnixMillis};
use crate::unit::Unit;
use crate::usage::CallUsage;

/// Maximum clock skew between workers in milliseconds; a clock further ahead counts as wrong.
pub(crate) const MAX_SKEW: u64 = 10_000;

/// Settled usage of one budget in one window. Reservations are kept once for all ledgers of a record, see
/// [`Leases`](crate::leases::Leases).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ledger {
    pub(crate) budget: BudgetId,
    pub(crate) unit: Unit,
    pub(crate) window: Period,
    pub(crate) start: UnixMillis,
    pub(crate) settled: u64,
}

impl Ledger {
    /// Creates an empty ledger for the window that contains `now`.
    pub(crate) fn new(budget: &Budget, now: UnixMillis) -> Ledger {
        let start = window_start(now, budget.window());
        Ledger { budget: budget.id(), unit: budget.unit(), window: budget.window(), start, settled: 0 }
    }

    /// Returns the end of the window: the first moment after it.
    pub(crate) fn end(&self) -> UnixMillis {
        UnixMillis(self.start.0.saturating_add(self.window.millis()))
    }

    /// Returns `true` if the window does not apply at `now`.
    ///
    /// The clocks of workers differ slightly. A window that begins up to 10 s in the future was opened by a worker whose
    /// clock is ahead, and it stays open. A window further in the future was opened by a wrong clock that has since been
    /// set back. It counts as over; otherwise a consumer would have to wait for the end of a future window.
    pub(crate) fn is_over(&self, now: UnixMillis) -> bool {
        self.end() <= now || self.start.0 > now.0.saturating_add(MAX_SKEW)
    }

    /// Opens the window of `now` if the current one is over.
    pub(crate) fn advance(&mut self, now: UnixMillis) {
        if self.is_over(now) {
            self.start = window_start(now, self.window);
            self.settled = 0;
        }
    }

    /// Adds the actual usage of a call.
    pub(crate) fn settle(&mut self, actual: &CallUsage) {
        self.settled = self.settled.saturating_add(actual.of(self.unit));
    }

    /// Adds the charge of calls whose lease ended at `expiry`, unless that was before this window: a call that is not
    /// settled counts in the window in which its lease ends.
    pub(crate) fn charge(&mut self, charge: &CallUsage, expiry: UnixMillis) {
        if expiry >= self.start {
            self.settle(charge);
        }
    }

    /// Takes back a charge that [`charge`](Self::charge) has added, if it was added in this window.
    pub(crate) fn take_back(&mut self, charge: &CallUsage, expiry: UnixMillis) {
        if expiry >= self.start {
            self.settled = self.settled.saturating_sub(charge.of(self.unit));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(now: u64) -> Ledger {
        Ledger::new(&Budget::new("b", Unit::Tokens, 100, "1m".parse().unwrap()), UnixMillis(now))
    }

    fn tokens(tokens: u64) -> CallUsage {
        CallUsage { tokens, ..CallUsage::ZERO }
    }

    #[test]
    fn a_new_window_starts_at_zero() {
        let mut ledger = ledger(30_000);
        ledger.settle(&tokens(50));
        ledger.advance(UnixMillis(59_999));
        assert_eq!((ledger.start, ledger.settled), (UnixMillis(0), 50));
        ledger.advance(UnixMillis(60_000));
        assert_eq!((ledger.start, ledger.settled), (UnixMillis(60_000), 0));
    }

    #[test]
    fn a_worker_whose_clock_is_behind_does_not_reopen_a_window() {
        let mut ledger = ledger(60_000);
        ledger.settle(&tokens(50));
        ledger.advance(UnixMillis(59_990));
        assert_eq!((ledger.start, ledger.settled), (UnixMillis(60_000), 50));
        // A clock that was far ahead does not lock consumers out.
        ledger.advance(UnixMillis(49_999));
        assert_eq!((ledger.start, ledger.settled), (UnixMillis(0), 0));
    }

    #[test]
    fn a_lost_call_counts_in_the_window_in_which_its_lease_ends() {
        for (expiry, settled) in [(59_999, 5), (60_000, 45), (70_000, 45)] {
            let mut ledger = ledger(65_000);
            ledger.settle(&tokens(5));
            ledger.charge(&tokens(40), UnixMillis(expiry));
            assert_eq!(ledger.settled, settled, "{expiry}");
            ledger.take_back(&tokens(40), UnixMillis(expiry));
            assert_eq!(ledger.settled, 5, "{expiry}");
        }
    }

    #[test]
    fn the_largest_amounts_saturate() {
        let mut ledger = ledger(u64::MAX);
        ledger.settle(&tokens(u64::MAX));
        ledger.settle(&tokens(1));
        assert_eq!(ledger.settled, u64::MAX);
        assert_eq!(ledger.end(), UnixMillis(u64::MAX));
        ledger.advance(UnixMillis(u64::MAX));
    }
}
