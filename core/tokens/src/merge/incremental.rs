//! Incremental BPE of a piece that grows at its end.
//!
//! The merge result of every prefix of a text is a token sequence whose last token alone is new: the tokens before it
//! are the merge result of the prefix up to it (see [`merge_linear`](super::merge_linear)). So it suffices to store,
//! for each position, the length of the token that ends there. The next one is the only token that ends at the new byte
//! and forms a valid pair with the token that ends at its start. Bytes beyond the reach of the longest token are
//! discarded.

use super::linear::is_valid_pair;
use crate::vocabulary::Vocabulary;

/// Minimum number of bytes to keep: the maximum length of the new token, plus that of the token before it.
const KEPT: usize = 512;

/// Incrementally merged piece.
#[derive(Clone, Debug, Default)]
pub(crate) struct IncrementalMerge {
    /// Last bytes of the piece.
    text: Vec<u8>,
    /// For each kept position: length of the token that ends there, and number of tokens up to it.
    ends: Vec<(u8, u64)>,
    /// `true` if earlier bytes were discarded.
    is_cut: bool,
}

impl IncrementalMerge {
    /// Resets the piece to empty.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.is_cut = false;
    }

    /// Appends bytes.
    pub(crate) fn push(&mut self, vocabulary: &Vocabulary<'_>, bytes: &[u8]) {
        for &byte in bytes {
            if self.text.len() == 2 * KEPT {
                self.text.drain(..KEPT);
                self.ends.drain(..KEPT);
                self.is_cut = true;
            }
            self.text.push(byte);
            let end = self.next(vocabulary);
            self.ends.push(end);
        }
    }

    /// Returns the number of tokens of the piece.
    pub(crate) fn count(&self) -> u64 {
        self.before(0)
    }

    /// Returns the number of tokens of the piece without its last `bytes` bytes, which must be few.
    pub(crate) fn before(&self, bytes: usize) -> u64 {
        let end = self.ends.len().checked_sub(bytes + 1).and_then(|last| self.ends.get(last));
        end.map_or(0, |(_, count)| *count)
    }

    /// Returns the length of the token that ends with the last byte, and the number of tokens up to it.
    fn next(&self, vocabulary: &Vocabulary<'_>) -> (u8, u64) {
        let end = self.text.len();
        let most = vocabulary.max_len_ending(&self.text).min(end);
        // In a run of one character, the next token is likely as long as the last one, or one byte longer.
        let same = self.ends.last().map_or(0, |(len, _)| usize::from(*len));
        let likely = [same + 1, same].into_iter().filter(|len| *len <= most && *len > 0);
        for len in likely.chain((1..=most).rev()) {
            let at = end - len;
            let Some(token) = vocabulary.token(&self.text, at, len).filter(|token| token.is_reachable()) else {
                continue;
            };
            let Some(&(before, count)) = at.checked_sub(1).and_then(|last| self.ends.get(last)) else {
                if self.is_cut {
                    continue;
                }
                return (len as u8, 1);
            };
            let left = vocabulary.token(&self.text, at.saturating_sub(usize::from(before)), usize::from(before));
            if left.is_some_and(|left| is_valid_pair(vocabulary, &self.text, at, &left, &token)) {
                return (len as u8, count + 1);
            }
        }
        // Every byte is a token, and every prefix has a merge result.
        debug_assert!(false, "some token ends at every position");
        (1, self.ends.last().map_or(0, |(_, count)| *count) + 1)
    }
}
