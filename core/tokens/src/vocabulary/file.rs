//! Table file of a vocabulary: written by `compile` and loaded by [`Tokenizer`](crate::Tokenizer).
//!
//! ```text
//! magic (8) | checksum of all that follows (8) | pre-tokenizer, flags, length of the name, 0 (4) | numbers (4 each)
//! | lengths of the sections (4 each) | name | sections
//! ```
//!
//! All numbers are little-endian. The tables are used in place: loading verifies them and copies nothing.

use std::borrow::Cow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use super::decode::TokenIndex;
use super::{Vocabulary, hash};
use crate::pretokenizer::Pretokenizer;

/// Magic bytes of a file; the last is the version of the format.
const MAGIC: [u8; 8] = *b"tokens\0\x03";
/// Offset at which the checksummed part starts.
const CHECKED: usize = 16;
/// Flag of a vocabulary whose model normalizes its text to NFC.
const NFC: u8 = 1;

/// Fields of [`Vocabulary`] that are tables, with the bytes per entry.
const SECTIONS: [(&str, usize); 19] = [
    ("bytes", 1),
    ("short_buckets", 2),
    ("short_entries", 10),
    ("middle_buckets", 2),
    ("middle_entries", 21),
    ("long_buckets", 2),
    ("long_entries", 8),
    ("long_strings", 1),
    ("ascii_pairs", 4),
    ("prefix4", 1),
    ("prefix8", 1),
    ("prefix16", 2),
    ("prefix16_lengths", 2),
    ("char_tokens", 1),
    ("char_pairs", 1),
    ("byte_crossings", 1),
    ("suffix2", 1),
    ("char_prefixes", 1),
    ("ids", 4),
];
/// Fields of [`Vocabulary`] that are numbers.
const NUMBERS: [&str; 5] = ["short_shift", "middle_shift", "long_shift", "max_token_len", "unreachable"];
/// Indices of the [`SECTIONS`] that are indexed by hash bits, so that their length is a power of two.
const HASHED: [usize; 8] = [1, 3, 5, 9, 10, 11, 14, 16];
/// Index of each shift in [`NUMBERS`], with the section of its buckets.
const SHIFTS: [(usize, usize); 3] = [(0, 1), (1, 3), (2, 5)];

/// First piece cache id of loaded vocabularies; the built-in ones have lower ids.
const FIRST_CACHE_ID: u8 = 5;
/// Last piece cache id.
const LAST_CACHE_ID: u8 = 15;
static NEXT_CACHE_ID: AtomicU8 = AtomicU8::new(FIRST_CACHE_ID);

/// Error of a table file that cannot be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadError(&'static str);

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for LoadError {}

/// Loaded table file.
pub(crate) struct File {
    bytes: Cow<'static, [u8]>,
    starts: [usize; SECTIONS.len() + 1],
    numbers: [u32; NUMBERS.len()],
    cache_id: u8,
    /// Pre-tokenizer of the vocabulary.
    pub(crate) pretokenizer: Pretokenizer,
    /// `true` if the model normalizes its text to NFC, which this crate does not.
    pub(crate) is_normalized: bool,
    name: (usize, usize),
    /// Index of the tokens by id, built on first use.
    index: OnceLock<TokenIndex>,
}

impl File {
    /// Parses the header and verifies the checksum and the table lengths.
    pub(crate) fn load(bytes: Cow<'static, [u8]>) -> Result<File, LoadError> {
        const TRUNCATED: LoadError = LoadError("the file is truncated");
        let u32_at = |at: usize| -> Result<u32, LoadError> {
            let four = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).ok_or(TRUNCATED)?;
            Ok(u32::from_le_bytes(*four))
        };
        if bytes.first_chunk::<8>() != Some(&MAGIC) {
            return Err(LoadError("not a tokenizer that this version has compiled"));
        }
        let stated = bytes.get(8..).and_then(|rest| rest.first_chunk::<8>()).ok_or(TRUNCATED)?;
        let rest = bytes.get(CHECKED..).ok_or(TRUNCATED)?;
        if checksum(rest) != u64::from_le_bytes(*stated) {
            return Err(LoadError("the file was changed after it was compiled"));
        }
        let [pretokenizer, flags, name_len, _] = u32_at(CHECKED)?.to_le_bytes();
        let pretokenizer = Pretokenizer::from_number(pretokenizer).ok_or(LoadError("unknown pre-tokenizer"))?;
        let mut numbers = [0; NUMBERS.len()];
        let mut at = CHECKED + 4;
        for number in &mut numbers {
            *number = u32_at(at)?;
            at += 4;
        }
        let name = (at + 4 * SECTIONS.len(), at + 4 * SECTIONS.len() + usize::from(name_len));
        let mut starts = [name.1; SECTIONS.len() + 1];
        let mut end = name.1;
        let mut lengths = [0; SECTIONS.len()];
        for ((next, length), (_, width)) in starts.iter_mut().skip(1).zip(&mut lengths).zip(SECTIONS) {
            let bytes = u32_at(at)? as usize;
            if !bytes.is_multiple_of(width) {
                return Err(LoadError("a table has an invalid length"));
            }
            *length = bytes / width;
            at += 4;
            end += bytes;
            *next = end;
        }
        let power = |section: usize| lengths.get(section).filter(|len| len.is_power_of_two()).map(|len| len.ilog2());
        let hashed = HASHED.iter().all(|&section| power(section).is_some_and(|bits| (1..=20).contains(&bits)));
        let shifts = SHIFTS.iter().all(|&(number, section)| {
            let shift = numbers.get(number).copied().unwrap_or_default();
            (3..32).contains(&shift) && power(section).is_some_and(|bits| bits + shift == 32)
        });
        let lengths_fit = numbers.get(3).is_some_and(|longest| (1..=255).contains(longest));
        if end != bytes.len() || lengths.first() != Some(&256) || !hashed || !shifts || !lengths_fit {
            return Err(LoadError("a table has an invalid length"));
        }
        let cache_id = NEXT_CACHE_ID
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| (next <= LAST_CACHE_ID).then_some(next + 1))
            .unwrap_or(0);
        let (is_normalized, index) = (flags & NFC != 0, OnceLock::new());
        Ok(File { starts, numbers, cache_id, pretokenizer, is_normalized, name, bytes, index })
    }

    /// Returns the whole file.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the name that the file was compiled under.
    pub(crate) fn name(&self) -> &str {
        let name = self.bytes.get(self.name.0..self.name.1).unwrap_or_default();
        std::str::from_utf8(name).unwrap_or_default()
    }

    /// Returns the index of the tokens by id.
    pub(crate) fn index(&self) -> &TokenIndex {
        self.index.get_or_init(|| TokenIndex::new(&self.vocabulary()))
    }

    /// Returns the vocabulary.
    pub(crate) fn vocabulary(&self) -> Vocabulary<'_> {
        const NO_BYTES: [u8; 256] = [0; 256];
        let section = |index: usize| match self.starts.get(index..index + 2) {
            Some(&[start, end]) => self.bytes.get(start..end).unwrap_or_default(),
            _ => &[],
        };
        let [short_shift, middle_shift, long_shift, max_token_len, unreachable] = self.numbers;
        Vocabulary {
            cache_id: self.cache_id,
            bytes: section(0).first_chunk().unwrap_or(&NO_BYTES),
            short_buckets: section(1).as_chunks().0,
            short_entries: section(2).as_chunks().0,
            short_shift,
            middle_buckets: section(3).as_chunks().0,
            middle_entries: section(4).as_chunks().0,
            middle_shift,
            long_buckets: section(5).as_chunks().0,
            long_entries: section(6).as_chunks().0,
            long_strings: section(7),
            long_shift,
            ascii_pairs: section(8).as_chunks().0,
            prefix4: section(9),
            prefix8: section(10),
            prefix16: section(11).as_chunks().0,
            prefix16_lengths: section(12).as_chunks().0,
            char_tokens: section(13),
            char_pairs: section(14),
            byte_crossings: section(15),
            max_token_len: max_token_len as usize,
            unreachable,
            suffix2: section(16),
            char_prefixes: section(17),
            ids: section(18).as_chunks().0,
        }
    }
}

/// Serializes tables; `None` if a table is missing or a value is too large.
#[cfg(feature = "compile")]
pub(crate) fn write(
    name: &str,
    pretokenizer: Pretokenizer,
    is_normalized: bool,
    sections: &[(&'static str, usize, Vec<u8>)],
    numbers: &[(&'static str, usize)],
) -> Option<Vec<u8>> {
    let mut checked =
        vec![pretokenizer.number(), if is_normalized { NFC } else { 0 }, u8::try_from(name.len()).ok()?, 0];
    for field in NUMBERS {
        let (_, number) = numbers.iter().find(|(name, _)| *name == field)?;
        checked.extend(u32::try_from(*number).ok()?.to_le_bytes());
    }
    let mut tables = Vec::new();
    for (field, width) in SECTIONS {
        let (_, _, bytes) = sections.iter().find(|(name, own, _)| *name == field && *own == width)?;
        checked.extend(u32::try_from(bytes.len()).ok()?.to_le_bytes());
        tables.extend_from_slice(bytes);
    }
    checked.extend_from_slice(name.as_bytes());
    checked.append(&mut tables);
    let mut file = MAGIC.to_vec();
    file.extend(checksum(&checked).to_le_bytes());
    file.append(&mut checked);
    Some(file)
}

/// Checksum that detects accidental damage; it is not cryptographic.
fn checksum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let sum = words.iter().fold(bytes.len() as u64, |sum, word| hash::chain(sum, u64::from_le_bytes(*word)));
    rest.iter().fold(sum, |sum, byte| hash::chain(sum, u64::from(*byte)))
}
