//! Hash of a request body, from which ids, default texts and vectors are derived.

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Hashes `bytes` to 64 bits.
///
/// The hash is the same on every machine and in every release of this crate, fast on long prompts (eight bytes per step), and
/// not cryptographic.
pub(crate) fn fingerprint(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = (bytes.len() as u64).wrapping_mul(MULTIPLIER);
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    let mut tail = 0;
    for byte in rest {
        tail = (tail << 8) | u64::from(*byte);
    }
    mix(mix(hash, tail), MULTIPLIER)
}

/// Mixes `word` into `hash`. Also generates the pseudo-random sequence of which a fingerprint is the seed.
pub(crate) fn mix(hash: u64, word: u64) -> u64 {
    let mixed = (hash ^ word).wrapping_mul(MULTIPLIER);
    mixed ^ (mixed >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fixed_and_depends_on_every_byte() {
        // Do not change these numbers: every id and every text that tests or users rely on would change.
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
