//! Base64 (RFC 4648, section 4), for what is binary in JSON.

const DIGITS: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The six bits of a digit, of this alphabet or of the one for URLs (section 5).
pub(crate) fn digit(char: char) -> Option<u32> {
    let (first, value) = match char {
        'A'..='Z' => ('A', 0),
        'a'..='z' => ('a', 26),
        '0'..='9' => ('0', 52),
        '+' | '-' => (char, 62),
        '/' | '_' => (char, 63),
        _ => return None,
    };
    Some(u32::from(char) - u32::from(first) + value)
}

/// Decodes whole groups of four digits, the last one padded; `None` for anything else.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let (groups, []) = text.as_chunks::<4>() else { return None };
    let mut out = Vec::with_capacity(groups.len() * 3);
    for (at, group) in groups.iter().enumerate() {
        let digits = match group {
            [_, _, b'=', b'='] => 2,
            [_, _, _, b'='] => 3,
            _ => 4,
        };
        if digits < 4 && at + 1 < groups.len() {
            return None;
        }
        let mut word = 0;
        for byte in group.iter().take(digits) {
            word = word << 6 | digit(char::from(*byte))?;
        }
        let [_, bytes @ ..] = (word << (6 * (4 - digits))).to_be_bytes();
        out.extend_from_slice(bytes.get(..digits - 1).unwrap_or_default());
    }
    Some(out)
}

/// Appends `bytes` in base64, padded.
pub(crate) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let mut word = [0; 4];
        for (place, byte) in word.iter_mut().skip(1).zip(group) {
            *place = *byte;
        }
        let word = u32::from_be_bytes(word);
        for place in 0..4 {
            let digit = DIGITS.get((word >> (18 - 6 * place) & 63) as usize).copied().unwrap_or_default();
            out.push(if place > group.len() { b'=' } else { digit });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_texts() {
        // RFC 4648, section 10.
        for (text, bytes) in
            [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"), ("Zm9vYmE=", "fooba")]
        {
            let mut out = Vec::new();
            encode(bytes.as_bytes(), &mut out);
            assert_eq!((out.as_slice(), decode(text.as_bytes()).as_deref()), (text.as_bytes(), Some(bytes.as_bytes())));
        }
        for text in ["Z", "Zg", "Zg=", "Zg==Zg==", "Zm9v\n", "Z===", "====", "Zm9*", "=m9v", "Zm=v"] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes in prop::collection::vec(any::<u8>(), 0..50)) {
            let mut out = Vec::new();
            encode(&bytes, &mut out);
            prop_assert_eq!(decode(&out), Some(bytes));
        }
    }
}
