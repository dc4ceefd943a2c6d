//! Numbers of the United States.

use super::digits::{alnum, exactly, is_repeated, luhn, number, weighted};

/// Returns `true` for a routing number of a bank: prefix of a Federal Reserve district and check digit. Source: American
/// Bankers Association, Routing Number Policy.
pub(super) fn aba(text: &str) -> bool {
    let Some(digits) = exactly::<9>(text) else { return false };
    let [first, second, ..] = digits;
    let prefix = first * 10 + second;
    let is_district = matches!(prefix, 1..=12 | 21..=32 | 61..=72 | 80);
    is_district && weighted(&digits, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
}

/// Returns `true` for a social security number that may have been assigned. Source: Social Security Administration, Social
/// Security Number Randomization: no area 000, 666 or 900 to 999, no group 00, no serial number 0000. Numbers that were
/// published as examples are excluded.
pub(super) fn us_ssn(text: &str) -> bool {
    let Some(digits) = exactly::<9>(text) else { return false };
    let separators: Vec<char> = text.chars().filter(|c| !c.is_ascii_digit()).collect();
    let is_uniform =
        separators.first().is_none_or(|first| separators.len() == 2 && separators.iter().all(|c| c == first));
    let all = number(&digits);
    let (area, group, serial) = (all / 1_000_000, all / 10_000 % 100, all % 10_000);
    let is_example = matches!(all, 78_051_120 | 219_099_999 | 123_456_789 | 987_654_320..=987_654_329);
    is_uniform && !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0 && !is_example && !is_repeated(&digits)
}

/// Returns `true` for an individual taxpayer identification number: 9, and a group that the Internal Revenue Service assigns.
/// Source: IRS, Publication 1915.
pub(super) fn us_itin(text: &str) -> bool {
    let Some(digits) = exactly::<9>(text) else { return false };
    let all = number(&digits);
    all / 100_000_000 == 9 && matches!(all / 10_000 % 100, 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

/// Returns `true` for a national provider identifier: ten digits from 1 or 2 on, with a Luhn digit over the number behind the
/// prefix 80840. Source: Centers for Medicare & Medicaid Services, 45 CFR 162.406.
pub(super) fn us_npi(text: &str) -> bool {
    let Some(digits) = exactly::<10>(text) else { return false };
    let [first, ..] = digits;
    matches!(first, 1 | 2) && luhn(&[[8, 0, 8, 4, 0].as_slice(), &digits].concat())
}

/// Returns `true` for a registration number of the Drug Enforcement Administration: two letters (or a letter and 9), six digits
/// and a check digit.
pub(super) fn us_dea(text: &str) -> bool {
    let Some(chars) = alnum(text) else { return false };
    let Ok([first, second, digits @ ..]) = <[u8; 9]>::try_from(chars) else { return false };
    if !first.is_ascii_alphabetic()
        || !(second.is_ascii_alphabetic() || second == b'9')
        || !digits.iter().all(u8::is_ascii_digit)
    {
        return false;
    }
    let digits = digits.map(|digit| digit - b'0');
    let sum = weighted(&digits, &[1, 2, 1, 2, 1, 2, 0]);
    let [.., check] = digits;
    sum % 10 == u32::from(check)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_united_states() {
        for (validate, valid, invalid) in [
            (
                aba as fn(&str) -> bool,
                &["121000358", "0711-0130-7", "011000015"][..],
                &["121000359", "991000358", "12100035", "1210003581"][..],
            ),
            (
                us_ssn,
                &["078-05-1121", "536 22 8726", "536228726"],
                &[
                    "078-05-1120",
                    "000-12-3456",
                    "666-12-3456",
                    "900-12-3456",
                    "536-00-8726",
                    "536-22-0000",
                    "536-22 8726",
                    "123456789",
                    "555555555",
                    "53622872",
                    "536--228726-",
                ],
            ),
            (us_itin, &["911-70-1234", "900-50-1234", "999-99-9999"], &["911-89-1234", "811-70-1234", "911-93-1234"]),
            (us_npi, &["1234567893", "1245319599"], &["1234567890", "3234567891", "123456789"]),
            (us_dea, &["AB1234563", "F91234563"], &["AB1234564", "1B1234563", "AB123456", "AB12345X3"]),
        ] {
            valid.iter().for_each(|text| assert!(validate(text), "{text}"));
            invalid.iter().for_each(|text| assert!(!validate(text), "{text}"));
        }
    }
}
