//! Addresses of networks, telephones and vehicles.

use super::digits::{alnum, digits, is_repeated, luhn, value};
use core::net::{IpAddr, Ipv4Addr};

/// Returns `true` for an address of the Internet Protocol, version 4 or 6, other than an unspecified or loopback one.
pub(super) fn ip(text: &str) -> bool {
    text.trim().parse::<IpAddr>().is_ok_and(|ip| !ip.is_unspecified() && !ip.is_loopback())
}

/// Returns `true` for an IP address of the public Internet: not private, link-local, shared, reserved or for documentation.
pub(super) fn public_ip(text: &str) -> bool {
    match text.trim().parse::<IpAddr>() {
        Ok(IpAddr::V4(v4)) => is_public(v4),
        Ok(IpAddr::V6(v6)) => {
            let [first, second, ..] = v6.segments();
            // 2000::/3 is what has been assigned; 2001:db8::/32 and 3fff::/20 are for documentation.
            let is_documentation = first == 0x2001 && second == 0xdb8 || first == 0x3fff && second < 0x1000;
            first & 0xe000 == 0x2000 && !is_documentation
        }
        Err(_) => false,
    }
}

fn is_public(v4: Ipv4Addr) -> bool {
    let [first, second, ..] = v4.octets();
    let is_shared = first == 100 && second & 0xc0 == 64;
    // 198.18.0.0/15 is for benchmarks, 192.0.0.0/24 for protocols (RFC 6890).
    let is_reserved = first == 198 && second & 0xfe == 18 || matches!(v4.octets(), [192, 0, 0, _]);
    let is_special = is_reserved || v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_documentation();
    !is_special && !is_shared && !matches!(first, 0 | 224..)
}

/// Returns `true` for a telephone number that is plausible: after `+` or `00`, a country code that is assigned and 8 to 15 digits
/// (ITU-T E.164); else 7 to 11 digits. No number consists of one digit, or ascends through all digits.
pub(super) fn phone(text: &str) -> bool {
    let text = text.trim();
    // `(0)` in international numbers is dialled within the country only.
    let plain: String = text.replace("(0)", "").chars().filter(|c| !matches!(c, '(' | ')' | '+' | '\u{a0}')).collect();
    let Some(digits) = digits(&plain) else { return false };
    let is_sequence = digits.windows(2).all(|pair| matches!(pair, [a, b] if (a + 1) % 10 == *b));
    if is_repeated(&digits) || is_sequence {
        return false;
    }
    let international = if text.starts_with('+') { Some(digits.as_slice()) } else { digits.strip_prefix(&[0, 0]) };
    match international {
        Some(digits) => (8..=15).contains(&digits.len()) && has_country_code(digits),
        None => (7..=11).contains(&digits.len()),
    }
}

/// Returns `true` if a number begins with a country code that is assigned. Source: ITU-T E.164, list of assigned country codes.
fn has_country_code(digits: &[u8]) -> bool {
    match *digits {
        [1 | 7, ..] => true,
        [2, 0 | 7, ..] => true,
        [2, second, third, ..] => !matches!((second, third), (1, 0 | 4 | 5 | 7 | 9) | (5, 9) | (8, _) | (9, 2..=6)),
        [3, second, third, ..] => !matches!((second, third), (8, 4 | 8)),
        [4, second, third, ..] => second != 2 || matches!(third, 0 | 1 | 3),
        [5, ..] => true,
        [6, second, third, ..] => !matches!((second, third), (7, 1) | (8, 4) | (9, 3..=9)),
        [8, second, third, ..] => {
            matches!(second, 1 | 2 | 4 | 6)
                || matches!((second, third), (0, 0 | 8) | (5, 0 | 2 | 3 | 5 | 6) | (7, 0 | 8) | (8, 0..=3 | 6 | 8))
        }
        [9, second, third, ..] => !matches!((second, third), (6, 9) | (7, 8) | (9, 0 | 7 | 9)),
        _ => false,
    }
}

/// Returns `true` for an equipment identity of a mobile phone (IMEI): 15 digits with a Luhn digit. Source: 3GPP TS 23.003.
pub(super) fn imei(text: &str) -> bool {
    digits(text).is_some_and(|digits| digits.len() == 15 && luhn(&digits) && !is_repeated(&digits))
}

/// Returns `true` for a vehicle identification number with its check digit, which is required in North America and China.
/// Source: 49 CFR 565.15.
pub(super) fn vin(text: &str) -> bool {
    let Some(chars) = alnum(text).filter(|chars| chars.len() == 17) else { return false };
    let place = |byte: u8| match byte {
        b'A'..=b'H' => value(byte) - 9,
        b'J'..=b'N' | b'P' | b'R' => value(byte) - 18,
        b'S'..=b'Z' => value(byte) - 26,
        _ => value(byte),
    };
    let is_known = chars.iter().all(|byte| !b"IOQ".contains(byte));
    let weights = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let sum: u32 = chars.iter().zip(weights).map(|(byte, weight)| place(*byte) * weight).sum();
    let expected = match sum % 11 {
        10 => b'X',
        digit => b'0' + digit as u8,
    };
    let is_number = chars.iter().any(|byte| byte.is_ascii_uppercase()) && chars.iter().any(u8::is_ascii_digit);
    is_known && is_number && chars.get(8) == Some(&expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (validate, valid, invalid) in [
            (
                ip as fn(&str) -> bool,
                &["192.168.0.1", "8.8.8.8", "2001:db8::1", "::ffff:1.2.3.4"][..],
                &["256.1.1.1", "1.2.3", "127.0.0.1", "::1", "::", "0.0.0.0", "01.2.3.4", "12:34"][..],
            ),
            (
                public_ip,
                &["8.8.8.8", "198.17.0.1", "198.20.0.1", "192.0.1.1", "2606:4700::1111"],
                &[
                    "10.0.0.1",
                    "192.168.1.1",
                    "203.0.113.7",
                    "100.64.0.1",
                    "198.18.0.1",
                    "198.19.9.9",
                    "192.0.0.8",
                    "224.0.0.1",
                    "fe80::1",
                    "2001:db8::1",
                    "x",
                ],
            ),
            (
                phone,
                &[
                    "+1 (415) 555-2671",
                    "+49 30 901820",
                    "0049 30 901820",
                    "+44 (0)20 7946 0958",
                    "415-555-2671",
                    "+886 2 2345 6789",
                ],
                &["+210 12345678", "+999 1234567", "1111111111", "1234567890", "12345", "+1 23", "+4420x946"],
            ),
            (
                imei,
                &["49-015420-323751-8", "352099001761481"],
                &["490154203237519", "000000000000000", "49015420323751"],
            ),
            (
                vin,
                &["1M8GDM9AXKP042788", "1hgcm82633a004352"],
                &["1M8GDM9AXKP042789", "IM8GDM9AXKP042788", "11111111111111111"],
            ),
        ] {
            valid.iter().for_each(|text| assert!(validate(text), "{text}"));
            invalid.iter().for_each(|text| assert!(!validate(text), "{text}"));
        }
    }
}
