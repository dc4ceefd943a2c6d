//! Numbers of countries in the Americas, other than the United States.

use super::date::is_date;
use super::digits::{alnum, exactly, is_repeated, luhn, pairs, value, weighted};

/// Returns `true` for a social insurance number of Canada: nine digits, not beginning with 0 or 8, with a Luhn digit. Source:
/// Employment and Social Development Canada.
pub(super) fn ca_sin(text: &str) -> bool {
    let Some(digits) = exactly::<9>(text) else { return false };
    let [first, ..] = digits;
    !matches!(first, 0 | 8) && luhn(&digits) && !is_repeated(&digits)
}

/// Returns `true` for a tax number of a person in Brazil (CPF): eleven digits, the last two check digits modulo 11. Source:
/// Receita Federal.
pub(super) fn br_cpf(text: &str) -> bool {
    let Some(digits) = exactly::<11>(text) else { return false };
    let [.., tenth, last] = digits;
    let first = weighted(&digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]);
    let second = weighted(&digits, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    first * 10 % 11 % 10 == u32::from(tenth) && second * 10 % 11 % 10 == u32::from(last) && !is_repeated(&digits)
}

/// Returns `true` for a number of a company in Brazil (CNPJ): twelve letters and digits and two check digits. Since 2026, the
/// first twelve may be letters, too. Source: Receita Federal, Instrução Normativa RFB 2.229/2024.
pub(super) fn br_cnpj(text: &str) -> bool {
    let Some(Ok(chars)) = alnum(text).map(<[u8; 14]>::try_from) else { return false };
    let [.., first, second] = chars;
    if !first.is_ascii_digit() || !second.is_ascii_digit() || chars.iter().all(|byte| *byte == first) {
        return false;
    }
    let values = chars.map(|byte| byte - b'0');
    let check = |weights: &[u32]| match weighted(&values, weights) % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    };
    check(&[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) == value(first)
        && check(&[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) == value(second)
}

/// Returns `true` for an identification number of Chile (RUT, RUN): seven or eight digits and a check character modulo 11.
pub(super) fn cl_rut(text: &str) -> bool {
    let Some(chars) = alnum(text) else { return false };
    let Some((check, body)) = chars.split_last() else { return false };
    if !(7..=8).contains(&body.len()) || !body.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let weights = [2, 3, 4, 5, 6, 7].into_iter().cycle();
    let sum: u32 = body.iter().rev().zip(weights).map(|(byte, weight)| value(*byte) * weight).sum();
    let expected = match 11 - sum % 11 {
        11 => b'0',
        10 => b'K',
        digit => b'0' + digit as u8,
    };
    *check == expected
}

/// Returns `true` for a population registry code of Mexico (CURP): letters of the name, date of birth, sex, state, and a check
/// digit. Source: Diario Oficial de la Federación, 18 October 2021.
pub(super) fn mx_curp(text: &str) -> bool {
    // Ñ has the value between N and O.
    let place = |byte: u8| if byte > b'N' { value(byte) + 1 } else { value(byte) };
    let Some(Ok(chars)) = alnum(text).map(<[u8; 18]>::try_from) else { return false };
    let [n1, n2, n3, n4, y1, y2, m1, m2, d1, d2, sex, s1, s2, c1, c2, c3, _, check] = chars;
    let letters = [n1, n2, n3, n4, s1, s2, c1, c2, c3];
    let birth = [y1, y2, m1, m2, d1, d2];
    if !letters.iter().all(u8::is_ascii_uppercase) || !birth.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let [year, month, day] = pairs(birth.map(|digit| digit - b'0'));
    let products = chars.iter().take(17).zip((2..=18).rev()).map(|(byte, weight)| place(*byte) * weight);
    let sum: u32 = products.sum();
    matches!(sex, b'H' | b'M' | b'X')
        && is_date(2000 + year, month, day)
        && (10 - sum % 10) % 10 == value(check)
        && check.is_ascii_digit()
}

/// Returns `true` for a tax number of Argentina (CUIT, CUIL): a type, eight digits and a check digit modulo 11.
pub(super) fn ar_cuit(text: &str) -> bool {
    let Some(digits) = exactly::<11>(text) else { return false };
    let [a, b, .., check] = digits;
    let sum = weighted(&digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
    let expected = match 11 - sum % 11 {
        11 => 0,
        10 => 9,
        digit => digit,
    };
    matches!(a * 10 + b, 20 | 23 | 24 | 27 | 30 | 33 | 34) && expected == u32::from(check)
}
