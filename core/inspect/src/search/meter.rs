//! Work meter: bounds the time that a text takes by its size.

/// Work that any body may take, and additional work per byte. The unit is a node visited: 10 to 15 ns.
///
/// Measured with 220 rules for secrets: documents, e-mails and tool outputs take 0.07 to 0.33 units per byte, runs of letters with
/// `@` 1.5, texts of nothing but keywords 15 to 40. So ordinary texts stay below the limit by a factor of 50, and a body of 1 MB
/// that exceeds it has taken about a quarter of a second; up to five times that if rules search views, which have an allowance of
/// their own. All packs together take one to three units per byte of prose and sources, and 25 of tool outputs full of addresses and
/// injections.
const BASE: u64 = 1 << 20;
const PER_BYTE: u64 = 16;
/// Checks in the time in which a node is visited.
const CHECKS_PER_NODE: u64 = 4;

/// Work done, and its limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    used: u64,
    limit: u64,
}

impl Default for Meter {
    fn default() -> Meter {
        Meter { used: 0, limit: u64::MAX }
    }
}

impl Meter {
    /// Creates a meter for texts of `bytes` bytes in total.
    pub(crate) fn for_bytes(bytes: u64) -> Meter {
        Meter { used: 0, limit: BASE.saturating_add(bytes.saturating_mul(PER_BYTE)) }
    }

    /// Allows the work of further `bytes` bytes.
    pub(crate) fn allow_bytes(&mut self, bytes: u64) {
        self.limit = self.limit.saturating_add(bytes.saturating_mul(PER_BYTE));
    }

    /// Counts work.
    pub(crate) fn add(&mut self, work: u64) {
        self.used = self.used.saturating_add(work);
    }

    /// Counts checks, such as of the steps of chains that a literal belongs to: even a single one is not free.
    pub(crate) fn add_checks(&mut self, count: usize) {
        self.add((count as u64).div_ceil(CHECKS_PER_NODE));
    }

    /// Returns `true` once more work was done than allowed.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.used > self.limit
    }

    /// Returns the work done.
    pub(crate) fn used(&self) -> u64 {
        self.used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_single_checks_is_not_free() {
        let mut meter = Meter::default();
        for (count, work) in [(0, 0), (1, 1), (4, 2), (5, 4), (1, 5)] {
            meter.add_checks(count);
            assert_eq!(meter.used(), work, "after {count} checks");
        }
    }
}
