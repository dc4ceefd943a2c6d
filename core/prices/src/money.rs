//! Money as an integer.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};

use crate::decimal::{Decimal, DecimalError};

/// Decimal places of a dollar that are kept.
const PLACES: u8 = 9;
const NANOS_PER_USD: u64 = 1_000_000_000;

/// An amount of US dollars in nano-dollars (10^-9 USD), from zero to about 18.4 billion dollars.
///
/// Read from decimal dollars (`"5.00"`, at most nine decimals) and shown the same way, with two decimals or as many
/// more as there are: `5.00`, `0.000075`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NanoUsd(pub u64);

/// Why a text is no [`NanoUsd`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MoneyError {
    /// Not a decimal number.
    #[error(transparent)]
    Number(#[from] DecimalError),
    /// A fraction of a nano-dollar.
    #[error("has more than 9 decimals")]
    TooFine,
    /// More than 2^64 nano-dollars.
    #[error("is more than 18446744073 dollars")]
    TooMuch,
}

impl NanoUsd {
    /// No money.
    pub const ZERO: NanoUsd = NanoUsd(0);
    /// The most that can be said.
    pub const MAX: NanoUsd = NanoUsd(u64::MAX);

    /// The sum, if it fits.
    pub fn checked_add(self, other: NanoUsd) -> Option<NanoUsd> {
        self.0.checked_add(other.0).map(NanoUsd)
    }

    /// The sum, or the most that can be said.
    pub fn saturating_add(self, other: NanoUsd) -> NanoUsd {
        NanoUsd(self.0.saturating_add(other.0))
    }

    /// The difference, or nothing.
    pub fn saturating_sub(self, other: NanoUsd) -> NanoUsd {
        NanoUsd(self.0.saturating_sub(other.0))
    }

    /// The amount in micro-dollars (10^-6 USD), for counters that hold no more digits. Rounded up: what costs anything is
    /// never shown as free.
    pub fn micros(self) -> u64 {
        self.0.div_ceil(1_000)
    }
}

impl TryFrom<Decimal> for NanoUsd {
    type Error = MoneyError;

    /// An amount of dollars.
    fn try_from(dollars: Decimal) -> Result<NanoUsd, MoneyError> {
        if dollars.scale() > PLACES {
            return Err(MoneyError::TooFine);
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
        let (dollars, nanos) = (self.0 / NANOS_PER_USD, self.0 % NANOS_PER_USD);
        let (mut fraction, mut places) = (nanos, usize::from(PLACES));
        while places > 2 && fraction.is_multiple_of(10) {
            fraction /= 10;
            places -= 1;
        }
        write!(f, "{dollars}.{fraction:0places$}")
    }
}

impl<'de> Deserialize<'de> for NanoUsd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NanoUsd, D::Error> {
        Decimal::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts() {
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
            ("0.0000000001", MoneyError::TooFine),
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
        fn what_is_shown_is_read_back(nanos: u64) {
            prop_assert_eq!(NanoUsd(nanos).to_string().parse(), Ok(NanoUsd(nanos)));
        }

        #[test]
        fn sums_never_wrap(a: u64, b: u64) {
            let exact = u128::from(a) + u128::from(b);
            prop_assert_eq!(NanoUsd(a).checked_add(NanoUsd(b)).map(|sum| u128::from(sum.0)),
                (exact <= u128::from(u64::MAX)).then_some(exact));
            prop_assert_eq!(u128::from(NanoUsd(a).saturating_add(NanoUsd(b)).0), exact.min(u128::from(u64::MAX)));
        }
    }
}
