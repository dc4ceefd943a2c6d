//! Price of one unit.

use std::fmt;

use crate::decimal::{Decimal, DecimalError};
use crate::dimension::Per;
use crate::money::MoneyError;

/// Price of one unit in femto-dollars (10^-15 USD): nano-dollars per million tokens. At most about 18,446 dollars.
///
/// The unit holds published prices exactly: nearly all have at most 12 decimals per token. Prices that are fractions of a
/// currency (`0.000283333...` per second) are rounded to a femto-dollar, less than 10^-8 of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitPrice(pub u64);

/// Decimal places of a price per piece, in dollars.
const PIECE_PLACES: u8 = 15;
/// Decimal places of a price per million, in dollars.
const MILLION_PLACES: u8 = 9;

impl UnitPrice {
    /// Converts a configured price in dollars for the amount `per`.
    ///
    /// # Errors
    /// More decimals than a femto-dollar per unit, or more than 2^64 femto-dollars.
    pub fn from_dollars(dollars: Decimal, per: Per) -> Result<UnitPrice, MoneyError> {
        let places = places(per);
        if dollars.scale() > places {
            return Err(MoneyError::TooFine(places));
        }
        dollars.scaled(places).map(UnitPrice).ok_or(MoneyError::Number(DecimalError::TooLong))
    }

    /// Returns the price in dollars for the amount `per`, with at least two decimals.
    #[must_use]
    pub fn display(self, per: Per) -> impl fmt::Display {
        Dollars { digits: self.0, places: usize::from(places(per)) }
    }
}

const fn places(per: Per) -> u8 {
    match per {
        Per::MillionTokens => MILLION_PLACES,
        Per::Second | Per::Piece => PIECE_PLACES,
    }
}

/// Dollars as `digits / 10^places`, printed with at least two decimals and without further trailing zeros.
pub(crate) struct Dollars {
    pub(crate) digits: u64,
    pub(crate) places: usize,
}

impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let padded = format!("{:0>width$}", self.digits, width = self.places + 1);
        let (whole, fraction) = padded.split_at(padded.len() - self.places);
        write!(f, "{whole}.{:0<2}", fraction.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_converted_exactly() {
        for (text, per, price, shown) in [
            ("2.50", Per::MillionTokens, 2_500_000_000, "2.50"),
            ("0.075", Per::MillionTokens, 75_000_000, "0.075"),
            ("0.000000001", Per::MillionTokens, 1, "0.000000001"),
            ("0.04", Per::Piece, 40_000_000_000_000, "0.04"),
            ("0.0001", Per::Second, 100_000_000_000, "0.0001"),
            ("0.000283333333333", Per::Second, 283_333_333_333, "0.000283333333333"),
            ("18446", Per::Piece, 18_446_000_000_000_000_000, "18446.00"),
            ("0", Per::Piece, 0, "0.00"),
        ] {
            let converted = UnitPrice::from_dollars(text.parse().unwrap(), per).unwrap();
            assert_eq!((converted, converted.display(per).to_string()), (UnitPrice(price), shown.to_owned()), "{text}");
        }
        for (text, per) in
            [("0.0000000001", Per::MillionTokens), ("0.0000000000000001", Per::Piece), ("18447", Per::Piece)]
        {
            assert!(UnitPrice::from_dollars(text.parse().unwrap(), per).is_err(), "{text}");
        }
    }
}
