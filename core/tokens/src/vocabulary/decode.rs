//! Bytes of tokens by id.
//!
//! The tables are made for the other direction, and hold most tokens only as a hash. The hash is invertible: an entry, its
//! slot and the displacement of its bucket give the token back. An index from ids to entries is built on first use, in
//! about a millisecond, and takes four bytes per token.

use super::{RANK, Vocabulary, hash};

/// Largest id that is indexed: ids of a file may have gaps, and must not make the index large.
const MAX_ID: u32 = 1 << 20;
/// Bits of an index entry that are the slot, with one added so that zero marks an unassigned id.
const SLOT_BITS: u32 = 30;

/// Table of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    Bytes,
    Short,
    Middle,
    Long,
}

const TABLES: [Table; 4] = [Table::Bytes, Table::Short, Table::Middle, Table::Long];

/// Index of a vocabulary's entries by id.
#[derive(Debug)]
pub(crate) struct TokenIndex(Vec<u32>);

impl TokenIndex {
    /// Returns an index of nothing.
    pub(crate) const fn empty() -> TokenIndex {
        TokenIndex(Vec::new())
    }

    /// Builds the index.
    pub(crate) fn new(vocabulary: &Vocabulary<'_>) -> TokenIndex {
        let mut index = TokenIndex::empty();
        for slot in 0..vocabulary.long_entries.len() {
            index.insert(vocabulary, Table::Long, slot);
        }
        for slot in 0..vocabulary.middle_entries.len() {
            index.insert(vocabulary, Table::Middle, slot);
        }
        for slot in 0..vocabulary.short_entries.len() {
            index.insert(vocabulary, Table::Short, slot);
        }
        for slot in 0..vocabulary.bytes.len() {
            index.insert(vocabulary, Table::Bytes, slot);
        }
        index
    }

    /// Adds an entry, unless its slot is empty.
    fn insert(&mut self, vocabulary: &Vocabulary<'_>, table: Table, slot: usize) {
        let mut bytes = Vec::new();
        let Some(rank) = vocabulary.entry(table, slot, &mut bytes) else { return };
        let id = vocabulary.id(rank);
        let Some(place) = u32::try_from(slot + 1).ok().filter(|place| *place < 1 << SLOT_BITS && id < MAX_ID) else {
            return;
        };
        if self.0.len() <= id as usize {
            self.0.resize(id as usize + 1, 0);
        }
        if let Some(entry) = self.0.get_mut(id as usize) {
            *entry = (table as u32) << SLOT_BITS | place;
        }
    }

    /// Appends the bytes of a token; `false` if the vocabulary has none of that id.
    pub(crate) fn decode(&self, vocabulary: &Vocabulary<'_>, id: u32, out: &mut Vec<u8>) -> bool {
        let entry = self.0.get(id as usize).copied().unwrap_or_default();
        let place = entry & ((1 << SLOT_BITS) - 1);
        let (Some(table), Some(slot)) = (TABLES.get((entry >> SLOT_BITS) as usize), place.checked_sub(1)) else {
            return false;
        };
        vocabulary.entry(*table, slot as usize, out).is_some()
    }
}

impl Vocabulary<'_> {
    /// Appends the bytes of the token in a slot and returns its rank; `None` if the slot is empty.
    fn entry(&self, table: Table, slot: usize, out: &mut Vec<u8>) -> Option<u32> {
        match table {
            Table::Bytes => {
                let rank = *self.bytes.get(slot)?;
                out.push(u8::try_from(slot).ok()?);
                Some(u32::from(rank))
            }
            Table::Short => {
                let [a, b, c, d, e, f, payload @ ..] = *self.short_entries.get(slot)?;
                let low = u32::from_le_bytes([a, b, c, d]);
                let [pilot, _] = *self.short_buckets.get((low >> self.short_shift) as usize)?;
                let remainder = u32::from(u16::from_le_bytes([e, f])) << 16;
                let high = hash::high(pilot, (slot, self.short_entries.len() as u32), remainder, 16)?;
                push_padded(hash::word(hash::Hash { low, high }), out);
                Some(u32::from_le_bytes(payload) & RANK)
            }
            Table::Middle => {
                let entry = self.middle_entries.get(slot)?;
                let [word @ .., _, _, _, _, _, _, _, _, _, _, _, _, _] = *entry;
                let [_, _, _, _, _, _, _, _, a, b, c, d, x, y, z, payload @ ..] = *entry;
                let (second, low) = (u64::from_le_bytes(word), u32::from_le_bytes([a, b, c, d]));
                if second == u64::MAX {
                    return None;
                }
                let [pilot, _] = *self.middle_buckets.get((low >> self.middle_shift) as usize)?;
                let remainder = u32::from_le_bytes([0, x, y, z]);
                let high = hash::high(pilot, (slot, self.middle_entries.len() as u32), remainder, 8)?;
                out.extend_from_slice(&hash::first_word(hash::Hash { low, high }, second).to_le_bytes());
                push_padded(second, out);
                let [e, f, g, h, ..] = payload;
                Some(u32::from_le_bytes([e, f, g, h]) & RANK)
            }
            Table::Long => {
                let [a, b, c, length, d, e, f, _] = *self.long_entries.get(slot)?;
                let start = u32::from_le_bytes([a, b, c, 0]) as usize;
                let bytes =
                    self.long_strings.get(start..start + usize::from(length)).filter(|bytes| !bytes.is_empty())?;
                out.extend_from_slice(bytes);
                Some(u32::from_le_bytes([d, e, f, 0]))
            }
        }
    }
}

/// Appends a word without its padding of 0xFF.
fn push_padded(word: u64, out: &mut Vec<u8>) {
    let padding = (!word).leading_zeros() as usize / 8;
    let bytes = word.to_le_bytes();
    out.extend_from_slice(bytes.get(..bytes.len() - padding).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::TokenIndex;

    #[test]
    fn every_id_decodes_to_its_token() {
        for (vocabulary, bpe, size) in [
            (&O200K_BASE, tiktoken_rs::o200k_base_singleton(), 199_998),
            #[cfg(feature = "cl100k_base")]
            (&CL100K_BASE, tiktoken_rs::cl100k_base_singleton(), 100_256),
            #[cfg(feature = "p50k_base")]
            (&P50K_BASE, tiktoken_rs::p50k_base_singleton(), 50_256),
            #[cfg(feature = "r50k_base")]
            (&R50K_BASE, tiktoken_rs::r50k_base_singleton(), 50_256),
        ] {
            let index = TokenIndex::new(vocabulary);
            let mut bytes = Vec::new();
            for id in 0..size {
                bytes.clear();
                assert!(index.decode(vocabulary, id, &mut bytes), "{id}");
                assert_eq!(bytes, bpe.decode_bytes(&[id]).unwrap(), "{id}");
            }
            for id in [size + 10, 1 << 18, 1 << 25, u32::MAX] {
                assert!(!index.decode(vocabulary, id, &mut bytes), "{id}");
            }
        }
    }
}
