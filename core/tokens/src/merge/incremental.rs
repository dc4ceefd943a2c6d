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

/// Number of entries of the table of followers, a power of two.
const FOLLOWERS: usize = 256;

/// Incrementally merged piece.
#[derive(Clone, Debug, Default)]
pub(crate) struct IncrementalMerge {
    /// Last bytes of the piece.
    text: Vec<u8>,
    /// For each kept position: length of the token that ends there, and number of tokens up to it.
    ends: Vec<(u8, u64)>,
    /// Last token that ended one byte behind two tokens, by a hash of their lengths. In a run of one character the lengths are
    /// periodic, and the next one is found at once; without the table, each space of a run takes all lengths to try.
    followers: Vec<Follower>,
    /// `true` if earlier bytes were discarded.
    is_cut: bool,
}

/// Token that ended at a position, and the token before it: a valid pair.
#[derive(Clone, Copy, Debug, Default)]
struct Follower {
    len: u8,
    /// Ranks of the two tokens.
    pair: Option<(u32, u32)>,
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
            let place = self.follower_place();
            let known = self.followers.get(place).copied().unwrap_or_default();
            let (next, count) = self.next(vocabulary, known);
            self.ends.push((next.len, count));
            if self.followers.is_empty() {
                self.followers.resize(FOLLOWERS, Follower::default());
            }
            if let Some(follower) = self.followers.get_mut(place) {
                *follower = next;
            }
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

    /// Returns the place of the next token in the table of followers.
    fn follower_place(&self) -> usize {
        let last = self.ends.last().map_or(0, |(len, _)| usize::from(*len));
        let before = self.ends.len().checked_sub(last + 1).and_then(|at| self.ends.get(at));
        let before = before.map_or(0, |(len, _)| usize::from(*len));
        (last + 37 * before) % FOLLOWERS
    }

    /// Returns the token that ends with the last byte, and the number of tokens up to it. `known` is tried first.
    fn next(&self, vocabulary: &Vocabulary<'_>, known: Follower) -> (Follower, u64) {
        let end = self.text.len();
        let most = vocabulary.max_len_ending(&self.text).min(end);
        // In a run of one character, the next token is likely as long as the last one, or one byte longer.
        let same = self.ends.last().map_or(0, |(len, _)| usize::from(*len));
        let likely = [usize::from(known.len), same + 1, same].into_iter().filter(|len| *len <= most && *len > 0);
        for len in likely.chain((1..=most).rev()) {
            let at = end - len;
            let Some(token) = vocabulary.token(&self.text, at, len).filter(|token| token.is_reachable()) else {
                continue;
            };
            let Some(&(before, count)) = at.checked_sub(1).and_then(|last| self.ends.get(last)) else {
                if self.is_cut {
                    continue;
                }
                return (Follower { len: len as u8, pair: None }, 1);
            };
            let left = vocabulary.token(&self.text, at.saturating_sub(usize::from(before)), usize::from(before));
            let Some(left) = left else { continue };
            // The validity of a pair depends on its two tokens alone.
            let pair = Some((left.rank, token.rank));
            if pair == known.pair || is_valid_pair(vocabulary, &self.text, at, &left, &token) {
                return (Follower { len: len as u8, pair }, count + 1);
            }
        }
        // Every byte is a token, and every prefix has a merge result.
        debug_assert!(false, "some token ends at every position");
        (Follower { len: 1, pair: None }, self.ends.last().map_or(0, |(_, count)| *count) + 1)
    }
}
