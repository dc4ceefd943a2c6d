//! Formats of values in a line.

use std::fmt::Write;

/// Maximum bytes of a value in a line. Of a longer value the beginning and the size are shown.
const MAX_SHOWN: usize = 200;

/// Formats a value: printable ASCII in quotes, other bytes as hexadecimal digits, no value as `-`.
pub(crate) fn octets(value: Option<&[u8]>) -> String {
    let Some(value) = value else { return "-".into() };
    let shown = value.get(..MAX_SHOWN.min(value.len())).unwrap_or_default();
    let mut text = if shown.iter().all(|&byte| (0x20..0x7f).contains(&byte) || byte == b'\n' || byte == b'\r') {
        format!("{:?}", String::from_utf8_lossy(shown))
    } else {
        let mut hex = String::from("0x");
        for byte in shown {
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    };
    if shown.len() < value.len() {
        let _ = write!(text, "… of {}", value.len());
    }
    text
}

/// Decodes a header map in the host's format: the count, the sizes of all names and values, then each of them followed by a zero
/// byte. Returns `None` if the format is wrong.
pub(crate) fn pairs(bytes: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let number = |at: usize| {
        let bytes: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    let count = number(0)?;
    let mut at = count.checked_mul(8)?.checked_add(4)?;
    let mut pairs = Vec::new();
    for pair in 0..count {
        let mut next = |size: usize| {
            let part = bytes.get(at..at.checked_add(size)?)?.to_vec();
            at = at.checked_add(size)?.checked_add(1)?;
            Some(part)
        };
        let name = next(number(4 + pair * 8)?)?;
        let value = next(number(8 + pair * 8)?)?;
        pairs.push((name, value));
    }
    Some(pairs)
}

/// Encodes `k=v` words as a header map in the host's format.
pub(crate) fn layout(words: &[Vec<u8>]) -> Vec<u8> {
    let pairs: Vec<(&[u8], &[u8])> = words
        .iter()
        .filter_map(|word| {
            // No header name contains an equals sign.
            let at = word.iter().position(|&byte| byte == b'=')?;
            Some((word.get(..at)?, word.get(at + 1..)?))
        })
        .collect();
    let size = |part: &[u8]| u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut out = u32::try_from(pairs.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    for (name, value) in &pairs {
        out.extend(size(name));
        out.extend(size(value));
    }
    for (name, value) in &pairs {
        for part in [name, value] {
            out.extend_from_slice(part);
            out.push(0);
        }
    }
    out
}
