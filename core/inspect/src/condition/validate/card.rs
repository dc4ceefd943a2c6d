//! Payment cards (ISO/IEC 7812-1), and the check digit that many other numbers use.

use super::digits::{digits, is_repeated, luhn as has_luhn_digit, number};

/// First digits of issuers, as a range of numbers with the same length, and the lengths of their card numbers. Source: the
/// public ranges of the card schemes, as listed under "payment card number" in Wikipedia (2026).
const ISSUERS: &[(u64, u64, std::ops::RangeInclusive<usize>)] = &[
    (4, 4, 13..=19),       // Visa
    (51, 55, 16..=16),     // Mastercard
    (2221, 2720, 16..=16), // Mastercard
    (34, 34, 15..=15),     // American Express
    (37, 37, 15..=15),     // American Express
    (6011, 6011, 16..=19), // Discover
    (644, 649, 16..=19),   // Discover
    (65, 65, 16..=19),     // Discover, RuPay
    (62, 62, 16..=19),     // UnionPay
    (300, 305, 14..=19),   // Diners Club
    (3095, 3095, 14..=19), // Diners Club
    (36, 36, 14..=19),     // Diners Club
    (38, 39, 14..=19),     // Diners Club
    (3528, 3589, 16..=19), // JCB
    (50, 50, 12..=19),     // Maestro, Dankort, Verve
    (56, 58, 12..=19),     // Maestro
    (6304, 6304, 12..=19), // Maestro
    (6759, 6763, 12..=19), // Maestro
    (2200, 2204, 16..=19), // Mir
    (60, 60, 16..=16),     // RuPay
    (81, 82, 16..=16),     // RuPay
    (9792, 9792, 16..=16), // Troy
    (1, 1, 15..=15),       // UATP
];

/// Returns `true` if the last digit is the check digit of the others, and they are not all equal.
pub(super) fn luhn(text: &str) -> bool {
    digits(text).is_some_and(|digits| digits.len() > 1 && has_luhn_digit(&digits) && !is_repeated(&digits))
}

/// Returns `true` if a number has the check digit, the first digits and the length of a payment card.
pub(super) fn card(text: &str) -> bool {
    let Some(digits) = digits(text) else { return false };
    let has_issuer = ISSUERS.iter().any(|(low, high, lengths)| {
        let len = low.ilog10() as usize + 1;
        let first = digits.get(..len).map(number);
        lengths.contains(&digits.len()) && first.is_some_and(|first| (*low..=*high).contains(&first))
    });
    has_issuer && has_luhn_digit(&digits) && !is_repeated(&digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers() {
        // Test numbers that the schemes and payment providers publish.
        for (text, expected) in [
            ("4111 1111 1111 1111", true),
            ("4111-1111-1111-1112", false),
            ("4012888888881881", true),
            ("5555555555554444", true),
            ("2223003122003222", true),
            ("378282246310005", true),
            ("6011111111111117", true),
            ("30569309025904", true),
            ("3530111333300000", true),
            ("6200000000000005", true),
            ("2200 1234 5678 9018", false),
            ("4222222222222", true),
            ("0000000000000000", false),
            ("8888888888888888", false),
            ("79927398713", false), // the check digit is right, but no issuer has these digits
            ("411111111111111", false),
            ("4111x1111", false),
        ] {
            assert_eq!(card(text), expected, "{text}");
        }
        assert!(luhn("79927398713") && !luhn("79927398710") && !luhn("0") && !luhn("") && !luhn("0000"));
    }
}
