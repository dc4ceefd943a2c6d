//! Factor on a cost.

use std::fmt;
use std::str::FromStr;

use crate::decimal::Decimal;

/// Factor on a cost in millionths, from 0 to 100: discounts (0.85) and uplifts (1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Multiplier(u32);

/// Largest factor, in millionths.
const MAX: u64 = 100_000_000;

impl Multiplier {
    /// Millionths of the factor 1.
    pub(crate) const SCALE: u128 = 1_000_000;

    /// Factor 1.
    pub const ONE: Multiplier = Multiplier(1_000_000);

    /// Returns the factor of this many millionths, if it is at most 100.
    #[must_use]
    pub fn from_millionths(parts: u64) -> Option<Multiplier> {
        u32::try_from(parts).ok().filter(|_| parts <= MAX).map(Multiplier)
    }

    /// Returns the factor that takes this share off, e.g. `"15%"`; `None` unless it is a percentage from 0 to 100.
    #[must_use]
    pub fn of_discount(percent: &str) -> Option<Multiplier> {
        1_000_000u32.checked_sub(share(percent)?.0).map(Multiplier)
    }

    /// Returns the factor that adds this share, e.g. `"10%"`.
    #[must_use]
    pub fn of_uplift(percent: &str) -> Option<Multiplier> {
        Multiplier::from_millionths(1_000_000 + u64::from(share(percent)?.0))
    }

    /// Returns the product of two factors, rounded half up to a millionth, at most 100.
    #[must_use]
    pub fn times(self, other: Multiplier) -> Multiplier {
        let product = (u64::from(self.0) * u64::from(other.0) + 500_000) / 1_000_000;
        Multiplier(u32::try_from(product.min(MAX)).unwrap_or(u32::MAX))
    }

    /// Returns the factor in millionths.
    pub(crate) fn parts(self) -> u128 {
        u128::from(self.0)
    }

    /// Returns the factor in millionths.
    #[must_use]
    pub fn millionths(self) -> u64 {
        u64::from(self.0)
    }
}

/// Parses a percentage such as `15%` or `7.5%` with at most four decimals.
fn share(percent: &str) -> Option<Multiplier> {
    let number: Decimal = percent.strip_suffix('%')?.trim_end().parse().ok()?;
    Multiplier::from_millionths(number.scaled(4)?)
}

impl Default for Multiplier {
    fn default() -> Multiplier {
        Multiplier::ONE
    }
}

impl FromStr for Multiplier {
    type Err = ();

    /// Parses a factor such as `1.1` with at most six decimals.
    fn from_str(text: &str) -> Result<Multiplier, ()> {
        let number: Decimal = text.parse().map_err(|_| ())?;
        number.scaled(6).and_then(Multiplier::from_millionths).ok_or(())
    }
}

impl fmt::Display for Multiplier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / 1_000_000, self.0 % 1_000_000);
        match format!("{fraction:06}").trim_end_matches('0') {
            "" => write!(f, "{whole}"),
            fraction => write!(f, "{whole}.{fraction}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discounts_and_uplifts_are_percentages() {
        for (percent, discount, uplift) in [
            ("15%", Some("0.85"), Some("1.15")),
            ("7.5 %", Some("0.925"), Some("1.075")),
            ("0%", Some("1"), Some("1")),
            ("100%", Some("0"), Some("2")),
            ("150%", None, Some("2.5")),
            ("0.00001%", None, None),
            ("15", None, None),
            ("-5%", None, None),
            ("", None, None),
        ] {
            let show = |factor: Option<Multiplier>| factor.map(|factor| factor.to_string());
            assert_eq!(show(Multiplier::of_discount(percent)).as_deref(), discount, "{percent}");
            assert_eq!(show(Multiplier::of_uplift(percent)).as_deref(), uplift, "{percent}");
        }
        let factor = |text: &str| text.parse::<Multiplier>().unwrap();
        assert_eq!(factor("1.1").times(factor("0.85")), factor("0.935"));
        assert_eq!(factor("100").times(factor("100")), factor("100"));
        assert!("100.1".parse::<Multiplier>().is_err() && "0.0000001".parse::<Multiplier>().is_err());
    }
}
