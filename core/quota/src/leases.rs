//! Leases: the reservations of the running calls of one consumer, summed by the time at which they expire.

use crate::claim::Claim;
use crate::ledger::MAX_SKEW;
use crate::time::{Period, UnixMillis};
use crate::usage::CallUsage;

/// Number of distinct expiries in a record. One lease length needs at most five (see [`lease_expiry`]); the others are for
/// the time after the configured lease length was changed.
pub(crate) const SLOTS: usize = 8;

/// Reservations with the same expiry. A slot without calls is free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Lease {
    pub(crate) expiry: UnixMillis,
    /// Number of running calls.
    pub(crate) calls: u32,
    /// Their claims together.
    pub(crate) claim: Claim,
}

/// Reservations of all running calls of one consumer.
///
/// They belong to no window and to no budget: a running call weighs in every budget of its consumer until it ends, also in
/// a window that began after the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Leases(pub(crate) [Lease; SLOTS]);

/// Returns the time at which a reservation made at `now` expires: after `lease`, rounded up to a multiple of a quarter of
/// it. All active reservations then share at most five expiries, and a lease is at most a quarter longer than configured
/// and never shorter.
pub(crate) fn lease_expiry(now: UnixMillis, lease: Period) -> UnixMillis {
    let grain = lease.millis().div_ceil(4);
    let end = now.0.saturating_add(lease.millis());
    UnixMillis(end.checked_next_multiple_of(grain).unwrap_or(end))
}

impl Leases {
    /// Returns the slots that are in use.
    pub(crate) fn taken(&self) -> impl Iterator<Item = &Lease> {
        self.0.iter().filter(|lease| lease.calls > 0)
    }

    /// Returns the reserved amounts of all running calls.
    pub(crate) fn reserved(&self) -> CallUsage {
        self.taken().fold(CallUsage::ZERO, |sum, lease| sum.saturating_add(lease.claim.most))
    }

    /// Removes the leases that have expired at `now`, or all of them if the clock was set back, and returns them.
    pub(crate) fn expire(&mut self, now: UnixMillis, latest: UnixMillis) -> impl Iterator<Item = Lease> + use<> {
        let is_set_back = latest.0 > now.0.saturating_add(MAX_SKEW);
        let expired = self.0.map(|lease| (lease.calls > 0 && (is_set_back || lease.expiry <= now)).then_some(lease));
        for (lease, expired) in self.0.iter_mut().zip(&expired) {
            if expired.is_some() {
                *lease = Lease::default();
            }
        }
        expired.into_iter().flatten()
    }

    /// Adds a call until about `expiry` and returns the expiry used: this one, or, if all slots have other expiries, the
    /// next later one, or the last one.
    pub(crate) fn add(&mut self, claim: &Claim, expiry: UnixMillis) -> UnixMillis {
        let mut choice: Option<&mut Lease> = None;
        for lease in &mut self.0 {
            if rank(lease, expiry) > choice.as_deref().map_or((0, 0), |best| rank(best, expiry)) {
                choice = Some(lease);
            }
        }
        let Some(lease) = choice else {
            debug_assert!(false, "every slot has a rank above zero, so one of them is chosen");
            return expiry;
        };
        if lease.calls == 0 {
            *lease = Lease { expiry, ..Lease::default() };
        }
        lease.calls = lease.calls.saturating_add(1);
        lease.claim = lease.claim.saturating_add(claim);
        lease.expiry
    }

    /// Removes a call that was added under `expiry`. Returns `false` if that lease has been removed because it expired.
    pub(crate) fn remove(&mut self, claim: &Claim, expiry: UnixMillis) -> bool {
        let Some(lease) = self.0.iter_mut().find(|lease| lease.calls > 0 && lease.expiry == expiry) else {
            return false;
        };
        lease.calls -= 1;
        lease.claim = lease.claim.saturating_sub(claim);
        if lease.calls == 0 {
            *lease = Lease::default();
        }
        true
    }
}

/// Ranks a slot for a reservation until `expiry`, higher is better: the same expiry, a free slot, a later expiry (the nearer
/// the better), an earlier expiry (the later the better). The first component is never zero.
fn rank(lease: &Lease, expiry: UnixMillis) -> (u8, u64) {
    match lease {
        Lease { calls: 0, .. } => (3, 0),
        taken if taken.expiry == expiry => (4, 0),
        taken if taken.expiry > expiry => (2, u64::MAX - (taken.expiry.0 - expiry.0)),
        taken => (1, taken.expiry.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(tokens: u64) -> Claim {
        Claim {
            most: CallUsage { tokens, ..CallUsage::ZERO },
            if_lost: CallUsage { tokens: tokens / 2, ..CallUsage::ZERO },
        }
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
            let mut leases = Leases::default();
            for now in (0..4 * lease).map(UnixMillis) {
                let _ = leases.expire(now, now);
                let expiry = lease_expiry(now, period);
                assert_eq!(leases.add(&claim(1), expiry), expiry, "lease {lease} at {now:?}");
                assert!(leases.taken().count() <= 5);
            }
        }
    }

    #[test]
    fn when_all_slots_are_taken_a_call_joins_the_next_later_lease() {
        let mut leases = Leases::default();
        for expiry in 1..=SLOTS as u64 {
            assert_eq!(leases.add(&claim(10), UnixMillis(expiry * 100)), UnixMillis(expiry * 100));
        }
        for (wanted, given) in [(150, 200), (50, 100), (800, 800), (900, 800)] {
            assert_eq!(leases.add(&claim(2), UnixMillis(wanted)), UnixMillis(given), "{wanted}");
        }
        assert_eq!(leases.reserved().tokens, 88);
        assert!(leases.remove(&claim(2), UnixMillis(200)));
        assert!(!leases.remove(&claim(2), UnixMillis(150)));
        assert!(leases.remove(&claim(10), UnixMillis(100)) && leases.remove(&claim(2), UnixMillis(100)));
        assert_eq!(leases.reserved().tokens, 74);
        // The slot of 100 is free again.
        assert_eq!(leases.add(&claim(1), UnixMillis(900)), UnixMillis(900));
    }

    #[test]
    fn expired_leases_are_removed_once() {
        let mut leases = Leases::default();
        leases.add(&claim(30), UnixMillis(1_000));
        leases.add(&claim(40), UnixMillis(2_000));
        leases.add(&claim(40), UnixMillis(2_000));
        for (now, reserved, calls) in [(999, 110, 0), (1_000, 80, 1), (1_999, 80, 0), (2_000, 0, 2), (2_001, 0, 0)] {
            let expired: u32 = leases.expire(UnixMillis(now), UnixMillis(now)).map(|lease| lease.calls).sum();
            assert_eq!((leases.reserved().tokens, expired), (reserved, calls), "{now}");
        }
        assert!(!leases.remove(&claim(30), UnixMillis(1_000)));
    }

    #[test]
    fn a_clock_that_was_set_back_ends_all_leases() {
        let mut leases = Leases::default();
        leases.add(&claim(30), UnixMillis(1_000_000));
        for (now, latest, calls) in [(80_000, 90_000, 0), (80_000, 90_001, 1)] {
            let expired: u32 = leases.expire(UnixMillis(now), UnixMillis(latest)).map(|lease| lease.calls).sum();
            assert_eq!(expired, calls);
        }
    }

    #[test]
    fn the_largest_amounts_saturate() {
        let mut leases = Leases::default();
        leases.add(&claim(u64::MAX), UnixMillis(u64::MAX));
        leases.add(&claim(1), UnixMillis(u64::MAX));
        assert_eq!(leases.reserved().tokens, u64::MAX);
        assert!(
            leases.remove(&claim(u64::MAX), UnixMillis(u64::MAX)) && leases.remove(&claim(1), UnixMillis(u64::MAX))
        );
        assert_eq!(leases, Leases::default());
    }
}
