//! Structure of tokens.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Returns `true` for a GitHub token whose last six characters are the CRC-32 of those behind the prefix, in base 62. Source:
/// GitHub Blog, "Behind GitHub's new authentication token formats" (2021).
pub(super) fn github_crc32(text: &str) -> bool {
    let body = text.rsplit_once('_').map_or(text, |(_, body)| body);
    let Some((payload, check)) = body.len().checked_sub(6).and_then(|at| body.split_at_checked(at)) else {
        return false;
    };
    !payload.is_empty()
        && check.bytes().try_fold(0u64, |number, byte| Some(number * 62 + base62(byte)?))
            == Some(u64::from(crc32fast::hash(payload.as_bytes())))
}

fn base62(byte: u8) -> Option<u64> {
    match byte {
        b'0'..=b'9' => Some(u64::from(byte - b'0')),
        b'A'..=b'Z' => Some(u64::from(byte - b'A') + 10),
        b'a'..=b'z' => Some(u64::from(byte - b'a') + 36),
        _ => None,
    }
}

/// Returns `true` for a JSON web token: two parts in base64url that begin and end like JSON objects, the first one with `alg`, and
/// a signature, which may be empty. Source: RFC 7519, RFC 7515.
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
    BASE64URL.decode(text).ok()
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
