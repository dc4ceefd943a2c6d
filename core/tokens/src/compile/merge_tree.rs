//! Merge trees of tokens: the merges by which BPE builds each token from its bytes.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Merge tree of a token, reduced to its left and right spines.
#[derive(Clone, Default)]
pub(crate) struct MergeTree {
    /// Byte length of the left operand of the final merge; 0 for a single byte, and for a token that merging never
    /// produces.
    pub(crate) split: usize,
    /// Lengths of the prefixes on the left spine (the left operand, its left operand and so on), longest first.
    pub(crate) left: Vec<usize>,
    /// Lengths of the suffixes on the right spine, longest first.
    pub(crate) right: Vec<usize>,
}

/// Computes the merge trees of all tokens, given by rank; an empty token marks an unassigned rank.
///
/// A token that merging its own bytes does not produce is never produced by merging: merges inside a token happen in
/// the same order whatever surrounds it.
pub(crate) fn merge_trees(tokens: &[Vec<u8>]) -> Vec<MergeTree> {
    let ranks: Ranks<'_> = tokens.iter().enumerate().map(|(rank, token)| (token.as_slice(), rank)).collect();
    let mut trees: Vec<MergeTree> = Vec::with_capacity(tokens.len());
    for (rank, token) in tokens.iter().enumerate() {
        let tree = split(token, rank, &ranks).and_then(|split| {
            let (left, right) = token.split_at(split);
            let follow = |part: &[u8], own: fn(&MergeTree) -> &Vec<usize>| {
                let rest = if part.len() == 1 { &Vec::new() } else { own(trees.get(*ranks.get(part)?)?) };
                Some(std::iter::once(part.len()).chain(rest.iter().copied()).collect())
            };
            let (left, right) = (follow(left, |tree| &tree.left)?, follow(right, |tree| &tree.right)?);
            Some(MergeTree { split, left, right })
        });
        trees.push(tree.unwrap_or_default());
    }
    trees
}

type Ranks<'a> = HashMap<&'a [u8], usize, BuildHasherDefault<Fnv>>;

/// Merges the bytes of a token until two parts remain and returns the length of the first; `None` if merging does not
/// end in the token.
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

/// FNV-1a over 8-byte words: fast in unoptimised builds, and identical on every machine.
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
