//! Numbers of the United Kingdom.

use super::digits::{alnum, exactly, is_repeated, weighted};

/// Returns `true` for an NHS number: ten digits with a check digit (modulo 11). Source: NHS Data Model and Dictionary.
pub(super) fn uk_nhs(text: &str) -> bool {
    let Some(digits) = exactly::<10>(text) else { return false };
    weighted(&digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11) && !is_repeated(&digits)
}

/// Returns `true` for a national insurance number: a prefix that is assigned, six digits, and a suffix A to D. Source: HM
/// Revenue & Customs, National Insurance Manual NIM39110.
pub(super) fn uk_nino(text: &str) -> bool {
    let Some(chars) = alnum(text) else { return false };
    let Ok([first, second, digits @ .., suffix]) = <[u8; 9]>::try_from(chars) else { return false };
    let is_prefix = first.is_ascii_alphabetic()
        && second.is_ascii_alphabetic()
        && !b"DFIQUV".contains(&first)
        && !b"DFIOQUV".contains(&second)
        && ![*b"BG", *b"GB", *b"KN", *b"NK", *b"NT", *b"TN", *b"ZZ"].contains(&[first, second]);
    is_prefix && digits.iter().all(u8::is_ascii_digit) && matches!(suffix, b'A'..=b'D')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_united_kingdom() {
        for text in ["943 476 5919", "943-476-5870", "4505577104"] {
            assert!(uk_nhs(text), "{text}");
        }
        for text in ["943 476 5918", "9434765919 1", "0000000000", "943476591"] {
            assert!(!uk_nhs(text), "{text}");
        }
        for text in ["AB123456C", "ab 12 34 56 c"] {
            assert!(uk_nino(text), "{text}");
        }
        for text in ["BG123456C", "DA123456C", "AO123456C", "AB123456E", "AB12345C", "1B123456C"] {
            assert!(!uk_nino(text), "{text}");
        }
    }
}
