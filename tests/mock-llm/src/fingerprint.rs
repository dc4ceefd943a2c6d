//! A hash of the request, from which everything that differs between two answers is derived.

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// A 64-bit hash of `bytes`: the same on every machine and in every release of this crate, quick on long prompts
/// (eight bytes a step), of no cryptographic worth.
pub(crate) fn fingerprint(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = (bytes.len() as u64).wrapping_mul(MULTIPLIER);
    for word in words {
        hash = step(hash, u64::from_le_bytes(*word));
    }
    let mut tail = 0;
    for byte in rest {
        tail = (tail << 8) | u64::from(*byte);
    }
    step(step(hash, tail), MULTIPLIER)
}

/// The next number of a sequence that a fingerprint starts: picks the words of an answer.
pub(crate) fn step(hash: u64, word: u64) -> u64 {
    let mixed = (hash ^ word).wrapping_mul(MULTIPLIER);
    mixed ^ (mixed >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_fixed_and_sees_every_byte() {
        // A change of these numbers changes every id and every answer ever scripted against: do not.
        assert_eq!(fingerprint(b""), 0xdf44_2d24_3469_30af);
        assert_eq!(fingerprint(b"the quick brown fox"), 0xc832_adc2_ac14_6758);
        let base = fingerprint(b"the quick brown fox");
        for at in 0.."the quick brown fox".len() {
            let mut changed = b"the quick brown fox".to_vec();
            changed[at] ^= 1;
            assert_ne!(fingerprint(&changed), base, "byte {at}");
        }
        assert_ne!(fingerprint(b"\0"), fingerprint(b"\0\0"));
    }
}
