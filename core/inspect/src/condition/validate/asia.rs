//! Numbers of countries in Asia.

use super::date::is_date;
use super::digits::{alnum, exactly, is_repeated, pairs, value, weighted};

/// Returns `true` for an Aadhaar number of India: twelve digits, not beginning with 0 or 1 and not a palindrome, with a Verhoeff
/// check digit. Source: Unique Identification Authority of India.
pub(super) fn in_aadhaar(text: &str) -> bool {
    let Some(digits) = exactly::<12>(text) else { return false };
    let [first, ..] = digits;
    first >= 2 && verhoeff(&digits) && !digits.iter().eq(digits.iter().rev())
}

/// Returns `true` for a tax number of India for goods and services: state, PAN, and a check character (modulo 36). Source: GST
/// Network.
pub(super) fn in_gstin(text: &str) -> bool {
    const CHARS: u32 = 36;
    let Some(Ok(chars)) = alnum(text).map(<[u8; 15]>::try_from) else { return false };
    let [s1, s2, l1, l2, l3, l4, l5, d1, d2, d3, d4, l6, entity, z, check] = chars;
    let is_state = s1.is_ascii_digit() && s2.is_ascii_digit() && matches!(value(s1) * 10 + value(s2), 1..=38 | 97 | 99);
    let is_form = [l1, l2, l3, l4, l5, l6].iter().all(u8::is_ascii_uppercase)
        && [d1, d2, d3, d4].iter().all(u8::is_ascii_digit)
        && entity != b'0'
        && z == b'Z';
    let body = chars.iter().take(14).zip([1, 2].into_iter().cycle());
    let sum: u32 =
        body.map(|(byte, factor)| value(*byte) * factor).map(|product| product / CHARS + product % CHARS).sum();
    is_state && is_form && (CHARS - sum % CHARS) % CHARS == value(check)
}

/// Returns `true` if the last digit is the check digit of the others (Verhoeff, 1969: dihedral group of order 10).
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    const PERMUTATION: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    // Product in the group of the symmetries of a pentagon: 0 to 4 are rotations, 5 to 9 reflections.
    let product = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b) % 5 + 5,
        (false, true) => (a + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let permute = |digit: u8| PERMUTATION.get(usize::from(digit)).copied().unwrap_or(digit);
    let places = digits.iter().rev().enumerate();
    places.fold(0, |check, (place, digit)| product(check, (0..place % 8).fold(*digit, |digit, _| permute(digit)))) == 0
}

/// Returns `true` for a number of a person in Singapore (NRIC, FIN): S, T, F, G or M, seven digits and a check letter. Source:
/// Immigration & Checkpoints Authority; the weights are those of published analyses.
pub(super) fn sg_nric(text: &str) -> bool {
    let Some(Ok([first, digits @ .., check])) = alnum(text).map(<[u8; 9]>::try_from) else { return false };
    if !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let (offset, letters) = match first {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"KLJNPQRTUWX"),
        _ => return false,
    };
    let sum = offset + weighted(&digits.map(|digit| digit - b'0'), &[2, 7, 6, 5, 4, 3, 2]);
    let place = if first == b'M' { 10 - sum % 11 } else { sum % 11 };
    letters.get(place as usize) == Some(&check)
}

/// Weights of the first twelve digits of a registration number of South Korea.
const KR_WEIGHTS: &[u32] = &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5];

/// Returns `true` for a resident registration number of South Korea: date of birth, sex and century, place and serial number,
/// and a check digit. Numbers that were assigned since October 2020 have random digits in place of the last six; nine of ten of
/// them are not recognised.
pub(super) fn kr_rrn(text: &str) -> bool {
    let Some(digits) = exactly::<13>(text) else { return false };
    let [_, _, _, _, _, _, sex, .., check] = digits;
    matches!(sex, 0..=4 | 9)
        && is_korean_date(&digits)
        && (11 - weighted(&digits, KR_WEIGHTS) % 11) % 10 == u32::from(check)
}

/// Returns `true` for a registration number of a foreigner in South Korea, see [`kr_rrn`].
pub(super) fn kr_frn(text: &str) -> bool {
    let Some(digits) = exactly::<13>(text) else { return false };
    let [_, _, _, _, _, _, sex, .., check] = digits;
    matches!(sex, 5..=8)
        && is_korean_date(&digits)
        && (13 - weighted(&digits, KR_WEIGHTS) % 11) % 10 == u32::from(check)
}

fn is_korean_date(digits: &[u8; 13]) -> bool {
    let [a, b, c, d, e, f, ..] = *digits;
    let [year, month, day] = pairs([a, b, c, d, e, f]);
    is_date(2000 + year, month, day) || is_date(1900 + year, month, day)
}

/// Returns `true` for a business registration number of South Korea: ten digits, the last one a check digit. Source: National
/// Tax Service.
pub(super) fn kr_brn(text: &str) -> bool {
    let Some(digits) = exactly::<10>(text) else { return false };
    let [.., ninth, check] = digits;
    let sum = weighted(&digits, &[1, 3, 7, 1, 3, 7, 1, 3, 5]) + u32::from(ninth) * 5 / 10;
    (10 - sum % 10) % 10 == u32::from(check) && !is_repeated(&digits)
}

/// Returns `true` for an identification number of Thailand: 13 digits from 1 to 8 on, with a check digit modulo 11.
pub(super) fn th_tnin(text: &str) -> bool {
    let Some(digits) = exactly::<13>(text) else { return false };
    let [first, .., check] = digits;
    let sum = weighted(&digits, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    matches!(first, 1..=8) && (11 - sum % 11) % 10 == u32::from(check) && !is_repeated(&digits)
}

/// Returns `true` for a resident identity card number of China: region, date of birth, serial number and a check character.
/// Source: GB 11643-1999 (ISO 7064 MOD 11-2).
pub(super) fn cn_resident_id(text: &str) -> bool {
    let Some(Ok(chars)) = alnum(text).map(<[u8; 18]>::try_from) else { return false };
    let [body @ .., check] = chars;
    if !body.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let digits = body.map(|digit| digit - b'0');
    let [first, _, _, _, _, _, y1, y2, y3, y4, m1, m2, d1, d2, ..] = digits;
    let [[high, low, month], [_, _, day]] = [pairs([y1, y2, y3, y4, m1, m2]), pairs([0, 0, 0, 0, d1, d2])];
    let rest = digits.iter().fold(0, |rest, digit| (rest + u32::from(*digit)) * 2 % 11);
    let expected = match (12 - rest) % 11 {
        10 => b'X',
        digit => b'0' + digit as u8,
    };
    let year = high * 100 + low;
    first != 0 && (1800..2100).contains(&year) && is_date(year, month, day) && check == expected
}

/// Returns `true` for an individual number of Japan ("My Number"): twelve digits, the last one modulo 11. Source: Ministerial
/// Ordinance of MIC No. 85 of 2014, article 5.
pub(super) fn jp_my_number(text: &str) -> bool {
    let Some(digits) = exactly::<12>(text) else { return false };
    let [.., check] = digits;
    let rest = weighted(&digits, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    u32::from(check) == if rest <= 1 { 0 } else { 11 - rest } && !is_repeated(&digits)
}
