//! What merging leaves of a piece that grows at its end.
//!
//! Merging leaves of every beginning of a text a sequence of tokens of which the last alone is new: before it stands
//! what merging leaves of the beginning up to it (see [`many`](super::linear)). So it is enough to know, of each position,
//! the length of the token that ends there. The next one is the only token that ends at the new byte and keeps apart
//! from the one that ends where it begins. No token is longer than the longest: what is before that is forgotten.

use super::linear::is_valid_pair;
use crate::vocabulary::Vocabulary;

/// Bytes that are kept: as many as the longest token may have, and as many before these as the longest token may have
/// that one is compared with.
const KEPT: usize = 512;

/// A piece that grows.
#[derive(Clone, Debug, Default)]
pub(crate) struct IncrementalMerge {
    /// The last bytes of the piece.
    text: Vec<u8>,
    /// Of the token that ends after each of them, the length; and how many there are up to it.
    ends: Vec<(u8, u64)>,
    /// Whether there were bytes before those that are kept.
    is_cut: bool,
}

impl IncrementalMerge {
    /// Begins anew.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.is_cut = false;
    }

    /// Takes the next bytes.
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

    /// How many tokens the piece is.
    pub(crate) fn count(&self) -> u64 {
        self.before(0)
    }

    /// How many tokens it was so many bytes ago, which are not many.
    pub(crate) fn before(&self, bytes: usize) -> u64 {
        let end = self.ends.len().checked_sub(bytes + 1).and_then(|last| self.ends.get(last));
        end.map_or(0, |(_, count)| *count)
    }

    /// The token that ends with the last byte.
    fn next(&self, vocabulary: &Vocabulary<'_>) -> (u8, u64) {
        let end = self.text.len();
        let most = vocabulary.max_len_ending(&self.text).min(end);
        // A run of one character goes on as it did.
        let same = self.ends.last().map_or(0, |(len, _)| usize::from(*len));
        let likely = [same + 1, same].into_iter().filter(|len| *len <= most && *len > 0);
        for len in likely.chain((1..=most).rev()) {
            let at = end - len;
            let Some(token) = vocabulary.token(&self.text, at, len).filter(|token| token.is_reachable()) else { continue };
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
        // Not reached: every byte is a token, and what merging leaves of a beginning is there.
        (1, self.ends.last().map_or(0, |(_, count)| *count) + 1)
    }
}
