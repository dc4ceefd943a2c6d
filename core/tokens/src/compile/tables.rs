//! Builds the tables of a vocabulary that `src/vocabulary.rs` reads.

use std::collections::{BTreeMap, BTreeSet};

use super::hash::{self, Hash};
use super::layout_error::LayoutError;
use super::merge_tree::{MergeTree, merge_trees};
use super::perfect_hash;

/// Base-2 logarithms of the filters' entry counts.
const PREFIX4_BITS: u32 = 15;
const PREFIX8_BITS: u32 = 15;
const PREFIX16_BITS: u32 = 12;
const PAIR_BITS: u32 = 18;
const SUFFIX2_BITS: u32 = 12;
/// Minimum number of slots: with fewer, the hash bits that an entry stores would not identify its key.
const LEAST_SLOTS: usize = 1 << 8;

/// Tables of a vocabulary: the values of the fields of `Vocabulary`.
#[derive(Default)]
pub(crate) struct Tables {
    /// Field name, bytes per entry, entries.
    pub(crate) sections: Vec<(&'static str, usize, Vec<u8>)>,
    /// Field name and number.
    pub(crate) numbers: Vec<(&'static str, usize)>,
}

impl Tables {
    fn bytes(&mut self, field: &'static str, bytes: Vec<u8>) {
        self.sections.push((field, 1, bytes));
    }

    /// Adds a section of entries of `N` bytes.
    fn entries<const N: usize>(&mut self, field: &'static str, entries: &[[u8; N]]) {
        self.sections.push((field, N, entries.concat()));
    }

    fn number(&mut self, field: &'static str, number: usize) {
        self.numbers.push((field, number));
    }
}

/// Builds the tables of a vocabulary, given by rank; an empty token marks an unassigned rank.
pub(crate) fn build(tokens: &[Vec<u8>]) -> Result<Tables, LayoutError> {
    let trees = merge_trees(tokens);
    if tokens.len() > 1 << 18 {
        return Err(LayoutError("more than 262144 tokens: ranks are stored in 18 bits"));
    }
    let mut tables = Tables::default();
    let of_length = |from: usize, to: usize| -> Vec<usize> {
        (0..tokens.len()).filter(|&rank| (from..=to).contains(&tokens[rank].len())).collect()
    };
    let mut bytes = vec![0_u8; 256];
    for rank in of_length(1, 1) {
        let byte = tokens[rank][0] as usize;
        bytes[byte] = u8::try_from(rank).map_err(|_| LayoutError("the first 256 ranks are not the single bytes"))?;
    }
    tables.bytes("bytes", bytes);
    short(&mut tables, tokens, &trees, &of_length(2, 8))?;
    middle(&mut tables, tokens, &trees, &of_length(9, 16))?;
    long(&mut tables, tokens, &trees, &of_length(17, usize::MAX))?;
    // If merging cannot produce some tokens, no pair is certain to be merged.
    let unreachable = tokens.iter().zip(&trees).filter(|(token, tree)| token.len() > 1 && tree.split == 0).count();
    ascii_pairs(&mut tables, tokens, &trees, unreachable == 0);
    prefixes(&mut tables, tokens)?;
    pairs(&mut tables, tokens, &trees);
    char_prefixes(&mut tables, tokens, &trees, unreachable == 0);
    let longest = tokens.iter().map(Vec::len).max().unwrap_or(0);
    if longest > 255 {
        return Err(LayoutError("a token of more than 255 bytes"));
    }
    let mut suffix2 = vec![0_u8; 1 << SUFFIX2_BITS];
    for token in tokens {
        if let [.., first, second] = token.as_slice() {
            let entry = &mut suffix2[hash::of_two(*first, *second, SUFFIX2_BITS)];
            *entry = (*entry).max(token.len() as u8);
        }
    }
    tables.bytes("suffix2", suffix2);
    tables.number("max_token_len", longest);
    tables.number("unreachable", unreachable);
    Ok(tables)
}

/// Returns the `number`th 8-byte word of a token, padded with 0xFF.
fn word(token: &[u8], number: usize) -> u64 {
    let mut word = [0xFF; 8];
    let part = token.get(8 * number..).unwrap_or_default();
    let len = part.len().min(8);
    word[..len].copy_from_slice(&part[..len]);
    u64::from_le_bytes(word)
}

/// Returns a mask with bit `n - 1` set for every length `n`.
fn mask(lengths: &[usize]) -> u64 {
    lengths.iter().fold(0, |mask, len| mask | (1 << (len - 1)))
}

/// Builds the table of tokens of two to eight bytes.
fn short(tables: &mut Tables, tokens: &[Vec<u8>], trees: &[MergeTree], ranks: &[usize]) -> Result<(), LayoutError> {
    let hashes: Vec<Hash> = ranks.iter().map(|&rank| hash::of_word(word(&tokens[rank], 0))).collect();
    // With at least 2^16 slots, 16 bits of remainder distinguish all keys of a slot; the extra slots guarantee a
    // remainder that no key has.
    let placement = perfect_hash::place(&hashes, (1 << 16) + (1 << 12))?;
    let count = placement.slots.len();
    let mut entries = vec![[0_u8; 10]; count];
    for (slot, key) in placement.slots.iter().enumerate() {
        let Some(key) = *key else {
            entries[slot][..6].copy_from_slice(&unused_key(slot, count as u32)?);
            continue;
        };
        let hash = hashes[key as usize];
        let (place, remainder) = hash.place(placement.buckets[hash.bucket(placement.shift)][0], count as u32);
        debug_assert_eq!(place, slot);
        entries[slot][..4].copy_from_slice(&hash.low.to_le_bytes());
        entries[slot][4..6].copy_from_slice(&remainder.to_le_bytes()[2..]);
        let rank = ranks[key as usize];
        let tree = &trees[rank];
        let payload = rank as u64 | (mask(&tree.left) << 18) | (mask(&tree.right) << 25);
        let payload = u32::try_from(payload).map_err(|_| LayoutError("18 bits of rank, 7 and 7 of lengths"))?;
        entries[slot][6..].copy_from_slice(&payload.to_le_bytes());
    }
    tables.entries("short_buckets", &placement.buckets);
    tables.entries("short_entries", &entries);
    tables.number("short_shift", placement.shift as usize);
    Ok(())
}

/// Returns the key of an empty slot: a remainder that no key has there.
///
/// The displaced hashes of a slot differ by one and their products by `count`, so the remainders grow by more than one
/// on average, and one is soon skipped.
fn unused_key(slot: usize, count: u32) -> Result<[u8; 6], LayoutError> {
    let first = (slot as u64 * (1 << 32)).div_ceil(u64::from(count));
    let mut product = u64::from((first * u64::from(count)) as u32);
    let mut remainder = 0;
    while product >> 16 == remainder {
        product += u64::from(count);
        remainder += 1;
    }
    let remainder = u16::try_from(remainder).map_err(|_| LayoutError("a slot has no unused remainder"))?;
    let [low, high] = remainder.to_le_bytes();
    Ok([0, 0, 0, 0, low, high])
}

/// Builds the table of tokens of nine to sixteen bytes.
fn middle(tables: &mut Tables, tokens: &[Vec<u8>], trees: &[MergeTree], ranks: &[usize]) -> Result<(), LayoutError> {
    let words = |rank: usize| (word(&tokens[rank], 0), word(&tokens[rank], 1));
    let hashes: Vec<Hash> = ranks
        .iter()
        .map(|&rank| {
            let (first, second) = words(rank);
            hash::of_words(first, second)
        })
        .collect();
    let placement = perfect_hash::place(&hashes, LEAST_SLOTS)?;
    let count = placement.slots.len();
    // An empty slot is filled with 0xFF, which no text contains.
    let mut entries = vec![[0xFF_u8; 21]; count];
    for (slot, key) in placement.slots.iter().enumerate() {
        let Some(key) = *key else { continue };
        let rank = ranks[key as usize];
        let hash = hashes[key as usize];
        let (_, remainder) = hash.place(placement.buckets[hash.bucket(placement.shift)][0], count as u32);
        entries[slot][..8].copy_from_slice(&words(rank).1.to_le_bytes());
        entries[slot][8..12].copy_from_slice(&hash.low.to_le_bytes());
        entries[slot][12..15].copy_from_slice(&remainder.to_le_bytes()[1..]);
        let tree = &trees[rank];
        let payload = rank as u64 | (mask(&tree.left) << 18) | (mask(&tree.right) << 33);
        entries[slot][15..].copy_from_slice(&payload.to_le_bytes()[..6]);
    }
    tables.entries("middle_buckets", &placement.buckets);
    tables.entries("middle_entries", &entries);
    tables.number("middle_shift", placement.shift as usize);
    Ok(())
}

/// Builds the table of tokens of more than sixteen bytes.
fn long(tables: &mut Tables, tokens: &[Vec<u8>], trees: &[MergeTree], ranks: &[usize]) -> Result<(), LayoutError> {
    let hashes: Vec<Hash> = ranks
        .iter()
        .map(|&rank| {
            let token = &tokens[rank];
            hash::of_long(token.len(), |at| word(&token[at..], 0))
        })
        .collect();
    let placement = perfect_hash::place(&hashes, LEAST_SLOTS)?;
    let mut entries = vec![[0_u8; 8]; placement.slots.len()];
    let mut strings: Vec<u8> = Vec::new();
    for (slot, key) in placement.slots.iter().enumerate() {
        let Some(key) = *key else { continue };
        let rank = ranks[key as usize];
        let token = &tokens[rank];
        entries[slot][..3].copy_from_slice(&(strings.len() as u32).to_le_bytes()[..3]);
        entries[slot][3] = u8::try_from(token.len()).map_err(|_| LayoutError("a token of more than 255 bytes"))?;
        entries[slot][4..7].copy_from_slice(&(rank as u32).to_le_bytes()[..3]);
        entries[slot][7] = trees[rank].split as u8;
        strings.extend_from_slice(token);
    }
    if strings.len() >= 1 << 24 {
        return Err(LayoutError("the long tokens exceed 16 MB"));
    }
    tables.entries("long_buckets", &placement.buckets);
    tables.entries("long_entries", &entries);
    tables.bytes("long_strings", strings);
    tables.number("long_shift", placement.shift as usize);
    Ok(())
}

/// Builds the table of ASCII pairs: the rank of each pair's token, and bounds on competing merges.
///
/// A pair of bytes is merged for certain, whatever surrounds it, if no token of lower rank merges the left byte with
/// what precedes it, nor the right byte with what follows it. The neighbouring bytes bound the rank of such tokens: of
/// all tokens that end (begin) with two bytes and whose final merge adds the last (first) byte alone, the lowest rank
/// is stored; 0 unless `is_certain`.
fn ascii_pairs(tables: &mut Tables, tokens: &[Vec<u8>], trees: &[MergeTree], is_certain: bool) {
    let mut pairs = vec![(hash::NO_PAIR, [u8::MAX; 2]); hash::ASCII * hash::ASCII];
    let place = |first: u8, second: u8| if first | second < 0x80 { hash::of_ascii(first, second) } else { None };
    for (rank, (token, tree)) in tokens.iter().zip(trees).enumerate() {
        let ([first, second, ..], [.., before, last]) = (token.as_slice(), token.as_slice()) else { continue };
        let rank = u16::try_from(rank).map_or(hash::LARGE_PAIR, |rank| rank.min(hash::LARGE_PAIR));
        if let (Some(place), 2) = (place(*first, *second), token.len()) {
            pairs[place].0 = rank;
        }
        let level = if is_certain { hash::level(rank) } else { 0 };
        if let (Some(place), true) = (place(*before, *last), tree.split + 1 == token.len()) {
            let [lowest, _] = &mut pairs[place].1;
            *lowest = level.min(*lowest);
        }
        if let (Some(place), true) = (place(*first, *second), tree.split == 1) {
            let [_, lowest] = &mut pairs[place].1;
            *lowest = level.min(*lowest);
        }
    }
    let pairs: Vec<[u8; 4]> = pairs
        .into_iter()
        .map(|(rank, [left, right])| {
            let [low, high] = rank.to_le_bytes();
            [low, high, left, right]
        })
        .collect();
    tables.entries("ascii_pairs", &pairs);
}

/// Builds the filters of token lengths by prefix.
fn prefixes(tables: &mut Tables, tokens: &[Vec<u8>]) -> Result<(), LayoutError> {
    let mut prefix4 = vec![0_u8; 1 << PREFIX4_BITS];
    let mut prefix8 = vec![0_u8; 1 << PREFIX8_BITS];
    let mut prefix16: BTreeMap<usize, BTreeSet<[u8; 2]>> = BTreeMap::new();
    for token in tokens {
        match token.len() {
            ..4 => {}
            len @ 4..=8 => prefix4[hash::of_four(word(token, 0), PREFIX4_BITS)] |= 1 << (len - 4),
            len @ 9..=16 => prefix8[hash::of_eight(word(token, 0), PREFIX8_BITS)] |= 1 << (len - 9),
            len => {
                let entry = hash::chain(hash::chain(0, word(token, 0)), word(token, 1)) >> (64 - PREFIX16_BITS);
                let end = hash::of_eight(word(&token[len - 8..], 0), 8);
                prefix16.entry(entry as usize).or_default().insert([len as u8, end as u8]);
            }
        }
    }
    // Lists of lengths and end hashes, longest first, each terminated by a zero; entry 0 is the empty list.
    let mut lists = vec![[0_u8; 2]];
    let mut starts = vec![[0_u8; 2]; 1 << PREFIX16_BITS];
    for (entry, lengths) in prefix16 {
        starts[entry] = u16::try_from(lists.len()).map_err(|_| LayoutError("too many long tokens"))?.to_le_bytes();
        lists.extend(lengths.iter().rev());
        lists.push([0; 2]);
    }
    tables.bytes("prefix4", prefix4);
    tables.bytes("prefix8", prefix8);
    tables.entries("prefix16", &starts);
    tables.entries("prefix16_lengths", &lists);
    Ok(())
}

/// Builds the filters of tokens that cross a character boundary.
fn pairs(tables: &mut Tables, tokens: &[Vec<u8>], trees: &[MergeTree]) {
    let mut pairs = vec![0_u8; (1 << PAIR_BITS) / 8];
    let mut byte_crossings = vec![0_u8; 256 * 256 / 8];
    for token in tokens {
        for at in 1..token.len() {
            if is_continuation(token[at]) {
                continue;
            }
            let start = (0..at).rfind(|&i| !is_continuation(token[i]));
            let left = start.map(|start| &token[start..at]).filter(|left| left.len() == width(left[0]));
            let right = token.get(at..at + width(token[at]));
            match (left, right) {
                // Kept for characters of three or four UTF-8 bytes only.
                (Some(left @ [_, _, _, ..]), Some(right @ [_, _, _, ..])) => {
                    let entry = hash::of_pair(word(left, 0) as u32, word(right, 0) as u32, PAIR_BITS);
                    pairs[entry / 8] |= 1 << (entry % 8);
                }
                (Some(_), Some(_)) => {}
                // A token with a partial character can occur in every character that has that part.
                _ => {
                    let entry = usize::from(token[at - 1]) << 8 | usize::from(token[at]);
                    byte_crossings[entry / 8] |= 1 << (entry % 8);
                }
            }
        }
    }
    let mut char_tokens = vec![0_u8; 0x1_0000 / 8];
    for (token, tree) in tokens.iter().zip(trees) {
        if tree.split > 0
            && let Ok(text) = std::str::from_utf8(token)
            && let [number @ 0x80..0x1_0000] = text.chars().map(|c| c as usize).collect::<Vec<_>>()[..]
        {
            char_tokens[number / 8] |= 1 << (number % 8);
        }
    }
    tables.bytes("char_tokens", char_tokens);
    tables.bytes("char_pairs", pairs);
    tables.bytes("byte_crossings", byte_crossings);
}

/// Builds the bit set of three-byte characters whose first two bytes are merged for certain: no token of lower rank
/// merges the first byte with what precedes it, nor the second byte alone with the third. See [`ascii_pairs`].
fn char_prefixes(tables: &mut Tables, tokens: &[Vec<u8>], trees: &[MergeTree], is_certain: bool) {
    const NONE: usize = usize::MAX;
    let (mut ranks, mut left, mut right) = (vec![NONE; 1 << 16], [NONE; 256], vec![NONE; 1 << 16]);
    let pair = |first: u8, second: u8| usize::from(first) << 8 | usize::from(second);
    for (rank, (token, tree)) in tokens.iter().zip(trees).enumerate() {
        let ([first, second, ..], [.., last]) = (token.as_slice(), token.as_slice()) else { continue };
        let lower = |lowest: &mut usize| *lowest = rank.min(*lowest);
        if token.len() == 2 {
            lower(&mut ranks[pair(*first, *second)]);
        }
        if tree.split + 1 == token.len() {
            lower(&mut left[usize::from(*last)]);
        }
        if tree.split == 1 {
            lower(&mut right[pair(*first, *second)]);
        }
    }
    let mut char_prefixes = vec![0_u8; 0x1_0000 / 8];
    for number in 0x800..0x1_0000_usize {
        let Some(char) = u32::try_from(number).ok().and_then(char::from_u32) else { continue };
        if let [first, second, third] = *char.encode_utf8(&mut [0; 4]).as_bytes() {
            let rank = ranks[pair(first, second)];
            if rank < left[usize::from(first)] && rank < right[pair(second, third)] && is_certain {
                char_prefixes[number / 8] |= 1 << (number % 8);
            }
        }
    }
    tables.bytes("char_prefixes", char_prefixes);
}

fn is_continuation(byte: u8) -> bool {
    (0x80..0xC0).contains(&byte)
}

/// Returns the byte length of the character whose UTF-8 begins with `lead`.
fn width(lead: u8) -> usize {
    match lead {
        ..0x80 => 1,
        0x80..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0.. => 4,
    }
}
