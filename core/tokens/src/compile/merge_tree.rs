//! How every token of a vocabulary comes about: the merges that its bytes go through.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// What a token is made of.
#[derive(Clone, Default)]
pub(crate) struct Spine {
    /// Length of the left of the two parts whose merge makes the token; 0 for a byte, and for a token that merging
    /// never makes.
    pub(crate) split: usize,
    /// Lengths of the prefixes that are its left part, the left part of that and so on, longest first.
    pub(crate) left: Vec<usize>,
    /// The same for suffixes and right parts.
    pub(crate) right: Vec<usize>,
}

/// The spines of all tokens, which are given by rank; an empty one is a rank without a token.
///
/// A token that merging its own bytes does not give is one that merging never gives: whatever surrounds it, what
/// happens inside it happens in the same order.
pub(crate) fn spines(tokens: &[Vec<u8>]) -> Vec<Spine> {
    let ranks: Ranks<'_> = tokens.iter().enumerate().map(|(rank, token)| (token.as_slice(), rank)).collect();
    let mut spines: Vec<Spine> = Vec::with_capacity(tokens.len());
    for (rank, token) in tokens.iter().enumerate() {
        let spine = split(token, rank, &ranks).and_then(|split| {
            let (left, right) = token.split_at(split);
            let follow = |part: &[u8], own: fn(&Spine) -> &Vec<usize>| {
                let rest = if part.len() == 1 { &Vec::new() } else { own(spines.get(*ranks.get(part)?)?) };
                Some(std::iter::once(part.len()).chain(rest.iter().copied()).collect())
            };
            let (left, right) = (follow(left, |spine| &spine.left)?, follow(right, |spine| &spine.right)?);
            Some(Spine { split, left, right })
        });
        spines.push(spine.unwrap_or_default());
    }
    spines
}

type Ranks<'a> = HashMap<&'a [u8], usize, BuildHasherDefault<Fnv>>;

/// Merges the bytes of a token until two parts are left, whose merge is the token's; the length of the first.
fn split(token: &[u8], rank: usize, ranks: &Ranks<'_>) -> Option<usize> {
    if token.len() < 2 {
        return None;
    }
    let mut cuts: Vec<usize> = (0..=token.len()).collect();
    let pair = |cuts: &[usize], i: usize| ranks.get(&token[cuts[i]..cuts[i + 2]]).copied().unwrap_or(usize::MAX);
    let mut pairs: Vec<usize> = (0..token.len() - 1).map(|i| pair(&cuts, i)).collect();
    while pairs.len() > 1 {
        let (at, best) = pairs.iter().copied().enumerate().min_by_key(|&(at, rank)| (rank, at))?;
        if best >= rank {
            return None;
        }
        cuts.remove(at + 1);
        pairs.remove(at);
        if at < pairs.len() {
            pairs[at] = pair(&cuts, at);
        }
        if at > 0 {
            pairs[at - 1] = pair(&cuts, at - 1);
        }
    }
    Some(cuts[1])
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
