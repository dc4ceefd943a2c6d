//! Randomness of the host.

use std::hash::{BuildHasher, RandomState};

/// Returns 128 random bits, different in every virtual machine: a secret key for hashes of what clients send.
#[must_use]
pub fn random_key() -> [u8; 16] {
    // The standard library takes a key of 128 bits from the host (`random_get` of WASI). Its hashes of two numbers under this
    // key are as random, and independent of each other.
    let state = RandomState::new();
    let [low, high] = [0_u64, 1].map(|number| state.hash_one(number));
    (u128::from(high) << 64 | u128::from(low)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::random_key;

    #[test]
    fn keys_differ() {
        assert_ne!(random_key(), random_key());
    }
}
