//! Numbers of countries in Africa, and of Israel.

use super::asia::verhoeff;
use super::date::is_date;
use super::digits::{digits, exactly, is_repeated, luhn, pairs};

/// Returns `true` for an identity number of South Africa: date of birth, sex, citizenship and a Luhn digit. Source: Department
/// of Home Affairs.
pub(super) fn za_id_number(text: &str) -> bool {
    let Some(digits) = exactly::<13>(text) else { return false };
    let [a, b, c, d, e, f, _, _, _, _, citizen, ..] = digits;
    let [year, month, day] = pairs([a, b, c, d, e, f]);
    citizen <= 2 && is_date(2000 + year, month, day) && luhn(&digits)
}

/// Returns `true` for a national identification number of Nigeria: eleven digits with a Verhoeff check digit.
pub(super) fn ng_nin(text: &str) -> bool {
    exactly::<11>(text).is_some_and(|digits| verhoeff(&digits) && !is_repeated(&digits))
}

/// Returns `true` for an identity number of Israel: up to nine digits with a Luhn digit.
pub(super) fn il_id_number(text: &str) -> bool {
    digits(text).is_some_and(|digits| (8..=9).contains(&digits.len()) && luhn(&digits) && !is_repeated(&digits))
}
