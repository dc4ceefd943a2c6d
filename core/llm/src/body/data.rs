//! Recognition of base64 data in JSON strings.

/// Longest `data:` prefix of a URL in front of its base64.
const MAX_PREFIX_BYTES: usize = 128;

/// Returns `true` for the characters of base64 in both alphabets.
pub(crate) fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
}

/// Returns `true` if the start of a JSON string is base64, also in a `data:` URL. The only escape in base64 is that of a
/// slash; an escape whose second character is missing is one.
pub(crate) fn is_data(start: &[u8]) -> bool {
    let prefix = start.get(..MAX_PREFIX_BYTES.min(start.len())).unwrap_or_default();
    let base64 = match prefix.starts_with(b"data:") {
        true => match memchr::memmem::find(prefix, b";base64,") {
            Some(at) => start.get(at + b";base64,".len()..).unwrap_or_default(),
            None => return false,
        },
        false => start,
    };
    let mut bytes = base64.iter();
    while let Some(byte) = bytes.next() {
        let is_slash = *byte == b'\\' && bytes.next().is_none_or(|escaped| *escaped == b'/');
        if !is_slash && !is_base64(*byte) {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_data() {
        for (text, expected) in [
            ("iVBORw0KGgo+/-_==", true),
            ("data:image/png;base64,iVBOR", true),
            (r"iVBOR\/w0KGgo\", true),
            ("", true),
            ("a word", false),
            ("key1,key2", false),
            (r"\u006d\u0061", false),
            (r"line\nline", false),
            ("data:text/plain,word", false),
            ("data:image/png;base64,a word", false),
            ("caf\u{e9}", false),
        ] {
            assert_eq!(is_data(text.as_bytes()), expected, "{text}");
        }
    }
}
