//! Encoding of header maps between host and guest: a count, the sizes, then names and values, each followed by a zero byte.

/// Envoy's limit for the pairs that a guest passes.
const MAX_PAIRS: usize = 1024;
/// Envoy's limit for their bytes.
const MAX_BYTES: usize = 1 << 20;

/// Encodes pairs; no pairs are encoded as no bytes.
pub(crate) fn encode<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone) -> Vec<u8> {
    let count = pairs.clone().count();
    if count == 0 {
        return Vec::new();
    }
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = Vec::with_capacity(256);
    bytes.extend(number(count));
    for (name, value) in pairs.clone() {
        bytes.extend(number(name.len()));
        bytes.extend(number(value.len()));
    }
    for (name, value) in pairs {
        bytes.extend(name);
        bytes.push(0);
        bytes.extend(value);
        bytes.push(0);
    }
    bytes
}

/// Decodes pairs; malformed bytes are decoded as no pairs, as in Envoy.
pub(crate) fn decode(bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    try_decode(bytes).unwrap_or_default()
}

fn try_decode(bytes: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    if bytes.len() > MAX_BYTES {
        return None;
    }
    let number = |at: usize| -> Option<usize> {
        let raw: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(raw)).ok()
    };
    let count = number(0)?;
    if count > MAX_PAIRS {
        return None;
    }
    let mut at = 4 + count * 8;
    let mut pairs = Vec::with_capacity(count);
    for i in 0..count {
        let (name_size, value_size) = (number(4 + i * 8)?, number(8 + i * 8)?);
        let name = bytes.get(at..at.checked_add(name_size)?)?;
        at += name_size + 1;
        let value = bytes.get(at..at.checked_add(value_size)?)?;
        at += value_size + 1;
        pairs.push((name, value));
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_pairs_are_no_bytes() {
        assert!(encode(std::iter::empty()).is_empty());
        assert!(decode(&[]).is_empty());
    }

    #[test]
    fn truncated_bytes_are_no_pairs() {
        let bytes = encode([(&b"name"[..], &b"value"[..])].into_iter());
        for cut in 0..bytes.len() - 1 {
            assert!(decode(&bytes[..cut]).is_empty(), "{cut}");
        }
        assert!(decode(&[255, 255, 255, 255, 0, 0, 0, 0]).is_empty());
    }

    proptest! {
        #[test]
        fn decoding_reverses_encoding(pairs in proptest::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 1..20)) {
            let bytes = encode(pairs.iter().map(|(name, value)| (name.as_slice(), value.as_slice())));
            let read = decode(&bytes);
            prop_assert_eq!(read.len(), pairs.len());
            for (read, written) in read.iter().zip(&pairs) {
                prop_assert_eq!((read.0, read.1), (written.0.as_slice(), written.1.as_slice()));
            }
        }

        #[test]
        fn decoding_never_panics(bytes in any::<Vec<u8>>()) {
            decode(&bytes);
        }
    }
}
