//! Text codecs for header values: percent encoding and base64 for input, escaped text for output.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Percent-decodes `value`. A `%` without two hexadecimal digits after it is kept as it is.
pub(crate) fn percent_decode(value: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value;
    loop {
        rest = match rest {
            [] => return decoded,
            [b'%', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                decoded.push(nibble(*high) << 4 | nibble(*low));
                after
            }
            [byte, after @ ..] => {
                decoded.push(*byte);
                after
            }
        };
    }
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

/// Decodes standard base64 with padding.
pub(crate) fn base64_decode(value: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(value).ok()
}

/// Encodes as standard base64 with padding.
pub(crate) fn base64_encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Escapes a header value as text, without loss: backslashes are doubled, bytes outside of valid UTF-8 become `\xNN`.
pub(crate) fn escape(value: &[u8]) -> String {
    let mut escaped = String::with_capacity(value.len());
    for chunk in value.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '\\' {
                escaped.push('\\');
            }
            escaped.push(character);
        }
        for byte in chunk.invalid() {
            escaped.push_str(&format!("\\x{byte:02x}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_sequences_are_decoded() {
        for (value, expected) in [
            ("plain", &b"plain"[..]),
            ("a%20b%0Ac", b"a b\nc"),
            ("%ff%FE", b"\xff\xfe"),
            ("100%", b"100%"),
            ("%2", b"%2"),
            ("%zz%25", b"%zz%"),
            ("+", b"+"),
        ] {
            assert_eq!(percent_decode(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn escaping_is_unambiguous() {
        for (value, expected) in [
            (&b"plain"[..], "plain"),
            (b"caf\xe9", r"caf\xe9"),
            (br"caf\xe9", r"caf\\xe9"),
            ("café".as_bytes(), "café"),
        ] {
            assert_eq!(escape(value), expected);
        }
    }
}
