//! Budget: a limit on the usage of one consumer per time window.

use crate::time::{Period, UnixMillis};
use crate::unit::Unit;

/// Validated budget.
///
/// Windows are fixed and aligned to the Unix epoch: `1h` windows begin on the hour, `1d` windows at 00:00 UTC, `7d` windows
/// on Thursdays (1970-01-01 was a Thursday). Fixed windows need two integers, are the same for every worker without
/// coordination, and give an exact retry time. The known drawback: around a window boundary, a consumer can use twice the
/// limit in a short time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    name: Box<str>,
    unit: Unit,
    limit: u64,
    window: Period,
    id: BudgetId,
}

/// Identifier of a budget in stored records.
///
/// A hash of name, unit and window: the count survives a change of the limit or of the order of budgets, and starts at
/// zero when unit or window change, because the old count has no meaning there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BudgetId(pub(crate) u64);

impl Budget {
    pub(crate) fn new(name: &str, unit: Unit, limit: u64, window: Period) -> Budget {
        // FNV-1a with 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/): small and never changes. Names come from the
        // operator, and the configuration is rejected if two of them collide.
        let hashed = [name.as_bytes(), &[0], unit.name().as_bytes(), &[0], &window.millis().to_le_bytes()];
        let hash = hashed
            .concat()
            .into_iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Budget { name: name.into(), unit, limit, window, id: BudgetId(hash) }
    }

    /// Returns the name given by the operator: 1 to 64 of `A-Z a-z 0-9 . _ -`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the unit that the budget counts.
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// Returns the limit per window, in the unit (nano-dollars for money).
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Returns the length of a window.
    pub fn window(&self) -> Period {
        self.window
    }

    pub(crate) fn id(&self) -> BudgetId {
        self.id
    }
}

/// Returns the start of the window that contains `now`.
pub(crate) fn window_start(now: UnixMillis, window: Period) -> UnixMillis {
    UnixMillis(now.0 - now.0 % window.millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(name: &str, unit: Unit, limit: u64, window: &str) -> Budget {
        Budget::new(name, unit, limit, window.parse().unwrap())
    }

    #[test]
    fn only_a_change_of_the_limit_keeps_the_count() {
        let id = budget("daily", Unit::Tokens, 10, "1d").id();
        assert_eq!(budget("daily", Unit::Tokens, 99, "24h").id(), id);
        for other in [
            budget("weekly", Unit::Tokens, 10, "1d"),
            budget("daily", Unit::Requests, 10, "1d"),
            budget("daily", Unit::Tokens, 10, "1h"),
        ] {
            assert_ne!(other.id(), id, "{other:?}");
        }
    }

    #[test]
    fn stored_ids_never_change() {
        // A newer module must find the records written by an older one.
        assert_eq!(budget("daily", Unit::Usd, 1, "1d").id(), BudgetId(0x230e_ac24_ec84_ee2b));
    }

    #[test]
    fn windows_start_at_multiples_of_their_length() {
        for (now, window, start) in [
            (0, "1m", 0),
            (59_999, "1m", 0),
            (60_000, "1m", 60_000),
            (1_700_000_000_123, "1d", 1_699_920_000_000),
            (u64::MAX, "1s", u64::MAX - u64::MAX % 1_000),
        ] {
            assert_eq!(window_start(UnixMillis(now), window.parse().unwrap()), UnixMillis(start));
        }
    }
}
