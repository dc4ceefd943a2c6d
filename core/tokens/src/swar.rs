//! SWAR: operations on eight bytes of a text at once, in one 64-bit word.

pub(crate) mod ascii;

/// Highest bit of each byte: set where it is not ASCII.
pub(crate) const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// Loads the eight bytes at `at`, little-endian; beyond the end of the text 0xFF, which occurs in no text.
#[inline(always)]
pub(crate) fn load(text: &[u8], at: usize) -> u64 {
    match text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => near_end(text, at),
    }
}

/// Loads a word that reaches beyond the end of the text.
#[inline(never)]
fn near_end(text: &[u8], at: usize) -> u64 {
    let rest = text.get(at..).unwrap_or_default();
    match text.last_chunk::<8>() {
        // The last eight bytes of the text without those before `at`. Shifts may be by 64, which gives 0.
        Some(last) => {
            let skipped = 8 * (8 - rest.len().min(8)) as u32;
            let kept = u64::from_le_bytes(*last).checked_shr(skipped).unwrap_or_default();
            kept | u64::MAX.checked_shl(64 - skipped).unwrap_or_default()
        }
        None => rest.iter().rev().fold(u64::MAX, |word, byte| word << 8 | u64::from(*byte)),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_are_padded_at_the_end() {
        for len in 0..20_usize {
            let text: Vec<u8> = (1..=len as u8).collect();
            for at in 0..=len + 9 {
                let mut expected = [0xFF; 8];
                for (i, byte) in expected.iter_mut().enumerate() {
                    *byte = text.get(at + i).copied().unwrap_or(0xFF);
                }
                assert_eq!(super::load(&text, at), u64::from_le_bytes(expected), "{len} {at}");
            }
        }
    }
}
