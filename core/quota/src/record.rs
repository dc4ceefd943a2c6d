//! Record: all ledgers of one consumer as one stored value.
//!
//! It is one value so that one compare-and-swap reserves in every budget or in none. Numbers are little endian:
//!
//! ```text
//! version u8 = 2, latest u64 (ms)
//! configured ledgers u8, ledgers u8, then for each ledger: budget u64, unit u8 (0 tokens, 1 requests, 2 usd), window u64 (ms), start u64 (ms),
//!   settled u64
//! leases u8, then for each lease: expiry u64 (ms), calls u32 (not zero), reserved usage, usage charged if lost
//! usage: tokens u64, requests u64, nano-dollars u64
//! ```

use tollgate_prices::NanoUsd;

use crate::budget::{Budget, BudgetId};
use crate::claim::Claim;
use crate::codec::{Corrupt, Reader};
use crate::leases::{Lease, Leases, SLOTS};
use crate::ledger::{Ledger, MAX_SKEW};
use crate::time::{Period, UnixMillis};
use crate::unit::Unit;
use crate::usage::CallUsage;

const VERSION: u8 = 2;

/// Encoded length of a ledger and of a lease.
const LEDGER_BYTES: usize = 33;
const LEASE_BYTES: usize = 60;

/// Maximum number of ledgers in a record whose budgets are not in this configuration.
const MAX_UNCONFIGURED: usize = 16;

/// Ledgers and running calls of one consumer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Record {
    pub(crate) ledgers: Vec<Ledger>,
    /// Number of ledgers, the first ones, whose budgets are in the configuration that was used last.
    pub(crate) configured: usize,
    pub(crate) leases: Leases,
    /// Latest time to which the record was advanced: a clock far behind it was set back.
    pub(crate) latest: UnixMillis,
}

impl Record {
    /// Advances the record to `now` with one ledger for each of `budgets`, in their order, followed by all other ledgers.
    /// Returns the number of lost calls, see [`advance`](Self::advance).
    ///
    /// A ledger of a budget that is not configured stays until its window ends: while a configuration is replaced, the old
    /// one still admits calls, and it may be restored. At most 16 of these are kept, the ones that end last.
    pub(crate) fn configure(&mut self, budgets: &[Budget], now: UnixMillis) -> u64 {
        for (place, budget) in budgets.iter().enumerate() {
            let ledger = match self.ledgers.iter().position(|ledger| ledger.budget == budget.id()) {
                Some(found) if found == place => continue,
                Some(found) => self.ledgers.remove(found),
                None => Ledger::new(budget, now),
            };
            self.ledgers.insert(place.min(self.ledgers.len()), ledger);
        }
        self.configured = budgets.len();
        let lost = self.advance(now);
        let mut unconfigured = self.ledgers.split_off(budgets.len().min(self.ledgers.len()));
        unconfigured.sort_by_key(|ledger| std::cmp::Reverse(ledger.end()));
        unconfigured.truncate(MAX_UNCONFIGURED);
        self.ledgers.append(&mut unconfigured);
        lost
    }

    /// Advances the record to `now`: opens the current windows, drops ended ones of other configurations, and charges the calls whose lease has ended without a
    /// settlement. Returns their number.
    ///
    /// Every worker that reads the record computes the same charge, and it is stored by the first one that writes; so it
    /// is made once.
    pub(crate) fn advance(&mut self, now: UnixMillis) -> u64 {
        let mut place = 0;
        self.ledgers.retain(|ledger| {
            place += 1;
            place <= self.configured || !ledger.is_over(now)
        });
        for ledger in &mut self.ledgers {
            ledger.advance(now);
        }
        let mut lost = 0;
        for lease in self.leases.expire(now, self.latest) {
            lost += u64::from(lease.calls);
            for ledger in &mut self.ledgers {
                ledger.charge(&lease.claim.if_lost, lease.expiry);
            }
        }
        let is_set_back = self.latest.0 > now.0.saturating_add(MAX_SKEW);
        self.latest = if is_set_back { now } else { self.latest.max(now) };
        lost
    }

    /// Removes the reservation of a call. If its lease has ended, its charge is taken back, as far as its windows have not
    /// ended.
    pub(crate) fn release(&mut self, claim: &Claim, expiry: UnixMillis) {
        if !self.leases.remove(claim, expiry) {
            for ledger in &mut self.ledgers {
                ledger.take_back(&claim.if_lost, expiry);
            }
        }
    }

    /// Adds the actual usage of a call in every ledger.
    pub(crate) fn settle(&mut self, actual: &CallUsage) {
        for ledger in &mut self.ledgers {
            ledger.settle(actual);
        }
    }

    /// Returns the amount that counts against the limit of a ledger: settled in its window, or reserved.
    pub(crate) fn used(&self, ledger: &Ledger) -> u64 {
        ledger.settled.saturating_add(self.leases.reserved().of(ledger.unit))
    }

    /// Encodes the record.
    pub(crate) fn encode(&self) -> Vec<u8> {
        // Configured budgets (16) and other ledgers (16) stay far below 255.
        debug_assert!(self.ledgers.len() <= usize::from(u8::MAX), "{} ledgers", self.ledgers.len());
        let ledgers = self.ledgers.get(..self.ledgers.len().min(usize::from(u8::MAX))).unwrap_or_default();
        let leases = self.leases.taken().count();
        let mut bytes = Vec::with_capacity(12 + ledgers.len() * LEDGER_BYTES + leases * LEASE_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.latest.0.to_le_bytes());
        bytes.push(self.configured.min(ledgers.len()) as u8);
        bytes.push(ledgers.len() as u8);
        for ledger in ledgers {
            bytes.extend_from_slice(&ledger.budget.0.to_le_bytes());
            bytes.push(unit_byte(ledger.unit));
            for number in [ledger.window.millis(), ledger.start.0, ledger.settled] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        bytes.push(leases as u8);
        for lease in self.leases.taken() {
            bytes.extend_from_slice(&lease.expiry.0.to_le_bytes());
            bytes.extend_from_slice(&lease.calls.to_le_bytes());
            for usage in [lease.claim.most, lease.claim.if_lost] {
                for number in [usage.tokens, usage.requests, usage.nano_usd.0] {
                    bytes.extend_from_slice(&number.to_le_bytes());
                }
            }
        }
        bytes
    }

    /// Decodes a stored record. Anything that [`encode`](Record::encode) does not write is an error.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Record, Corrupt> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(reader.corrupt());
        }
        let latest = UnixMillis(reader.u64()?);
        let configured = usize::from(reader.u8()?);
        let count = reader.u8()?;
        if configured > usize::from(count) {
            return Err(reader.corrupt());
        }
        let mut ledgers: Vec<Ledger> = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            let budget = BudgetId(reader.u64()?);
            let unit = unit(reader.u8()?).ok_or_else(|| reader.corrupt())?;
            let window = Period::from_millis(reader.u64()?).ok_or_else(|| reader.corrupt())?;
            let start = UnixMillis(reader.u64()?);
            let settled = reader.u64()?;
            if ledgers.iter().any(|ledger| ledger.budget == budget) {
                return Err(reader.corrupt());
            }
            ledgers.push(Ledger { budget, unit, window, start, settled });
        }
        let taken = usize::from(reader.u8()?);
        let mut leases = Leases([Lease::default(); SLOTS]);
        for lease in leases.0.get_mut(..taken).ok_or_else(|| reader.corrupt())? {
            let (expiry, calls) = (UnixMillis(reader.u64()?), reader.u32()?);
            if calls == 0 {
                return Err(reader.corrupt());
            }
            *lease = Lease { expiry, calls, claim: Claim { most: usage(&mut reader)?, if_lost: usage(&mut reader)? } };
        }
        reader.end()?;
        Ok(Record { ledgers, configured, leases, latest })
    }
}

fn unit_byte(unit: Unit) -> u8 {
    match unit {
        Unit::Tokens => 0,
        Unit::Requests => 1,
        Unit::Usd => 2,
    }
}

fn unit(byte: u8) -> Option<Unit> {
    [Unit::Tokens, Unit::Requests, Unit::Usd].get(usize::from(byte)).copied()
}

fn usage(reader: &mut Reader<'_>) -> Result<CallUsage, Corrupt> {
    Ok(CallUsage { tokens: reader.u64()?, requests: reader.u64()?, nano_usd: NanoUsd(reader.u64()?) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn budget(name: &str, window: &str) -> Budget {
        Budget::new(name, Unit::Tokens, 100, window.parse().unwrap())
    }

    fn ids(record: &Record) -> Vec<BudgetId> {
        record.ledgers.iter().map(|ledger| ledger.budget).collect()
    }

    #[test]
    fn ledgers_follow_the_order_of_the_budgets_and_keep_their_counts() {
        let [a, b, c] = [budget("a", "1m"), budget("b", "1h"), budget("c", "1d")];
        let mut record = Record::default();
        record.configure(&[a.clone(), b.clone(), c.clone()], UnixMillis(0));
        for (ledger, settled) in record.ledgers.iter_mut().zip([1, 2, 3]) {
            ledger.settled = settled;
        }
        record.configure(&[c.clone(), a.clone(), b.clone()], UnixMillis(1));
        assert_eq!(ids(&record), [c.id(), a.id(), b.id()]);
        assert_eq!(record.ledgers.iter().map(|ledger| ledger.settled).collect::<Vec<_>>(), [3, 1, 2]);
    }

    #[test]
    fn a_removed_budget_is_kept_until_its_window_ends() {
        let [a, b] = [budget("a", "1m"), budget("b", "1h")];
        let mut record = Record::default();
        record.configure(&[a.clone(), b.clone()], UnixMillis(0));
        for ledger in &mut record.ledgers {
            ledger.settled = 7;
        }
        record.configure(std::slice::from_ref(&b), UnixMillis(59_999));
        assert_eq!(ids(&record), [b.id(), a.id()]);
        record.configure(std::slice::from_ref(&b), UnixMillis(60_000));
        assert_eq!(ids(&record), [b.id()]);
        assert_eq!(record.ledgers[0].settled, 7);
    }

    #[test]
    fn the_number_of_removed_budgets_is_bounded() {
        let mut record = Record::default();
        let last = budget("last", "366d");
        record.configure(std::slice::from_ref(&last), UnixMillis(0));
        for name in 0..100 {
            record.configure(&[budget(&format!("b{name}"), "1d")], UnixMillis(0));
        }
        assert_eq!(record.ledgers.len(), 1 + MAX_UNCONFIGURED);
        assert!(ids(&record).contains(&last.id()));
    }

    #[test]
    fn malformed_bytes_are_corrupt() {
        let mut record = Record::default();
        record.configure(&[budget("a", "1m"), budget("b", "1h")], UnixMillis(0));
        record.leases.add(&Claim::from(&CallUsage { tokens: 5, ..CallUsage::ZERO }), UnixMillis(1_000));
        let good = record.encode();
        assert_eq!(Record::decode(&good), Ok(record));

        for length in 0..good.len() {
            assert!(Record::decode(&good[..length]).is_err(), "cut at {length}");
        }
        let long = [good.clone(), vec![0]].concat();
        assert_eq!(Record::decode(&long), Err(Corrupt { offset: good.len() }));
        let leases = 11 + 2 * LEDGER_BYTES;
        for (defect, at, bytes) in [
            ("version", 0, &[1][..]),
            ("more configured ledgers than there are", 9, &[3]),
            ("more ledgers than there are", 10, &[3]),
            ("fewer ledgers than there are", 10, &[1]),
            ("an unknown unit", 19, &[3]),
            ("a window of length zero", 20, &[0; 8]),
            ("more leases than a record has", leases, &[9]),
            ("a lease without calls", leases + 9, &[0; 4]),
        ] {
            let mut bad = good.clone();
            bad[at..at + bytes.len()].copy_from_slice(bytes);
            assert!(Record::decode(&bad).is_err(), "{defect}");
        }
        let mut duplicate = good.clone();
        duplicate.copy_within(11..11 + LEDGER_BYTES, 11 + LEDGER_BYTES);
        assert!(Record::decode(&duplicate).is_err(), "a duplicate budget");
    }

    fn any_usage() -> impl Strategy<Value = CallUsage> {
        any::<[u64; 3]>().prop_map(|[tokens, requests, usd]| CallUsage { tokens, requests, nano_usd: NanoUsd(usd) })
    }

    fn any_leases() -> impl Strategy<Value = Leases> {
        let lease = (any::<u64>(), 1u32.., any_usage(), any_usage()).prop_map(|(expiry, calls, most, if_lost)| Lease {
            expiry: UnixMillis(expiry),
            calls,
            claim: Claim { most, if_lost },
        });
        prop::collection::vec(lease, 0..=SLOTS).prop_map(|taken| {
            let mut leases = Leases::default();
            leases.0[..taken.len()].copy_from_slice(&taken);
            leases
        })
    }

    fn any_ledger() -> impl Strategy<Value = Ledger> {
        (any::<[u64; 3]>(), 1u64.., 0u8..3).prop_map(|([budget, start, settled], window, byte)| Ledger {
            budget: BudgetId(budget),
            unit: unit(byte).unwrap(),
            window: Period::from_millis(window).unwrap(),
            start: UnixMillis(start),
            settled,
        })
    }

    proptest! {
        #[test]
        fn encoding_and_decoding_round_trip(
            mut ledgers in prop::collection::vec(any_ledger(), 0..32), any: usize, leases in any_leases(), latest: u64,
        ) {
            ledgers.sort_by_key(|ledger| ledger.budget);
            ledgers.dedup_by_key(|ledger| ledger.budget);
            let configured = any % (ledgers.len() + 1);
            let record = Record { ledgers, configured, leases, latest: UnixMillis(latest) };
            prop_assert_eq!(Record::decode(&record.encode()), Ok(record));
        }

        #[test]
        fn any_bytes_are_a_valid_record_or_an_error(mut bytes in prop::collection::vec(any::<u8>(), 0..200), now: u64) {
            if let Some(version) = bytes.first_mut() {
                *version = VERSION;
            }
            if let Ok(mut record) = Record::decode(&bytes) {
                prop_assert_eq!(record.encode(), bytes);
                record.configure(&[budget("a", "1m")], UnixMillis(now));
            }
        }
    }
}
