//! Decimal numbers as people write them, kept digit for digit.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A non-negative decimal number: `digits / 10^scale`, exactly as written (trailing zeros of the fraction dropped).
///
/// In a configuration it may be text (`"2.50"`) or a plain number (`2.50`). JSON and YAML readers hand a plain number
/// over as a double; the shortest decimal that names this double is the number that was written as long as that had
/// no more than 15 significant digits (`DBL_DIG` of IEEE 754 binary64), so that is what is read, and a longer one is
/// refused with the advice to quote it. Nothing is ever computed in floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    digits: u64,
    scale: u8,
}

/// Why a text is no [`Decimal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecimalError {
    /// Something else than digits with at most one point between them.
    #[error("expected a decimal number such as \"2.50\"")]
    Syntax,
    /// Below zero.
    #[error("must not be negative")]
    Negative,
    /// More digits than are kept (the number without its point must be below 2^64).
    #[error("has too many digits")]
    TooLong,
    /// A plain number of a configuration with more digits than a double keeps.
    #[error("has more than 15 digits: write it in quotes")]
    NotExact,
}

/// Significant digits that survive decimal -> double -> shortest decimal, whatever they are.
const EXACT_DIGITS: u64 = 1_000_000_000_000_000;

impl Decimal {
    /// The number `digits / 10^scale`.
    fn new(mut digits: u64, mut scale: u8) -> Decimal {
        while scale > 0 && digits.is_multiple_of(10) {
            digits /= 10;
            scale -= 1;
        }
        Decimal { digits, scale }
    }

    /// The number times `10^places`, if that is an integer that fits: what a fixed-point type is made from.
    pub fn scaled(self, places: u8) -> Option<u64> {
        let up = places.checked_sub(self.scale)?;
        self.digits.checked_mul(10u64.checked_pow(u32::from(up))?)
    }

    /// The number as an integer, if it is one.
    pub fn integer(self) -> Option<u64> {
        self.scaled(0)
    }

    /// How many digits stand after the point.
    pub fn scale(self) -> u8 {
        self.scale
    }

    /// The number a double was written as.
    fn from_double(value: f64) -> Result<Decimal, DecimalError> {
        if !value.is_finite() {
            return Err(DecimalError::Syntax);
        }
        // `Display` of a double is its shortest decimal, without an exponent.
        let decimal: Decimal = value.to_string().parse()?;
        let mut significant = decimal.digits;
        while significant != 0 && significant.is_multiple_of(10) {
            significant /= 10;
        }
        if significant >= EXACT_DIGITS { Err(DecimalError::NotExact) } else { Ok(decimal) }
    }
}

impl From<u64> for Decimal {
    fn from(digits: u64) -> Decimal {
        Decimal { digits, scale: 0 }
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    /// Reads `2`, `2.5`, `2.50`, `0.075`; not `.5`, `5.`, `+5`, `1e3`, `1_000`.
    fn from_str(text: &str) -> Result<Decimal, DecimalError> {
        if let Some(positive) = text.strip_prefix('-') {
            // Still say "syntax" for what is no number at all.
            return Err(match positive.parse::<Decimal>() {
                Ok(_) => DecimalError::Negative,
                Err(error) => error,
            });
        }
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction.trim_end_matches('0')),
            Some(_) => return Err(DecimalError::Syntax),
            None => (text, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(DecimalError::Syntax);
        }
        let mut digits = 0u64;
        for byte in whole.bytes().chain(fraction.bytes()) {
            digits = digits
                .checked_mul(10)
                .and_then(|digits| digits.checked_add(u64::from(byte - b'0')))
                .ok_or(DecimalError::TooLong)?;
        }
        let scale = u8::try_from(fraction.len()).map_err(|_| DecimalError::TooLong)?;
        Ok(Decimal::new(digits, scale))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scale == 0 {
            return write!(f, "{}", self.digits);
        }
        let places = usize::from(self.scale);
        let padded = format!("{:0>width$}", self.digits, width = places + 1);
        let (whole, fraction) = padded.split_at(padded.len() - places);
        write!(f, "{whole}.{fraction}")
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Decimal;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number such as \"2.50\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Decimal, E> {
                Ok(value.into())
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Decimal, E> {
                u64::try_from(value).map(Decimal::from).map_err(|_| E::custom(DecimalError::Negative))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Decimal, E> {
                Decimal::from_double(value).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts() {
        for (text, digits, scale) in [
            ("0", 0, 0),
            ("00", 0, 0),
            ("0.0", 0, 0),
            ("2", 2, 0),
            ("20", 20, 0),
            ("2.50", 25, 1),
            ("007.5", 75, 1),
            ("0.075", 75, 3),
            ("18446744073709551615", u64::MAX, 0),
            ("0.00000000000000000001", 1, 20),
        ] {
            assert_eq!(text.parse(), Ok(Decimal { digits, scale }), "{text}");
        }
        for (text, error) in [
            ("", DecimalError::Syntax),
            (".", DecimalError::Syntax),
            (".5", DecimalError::Syntax),
            ("5.", DecimalError::Syntax),
            ("1.2.3", DecimalError::Syntax),
            ("+1", DecimalError::Syntax),
            ("1e3", DecimalError::Syntax),
            ("1_000", DecimalError::Syntax),
            (" 1", DecimalError::Syntax),
            ("$1", DecimalError::Syntax),
            ("1,5", DecimalError::Syntax),
            ("٣", DecimalError::Syntax),
            ("-", DecimalError::Syntax),
            ("--1", DecimalError::Negative),
            ("-1.5", DecimalError::Negative),
            ("18446744073709551616", DecimalError::TooLong),
            ("1.8446744073709551616", DecimalError::TooLong),
        ] {
            assert_eq!(text.parse::<Decimal>(), Err(error), "{text}");
        }
    }

    #[test]
    fn plain_numbers_of_a_configuration() {
        for (text, decimal) in [
            ("2.50", "2.5"),
            ("2", "2"),
            ("0.075", "0.075"),
            ("1e-6", "0.000001"),
            ("1.5e-07", "0.00000015"),
            ("0.1", "0.1"),
            ("123456.789012345", "123456.789012345"),
            ("1e18", "1000000000000000000"),
            ("18446744073709551615", "18446744073709551615"),
            ("\"0.1234567890123456789\"", "0.1234567890123456789"),
        ] {
            let decimal: Decimal = decimal.parse().unwrap();
            assert_eq!(serde_json::from_str::<Decimal>(text).unwrap(), decimal, "JSON {text}");
            assert_eq!(serde_saphyr::from_str::<Decimal>(text).unwrap(), decimal, "YAML {text}");
        }
        for (text, error) in [
            ("0.1234567890123456", "quotes"),
            ("-1", "negative"),
            ("-1.5", "negative"),
            ("true", "decimal number"),
            ("null", "decimal number"),
            ("[]", "decimal number"),
            ("\"2,50\"", "decimal number"),
        ] {
            let found = serde_json::from_str::<Decimal>(text).unwrap_err().to_string();
            assert!(found.contains(error), "JSON {text}: {found}");
            assert!(serde_saphyr::from_str::<Decimal>(text).is_err(), "YAML {text}");
        }
        assert!(serde_saphyr::from_str::<Decimal>(".inf").is_err());
        assert!(serde_saphyr::from_str::<Decimal>(".nan").is_err());
    }

    #[test]
    fn fixed_point() {
        for (text, places, scaled) in [
            ("2.5", 9, Some(2_500_000_000)),
            ("2.5", 1, Some(25)),
            ("2.5", 0, None),
            ("0.0000000001", 9, None),
            ("18446744073.709551615", 9, Some(u64::MAX)),
            ("18446744073709551615", 9, None),
            ("1", 20, None),
        ] {
            assert_eq!(text.parse::<Decimal>().unwrap().scaled(places), scaled, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_number_of_15_digits_is_read_as_it_was_written(digits in 0u64..EXACT_DIGITS, scale in 0u8..=20) {
            let written = Decimal::new(digits, scale);
            prop_assert_eq!(written.to_string().parse::<Decimal>(), Ok(written));
            let double: f64 = written.to_string().parse().unwrap();
            prop_assert_eq!(Decimal::from_double(double), Ok(written));
        }

        #[test]
        fn any_text_is_a_number_or_an_error(text in "[-0-9.e+]{0,24}") {
            if let Ok(decimal) = text.parse::<Decimal>() {
                prop_assert_eq!(decimal.to_string().parse::<Decimal>(), Ok(decimal));
            }
        }
    }
}
