//! Bytes in base64 (RFC 4648, section 4).

/// What is not base64, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoBase64 {
    /// The byte of the text that should not be there; its length if something is missing.
    pub(crate) at: usize,
}

/// What a digit is worth; 64 for what is none. An index that is wrong would not compile.
#[allow(clippy::indexing_slicing)]
const VALUES: [u8; 256] = {
    let mut values = [64; 256];
    let mut value = 0;
    while value < 64 {
        let digit = match value {
            0..26 => b'A' + value,
            26..52 => b'a' + value - 26,
            52..62 => b'0' + value - 52,
            62 => b'+',
            _ => b'/',
        };
        values[digit as usize] = value;
        value += 1;
    }
    values
};

/// Turns a text into the bytes that it says, in its own memory. White space is of no meaning, as it is left where a
/// text was folded; padding may be missing, and nothing may follow it.
pub(crate) fn decode(mut text: Vec<u8>) -> Result<Vec<u8>, NoBase64> {
    let (mut written, mut digits, mut padding, mut word) = (0, 0_usize, 0, 0_u32);
    for at in 0..text.len() {
        let Some(&byte) = text.get(at) else { break };
        let value = VALUES.get(usize::from(byte)).copied().unwrap_or(64);
        if value == 64 {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => continue,
                b'=' if digits % 4 + padding >= 2 && digits % 4 + padding < 4 => padding += 1,
                _ => return Err(NoBase64 { at }),
            }
            continue;
        }
        if padding > 0 {
            return Err(NoBase64 { at });
        }
        word = word << 6 | u32::from(value);
        digits += 1;
        // Four digits say three bytes, so what is written is always behind what is read.
        if !digits.is_multiple_of(4) {
            continue;
        }
        let [_, bytes @ ..] = word.to_be_bytes();
        if let Some(place) = text.get_mut(written..written + 3) {
            place.copy_from_slice(&bytes);
        }
        written += 3;
    }
    // Two digits that are left say a byte, three say two.
    let left = match digits % 4 {
        0 => 0,
        1 => return Err(NoBase64 { at: text.len() }),
        left => left - 1,
    };
    let [_, bytes @ ..] = (word << (6 * (3 - left))).to_be_bytes();
    if left > 0
        && let (Some(place), Some(bytes)) = (text.get_mut(written..written + left), bytes.get(..left))
    {
        place.copy_from_slice(bytes);
        written += left;
    }
    text.truncate(written);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<u8>, usize> {
        decode(text.into()).map_err(|error| error.at)
    }

    /// RFC 4648, section 10, and what is no base64.
    #[test]
    fn texts() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
            ("Zm9vYmE", "fooba"),
            ("Zm9vYg", "foob"),
            (" Zm9v\r\n\tYm E=\n", "fooba"),
        ] {
            assert_eq!(read(text), Ok(bytes.into()), "{text:?}");
        }
        for (text, at) in
            [("Z", 1), ("=", 0), ("Z===", 1), ("Zg===", 4), ("Zm9v=", 4), ("Zg==Zg==", 4), ("Zm9-", 3), ("Zm\u{e9}", 2)]
        {
            assert_eq!(read(text), Err(at), "{text:?}");
        }
        assert_eq!(read("+/+/"), Ok(vec![0xFB, 0xFF, 0xBF]));
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(bytes: Vec<u8>) {
            const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let bit = |at: usize| bytes.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
            let digit = |digit: usize| (0..6).fold(0, |value, at| value << 1 | usize::from(bit(6 * digit + at)));
            let text: Vec<u8> = (0..(8 * bytes.len()).div_ceil(6)).map(|at| DIGITS[digit(at)]).collect();
            prop_assert_eq!(decode(text), Ok(bytes));
        }

        #[test]
        fn any_text_is_bytes_or_an_error(text: Vec<u8>) {
            let len = text.len();
            if let Ok(bytes) = decode(text) {
                prop_assert!(bytes.len() <= len);
            }
        }
    }
}
