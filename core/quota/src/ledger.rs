//! What one consumer has used of one budget.

use crate::budget::{Budget, BudgetId, window_start};
use crate::time::{Period, UnixMillis};

/// How many lease expiries a ledger tells apart. One lease length needs five at most (see [`lease_expiry`]); the others
/// are for a lease length that was changed a moment ago.
pub(crate) const LEASES: usize = 8;

/// How far the clock of another worker may be ahead before it counts as wrong, in milliseconds.
const MAX_SKEW: u64 = 10_000;

/// Reservations that end together. Nothing is reserved in an empty slot, whatever its expiry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Lease {
    pub(crate) expiry: UnixMillis,
    pub(crate) amount: u64,
}

/// The use of one budget in one window: what is settled, and what is reserved, summed by expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ledger {
    pub(crate) budget: BudgetId,
    pub(crate) window: Period,
    pub(crate) start: UnixMillis,
    pub(crate) settled: u64,
    pub(crate) leases: [Lease; LEASES],
}

/// When a reservation made at `now` ends by itself: after `lease`, rounded up to a multiple of a quarter of it. So all
/// reservations alive share at most five expiries, and a lease is never shorter than said and at most a quarter longer.
pub(crate) fn lease_expiry(now: UnixMillis, lease: Period) -> UnixMillis {
    let grain = lease.millis().div_ceil(4);
    let end = now.0.saturating_add(lease.millis());
    UnixMillis(end.checked_next_multiple_of(grain).unwrap_or(end))
}

impl Ledger {
    /// A ledger with nothing in it.
    pub(crate) fn new(budget: &Budget, now: UnixMillis) -> Ledger {
        let start = window_start(now, budget.window());
        Ledger { budget: budget.id(), window: budget.window(), start, settled: 0, leases: Default::default() }
    }

    /// The end of the window: the first moment that is not in it.
    pub(crate) fn end(&self) -> UnixMillis {
        UnixMillis(self.start.0.saturating_add(self.window.millis()))
    }

    /// Whether the window says nothing about `now` any more.
    ///
    /// Workers read the clock at slightly different moments, so a window that has not begun yet has been opened by one
    /// that is ahead and stays open. Further ahead than that, a clock was wrong and has been set back: its window is
    /// over as well, or a consumer would wait for a day that somebody else mistook for today.
    pub(crate) fn is_over(&self, now: UnixMillis) -> bool {
        self.end() <= now || self.start.0 > now.0.saturating_add(MAX_SKEW)
    }

    /// Makes it a ledger of `now`: opens the next window if this one is over, and lets go of ended leases.
    ///
    /// Reservations of a window that is over go with it: they were admitted by its limit and are settled into it, and
    /// carrying them along would charge one call to two windows.
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

    /// What counts against the limit: settled and reserved.
    pub(crate) fn used(&self) -> u64 {
        self.leases.iter().fold(self.settled, |sum, lease| sum.saturating_add(lease.amount))
    }

    /// Reserves `amount` until about `expiry` and says which expiry it stands under: this one, or, if all slots are
    /// taken by others, the next later one, or the last.
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
            None => expiry,
        }
    }

    /// Takes back what was reserved under `expiry`. Nothing, if the lease has ended.
    pub(crate) fn release(&mut self, amount: u64, expiry: UnixMillis) {
        if let Some(lease) = self.leases.iter_mut().find(|lease| lease.amount > 0 && lease.expiry == expiry) {
            lease.amount = lease.amount.saturating_sub(amount);
            if lease.amount == 0 {
                *lease = Lease::default();
            }
        }
    }

    /// Adds what was really used.
    pub(crate) fn settle(&mut self, amount: u64) {
        self.settled = self.settled.saturating_add(amount);
    }
}

/// How well a slot suits a reservation until `expiry`, the higher the better: the same expiry, an empty slot, a later
/// expiry (the nearer the better), an earlier one (the later the better). Never zero.
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
    use crate::charge::Unit;

    fn ledger(now: u64) -> Ledger {
        Ledger::new(&Budget::new("b", Unit::Tokens, 100, "1m".parse().unwrap()), UnixMillis(now))
    }

    #[test]
    fn a_lease_is_never_shorter_than_said() {
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
    fn full_slots_are_shared_with_the_next_later_lease() {
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
    fn ended_leases_let_go() {
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
    fn a_new_window_begins_with_nothing() {
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
        // But a clock that was wrong by far does not lock anybody out.
        ledger.advance(UnixMillis(49_999));
        assert_eq!((ledger.start, ledger.used()), (UnixMillis(0), 0));
    }

    #[test]
    fn the_largest_numbers_saturate() {
        let mut ledger = ledger(u64::MAX);
        ledger.settle(u64::MAX);
        ledger.settle(1);
        ledger.reserve(u64::MAX, UnixMillis(u64::MAX));
        assert_eq!(ledger.used(), u64::MAX);
        assert_eq!(ledger.end(), UnixMillis(u64::MAX));
        ledger.advance(UnixMillis(u64::MAX));
    }
}
