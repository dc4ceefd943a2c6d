//! Ledger: the usage of one budget by one consumer.

use crate::budget::{Budget, BudgetId, window_start};
use crate::time::{Period, UnixMillis};

/// Number of distinct lease expiries in a ledger. One lease length needs at most five (see [`lease_expiry`]); the others
/// are for the time after the configured lease length was changed.
pub(crate) const LEASES: usize = 8;

/// Maximum clock skew between workers in milliseconds; a clock further ahead counts as wrong.
const MAX_SKEW: u64 = 10_000;

/// Reservations with the same expiry. A slot with an amount of zero is free, whatever its expiry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Lease {
    pub(crate) expiry: UnixMillis,
    pub(crate) amount: u64,
}

/// Usage of one budget in one window: the settled amount, and the reserved amounts summed by expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ledger {
    pub(crate) budget: BudgetId,
    pub(crate) window: Period,
    pub(crate) start: UnixMillis,
    pub(crate) settled: u64,
    pub(crate) leases: [Lease; LEASES],
}

/// Returns the time at which a reservation made at `now` expires: after `lease`, rounded up to a multiple of a quarter of
/// it. All active reservations then share at most five expiries, and a lease is at most a quarter longer than configured
/// and never shorter.
pub(crate) fn lease_expiry(now: UnixMillis, lease: Period) -> UnixMillis {
    let grain = lease.millis().div_ceil(4);
    let end = now.0.saturating_add(lease.millis());
    UnixMillis(end.checked_next_multiple_of(grain).unwrap_or(end))
}

impl Ledger {
    /// Creates an empty ledger for the window that contains `now`.
    pub(crate) fn new(budget: &Budget, now: UnixMillis) -> Ledger {
        let start = window_start(now, budget.window());
        Ledger { budget: budget.id(), window: budget.window(), start, settled: 0, leases: Default::default() }
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

    /// Advances the ledger to `now`: opens the current window if the old one is over, and releases expired leases.
    ///
    /// Reservations end with their window: its limit admitted them and they are settled into it. Carrying them over would
    /// count one call in two windows.
    pub(crate) fn advance(&mut self, now: UnixMillis) {
        if self.is_over(now) {
            self.start = window_start(now, self.window);
            self.settled = 0;
            self.leases = Default::default();
        }
        for lease in &mut self.leases {
            if lease.expiry <= now {
                *lease = Lease::default();
            }
        }
    }

    /// Returns the amount that counts against the limit: settled plus reserved.
    pub(crate) fn used(&self) -> u64 {
        self.leases.iter().fold(self.settled, |sum, lease| sum.saturating_add(lease.amount))
    }

    /// Reserves `amount` until about `expiry` and returns the expiry used: this one, or, if all slots have other expiries,
    /// the next later one, or the last one.
    pub(crate) fn reserve(&mut self, amount: u64, expiry: UnixMillis) -> UnixMillis {
        if amount == 0 {
            return expiry;
        }
        let mut choice: Option<&mut Lease> = None;
        for lease in &mut self.leases {
            if rank(lease, expiry) > choice.as_deref().map_or((0, 0), |best| rank(best, expiry)) {
                choice = Some(lease);
            }
        }
        match choice {
            Some(lease) => {
                if lease.amount == 0 {
                    lease.expiry = expiry;
                }
                lease.amount = lease.amount.saturating_add(amount);
                lease.expiry
            }
            None => {
                debug_assert!(false, "every slot has a rank above zero, so one of them is chosen");
                expiry
            }
        }
    }

    /// Releases an amount reserved under `expiry`. Does nothing if that lease has ended.
    pub(crate) fn release(&mut self, amount: u64, expiry: UnixMillis) {
        if let Some(lease) = self.leases.iter_mut().find(|lease| lease.amount > 0 && lease.expiry == expiry) {
            lease.amount = lease.amount.saturating_sub(amount);
            if lease.amount == 0 {
                *lease = Lease::default();
            }
        }
    }

    /// Adds the actual usage of a call.
    pub(crate) fn settle(&mut self, amount: u64) {
        self.settled = self.settled.saturating_add(amount);
    }
}

/// Ranks a slot for a reservation until `expiry`, higher is better: the same expiry, a free slot, a later expiry (the nearer
/// the better), an earlier expiry (the later the better). The first component is never zero.
fn rank(lease: &Lease, expiry: UnixMillis) -> (u8, u64) {
    match lease {
        Lease { amount: 0, .. } => (3, 0),
        taken if taken.expiry == expiry => (4, 0),
        taken if taken.expiry > expiry => (2, u64::MAX - (taken.expiry.0 - expiry.0)),
        taken => (1, taken.expiry.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Unit;

    fn ledger(now: u64) -> Ledger {
        Ledger::new(&Budget::new("b", Unit::Tokens, 100, "1m".parse().unwrap()), UnixMillis(now))
    }

    #[test]
    fn a_lease_is_never_shorter_than_configured() {
        for (now, lease, expiry) in [
            (0, "4s", 4_000),
            (1, "4s", 5_000),
            (999, "4s", 5_000),
            (1_000, "4s", 5_000),
            (0, "1ms", 1),
            (7, "3ms", 10),
            (u64::MAX, "15m", u64::MAX),
        ] {
            assert_eq!(lease_expiry(UnixMillis(now), lease.parse().unwrap()), UnixMillis(expiry), "{now} {lease}");
        }
    }

    #[test]
    fn one_lease_length_never_fills_the_slots() {
        for lease in 1..50u64 {
            let period = Period::from_millis(lease).unwrap();
            let mut ledger = Ledger { window: Period::from_millis(1 << 40).unwrap(), ..ledger(0) };
            for now in (0..4 * lease).map(UnixMillis) {
                ledger.advance(now);
                let expiry = lease_expiry(now, period);
                assert_eq!(ledger.reserve(1, expiry), expiry, "lease {lease} at {now:?}");
                assert!(ledger.leases.iter().filter(|lease| lease.amount > 0).count() <= 5);
            }
        }
    }

    #[test]
    fn when_all_slots_are_taken_a_reservation_joins_the_next_later_lease() {
        let mut ledger = ledger(0);
        for expiry in 1..=LEASES as u64 {
            assert_eq!(ledger.reserve(10, UnixMillis(expiry * 100)), UnixMillis(expiry * 100));
        }
        for (wanted, given) in [(150, 200), (50, 100), (800, 800), (900, 800)] {
            assert_eq!(ledger.reserve(1, UnixMillis(wanted)), UnixMillis(given), "{wanted}");
        }
        assert_eq!(ledger.used(), 84);
        ledger.release(11, UnixMillis(200));
        ledger.release(11, UnixMillis(100));
        ledger.release(5, UnixMillis(150));
        assert_eq!(ledger.used(), 62);
        assert_eq!(ledger.reserve(1, UnixMillis(900)), UnixMillis(900));
    }

    #[test]
    fn expired_leases_are_released() {
        let mut ledger = ledger(0);
        ledger.reserve(30, UnixMillis(1_000));
        ledger.reserve(40, UnixMillis(2_000));
        ledger.settle(5);
        for (now, used) in [(999, 75), (1_000, 45), (1_999, 45), (2_000, 5)] {
            ledger.advance(UnixMillis(now));
            assert_eq!(ledger.used(), used, "{now}");
        }
        ledger.release(30, UnixMillis(1_000));
        assert_eq!(ledger.used(), 5);
    }

    #[test]
    fn a_new_window_starts_at_zero() {
        let mut ledger = ledger(30_000);
        ledger.settle(50);
        ledger.reserve(20, UnixMillis(900_000));
        ledger.advance(UnixMillis(59_999));
        assert_eq!((ledger.start, ledger.used()), (UnixMillis(0), 70));
        ledger.advance(UnixMillis(60_000));
        assert_eq!((ledger.start, ledger.used()), (UnixMillis(60_000), 0));
    }

    #[test]
    fn a_worker_whose_clock_is_behind_does_not_reopen_a_window() {
        let mut ledger = ledger(60_000);
        ledger.settle(50);
        ledger.advance(UnixMillis(59_990));
        assert_eq!((ledger.start, ledger.used()), (UnixMillis(60_000), 50));
        // A clock that was far ahead does not lock consumers out.
        ledger.advance(UnixMillis(49_999));
        assert_eq!((ledger.start, ledger.used()), (UnixMillis(0), 0));
    }

    #[test]
    fn the_largest_amounts_saturate() {
        let mut ledger = ledger(u64::MAX);
        ledger.settle(u64::MAX);
        ledger.settle(1);
        ledger.reserve(u64::MAX, UnixMillis(u64::MAX));
        assert_eq!(ledger.used(), u64::MAX);
        assert_eq!(ledger.end(), UnixMillis(u64::MAX));
        ledger.advance(UnixMillis(u64::MAX));
    }
}
