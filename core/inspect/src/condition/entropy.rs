//! Entropy: random keys have more of it than words and placeholders.

use serde::Deserialize;

/// Number of fractional bits of logarithms.
const FRACTION: u32 = 24;
/// Range of the minimum: 14 bits per character need more different characters than a match has.
pub(crate) const RANGE: (u32, u32) = (0, 14);

/// Minimum entropy of the reported text.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawEntropy {
    /// Least Shannon entropy of the reported text in bits per character: 0 for `aaaa`, 3 for `abcdefgh`. Words have about 2.5
    /// to 3, random hexadecimal digits 3.3 to 3.9, random letters and digits of 32 characters 4.3 to 4.8.
    pub min: f64,
}

/// Minimum entropy in fixed point, so that the result is the same on every platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entropy {
    /// Bits per character, with [`FRACTION`] fractional bits.
    min: u64,
}

impl Entropy {
    /// Converts a minimum in bits per character. `None` outside of [`RANGE`].
    pub(crate) fn new(raw: RawEntropy) -> Option<Entropy> {
        let (min, max) = RANGE;
        let is_in_range = raw.min >= f64::from(min) && raw.min <= f64::from(max);
        is_in_range.then(|| Entropy { min: (raw.min * f64::from(1u32 << FRACTION)).round() as u64 })
    }

    /// Returns `true` if the entropy of a text is at least the minimum.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let mut chars: Vec<char> = text.chars().collect();
        chars.sort_unstable();
        let len = chars.len() as u64;
        // The entropy times the length: n log n - (the sum of c log c over the counts c of all characters).
        let runs = chars.chunk_by(|a, b| a == b).map(|run| run.len() as u64);
        let sum: u64 = runs.map(|count| count * log2(count)).sum();
        (len * log2(len)).saturating_sub(sum) >= len * self.min
    }
}

/// Returns the binary logarithm with [`FRACTION`] fractional bits, rounded down; 0 for 0.
fn log2(value: u64) -> u64 {
    let Some(whole) = value.checked_ilog2() else { return 0 };
    // The value divided by 2^whole, with 31 fractional bits. Texts are shorter than 2^31 characters.
    let mut rest = if whole <= 31 { value << (31 - whole) } else { value >> (whole - 31) };
    let mut log = u64::from(whole);
    for _ in 0..FRACTION {
        // Squaring doubles the logarithm: its next bit is set if the square is 2 or more.
        rest = (rest * rest) >> 31;
        let bit = rest >> 32;
        rest >>= bit;
        log = log << 1 | bit;
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn holds(min: f64, text: &str) -> bool {
        Entropy::new(RawEntropy { min }).unwrap().holds(text)
    }

    #[test]
    fn entropy_is_bits_per_character() {
        for (text, bits) in [
            ("a", 0.0),
            ("aaaaaaaa", 0.0),
            ("abababab", 1.0),
            ("aaaaaaaaaa1111111111bbbbbbbbbb2222222222", 2.0),
            ("abcdefgh", 3.0),
            ("0123456789abcdef", 4.0),
            ("äöüß", 2.0),
        ] {
            assert!(holds(bits, text), "{text}");
            assert!(!holds(bits + 0.0001, text), "{text}");
        }
        assert!(holds(3.0, "AKIAIOSFODNN7EXAMPLE") && !holds(3.7, "AKIAIOSFODNN7EXAMPLE"));
    }

    #[test]
    fn a_minimum_has_a_range() {
        for min in [-0.1, 14.1, f64::NAN, f64::INFINITY] {
            assert!(Entropy::new(RawEntropy { min }).is_none(), "{min}");
        }
    }

    proptest! {
        #[test]
        fn fixed_point_agrees_with_floating_point(text in "[a-dA-Z0-9é]{1,80}", min in 0.0f64..6.0) {
            let len = text.chars().count() as f64;
            let mut counts = std::collections::BTreeMap::new();
            text.chars().for_each(|c| *counts.entry(c).or_insert(0.0) += 1.0);
            let entropy: f64 = counts.values().map(|count: &f64| -(count / len) * (count / len).log2()).sum();
            prop_assume!((entropy - min).abs() > 1e-5);
            prop_assert_eq!(holds(min, &text), entropy >= min);
        }
    }
}
