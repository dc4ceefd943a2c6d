//! Numbers of European countries that have one or two each.

use super::date::is_date;
use super::digits::{alnum, digits, exactly, is_repeated, luhn, number, pairs, value, weighted};

/// Letters that check a number modulo 23 in Spain.
const NIF_LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

/// Returns `true` for a Spanish tax number of a person (DNI): up to eight digits and a letter. Source: Real Decreto 1553/2005.
pub(super) fn es_nif(text: &str) -> bool {
    let Some(chars) = alnum(text) else { return false };
    let Some((letter, body)) = chars.split_last() else { return false };
    (7..=8).contains(&body.len()) && has_nif_letter(body, *letter)
}

/// Returns `true` for a Spanish number of a foreigner: X, Y or Z, seven digits and a letter. Source: Orden INT/2058/2008.
pub(super) fn es_nie(text: &str) -> bool {
    let Some(Ok([first, body @ .., letter])) = alnum(text).map(<[u8; 9]>::try_from) else { return false };
    let digit = match first {
        b'X' => b'0',
        b'Y' => b'1',
        b'Z' => b'2',
        _ => return false,
    };
    has_nif_letter(&[&[digit], body.as_slice()].concat(), letter)
}

fn has_nif_letter(body: &[u8], letter: u8) -> bool {
    let number = body.iter().fold(0, |number, byte| number * 10 + value(*byte));
    body.iter().all(u8::is_ascii_digit) && NIF_LETTERS.get(number as usize % 23) == Some(&letter)
}

/// Returns `true` for a French social security number: 13 digits (2A and 2B for Corsica) and a key modulo 97. Source: INSEE,
/// numéro d'inscription au répertoire.
pub(super) fn fr_nir(text: &str) -> bool {
    let Some(Ok(chars)) = alnum(text).map(<[u8; 15]>::try_from) else { return false };
    let [sex, _, _, m1, m2, dep1, dep2, ..] = chars;
    // Corsica: 2A counts as 19, 2B as 18.
    let department = match [dep1, dep2] {
        [b'2', b'A'] => *b"19",
        [b'2', b'B'] => *b"18",
        other => other,
    };
    let mut digits = chars;
    let [_, _, _, _, _, first, second, ..] = &mut digits;
    [*first, *second] = department;
    if !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let month = value(m1) * 10 + value(m2);
    let all = number(&digits.map(|digit| digit - b'0'));
    let is_month = matches!(month, 1..=12 | 20..=42 | 50..=99);
    matches!(sex, b'1' | b'2' | b'3' | b'4' | b'7' | b'8') && is_month && 97 - all / 100 % 97 == all % 100
}

/// Returns `true` for an Italian tax code: 15 letters and digits and a check letter. Source: Decreto Ministeriale 23/12/1976.
pub(super) fn it_fiscal_code(text: &str) -> bool {
    // Values of 0 to 9 and A to Z at odd places, counted from 1.
    const ODD: &[u32; 26] =
        &[1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let Some(Ok([body @ .., check])) = alnum(text).map(<[u8; 16]>::try_from) else { return false };
    let is_form = body.iter().enumerate().all(|(at, byte)| match at {
        0..=5 | 8 | 11 => byte.is_ascii_uppercase(),
        // Letters replace digits in codes that would not be unique.
        _ => byte.is_ascii_digit() || b"LMNPQRSTUV".contains(byte),
    });
    let sum: u32 = body
        .iter()
        .enumerate()
        .map(|(at, byte)| {
            let place = if byte.is_ascii_digit() { value(*byte) } else { value(*byte) - 10 };
            if at % 2 == 0 { ODD.get(place as usize).copied().unwrap_or(0) } else { place }
        })
        .sum();
    is_form && check.is_ascii_uppercase() && sum % 26 == value(check) - 10
}

/// Returns `true` for an Italian VAT number: eleven digits with a Luhn digit.
pub(super) fn it_vat_code(text: &str) -> bool {
    exactly::<11>(text).is_some_and(|digits| luhn(&digits) && !is_repeated(&digits))
}

/// Returns `true` for a Polish PESEL: date of birth, serial number and check digit. Source: Act on population records of 2010.
pub(super) fn pl_pesel(text: &str) -> bool {
    let Some(digits) = exactly::<11>(text) else { return false };
    let [a, b, c, d, e, f, ..] = digits;
    let [year, month, day] = pairs([a, b, c, d, e, f]);
    // The century is added to the month: 80 for 1800, 0 for 1900, 20 for 2000, 40 for 2100, 60 for 2200.
    let century = match month / 20 {
        4 => 1800,
        century => 1900 + century * 100,
    };
    is_date(century + year, month % 20, day) && weighted(&digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

/// Returns `true` for a Polish tax number (NIP): ten digits, the last one modulo 11.
pub(super) fn pl_nip(text: &str) -> bool {
    let Some(digits) = exactly::<10>(text) else { return false };
    let [.., check] = digits;
    weighted(&digits, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == u32::from(check) && !is_repeated(&digits)
}

/// Returns `true` for a Dutch citizen service number (BSN): nine digits that pass the "elfproef".
pub(super) fn nl_bsn(text: &str) -> bool {
    let Some(digits) = exactly::<9>(text) else { return false };
    let [.., check] = digits;
    let sum = weighted(&digits, &[9, 8, 7, 6, 5, 4, 3, 2]);
    sum % 11 == u32::from(check) && !is_repeated(&digits)
}

/// Returns `true` for a Belgian national number: date of birth, serial number and key modulo 97. Source: Rijksregister,
/// Royal Decree of 3 April 1984.
pub(super) fn be_nrn(text: &str) -> bool {
    let Some(digits) = exactly::<11>(text) else { return false };
    let [a, b, c, d, e, f, ..] = digits;
    let [_, month, day] = pairs([a, b, c, d, e, f]);
    let all = number(&digits);
    let (body, key) = (all / 100, all % 100);
    // For births since 2000, a 2 is written in front of the number. The month of a provisional number is 20 or 40 greater.
    let has_key = key == 97 - body % 97 || key == 97 - (2_000_000_000 + body) % 97;
    has_key && month % 20 <= 12 && month < 60 && day <= 31
}

/// Returns `true` for a Portuguese tax number (NIF): nine digits, the last one modulo 11.
pub(super) fn pt_nif(text: &str) -> bool {
    let Some(digits) = exactly::<9>(text) else { return false };
    let [first, .., check] = digits;
    let rest = weighted(&digits, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    first != 0 && u32::from(check) == if rest < 2 { 0 } else { 11 - rest }
}

/// Returns `true` for a Finnish personal identity code: date of birth, sign of the century, serial number and a check character.
/// Source: Digital and Population Data Services Agency.
pub(super) fn fi_personal_identity_code(text: &str) -> bool {
    const CHECKS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let Ok([date @ .., sign, s1, s2, s3, check]) = <[u8; 11]>::try_from(text.trim().as_bytes()) else { return false };
    let century = match sign.to_ascii_uppercase() {
        b'+' => 1800,
        b'-' | b'U' | b'V' | b'W' | b'X' | b'Y' => 1900,
        b'A' | b'B' | b'C' | b'D' | b'E' | b'F' => 2000,
        _ => return false,
    };
    let serial = [s1, s2, s3];
    if !date.iter().chain(&serial).all(u8::is_ascii_digit) {
        return false;
    }
    let [day, month, year] = pairs(date.map(|digit| digit - b'0'));
    let body = number(&date.map(|digit| digit - b'0')) * 1000 + number(&serial.map(|digit| digit - b'0'));
    let is_check = CHECKS.get((body % 31) as usize) == Some(&check.to_ascii_uppercase());
    is_date(century + year, month, day) && is_check && number(&serial.map(|digit| digit - b'0')) >= 2
}

/// Returns `true` for a Swedish personal identity number or coordination number, with or without the century: date of birth,
/// serial number and a Luhn digit. Source: Swedish Tax Agency, SKV 704.
pub(super) fn se_personnummer(text: &str) -> bool {
    let Some(short) = swedish(text) else { return false };
    let [a, b, c, d, e, f, ..] = short;
    let [year, month, day] = pairs([a, b, c, d, e, f]);
    // 60 is added to the day of a coordination number. 2000 and 1900 differ in their February only.
    let day = if day > 60 { day - 60 } else { day };
    is_date(2000 + year, month, day) && luhn(&short)
}

/// Returns `true` for a Swedish number of an organisation: ten digits, the third at least 2, and a Luhn digit.
pub(super) fn se_organisationsnummer(text: &str) -> bool {
    let Some(short) = swedish(text) else { return false };
    let [first, _, third, ..] = short;
    first != 0 && third >= 2 && luhn(&short)
}

/// Returns the last ten digits of a number with ten or twelve, of which the first two are the century.
fn swedish(text: &str) -> Option<[u8; 10]> {
    // The sign `+` in place of `-` means an age of 100 or more.
    let digits = digits(&text.trim().replace('+', "-"))?;
    match digits.as_slice() {
        [1, 6 | 8 | 9, short @ ..] | [2, 0, short @ ..] if digits.len() == 12 => short.try_into().ok(),
        short => short.try_into().ok(),
    }
}

/// Returns `true` for a Norwegian national identity number: date of birth, serial number and two check digits. Source:
/// Norwegian Tax Administration.
pub(super) fn no_fodselsnummer(text: &str) -> bool {
    let Some(digits) = exactly::<11>(text) else { return false };
    let [a, b, c, d, e, f, ..] = digits;
    let [day, month, year] = pairs([a, b, c, d, e, f]);
    // D numbers add 40 to the day, H numbers 40 to the month.
    let (day, month) = (day % 40, month % 40);
    is_date(2000 + year, month, day)
        && weighted(&digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
        && weighted(&digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

/// Returns `true` for a Swiss social insurance number (AHV): 756, nine digits and an EAN-13 check digit.
pub(super) fn ch_ahv(text: &str) -> bool {
    let Some(digits) = exactly::<13>(text) else { return false };
    digits.starts_with(&[7, 5, 6]) && weighted(&digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

/// Returns `true` for an Austrian social insurance number: serial number, check digit and date of birth.
pub(super) fn at_svnr(text: &str) -> bool {
    let Some(digits) = exactly::<10>(text) else { return false };
    let [first, _, _, check, a, b, c, d, e, f] = digits;
    let [day, month, _] = pairs([a, b, c, d, e, f]);
    // The month may be 13 to 15 if the day is not unique.
    let sum = weighted(&digits, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]);
    first != 0 && sum % 11 == u32::from(check) && (1..=31).contains(&day) && (1..=15).contains(&month)
}

/// Returns `true` for a Turkish identification number: eleven digits, not beginning with 0, the last two check digits.
pub(super) fn tr_national_id(text: &str) -> bool {
    let Some(digits) = exactly::<11>(text) else { return false };
    let [first, .., tenth, last] = digits;
    let odd = weighted(&digits, &[1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let even = weighted(&digits, &[0, 1, 0, 1, 0, 1, 0, 1]);
    let sum = weighted(&digits, &[1; 10]);
    first != 0 && (odd * 7 + 90 - even) % 10 == u32::from(tenth) && sum % 10 == u32::from(last)
}
