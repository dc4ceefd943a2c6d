//! Money as an integer number of nano-dollars.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};

use crate::decimal::{Decimal, DecimalError};
use crate::unit_price::Dollars;

/// Number of decimal places of a dollar amount.
const PLACES: u8 = 9;

/// Amount of US dollars in nano-dollars (10^-9 USD), from zero to about 18.4 billion dollars.
///
/// Parsed from decimal dollars (`"5.00"`, at most nine decimals) and printed the same way with at least two decimals:
/// `5.00`, `0.000075`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NanoUsd(pub u64);

/// Reason why a text is not a valid [`NanoUsd`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MoneyError {
    /// Not a valid decimal number.
    #[error(transparent)]
    Number(#[from] DecimalError),
    /// More decimals than the amount can have.
    #[error("has more than {0} decimals")]
    TooFine(u8),
    /// 2^64 nano-dollars or more.
    #[error("is more than 18446744073 dollars")]
    TooMuch,
}

impl NanoUsd {
    /// Zero dollars.
    pub const ZERO: NanoUsd = NanoUsd(0);
    /// Largest representable amount.
    pub const MAX: NanoUsd = NanoUsd(u64::MAX);

    /// Returns the sum, or `None` on overflow.
    pub fn checked_add(self, other: NanoUsd) -> Option<NanoUsd> {
        self.0.checked_add(other.0).map(NanoUsd)
    }

    /// Returns the sum, or [`NanoUsd::MAX`] on overflow.
    pub fn saturating_add(self, other: NanoUsd) -> NanoUsd {
        NanoUsd(self.0.saturating_add(other.0))
    }

    /// Returns the difference, or zero if `other` is larger.
    pub fn saturating_sub(self, other: NanoUsd) -> NanoUsd {
        NanoUsd(self.0.saturating_sub(other.0))
    }

    /// Returns the amount in micro-dollars (10^-6 USD) for counters of lower resolution. Rounds up, so that a positive
    /// amount never becomes zero.
    pub fn micros(self) -> u64 {
        self.0.div_ceil(1_000)
    }
}

impl TryFrom<Decimal> for NanoUsd {
    type Error = MoneyError;

    /// Converts a decimal number of dollars.
    fn try_from(dollars: Decimal) -> Result<NanoUsd, MoneyError> {
        if dollars.scale() > PLACES {
            return Err(MoneyError::TooFine(PLACES));
        }
        dollars.scaled(PLACES).map(NanoUsd).ok_or(MoneyError::TooMuch)
    }
}

impl FromStr for NanoUsd {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<NanoUsd, MoneyError> {
        text.parse::<Decimal>()?.try_into()
    }
}

impl fmt::Display for NanoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Dollars { digits: self.0, places: usize::from(PLACES) }.fmt(f)
    }
}

impl<'de> Deserialize<'de> for NanoUsd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NanoUsd, D::Error> {
        Decimal::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for NanoUsd {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "NanoUsd".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": ["string", "number"], "minimum": 0, "pattern": "^[0-9]+(\\.[0-9]{1,9})?$"})
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parses_and_prints_decimal_dollars() {
        for (text, nanos, shown) in [
            ("0", 0, "0.00"),
            ("5.00", 5_000_000_000, "5.00"),
            ("5", 5_000_000_000, "5.00"),
            ("0.5", 500_000_000, "0.50"),
            ("0.075", 75_000_000, "0.075"),
            ("0.000000001", 1, "0.000000001"),
            ("0.000001", 1_000, "0.000001"),
            ("12.345678901", 12_345_678_901, "12.345678901"),
            ("18446744073.709551615", u64::MAX, "18446744073.709551615"),
        ] {
            assert_eq!(text.parse(), Ok(NanoUsd(nanos)), "{text}");
            assert_eq!(NanoUsd(nanos).to_string(), shown);
        }
        for (text, error) in [
            ("0.0000000001", MoneyError::TooFine(9)),
            ("18446744073.709551616", MoneyError::Number(DecimalError::TooLong)),
            ("18446744074", MoneyError::TooMuch),
            ("-1", MoneyError::Number(DecimalError::Negative)),
            ("five", MoneyError::Number(DecimalError::Syntax)),
        ] {
            assert_eq!(text.parse::<NanoUsd>(), Err(error), "{text}");
        }
    }

    #[test]
    fn micros_round_up() {
        for (nanos, micros) in [(0, 0), (1, 1), (1_000, 1), (1_001, 2), (u64::MAX, 18_446_744_073_709_552)] {
            assert_eq!(NanoUsd(nanos).micros(), micros);
        }
    }

    proptest! {
        #[test]
        fn printing_and_parsing_round_trip(nanos: u64) {
            prop_assert_eq!(NanoUsd(nanos).to_string().parse(), Ok(NanoUsd(nanos)));
        }

        #[test]
        fn sums_never_wrap_around(a: u64, b: u64) {
            let exact = u128::from(a) + u128::from(b);
            prop_assert_eq!(NanoUsd(a).checked_add(NanoUsd(b)).map(|sum| u128::from(sum.0)),
                (exact <= u128::from(u64::MAX)).then_some(exact));
            prop_assert_eq!(u128::from(NanoUsd(a).saturating_add(NanoUsd(b)).0), exact.min(u128::from(u64::MAX)));
        }
    }
}
