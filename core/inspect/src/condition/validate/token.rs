//! Structure of tokens.

/// Returns `true` for a GitHub token whose last six characters are the CRC-32 of those behind the prefix, in base 62. Source:
/// GitHub Blog, "Behind GitHub's new authentication token formats" (2021).
pub(super) fn github_crc32(text: &str) -> bool {
    let body = text.rsplit_once('_').map_or(text, |(_, body)| body);
    let Some((payload, check)) = body.len().checked_sub(6).and_then(|at| body.split_at_checked(at)) else {
        return false;
    };
    !payload.is_empty()
        && check.bytes().try_fold(0u64, |number, byte| Some(number * 62 + base62(byte)?))
            == Some(u64::from(crc32(payload)))
}

fn base62(byte: u8) -> Option<u64> {
    match byte {
        b'0'..=b'9' => Some(u64::from(byte - b'0')),
        b'A'..=b'Z' => Some(u64::from(byte - b'A') + 10),
        b'a'..=b'z' => Some(u64::from(byte - b'a') + 36),
        _ => None,
    }
}

/// Returns the CRC-32 of a text (ISO 3309, as in zlib), bit by bit: tokens are short.
fn crc32(text: &str) -> u32 {
    let rest = text.bytes().fold(u32::MAX, |rest, byte| {
        (0..8).fold(rest ^ u32::from(byte), |rest, _| if rest & 1 == 1 { rest >> 1 ^ 0xedb8_8320 } else { rest >> 1 })
    });
    !rest
}

/// Returns `true` for a JSON web token: two parts that are JSON objects in base64url, the first one with `alg`, and a signature,
/// which may be empty. Source: RFC 7519, RFC 7515.
pub(super) fn jwt(text: &str) -> bool {
    let mut parts = text.trim().split('.');
    let (Some(header), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let is_object = |part: &str| {
        let decoded = base64url(part).and_then(|bytes| String::from_utf8(bytes).ok());
        decoded.filter(|json| json.trim_start().starts_with('{') && json.trim_end().ends_with('}'))
    };
    is_object(header).is_some_and(|header| header.contains("\"alg\""))
        && is_object(claims).is_some()
        && (signature.is_empty() || base64url(signature).is_some())
}

/// Decodes base64url without or with padding. `None` if it is not valid.
fn base64url(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut buffer, mut bits) = (0u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        buffer = buffer << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
            buffer &= (1 << bits) - 1;
        }
    }
    // A single character more than a multiple of four holds no byte.
    (bits < 6).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_of_github_tokens() {
        for (text, expected) in [
            ("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", true),
            ("zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17", true),
            ("ghp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18", false),
            ("ghp_0123456789abcdefghijklmnopqrstuvwxyz", false),
            ("ghp_0mLq17", false),
            ("é0mLq17", false),
            ("", false),
        ] {
            assert_eq!(github_crc32(text), expected, "{text}");
        }
    }

    #[test]
    fn structure_of_json_web_tokens() {
        for (text, expected) in [
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", true),
            ("eyJhbGciOiJub25lIn0.e30.", true),
            ("eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiIxIn0.c2ln", false), // no `alg`
            ("eyJhbGciOiJIUzI1NiJ9.WzFd.c2ln", false),          // claims are a list
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0", false),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln.c2ln", false),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.!", false),
            ("", false),
        ] {
            assert_eq!(jwt(text), expected, "{text}");
        }
    }
}
