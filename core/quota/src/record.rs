//! Record: all ledgers of one consumer as one stored value.
//!
//! It is one value so that one compare-and-swap reserves in every budget or in none. Numbers are little endian:
//!
//! ```text
//! version u8 = 1, ledgers u8, then for each ledger
//!   budget u64, window u64 (ms), start u64 (ms), settled u64, leases u8, then for each lease
//!     expiry u64 (ms), amount u64 (not zero)
//! ```

use crate::budget::Budget;
use crate::budget::BudgetId;
use crate::codec::{Corrupt, Reader};
use crate::ledger::{LEASES, Lease, Ledger};
use crate::time::{Period, UnixMillis};

const VERSION: u8 = 1;

/// Maximum number of ledgers in a record whose budgets are not in this configuration.
const MAX_UNCONFIGURED: usize = 16;

/// Ledgers of one consumer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Record {
    pub(crate) ledgers: Vec<Ledger>,
}

impl Record {
    /// Advances the record to `now`: one ledger for each of `budgets`, in their order, followed by all other ledgers.
    ///
    /// A ledger of a budget that is not configured stays until its window ends: while a configuration is replaced, streams
    /// of the old one still settle here, and the old one may be restored. At most 16 of these are kept, the ones that end
    /// last.
    pub(crate) fn advance(&mut self, budgets: &[Budget], now: UnixMillis) {
        for (place, budget) in budgets.iter().enumerate() {
            let ledger = match self.ledgers.iter().position(|ledger| ledger.budget == budget.id()) {
                Some(found) if found == place => continue,
                Some(found) => self.ledgers.remove(found),
                None => Ledger::new(budget, now),
            };
            self.ledgers.insert(place.min(self.ledgers.len()), ledger);
        }
        let mut unconfigured = self.ledgers.split_off(budgets.len().min(self.ledgers.len()));
        unconfigured.retain(|ledger| !ledger.is_over(now));
        unconfigured.sort_by_key(|ledger| std::cmp::Reverse(ledger.end()));
        unconfigured.truncate(MAX_UNCONFIGURED);
        self.ledgers.append(&mut unconfigured);
        for ledger in &mut self.ledgers {
            ledger.advance(now);
        }
    }

    /// Returns the ledger of a budget if its current window began at `start` and has not ended.
    pub(crate) fn window_mut(&mut self, budget: BudgetId, start: UnixMillis, now: UnixMillis) -> Option<&mut Ledger> {
        let ledger = self.ledgers.iter_mut().find(|ledger| ledger.budget == budget)?;
        (ledger.start == start && !ledger.is_over(now)).then_some(ledger)
    }

    /// Encodes the record.
    pub(crate) fn encode(&self) -> Vec<u8> {
        // Configured budgets (16) and other ledgers (16) stay far below 255.
        debug_assert!(self.ledgers.len() <= usize::from(u8::MAX), "{} ledgers", self.ledgers.len());
        let ledgers = self.ledgers.get(..self.ledgers.len().min(usize::from(u8::MAX))).unwrap_or_default();
        let mut bytes = Vec::with_capacity(2 + ledgers.len() * (33 + 16 * LEASES));
        bytes.push(VERSION);
        bytes.push(ledgers.len() as u8);
        for ledger in ledgers {
            for number in [ledger.budget.0, ledger.window.millis(), ledger.start.0, ledger.settled] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            let taken = || ledger.leases.iter().filter(|lease| lease.amount > 0);
            bytes.push(taken().count() as u8);
            for lease in taken() {
                bytes.extend_from_slice(&lease.expiry.0.to_le_bytes());
                bytes.extend_from_slice(&lease.amount.to_le_bytes());
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
        let count = reader.u8()?;
        let mut record = Record { ledgers: Vec::with_capacity(usize::from(count)) };
        for _ in 0..count {
            let budget = BudgetId(reader.u64()?);
            let window = Period::from_millis(reader.u64()?).ok_or_else(|| reader.corrupt())?;
            let start = UnixMillis(reader.u64()?);
            let settled = reader.u64()?;
            let taken = usize::from(reader.u8()?);
            let mut leases = [Lease::default(); LEASES];
            for lease in leases.get_mut(..taken).ok_or_else(|| reader.corrupt())? {
                *lease = Lease { expiry: UnixMillis(reader.u64()?), amount: reader.u64()? };
                if lease.amount == 0 {
                    return Err(reader.corrupt());
                }
            }
            if record.ledgers.iter().any(|ledger| ledger.budget == budget) {
                return Err(reader.corrupt());
            }
            record.ledgers.push(Ledger { budget, window, start, settled, leases });
        }
        reader.end()?;
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::unit::Unit;

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
        record.advance(&[a.clone(), b.clone(), c.clone()], UnixMillis(0));
        for (ledger, settled) in record.ledgers.iter_mut().zip([1, 2, 3]) {
            ledger.settle(settled);
        }
        record.advance(&[c.clone(), a.clone(), b.clone()], UnixMillis(1));
        assert_eq!(ids(&record), [c.id(), a.id(), b.id()]);
        assert_eq!(record.ledgers.iter().map(Ledger::used).collect::<Vec<_>>(), [3, 1, 2]);
    }

    #[test]
    fn a_removed_budget_is_kept_until_its_window_ends() {
        let [a, b] = [budget("a", "1m"), budget("b", "1h")];
        let mut record = Record::default();
        record.advance(&[a.clone(), b.clone()], UnixMillis(0));
        for ledger in &mut record.ledgers {
            ledger.settle(7);
        }
        record.advance(std::slice::from_ref(&b), UnixMillis(59_999));
        assert_eq!(ids(&record), [b.id(), a.id()]);
        record.advance(std::slice::from_ref(&b), UnixMillis(60_000));
        assert_eq!(ids(&record), [b.id()]);
        assert_eq!(record.ledgers[0].used(), 7);
    }

    #[test]
    fn the_number_of_removed_budgets_is_bounded() {
        let mut record = Record::default();
        let last = budget("last", "366d");
        record.advance(std::slice::from_ref(&last), UnixMillis(0));
        for name in 0..100 {
            record.advance(&[budget(&format!("b{name}"), "1d")], UnixMillis(0));
        }
        assert_eq!(record.ledgers.len(), 1 + MAX_UNCONFIGURED);
        assert!(ids(&record).contains(&last.id()));
    }

    #[test]
    fn malformed_bytes_are_corrupt() {
        let mut record = Record::default();
        record.advance(&[budget("a", "1m"), budget("b", "1h")], UnixMillis(0));
        record.ledgers[0].reserve(5, UnixMillis(1_000));
        let good = record.encode();
        assert_eq!(Record::decode(&good), Ok(record));

        for length in 0..good.len() {
            assert!(Record::decode(&good[..length]).is_err(), "cut at {length}");
        }
        let long = [good.clone(), vec![0]].concat();
        assert_eq!(Record::decode(&long), Err(Corrupt { offset: good.len() }));
        for (defect, at, byte) in [
            ("version", 0, 2),
            ("more ledgers than there are", 1, 3),
            ("fewer ledgers than there are", 1, 1),
            ("more leases than a ledger has", 34, 9),
        ] {
            let mut bad = good.clone();
            bad[at] = byte;
            assert!(Record::decode(&bad).is_err(), "{defect}");
        }
        let mut duplicate = vec![VERSION, 2];
        duplicate.extend_from_slice(&good[2..51]);
        duplicate.extend_from_slice(&good[2..51]);
        assert!(Record::decode(&duplicate).is_err(), "a duplicate budget");
        let mut no_window = good.clone();
        no_window[10..18].fill(0);
        assert!(Record::decode(&no_window).is_err(), "a window of length zero");
        let mut no_amount = good;
        no_amount[43..51].fill(0);
        assert!(Record::decode(&no_amount).is_err(), "a lease with amount zero");
    }

    fn any_ledger() -> impl Strategy<Value = Ledger> {
        let lease = (any::<u64>(), 1u64..).prop_map(|(expiry, amount)| Lease { expiry: UnixMillis(expiry), amount });
        (any::<[u64; 3]>(), 1u64.., prop::collection::vec(lease, 0..=LEASES)).prop_map(|(numbers, window, taken)| {
            let [budget, start, settled] = numbers;
            let mut leases = [Lease::default(); LEASES];
            leases[..taken.len()].copy_from_slice(&taken);
            let window = Period::from_millis(window).unwrap();
            Ledger { budget: BudgetId(budget), window, start: UnixMillis(start), settled, leases }
        })
    }

    proptest! {
        #[test]
        fn encoding_and_decoding_round_trip(mut ledgers in prop::collection::vec(any_ledger(), 0..32)) {
            ledgers.sort_by_key(|ledger| ledger.budget);
            ledgers.dedup_by_key(|ledger| ledger.budget);
            let record = Record { ledgers };
            prop_assert_eq!(Record::decode(&record.encode()), Ok(record));
        }

        #[test]
        fn any_bytes_are_a_valid_record_or_an_error(mut bytes in prop::collection::vec(any::<u8>(), 0..200), now: u64) {
            if let Some(version) = bytes.first_mut() {
                *version = VERSION;
            }
            if let Ok(mut record) = Record::decode(&bytes) {
                prop_assert_eq!(record.encode(), bytes);
                record.advance(&[budget("a", "1m")], UnixMillis(now));
            }
        }
    }
}
