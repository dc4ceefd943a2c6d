//! Numbers of Germany.

use super::digits::{alnum, exactly, is_repeated, mod_11_10, value, weighted};

/// Returns `true` for a tax identification number: eleven digits, not beginning with 0, of the first ten one digit twice or
/// three times (three times not in a row), and a check digit. Source: Federal Central Tax Office, "Steuerliche
/// Identifikationsnummer", ISO 7064 MOD 11,10.
pub(super) fn de_tax_id(text: &str) -> bool {
    let Some(digits) = exactly::<11>(text) else { return false };
    let [body @ .., _] = digits;
    let mut sorted = body;
    sorted.sort_unstable();
    let repeated: Vec<usize> = sorted.chunk_by(|a, b| a == b).map(<[u8]>::len).filter(|count| *count > 1).collect();
    let is_triple = body.windows(3).any(is_repeated);
    !digits.starts_with(&[0]) && matches!(*repeated, [2 | 3]) && !is_triple && mod_11_10(&digits)
}

/// Returns `true` for a VAT number: `DE`, which may be absent, eight digits from 1 on and a check digit (ISO 7064 MOD 11,10).
pub(super) fn de_vat_id(text: &str) -> bool {
    let text = text.trim();
    let number = text.strip_prefix("DE").or_else(|| text.strip_prefix("de")).unwrap_or(text);
    exactly::<9>(number).is_some_and(|digits| !digits.starts_with(&[0]) && mod_11_10(&digits))
}

/// Returns `true` for a number of the statutory pension insurance: area, date of birth, initial, serial number and check
/// digit. Source: VKVV sections 2 to 4.
pub(super) fn de_social_security(text: &str) -> bool {
    let Some(Ok([a, b, d1, d2, m1, m2, y1, y2, letter, s1, s2, check])) = alnum(text).map(<[u8; 12]>::try_from) else {
        return false;
    };
    let digits = [a, b, d1, d2, m1, m2, y1, y2, s1, s2, check];
    if !letter.is_ascii_uppercase() || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let (day, month) = (value(d1) * 10 + value(d2), value(m1) * 10 + value(m2));
    // 50 is added to the day if the number would not be unique otherwise.
    let is_date = (1..=31).contains(&(day % 50)) && day <= 81 && (1..=12).contains(&month);
    // The letter counts as its place in the alphabet, with two digits.
    let place = u32::from(letter - b'A') + 1;
    let head = [a, b, d1, d2, m1, m2, y1, y2].map(value);
    let values = head.into_iter().chain([place / 10, place % 10, value(s1), value(s2)]);
    let products = values.zip([2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]).map(|(value, weight)| value * weight);
    let sum: u32 = products.map(|product| product / 10 + product % 10).sum();
    is_date && sum % 10 == value(check)
}

/// Returns `true` for a number of a health insurance: a letter, eight digits and a check digit. Source: GKV-Spitzenverband,
/// Krankenversichertennummer (SGB V section 290), modulo 10 with the weights 1 and 2.
pub(super) fn de_health_insurance(text: &str) -> bool {
    let Some(Ok([letter, digits @ .., check])) = alnum(text).map(<[u8; 10]>::try_from) else { return false };
    if !letter.is_ascii_uppercase() || !digits.iter().all(u8::is_ascii_digit) || !check.is_ascii_digit() {
        return false;
    }
    let place = u32::from(letter - b'A') + 1;
    let values = [place / 10, place % 10].into_iter().chain(digits.map(value));
    let products = values.zip([1, 2].into_iter().cycle()).map(|(value, weight)| value * weight);
    let sum: u32 = products.map(|product| product / 10 + product % 10).sum();
    sum % 10 == value(check)
}

/// Returns `true` for the number of an identity card or passport with its check digit: ten characters, the first nine without
/// vowels and the letters B, D, Q, S. Source: ICAO Doc 9303, part 3, section 4.9 (weights 7, 3, 1).
pub(super) fn de_id_card(text: &str) -> bool {
    let Some(Ok([body @ .., check])) = alnum(text).map(<[u8; 10]>::try_from) else { return false };
    let is_known = |byte: &u8| byte.is_ascii_digit() || b"CFGHJKLMNPRTVWXYZ".contains(byte);
    let sum: u32 = body.iter().zip([7, 3, 1].into_iter().cycle()).map(|(byte, weight)| value(*byte) * weight).sum();
    body.iter().all(is_known) && check.is_ascii_digit() && sum % 10 == value(check)
}

/// Returns `true` for the lifelong number of a physician: six digits, a check digit and two digits for the specialty. Source:
/// Kassenärztliche Bundesvereinigung, Richtlinie zur LANR (weights 4 and 9).
pub(super) fn de_lanr(text: &str) -> bool {
    let Some(digits) = exactly::<9>(text) else { return false };
    let [_, _, _, _, _, _, check, _, _] = digits;
    let sum = weighted(&digits, &[4, 9, 4, 9, 4, 9]);
    (10 - sum % 10) % 10 == u32::from(check) && !is_repeated(&digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_germany() {
        for (validate, valid, invalid) in [
            (
                de_tax_id as fn(&str) -> bool,
                &["36574261809", "36 574 261 809"][..],
                &["36574261890", "36554266806", "12345678903", "06574261809", "3657426180"][..],
            ),
            (
                de_vat_id,
                &["DE136695976", "de 136 695 976", "136695976"],
                &["DE136695978", "DE036695976", "FR136695976"],
            ),
            (
                de_social_security,
                &["15070649C103", "65 180199 T 00 7"],
                &["15070649C104", "15071349C103", "15400649C103", "150706491103", "15070649C10"],
            ),
            (de_health_insurance, &["A123456780", "T000000014"], &["A123456781", "1123456780", "A12345678"]),
            (de_id_card, &["T220001293", "C01X00T478"], &["T220001294", "A220001293", "T22000129"]),
            (de_lanr, &["123456601"], &["123456701", "000000000", "12345660"]),
        ] {
            valid.iter().for_each(|text| assert!(validate(text), "{text}"));
            invalid.iter().for_each(|text| assert!(!validate(text), "{text}"));
        }
    }
}
