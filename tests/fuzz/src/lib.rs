//! Fuzz targets for every parser, with a smoke run on stable Rust.
//!
//! A target is one file in `tests/`: seeds, a property that takes any bytes, and one line of registration.
//!
//! ```
//! /// Inputs that reach deep into the parser; mutated copies of them are tested as well.
//! const SEEDS: &[&[u8]] = &[b"1, 2", b""];
//!
//! /// Must hold for any bytes, without a panic.
//! fn property(input: &[u8]) {
//!     assert!(input.split(|byte| *byte == b',').count() > 0);
//! }
//!
//! tollgate_fuzz::target!(numbers, SEEDS, property);
//! ```
//!
//! `cargo test -p tollgate-fuzz` tests the seeds, their first halves and, for [`SMOKE`], random mutations of them. On a failure
//! it prints the random seed (`BOLERO_RANDOM_SEED`) that reproduces it. `BOLERO_RANDOM_TEST_TIME_MS` and
//! `BOLERO_RANDOM_ITERATIONS` extend the run. `cargo bolero test -p tollgate-fuzz numbers` runs the same target under
//! libFuzzer with a nightly compiler.

use std::time::Duration;

#[doc(hidden)]
pub use bolero;

/// Maximum duration of one target in a smoke run.
pub const SMOKE: Duration = Duration::from_millis(1500);

/// Maximum number of random inputs per target in a smoke run.
pub const ITERATIONS: usize = 20_000;

/// Defines the test of a property: `target!(name, SEEDS, property)`.
#[macro_export]
macro_rules! target {
    ($name:ident, $seeds:expr, $property:expr) => {
        #[test]
        fn $name() {
            let seeds: &[&[u8]] = $seeds;
            let property: fn(&[u8]) = $property;
            for seed in seeds {
                property(seed);
                property(&seed[..seed.len() / 2]);
            }
            $crate::bolero::check!()
                .with_test_time($crate::SMOKE)
                .with_iterations($crate::ITERATIONS)
                .with_max_len(512)
                .for_each(move |random: &[u8]| {
                    property(random);
                    property(&$crate::mutated(seeds, random));
                });
        }
    };
}

/// Fragments of the formats under test.
const PIECES: [&[u8]; 40] = [
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"0",
    b"-1",
    b".5",
    b"e9",
    b"\\u",
    b"\\u0061",
    b"\\ud83d",
    b"\\ude00",
    b"\\n",
    b"\x00",
    b"\x1f",
    b"\x7f",
    b"\xff",
    b"\xc3",
    b"\xc3\xa9",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98\x80",
    b"null",
    b"true",
    b"false",
    b" ",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"data: ",
    b"\xef\xbb\xbf",
    b"{}",
    b"[]",
    b"\"\"",
    b"18446744073709551616",
    b"\"a\":1,\"\\u0061\":2,",
];

/// Returns one of the seeds, mutated in a way that depends only on `random`: truncated, with parts repeated, removed and
/// inserted, and with bits flipped.
#[must_use]
pub fn mutated(seeds: &[&[u8]], random: &[u8]) -> Vec<u8> {
    let mut random = random.iter().copied();
    let mut byte = || random.next();
    let Some(mut body) = byte().and_then(|first| Some(seeds.get(usize::from(first) % seeds.len().max(1))?.to_vec()))
    else {
        return Vec::new();
    };
    while let (Some(mutation), Some(high), Some(low)) = (byte(), byte(), byte()) {
        let at = usize::from(u16::from_be_bytes([high, low])) % (body.len() + 1);
        match mutation % 16 {
            0 => body.truncate(at),
            1 => {
                body.drain(at..(at + usize::from(mutation / 16) + 1).min(body.len()));
            }
            2 => {
                let repeated = body.get(..at).unwrap_or_default().to_vec();
                body.splice(at..at, repeated.into_iter().take(64));
            }
            3..=5 => {
                if let Some(byte) = body.get_mut(at) {
                    *byte ^= 1 << (mutation / 16 % 8);
                }
            }
            _ => {
                let piece =
                    PIECES.get(usize::from(byte().unwrap_or_default()) % PIECES.len()).copied().unwrap_or_default();
                body.splice(at..at, piece.iter().copied());
            }
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutations_depend_only_on_the_random_bytes() {
        let seeds: &[&[u8]] = &[b"first seed", b"second"];
        assert_eq!(mutated(seeds, b""), b"");
        assert_eq!(mutated(seeds, &[1]), b"second");
        assert_eq!(mutated(seeds, &[0, 0, 0, 5]), b"first");
        assert_eq!(mutated(seeds, &[1, 6, 0, 0, 2]), b"{second");
        assert_eq!(mutated(&[], &[1, 2, 3, 4]), b"");
    }
}
