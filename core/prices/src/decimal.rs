//! Exact decimal numbers.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// Non-negative decimal number `digits / 10^scale`, exactly as written except for trailing zeros of the fraction.
///
/// A configuration may give it as a string (`"2.50"`) or as a plain number (`2.50`). JSON and YAML parsers deliver a plain
/// number as a double. The shortest decimal representation of that double is the number as written if it has at most 15
/// significant digits (`DBL_DIG` of IEEE 754 binary64). Longer plain numbers are rejected with the advice to quote them.
/// Nothing is computed in floating point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    digits: u64,
    scale: u8,
}

/// Reason why a text is not a valid [`Decimal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecimalError {
    /// Not a sequence of digits with at most one decimal point inside.
    #[error("expected a decimal number such as \"2.50\"")]
    Syntax,
    /// Negative number.
    #[error("must not be negative")]
    Negative,
    /// Too many digits: the number without its decimal point must be below 2^64.
    #[error("has too many digits")]
    TooLong,
    /// Plain number with more digits than a double represents exactly.
    #[error("has more than 15 digits; put it in quotes")]
    NotExact,
}

/// Numbers below this have at most 15 significant digits, which always survive decimal -> double -> shortest decimal.
const EXACT_DIGITS: u64 = 1_000_000_000_000_000;

impl Decimal {
    /// Creates the number `digits / 10^scale`, without trailing zeros.
    fn new(mut digits: u64, mut scale: u8) -> Decimal {
        while scale > 0 && digits.is_multiple_of(10) {
            digits /= 10;
            scale -= 1;
        }
        Decimal { digits, scale }
    }

    /// Returns the number times `10^places`, the value of a fixed-point type, if it is an integer that fits into 64 bits.
    pub fn scaled(self, places: u8) -> Option<u64> {
        let up = places.checked_sub(self.scale)?;
        self.digits.checked_mul(10u64.checked_pow(u32::from(up))?)
    }

    /// Returns the number if it is an integer.
    pub fn integer(self) -> Option<u64> {
        self.scaled(0)
    }

    /// Returns the number of digits after the decimal point.
    pub fn scale(self) -> u8 {
        self.scale
    }

    /// Recovers the decimal number that was parsed into `value`.
    fn from_double(value: f64) -> Result<Decimal, DecimalError> {
        if !value.is_finite() {
            return Err(DecimalError::Syntax);
        }
        // `Display` of a double prints its shortest decimal representation, without an exponent.
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

    /// Parses `2`, `2.5`, `2.50`, `0.075`; rejects `.5`, `5.`, `+5`, `1e3`, `1_000`.
    fn from_str(text: &str) -> Result<Decimal, DecimalError> {
        if let Some(positive) = text.strip_prefix('-') {
            // Report a syntax error if the text after the sign is not a number.
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

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Decimal {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Decimal".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": ["string", "number"], "minimum": 0, "pattern": "^[0-9]+(\\.[0-9]+)?$"})
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parses_decimal_text() {
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
    fn plain_numbers_are_parsed_exactly_or_rejected() {
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
    fn scales_to_fixed_point() {
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
        fn numbers_of_15_digits_round_trip_through_doubles(digits in 0u64..EXACT_DIGITS, scale in 0u8..=20) {
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
