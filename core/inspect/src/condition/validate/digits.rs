//! Digits and letters of a number, and sums over them.

/// Returns the digits of a number, without spaces, `-`, `.` and `/`. `None` if it has other characters.
pub(super) fn digits(text: &str) -> Option<Vec<u8>> {
    let mut digits = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => digits.push(byte - b'0'),
            b' ' | b'-' | b'.' | b'/' => {}
            _ => return None,
        }
    }
    Some(digits)
}

/// Returns the digits of a number that has exactly `N` of them.
pub(super) fn exactly<const N: usize>(text: &str) -> Option<[u8; N]> {
    digits(text)?.try_into().ok()
}

/// Returns the ASCII letters, in upper case, and digits of a number, without spaces, `-`, `.` and `/`. `None` if it has other
/// characters.
pub(super) fn alnum(text: &str) -> Option<Vec<u8>> {
    let mut chars = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' => chars.push(byte),
            b'a'..=b'z' => chars.push(byte.to_ascii_uppercase()),
            b' ' | b'-' | b'.' | b'/' => {}
            _ => return None,
        }
    }
    Some(chars)
}

/// Returns the value of a digit, or of a letter from 10 on.
pub(super) fn value(byte: u8) -> u32 {
    match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        b'A'..=b'Z' => u32::from(byte - b'A') + 10,
        _ => 0,
    }
}

/// Returns the sum of all digits, each multiplied by its weight.
pub(super) fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).sum()
}

/// Returns the number that the digits represent. At most 19 digits.
pub(super) fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0u64, |number, digit| number.wrapping_mul(10).wrapping_add(u64::from(*digit)))
}

/// Returns `true` if the last digit is the check digit of the others (ISO/IEC 7812-1, annex B).
pub(super) fn luhn(digits: &[u8]) -> bool {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let values = digits.iter().rev().enumerate();
    let sum: u32 =
        values.map(|(at, digit)| if at % 2 == 0 { u32::from(*digit) } else { doubled((*digit).into()) }).sum();
    !digits.is_empty() && sum.is_multiple_of(10)
}

/// Returns `true` if the last digit is the check digit of the others (ISO 7064, MOD 11,10).
pub(super) fn mod_11_10(digits: &[u8]) -> bool {
    let Some((check, digits)) = digits.split_last() else { return false };
    let product = digits.iter().fold(10, |product, digit| {
        let sum = (product + u32::from(*digit)) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == u32::from(*check)
}

/// Returns `true` if all digits are equal, as in placeholders.
pub(super) fn is_repeated(digits: &[u8]) -> bool {
    digits.first().is_some_and(|first| digits.iter().all(|digit| digit == first))
}

/// Returns the last two digits of a year, the month and the day as numbers.
pub(super) fn pairs(digits: [u8; 6]) -> [u32; 3] {
    let [a, b, c, d, e, f] = digits.map(u32::from);
    [a * 10 + b, c * 10 + d, e * 10 + f]
}
