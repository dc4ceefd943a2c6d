//! Lays a vocabulary out as `src/vocabulary.rs` reads it.

use std::collections::{BTreeMap, BTreeSet};

use super::hash::{self, Hash};
use super::perfect_hash;
use super::merge_tree::{Spine, spines};
use super::layout_error::LayoutError;

/// Logarithms of the numbers of entries of the filters.
const PREFIX4_BITS: u32 = 15;
const PREFIX8_BITS: u32 = 15;
const PREFIX16_BITS: u32 = 12;
const PAIR_BITS: u32 = 18;
const SUFFIX2_BITS: u32 = 12;
/// With fewer slots, what an entry holds of a hash would not tell its key from every other.
const LEAST_SLOTS: usize = 1 << 8;

/// A vocabulary laid out: what the fields of `Vocabulary` are made of.
#[derive(Default)]
pub(crate) struct Tables {
    /// Name of the field, bytes of an entry, entries.
    pub(crate) sections: Vec<(&'static str, usize, Vec<u8>)>,
    /// Name of the field and number.
    pub(crate) numbers: Vec<(&'static str, usize)>,
}

impl Tables {
    fn bytes(&mut self, field: &'static str, bytes: Vec<u8>) {
        self.sections.push((field, 1, bytes));
    }

    /// A section of entries of `N` bytes.
    fn entries<const N: usize>(&mut self, field: &'static str, entries: &[[u8; N]]) {
        self.sections.push((field, N, entries.concat()));
    }

    fn number(&mut self, field: &'static str, number: usize) {
        self.numbers.push((field, number));
    }
}

/// The tables of a vocabulary, given by rank; an empty token is a rank without one.
pub(crate) fn make(tokens: &[Vec<u8>]) -> Result<Tables, LayoutError> {
    let spines = spines(tokens);
    if tokens.len() > 1 << 18 {
        return Err(LayoutError("more than 262144 tokens: ranks are held in 18 bits"));
    }
    let mut tables = Tables::default();
    let of_length = |from: usize, to: usize| -> Vec<usize> {
        (0..tokens.len()).filter(|&rank| (from..=to).contains(&tokens[rank].len())).collect()
    };
    let mut bytes = vec![0_u8; 256];
    for rank in of_length(1, 1) {
        let byte = tokens[rank][0] as usize;
        bytes[byte] = u8::try_from(rank).map_err(|_| LayoutError("single bytes are not the first 256 tokens"))?;
    }
    tables.bytes("bytes", bytes);
    short(&mut tables, tokens, &spines, &of_length(2, 8))?;
    middle(&mut tables, tokens, &spines, &of_length(9, 16))?;
    long(&mut tables, tokens, &spines, &of_length(17, usize::MAX))?;
    // With tokens that merging never makes, no pair is merged for certain.
    let unreachable = tokens.iter().zip(&spines).filter(|(token, spine)| token.len() > 1 && spine.split == 0).count();
    ascii_pairs(&mut tables, tokens, &spines, unreachable == 0);
    prefixes(&mut tables, tokens)?;
    pairs(&mut tables, tokens, &spines);
    char_prefixes(&mut tables, tokens, &spines, unreachable == 0);
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

/// The `number`th word of a token, filled up with 0xFF.
fn word(token: &[u8], number: usize) -> u64 {
    let mut word = [0xFF; 8];
    let part = token.get(8 * number..).unwrap_or_default();
    let len = part.len().min(8);
    word[..len].copy_from_slice(&part[..len]);
    u64::from_le_bytes(word)
}

/// Bit `n - 1` for every length `n`.
fn mask(lengths: &[usize]) -> u64 {
    lengths.iter().fold(0, |mask, len| mask | (1 << (len - 1)))
}

/// Tokens of two to eight bytes.
fn short(tables: &mut Tables, tokens: &[Vec<u8>], spines: &[Spine], ranks: &[usize]) -> Result<(), LayoutError> {
    let hashes: Vec<Hash> = ranks.iter().map(|&rank| hash::of_word(word(&tokens[rank], 0))).collect();
    // From 2^16 slots on, 16 bits of rest are enough to tell all keys of a slot apart; with some more than that there is
    // a rest that no key has.
    let placement = perfect_hash::place(&hashes, (1 << 16) + (1 << 12))?;
    let count = placement.slots.len();
    let mut entries = vec![[0_u8; 10]; count];
    for (slot, key) in placement.slots.iter().enumerate() {
        let Some(key) = *key else {
            entries[slot][..6].copy_from_slice(&unused_key(slot, count as u32)?);
            continue;
        };
        let hash = hashes[key as usize];
        let (place, rest) = hash.place(placement.buckets[hash.bucket(placement.shift)][0], count as u32);
        debug_assert_eq!(place, slot);
        entries[slot][..4].copy_from_slice(&hash.low.to_le_bytes());
        entries[slot][4..6].copy_from_slice(&rest.to_le_bytes()[2..]);
        let rank = ranks[key as usize];
        let spine = &spines[rank];
        let fact = rank as u64 | (mask(&spine.left) << 18) | (mask(&spine.right) << 25);
        let fact = u32::try_from(fact).map_err(|_| LayoutError("18 bits of rank, 7 and 7 of lengths"))?;
        entries[slot][6..].copy_from_slice(&fact.to_le_bytes());
    }
    tables.entries("short_buckets", &placement.buckets);
    tables.entries("short_entries", &entries);
    tables.number("short_shift", placement.shift as usize);
    Ok(())
}

/// A key for an empty slot: a rest that no key has there.
///
/// The displaced hashes of a slot differ by one, their products by `count`, so that the rests grow by more than one on
/// average: one is left out soon.
fn unused_key(slot: usize, count: u32) -> Result<[u8; 6], LayoutError> {
    let first = (slot as u64 * (1 << 32)).div_ceil(u64::from(count));
    let mut product = u64::from((first * u64::from(count)) as u32);
    let mut rest = 0;
    while product >> 16 == rest {
        product += u64::from(count);
        rest += 1;
    }
    let rest = u16::try_from(rest).map_err(|_| LayoutError("every rest is taken in some slot"))?;
    let [low, high] = rest.to_le_bytes();
    Ok([0, 0, 0, 0, low, high])
}

/// Tokens of nine to sixteen bytes.
fn middle(tables: &mut Tables, tokens: &[Vec<u8>], spines: &[Spine], ranks: &[usize]) -> Result<(), LayoutError> {
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
    // An empty slot holds 0xFF throughout: no text has such bytes.
    let mut entries = vec![[0xFF_u8; 21]; count];
    for (slot, key) in placement.slots.iter().enumerate() {
        let Some(key) = *key else { continue };
        let rank = ranks[key as usize];
        let hash = hashes[key as usize];
        let (_, rest) = hash.place(placement.buckets[hash.bucket(placement.shift)][0], count as u32);
        entries[slot][..8].copy_from_slice(&words(rank).1.to_le_bytes());
        entries[slot][8..12].copy_from_slice(&hash.low.to_le_bytes());
        entries[slot][12..15].copy_from_slice(&rest.to_le_bytes()[1..]);
        let spine = &spines[rank];
        let fact = rank as u64 | (mask(&spine.left) << 18) | (mask(&spine.right) << 33);
        entries[slot][15..].copy_from_slice(&fact.to_le_bytes()[..6]);
    }
    tables.entries("middle_buckets", &placement.buckets);
    tables.entries("middle_entries", &entries);
    tables.number("middle_shift", placement.shift as usize);
    Ok(())
}

/// Tokens of more than sixteen bytes.
fn long(tables: &mut Tables, tokens: &[Vec<u8>], spines: &[Spine], ranks: &[usize]) -> Result<(), LayoutError> {
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
        entries[slot][7] = spines[rank].split as u8;
        strings.extend_from_slice(token);
    }
    if strings.len() >= 1 << 24 {
        return Err(LayoutError("more than 16 MB of long tokens"));
    }
    tables.entries("long_buckets", &placement.buckets);
    tables.entries("long_entries", &entries);
    tables.bytes("long_strings", strings);
    tables.number("long_shift", placement.shift as usize);
    Ok(())
}

/// Of pairs of ASCII characters the rank of the token that they are, and what may come of them otherwise.
///
/// A pair of bytes is merged for certain, whatever else is around them, if no token of lower rank takes the left byte to what
/// is before it, nor the right one to what is behind it. Which tokens do is seen from the byte before and the one behind: of
/// all tokens that end (begin) with two bytes and whose last merge was with the last (first) byte alone, the lowest rank is
/// held; the lowest of all unless something `is_certain`.
fn ascii_pairs(tables: &mut Tables, tokens: &[Vec<u8>], spines: &[Spine], is_certain: bool) {
    let mut pairs = vec![(hash::NO_PAIR, [u8::MAX; 2]); hash::ASCII * hash::ASCII];
    let place = |first: u8, second: u8| if first | second < 0x80 { hash::of_ascii(first, second) } else { None };
    for (rank, (token, spine)) in tokens.iter().zip(spines).enumerate() {
        let ([first, second, ..], [.., before, last]) = (token.as_slice(), token.as_slice()) else { continue };
        let rank = u16::try_from(rank).map_or(hash::LARGE_PAIR, |rank| rank.min(hash::LARGE_PAIR));
        if let (Some(place), 2) = (place(*first, *second), token.len()) {
            pairs[place].0 = rank;
        }
        let level = if is_certain { hash::level(rank) } else { 0 };
        if let (Some(place), true) = (place(*before, *last), spine.split + 1 == token.len()) {
            let [lowest, _] = &mut pairs[place].1;
            *lowest = level.min(*lowest);
        }
        if let (Some(place), true) = (place(*first, *second), spine.split == 1) {
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

/// Which lengths of tokens there may be that begin as a text does.
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
    // Lists of lengths and ends, longest first, each list ended by a zero; entry 0 is the empty list.
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

/// Where tokens reach from one character into the next.
fn pairs(tables: &mut Tables, tokens: &[Vec<u8>], spines: &[Spine]) {
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
                // Kept only for characters whose UTF-8 is three or four bytes long.
                (Some(left @ [_, _, _, ..]), Some(right @ [_, _, _, ..])) => {
                    let entry = hash::of_pair(word(left, 0) as u32, word(right, 0) as u32, PAIR_BITS);
                    pairs[entry / 8] |= 1 << (entry % 8);
                }
                (Some(_), Some(_)) => {}
                // A token that holds a part of a character only stands for every character that has that part.
                _ => {
                    let entry = usize::from(token[at - 1]) << 8 | usize::from(token[at]);
                    byte_crossings[entry / 8] |= 1 << (entry % 8);
                }
            }
        }
    }
    let mut char_tokens = vec![0_u8; 0x1_0000 / 8];
    for (token, spine) in tokens.iter().zip(spines) {
        if spine.split > 0
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

/// Of which characters of three bytes the first two are merged for certain: no token of lower rank takes the first one alone
/// to what is before it, whatever that is, nor the second one alone to the third one. See [`ascii_pairs`].
fn char_prefixes(tables: &mut Tables, tokens: &[Vec<u8>], spines: &[Spine], is_certain: bool) {
    const NONE: usize = usize::MAX;
    let (mut ranks, mut left, mut right) = (vec![NONE; 1 << 16], [NONE; 256], vec![NONE; 1 << 16]);
    let pair = |first: u8, second: u8| usize::from(first) << 8 | usize::from(second);
    for (rank, (token, spine)) in tokens.iter().zip(spines).enumerate() {
        let ([first, second, ..], [.., last]) = (token.as_slice(), token.as_slice()) else { continue };
        let lower = |lowest: &mut usize| *lowest = rank.min(*lowest);
        if token.len() == 2 {
            lower(&mut ranks[pair(*first, *second)]);
        }
        if spine.split + 1 == token.len() {
            lower(&mut left[usize::from(*last)]);
        }
        if spine.split == 1 {
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

/// Bytes of the character whose UTF-8 begins with `lead`.
fn width(lead: u8) -> usize {
    match lead {
        ..0x80 => 1,
        0x80..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0.. => 4,
    }
}
