//! How every token of a vocabulary comes about: the merges that its bytes go through.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// What a token is made of.
pub(crate) struct Spine {
    /// Length of the left of the two parts whose merge makes the token; 0 for a byte.
    pub(crate) split: usize,
    /// Lengths of the prefixes that are its left part, the left part of that and so on, longest first.
    pub(crate) left: Vec<usize>,
    /// The same for suffixes and right parts.
    pub(crate) right: Vec<usize>,
}

/// The spines of all tokens, which are given by rank.
///
/// # Panics
/// If a token does not come about by merging: then the engine's reasoning does not hold for the vocabulary.
pub(crate) fn spines(tokens: &[Vec<u8>]) -> Vec<Spine> {
    let ranks: HashMap<&[u8], usize, BuildHasherDefault<Fnv>> =
        tokens.iter().enumerate().map(|(rank, token)| (token.as_slice(), rank)).collect();
    let mut spines: Vec<Spine> = Vec::with_capacity(tokens.len());
    for (rank, token) in tokens.iter().enumerate() {
        if token.len() == 1 {
            spines.push(Spine { split: 0, left: Vec::new(), right: Vec::new() });
            continue;
        }
        let split = split(token, rank, &ranks);
        let (left, right) = token.split_at(split);
        let follow = |part: &[u8], own: fn(&Spine) -> &Vec<usize>| {
            let rest = own(&spines[ranks[part]]);
            std::iter::once(part.len()).chain(rest.iter().copied()).collect()
        };
        let (left, right) = (follow(left, |spine| &spine.left), follow(right, |spine| &spine.right));
        spines.push(Spine { split, left, right });
    }
    spines
}

/// Merges the bytes of a token until two parts are left; the length of the first.
fn split(token: &[u8], rank: usize, ranks: &HashMap<&[u8], usize, BuildHasherDefault<Fnv>>) -> usize {
    let mut cuts: Vec<usize> = (0..=token.len()).collect();
    let pair = |cuts: &[usize], i: usize| ranks.get(&token[cuts[i]..cuts[i + 2]]).copied().unwrap_or(usize::MAX);
    let mut pairs: Vec<usize> = (0..token.len() - 1).map(|i| pair(&cuts, i)).collect();
    while pairs.len() > 1 {
        let (at, best) = pairs.iter().copied().enumerate().min_by_key(|&(at, rank)| (rank, at)).unwrap();
        assert!(best < rank, "token {rank} does not come about by merging");
        cuts.remove(at + 1);
        pairs.remove(at);
        if at < pairs.len() {
            pairs[at] = pair(&cuts, at);
        }
        if at > 0 {
            pairs[at - 1] = pair(&cuts, at - 1);
        }
    }
    cuts[1]
}

/// FNV-1a by words: quick where this runs unoptimised, and the same on every machine.
#[derive(Default)]
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, word: u64) {
        let product = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ (product >> 32);
    }
}
