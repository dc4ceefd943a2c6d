//! Bounded table of texts seen before, under keyed digests.
//!
//! An agent sends its whole conversation with every call, nearly all of which was processed a moment ago. A [`DigestTable`] maps
//! texts to what is known about them (their token count; that no rule of the firewall matches them), so that a turn costs its
//! new text and one hash over the rest.
//!
//! - **Collisions.** A hit requires equal lengths and equal digests. The digest is HighwayHash-128 (`highway`) under a
//!   random key of the process, which a client cannot know: without it, colliding texts cannot be constructed. Decision 26
//!   compares it with others.
//! - **Sharing.** Several tables that look up texts of one body hash each of them once, within [`sharing`].
//! - **Memory.** A fixed table, allocated with the first text, in sets of four entries: 24 bytes per entry for a value of four
//!   bytes.
//! - **Eviction.** A hit moves its entry to the front of its set. A new entry goes to the front and replaces the last: the
//!   least recently used of the four.
//!
//! ```
//! use tollgate_digest::DigestTable;
//!
//! // In production: random bytes that nobody else knows.
//! let mut table = DigestTable::new([7; 16]);
//! let text = "A text that is sent with every turn. ".repeat(10);
//! let digest = table.digest(0, [text.as_bytes()]).unwrap();
//! assert_eq!(table.get(digest), None);
//! table.insert(digest, 91_u32);
//! assert_eq!((table.get(digest), table.hits()), (Some(91), 1));
//! ```

mod pieces;

use highway::{HighwayHash, HighwayHasher, Key};

pub use pieces::sharing;

/// Minimum length in bytes of a text in the table. Shorter ones cost little to process, and would displace longer ones.
const MIN_BYTES: usize = 128;
/// Minimum length in bytes of a body whose texts are worth a table. Smaller ones are seldom sent again.
pub const MIN_BODY_BYTES: usize = 8 << 10;
/// Entries per set.
const WAYS: usize = 4;
/// Default number of entries.
const ENTRIES: usize = 1 << 16;

/// Digests of texts under a key that is derived from a secret of any length.
#[derive(Clone, Debug)]
pub struct KeyedDigest(Key);

impl KeyedDigest {
    /// Creates the digests of a secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> KeyedDigest {
        KeyedDigest(Key(HighwayHasher::new(Key::default()).hash256(secret)))
    }

    /// Returns the digest of a text that consists of these pieces. The same text in other pieces has another digest.
    #[must_use]
    pub fn digest<const N: usize>(&self, pieces: [&[u8]; N]) -> u128 {
        let mut hasher = HighwayHasher::new(self.0);
        for piece in pieces {
            hasher.append(&(piece.len() as u64).to_le_bytes());
            hasher.append(piece);
        }
        let [low, high] = hasher.finalize128();
        u128::from(high) << 64 | u128::from(low)
    }
}

/// Identity of a text in the table of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextDigest {
    digest: [u64; 2],
    len: u32,
}

/// Entry of a set; the default is an empty entry, since no text in the table has a length of 0.
#[derive(Clone, Copy, Debug, Default)]
struct Entry<V> {
    digest: [u64; 2],
    len: u32,
    value: V,
}

/// Bounded table of texts and their values.
pub struct DigestTable<V> {
    key: Key,
    sets: Vec<[Entry<V>; WAYS]>,
    /// Number of sets, a power of two.
    capacity: usize,
    hits: u64,
}

/// Derives the 256 bits of a HighwayHash key from 128 secret ones, with constants as separators.
fn highway_key(secret: [u8; 16]) -> [u64; 4] {
    let secret = u128::from_le_bytes(secret);
    let (low, high) = (secret as u64, (secret >> 64) as u64);
    [low, high, low.rotate_left(32) ^ 0x9E37_79B9_7F4A_7C15, high.rotate_left(32) ^ 0xD1B5_4A32_D192_ED03]
}

impl<V: Copy + Default> DigestTable<V> {
    /// Creates a table of 65,536 entries with this secret key: 128 random bits.
    #[must_use]
    pub fn new(key: [u8; 16]) -> DigestTable<V> {
        DigestTable::with_entries(key, ENTRIES)
    }

    /// Creates a table of that many entries, rounded up to a power of two and at least four.
    #[must_use]
    pub fn with_entries(key: [u8; 16], entries: usize) -> DigestTable<V> {
        let key = Key(highway_key(key));
        let capacity = entries.div_ceil(WAYS).next_power_of_two();
        DigestTable { key, sets: Vec::new(), capacity, hits: 0 }
    }

    /// Returns the number of texts that were found.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits
    }

    /// Returns the digest of a text that consists of these pieces; `None` if it is too short for the table. The same text in other
    /// pieces, or of another `kind`, has another digest.
    #[must_use]
    pub fn digest<'a>(
        &self,
        kind: u64,
        pieces: impl IntoIterator<Item = &'a [u8], IntoIter: Clone>,
    ) -> Option<TextDigest> {
        let pieces = pieces.into_iter();
        let len: usize = pieces.clone().map(<[u8]>::len).sum();
        let len = u32::try_from(len).ok().filter(|_| len >= MIN_BYTES)?;
        let Key([a, b, c, d]) = self.key;
        let mut hasher = HighwayHasher::new(Key([a, b, c ^ kind, d]));
        for piece in pieces {
            let [low, high] = pieces::digest(piece, &self.key);
            for part in [low, high, piece.len() as u64] {
                hasher.append(&part.to_le_bytes());
            }
        }
        Some(TextDigest { digest: hasher.finalize128(), len })
    }

    /// Returns the value of a text.
    pub fn get(&mut self, text: TextDigest) -> Option<V> {
        let set = self.set(text)?;
        let at = set.iter().position(|entry| entry.len == text.len && entry.digest == text.digest)?;
        set.get_mut(..=at)?.rotate_right(1);
        let value = set.first()?.value;
        self.hits += 1;
        Some(value)
    }

    /// Stores the value of a text.
    pub fn insert(&mut self, text: TextDigest, value: V) {
        if self.sets.is_empty() {
            self.sets = vec![[Entry::default(); WAYS]; self.capacity];
        }
        let Some(set) = self.set(text) else { return };
        set.rotate_right(1);
        if let Some(first) = set.first_mut() {
            *first = Entry { digest: text.digest, len: text.len, value };
        }
    }

    /// Returns the set of a text; `None` before the first text.
    fn set(&mut self, text: TextDigest) -> Option<&mut [Entry<V>; WAYS]> {
        let [first, _] = text.digest;
        let index = first as usize & (self.capacity - 1);
        self.sets.get_mut(index)
    }
}

impl<V> std::fmt::Debug for DigestTable<V> {
    /// Omits the key, which is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DigestTable").field("sets", &self.sets.len()).field("hits", &self.hits).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_pieces_are_part_of_the_digest() {
        let table = DigestTable::<()>::new([7; 16]);
        let text = [b'a'; 300];
        let (one, two) = text.split_at(200);
        let whole = table.digest(0, [&text[..]]);
        assert!(whole.is_some() && table.digest(0, [&text[..]]) == whole);
        for (kind, pieces) in [(1, vec![&text[..]]), (0, vec![one, two]), (0, vec![two, one]), (0, vec![&text[1..]])] {
            assert_ne!(table.digest(kind, pieces.iter().copied()), whole, "{kind} {}", pieces.len());
        }
        assert_ne!(DigestTable::<()>::new([8; 16]).digest(0, [&text[..]]), whole);
        assert_eq!(table.digest(0, [&text[..MIN_BYTES - 1]]), None);
    }

    #[test]
    fn the_least_recently_used_of_a_set_is_replaced() {
        let mut table = DigestTable::with_entries([7; 16], 1);
        let texts: Vec<TextDigest> = (0..5_u8).map(|byte| table.digest(0, [&[byte; MIN_BYTES][..]]).unwrap()).collect();
        for (text, value) in texts[..4].iter().zip(1_u32..) {
            table.insert(*text, value);
        }
        assert_eq!(table.get(texts[0]), Some(1));
        table.insert(texts[4], 5);
        let found: Vec<Option<u32>> = texts.iter().map(|text| table.get(*text)).collect();
        assert_eq!(found, [Some(1), None, Some(3), Some(4), Some(5)]);
    }
}
