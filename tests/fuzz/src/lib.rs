//! Fuzz targets for every parser, with a smoke run on stable.
//!
//! A target is one file in `tests/`: seeds, a property that takes any bytes, and one line.
//!
//! ```
//! /// Inputs that reach deep; damaged copies of them are tried.
//! const SEEDS: &[&[u8]] = &[b"1, 2", b""];
//!
//! /// Must hold, and not panic, for any bytes.
//! fn property(input: &[u8]) {
//!     assert!(input.split(|byte| *byte == b',').count() > 0);
//! }
//!
//! tollgate_fuzz::target!(numbers, SEEDS, property);
//! ```
//!
//! `cargo test -p tollgate-fuzz` tries the seeds, their halves, and for [`SMOKE`] what chance makes of them; when it
//! fails, it prints the seed of chance (`BOLERO_RANDOM_SEED`) that fails again. `BOLERO_RANDOM_TEST_TIME_MS` and
//! `BOLERO_RANDOM_ITERATIONS` prolong it. `cargo bolero test -p tollgate-fuzz numbers` runs the same target under
//! libFuzzer, on a nightly compiler.

use std::time::Duration;

#[doc(hidden)]
pub use bolero;

/// How long one target is tried in a smoke run.
pub const SMOKE: Duration = Duration::from_millis(1500);

/// How often a target is tried at most in a smoke run.
pub const ITERATIONS: usize = 20_000;

/// Makes a test of a property: `target!(name, SEEDS, property)`.
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
                .for_each(move |chance: &[u8]| {
                    property(chance);
                    property(&$crate::damaged(seeds, chance));
                });
        }
    };
}

/// Pieces that formats are made of.
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

/// One of the seeds, damaged in a way that depends on `chance` only: cut, doubled, pieces dropped and put in, bits turned.
#[must_use]
pub fn damaged(seeds: &[&[u8]], chance: &[u8]) -> Vec<u8> {
    let mut chance = chance.iter().copied();
    let mut byte = || chance.next();
    let Some(mut body) = byte().and_then(|first| Some(seeds.get(usize::from(first) % seeds.len().max(1))?.to_vec()))
    else {
        return Vec::new();
    };
    while let (Some(what), Some(high), Some(low)) = (byte(), byte(), byte()) {
        let at = usize::from(u16::from_be_bytes([high, low])) % (body.len() + 1);
        match what % 16 {
            0 => body.truncate(at),
            1 => {
                body.drain(at..(at + usize::from(what / 16) + 1).min(body.len()));
            }
            2 => {
                let doubled = body.get(..at).unwrap_or_default().to_vec();
                body.splice(at..at, doubled.into_iter().take(64));
            }
            3..=5 => {
                if let Some(byte) = body.get_mut(at) {
                    *byte ^= 1 << (what / 16 % 8);
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
    fn chance_alone_decides() {
        let seeds: &[&[u8]] = &[b"first seed", b"second"];
        assert_eq!(damaged(seeds, b""), b"");
        assert_eq!(damaged(seeds, &[1]), b"second");
        assert_eq!(damaged(seeds, &[0, 0, 0, 5]), b"first");
        assert_eq!(damaged(seeds, &[1, 6, 0, 0, 2]), b"{second");
        assert_eq!(damaged(&[], &[1, 2, 3, 4]), b"");
    }
}
