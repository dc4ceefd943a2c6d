//! A limit on what one consumer may use in a window of time.

use crate::charge::Unit;
use crate::time::{Period, UnixMillis};

/// A budget, validated.
///
/// Its windows are fixed and aligned to the Unix epoch: with a window of `1h` they begin on the hour, with `1d` at
/// 00:00 UTC, with `7d` on Thursdays (1970-01-01 was one). Fixed windows take two integers, are the same for every
/// worker without talking, and give an exact answer to "when may I try again?". Their price is known: around a
/// boundary, a consumer can use two windows' worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    name: Box<str>,
    unit: Unit,
    limit: u64,
    window: Period,
    id: BudgetId,
}

/// Names a budget in stored records.
///
/// A hash of its name, unit and window: usage survives a change of the limit or of the order of budgets, and begins
/// anew where the old count would mean nothing in the new unit or window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BudgetId(pub(crate) u64);

impl Budget {
    pub(crate) fn new(name: &str, unit: Unit, limit: u64, window: Period) -> Budget {
        // FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/): small, fixed for ever, and names come from the
        // operator, who is told when two of them collide.
        let seen = [name.as_bytes(), &[0], unit.name().as_bytes(), &[0], &window.millis().to_le_bytes()];
        let hash = seen
            .concat()
            .into_iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Budget { name: name.into(), unit, limit, window, id: BudgetId(hash) }
    }

    /// The name given by the operator: 1 to 64 of `A-Z a-z 0-9 . _ -`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it counts.
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// The most that one window takes, in the unit (nano-dollars for money).
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// How long a window is.
    pub fn window(&self) -> Period {
        self.window
    }

    pub(crate) fn id(&self) -> BudgetId {
        self.id
    }
}

/// The beginning of the window that holds `now`.
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
    fn usage_survives_a_change_of_the_limit_only() {
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
        // A record written by an older module has to be found by a newer one.
        assert_eq!(budget("daily", Unit::Usd, 1, "1d").id(), BudgetId(0x230e_ac24_ec84_ee2b));
    }

    #[test]
    fn windows_begin_at_multiples_of_their_length() {
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
