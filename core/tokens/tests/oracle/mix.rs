//! Random strings against the oracle.

use std::ops::AddAssign;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::kinds::string;
use crate::random::Random;
use crate::{check, encodings};
use tiktoken_rs::CoreBPE;
use tollgate_tokens::Encoding;

/// Number of strings per seed. What a run compares does not depend on the number of threads.
const CHUNK: u64 = 5_000;

/// Appends the valid UTF-8 of a random token.
pub(crate) fn token(oracle: &CoreBPE, size: u32, random: &mut Random, out: &mut String) {
    let bytes = oracle.decode_bytes(&[random.below(size as usize) as u32]).unwrap();
    out.extend(bytes.utf8_chunks().map(|chunk| chunk.valid()));
}

/// Returns the number of tokens of the vocabulary.
pub(crate) fn size(encoding: Encoding) -> u32 {
    match encoding.name() {
        "cl100k_base" => 100_256,
        "p50k_base" => 50_281,
        "r50k_base" => 50_256,
        _ => 199_998,
    }
}

/// Totals of the compared strings.
#[derive(Clone, Copy, Default)]
struct Compared {
    strings: u64,
    bytes: u64,
    tokens: u64,
    /// Byte length of the longest string.
    longest: u64,
}

impl AddAssign for Compared {
    fn add_assign(&mut self, more: Compared) {
        self.strings += more.strings;
        self.bytes += more.bytes;
        self.tokens += more.tokens;
        self.longest = self.longest.max(more.longest);
    }
}

/// Compares one chunk of a seed.
fn chunk(seed: u64, number: u64, (encoding, oracle): (Encoding, &CoreBPE), strings: u64) -> Compared {
    // The generator mixes its input, so neighbouring chunks are independent.
    let mut random = Random(Random(seed).next() ^ Random(number).next());
    let (mut text, mut ids, mut done) = (String::new(), Vec::new(), Compared::default());
    for _ in 0..strings {
        text.clear();
        // Most strings are short: errors occur where two or three runs meet, and time grows with the bytes.
        let runs = match random.below(256) {
            0 => 60,
            1..48 => 12,
            _ => 4,
        };
        string(&mut random, &mut |random, out| token(oracle, size(encoding), random, out), runs, &mut text);
        let tokens = check(encoding, oracle, &text, &mut ids);
        let bytes = text.len() as u64;
        done += Compared { strings: 1, bytes, tokens, longest: bytes };
    }
    done
}

#[test]
fn random_strings_are_exact() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |value| value.parse().unwrap());
    let strings = number("TOLLGATE_TOKENS_STRINGS", 1_000_000);
    let seed = number("TOLLGATE_TOKENS_SEED", 1);
    let encodings = encodings();
    let chunks = strings.div_ceil(CHUNK);
    let all = Mutex::new(vec![Compared::default(); encodings.len()]);
    let (next, start) = (AtomicU64::new(0), Instant::now());
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= chunks {
                return;
            }
            let which = (number % encodings.len() as u64) as usize;
            let done = chunk(seed, number, encodings[which], CHUNK.min(strings - number * CHUNK));
            let mut all = all.lock().unwrap();
            all[which] += done;
            if number % 200 == 199 {
                let strings: u64 = all.iter().map(|compared| compared.strings).sum();
                println!("{strings} strings after {} s, seed {seed}: equal", start.elapsed().as_secs());
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let all = all.into_inner().unwrap();
    for ((encoding, _), Compared { strings, bytes, tokens, longest }) in encodings.iter().zip(&all) {
        println!(
            "{}: ids and counts of {strings} strings, {bytes} bytes, {tokens} tokens, the longest of {longest} bytes, \
             seed {seed}: equal",
            encoding.name()
        );
    }
    assert_eq!(all.iter().map(|compared| compared.strings).sum::<u64>(), strings);
}
