//! Numbers of Australia and New Zealand.

use super::digits::{digits, exactly, is_repeated, number, weighted};

/// Returns `true` for an Australian business number: eleven digits modulo 89. Source: Australian Business Register.
pub(super) fn au_abn(text: &str) -> bool {
    let Some([first, rest @ ..]) = exactly::<11>(text) else { return false };
    let rest = weighted(&rest, &[1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    first != 0 && (u32::from(first - 1) * 10 + rest).is_multiple_of(89)
}

/// Returns `true` for an Australian company number: nine digits, the last one a check digit. Source: Australian Securities and
/// Investments Commission.
pub(super) fn au_acn(text: &str) -> bool {
    let Some(digits) = exactly::<9>(text) else { return false };
    let [.., check] = digits;
    (10 - weighted(&digits, &[8, 7, 6, 5, 4, 3, 2, 1]) % 10) % 10 == u32::from(check) && !is_repeated(&digits)
}

/// Returns `true` for an Australian tax file number: nine digits modulo 11. Source: Australian Taxation Office.
pub(super) fn au_tfn(text: &str) -> bool {
    let Some(digits) = exactly::<9>(text) else { return false };
    weighted(&digits, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11) && !is_repeated(&digits)
}

/// Returns `true` for an Australian Medicare card number: ten or eleven digits from 2 to 6 on, the ninth a check digit.
pub(super) fn au_medicare(text: &str) -> bool {
    let Some(digits) = digits(text) else { return false };
    let (&[first, ..], Some(check)) = (digits.as_slice(), digits.get(8)) else { return false };
    let sum = weighted(&digits, &[1, 3, 7, 9, 1, 3, 7, 9]);
    (10..=11).contains(&digits.len()) && matches!(first, 2..=6) && sum % 10 == u32::from(*check)
}

/// Returns `true` for a tax number of New Zealand (IRD): eight or nine digits, the last one modulo 11.
pub(super) fn nz_ird(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|digits| (8..=9).contains(&digits.len())) else { return false };
    let all = number(&digits);
    let Some((check, body)) = digits.split_last() else { return false };
    let padded: Vec<u8> = std::iter::repeat_n(0, 8 - body.len().min(8)).chain(body.iter().copied()).collect();
    let expected = |weights: &[u32]| match weighted(&padded, weights) % 11 {
        0 => 0,
        rest => 11 - rest,
    };
    let first = expected(&[3, 2, 7, 6, 5, 4, 3, 2]);
    let digit = if first == 10 { expected(&[7, 4, 3, 2, 5, 2, 7, 6]) } else { first };
    (10_000_000..150_000_000).contains(&all) && digit == u32::from(*check)
}
