//! Random strings against the oracle.

use crate::kinds::string;
use crate::random::Random;
use crate::{check, encodings};
use tiktoken_rs::CoreBPE;
use tollgate_tokens::Encoding;

/// A token of the vocabulary, or what of it is text.
pub(crate) fn token(oracle: &CoreBPE, size: u32, random: &mut Random) -> String {
    let bytes = oracle.decode_bytes(&[random.below(size as usize) as u32]).unwrap();
    String::from_utf8_lossy(&bytes).chars().filter(|c| *c != '\u{fffd}').collect()
}

/// How many tokens of the vocabulary there are.
pub(crate) fn size(encoding: Encoding) -> u32 {
    match encoding {
        Encoding::Cl100kBase => 100_256,
        _ => 199_998,
    }
}

#[test]
fn random_strings() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |value| value.parse().unwrap());
    let strings = number("TOLLGATE_TOKENS_STRINGS", 40_000);
    let seed = number("TOLLGATE_TOKENS_SEED", 1);
    for (encoding, oracle) in encodings() {
        let mut random = Random(seed);
        let (mut text, mut bytes) = (String::new(), 0);
        for done in 0..strings / 2 {
            text.clear();
            string(&mut random, &mut |random| token(oracle, size(encoding), random), 12, &mut text);
            check(encoding, oracle, &text);
            bytes += text.len();
            if done % 1_000_000 == 999_999 {
                println!("{}: {} strings, {bytes} bytes, seed {seed}: equal", encoding.name(), done + 1);
            }
        }
    }
}
