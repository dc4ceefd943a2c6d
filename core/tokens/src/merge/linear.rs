//! Linear-time BPE: encodes left to right with backtracking.
//!
//! Computes the result of merging without merging. Two facts make this correct, for vocabularies whose every token is
//! produced by merging (the build script checks this):
//!
//! 1. A token sequence is the merge result of its text exactly if every two adjacent tokens are a valid pair, i.e. are
//!    the merge result of their joint text.
//! 2. Hence the merge result of every prefix of the text is unique, and a position at which no token can follow stays
//!    dead, however it is reached.
//!
//! Algorithm: at every position append a token that forms a valid pair with its left neighbour; if there is none,
//! remove the neighbour and mark its end as dead. Every position dies at most once, and at most `max_token_len` tokens
//! start at it, so the time is linear in the length of the text. The order in which candidates are tried does not
//! affect the result:
//!
//! - the last token again, if the text repeats it;
//! - the merge result of the next few symbols without its last two tokens, which later symbols could change; these are
//!   valid pairs already;
//! - all tokens that start at the position, longest first.
//!
//! Validity of a pair is decided by undoing its merges: at any time, the tokens that meet at the boundary are on the
//! [spines](crate::vocabulary) of the two. The latest merge is undone first; if the two tokens at the boundary could
//! have been merged before it, the pair is not valid.

use super::short::{ShortMerge, guess_prefix};
use crate::vocabulary::{Token, Vocabulary};

/// Zeroed bit sets of at least one bit more than the piece has bytes.
pub(crate) struct Workspace<'w> {
    pub(crate) ends: &'w mut [u64],
    pub(crate) dead: &'w mut [u64],
}

/// Merge result of a long piece.
pub(crate) struct LinearMerge<'w> {
    /// Bit set of the token ends; the first bit is the start of the first token.
    ends: &'w [u64],
    /// Number of tokens.
    pub(crate) count: usize,
}

impl LinearMerge<'_> {
    /// Returns the token lengths.
    pub(crate) fn lengths(&self) -> impl Iterator<Item = usize> {
        token_lengths(self.ends)
    }
}

/// Encodes `text[start..end]`. `first` is the merge result of its first symbols.
pub(crate) fn merge_linear<'w>(
    vocabulary: &Vocabulary<'_>,
    text: &[u8],
    (start, end): (usize, usize),
    first: ShortMerge,
    space: Workspace<'w>,
) -> LinearMerge<'w> {
    let Workspace { ends, dead } = space;
    let mut state =
        Backtracker { vocabulary, text, start, end, at: start, count: 0, last: None, ends: &mut *ends, dead };
    state.push_merged(&first);
    // Farthest position reached; up to here the merge results of the next symbols have been tried.
    let mut front = state.at.max(start + 1);
    while state.at < end {
        state.push_repeats();
        let mut appended = false;
        if state.at >= front && state.at < end {
            appended = state.push_merged(&guess_prefix(vocabulary, text, (state.at, end)));
            front = state.at + usize::from(!appended);
        }
        if !appended && state.at < end && !state.push_longest() && !state.backtrack() {
            break;
        }
    }
    debug_assert_eq!(state.at, end, "every byte is a token");
    let count = state.count;
    LinearMerge { ends, count }
}

/// Returns the token lengths of a bit set of token ends, whose first bit is the start of the first token.
fn token_lengths(ends: &[u64]) -> impl Iterator<Item = usize> {
    let mut at = 0;
    ends.iter().enumerate().flat_map(|(number, &word)| Ones(word).map(move |bit| 64 * number + bit)).map(move |end| {
        let len = end - at;
        at = end;
        len
    })
}

/// Iterator over the positions of the set bits, lowest first.
struct Ones(u64);

impl Iterator for Ones {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let lowest = self.0.trailing_zeros() as usize;
        self.0 &= self.0.wrapping_sub(1);
        (lowest < 64).then_some(lowest)
    }
}

/// State of the encoding of one piece.
struct Backtracker<'a> {
    vocabulary: &'a Vocabulary<'a>,
    text: &'a [u8],
    start: usize,
    end: usize,
    at: usize,
    count: usize,
    /// Token that ends at `at`.
    last: Option<Token>,
    /// Bit set of the positions at which an appended token ends.
    ends: &'a mut [u64],
    /// Bit set of the positions that no token can follow.
    dead: &'a mut [u64],
}

impl Backtracker<'_> {
    /// Appends the last token as long as the text repeats it.
    fn push_repeats(&mut self) {
        let Some(last) = self.last else { return };
        let mut is_valid = false;
        while self.at + last.len <= self.end
            && self.text.get(self.at - last.len..self.at) == self.text.get(self.at..self.at + last.len)
            && !self.is_dead(self.at + last.len)
        {
            is_valid = is_valid || is_valid_pair(self.vocabulary, self.text, self.at, &last, &last);
            if !is_valid {
                return;
            }
            self.push(last);
        }
    }

    /// Appends the stable tokens of the merge result of the next few symbols. Returns `true` if there were any.
    fn push_merged(&mut self, merged: &ShortMerge) -> bool {
        let stable = if merged.is_all { merged.count() } else { merged.count() - merged.count().min(2) };
        let (first, mut last) = (self.count, 0);
        for len in merged.lengths().take(stable) {
            if self.is_dead(self.at + len) {
                break;
            }
            if merged.is_guess || self.count == first {
                let Some(next) = self.vocabulary.token(self.text, self.at, len) else { break };
                if !next.is_reachable() || !self.can_follow(&next) {
                    break;
                }
                self.push(next);
            } else {
                // These are valid pairs; only the last one needs a lookup.
                self.advance(len);
                last = len;
            }
        }
        if last > 0 {
            self.last = self.vocabulary.token(self.text, self.at - last, last);
        }
        self.count > first
    }

    /// Appends the longest token that can follow. Returns `false` if there is none.
    fn push_longest(&mut self) -> bool {
        let mut most = self.end - self.at;
        while most > 0 {
            let Some(next) = self.vocabulary.longest(self.text, self.at, most) else { return false };
            if next.is_reachable() && !self.is_dead(self.at + next.len) && self.can_follow(&next) {
                self.push(next);
                return true;
            }
            most = next.len - 1;
        }
        false
    }

    /// Removes the last token and marks its end as dead. Returns `false` if there is no token.
    fn backtrack(&mut self) -> bool {
        let Some(last) = self.last else { return false };
        let position = self.at - self.start;
        if let Some(word) = self.dead.get_mut(position / 64) {
            *word |= 1 << (position % 64);
        }
        if let Some(word) = self.ends.get_mut(position / 64) {
            *word &= !(1 << (position % 64));
        }
        self.count -= 1;
        self.at -= last.len;
        self.last = match self.count {
            0 => None,
            _ => {
                let start = self.start + self.end_before(self.at - self.start);
                self.vocabulary.token(self.text, start, self.at - start)
            }
        };
        true
    }

    /// Returns the last token end before a position, or 0. It is at most a few words back, since tokens are short.
    fn end_before(&self, position: usize) -> usize {
        let mut number = position / 64;
        let mut word = self.ends.get(number).copied().unwrap_or_default() & ((1 << (position % 64)) - 1);
        while word == 0 && number > 0 {
            number -= 1;
            word = self.ends.get(number).copied().unwrap_or_default();
        }
        word.checked_ilog2().map_or(0, |bit| 64 * number + bit as usize)
    }

    /// Appends a token.
    fn push(&mut self, next: Token) {
        self.advance(next.len);
        self.last = Some(next);
    }

    /// Appends a token of that length.
    fn advance(&mut self, len: usize) {
        self.count += 1;
        self.at += len;
        let position = self.at - self.start;
        if let Some(word) = self.ends.get_mut(position / 64) {
            *word |= 1 << (position % 64);
        }
    }

    /// Returns `true` if the token forms a valid pair with the last one.
    #[inline(always)]
    fn can_follow(&self, next: &Token) -> bool {
        self.last.is_none_or(|last| is_valid_pair(self.vocabulary, self.text, self.at, &last, next))
    }

    /// Returns `true` if no token can follow at `at`.
    #[inline(always)]
    fn is_dead(&self, at: usize) -> bool {
        let position = at - self.start;
        self.dead.get(position / 64).is_some_and(|word| word >> (position % 64) & 1 == 1)
    }
}

/// Returns `true` if two tokens that meet at `at` are the merge result of their joint text.
#[inline]
pub(super) fn is_valid_pair(vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, left: &Token, right: &Token) -> bool {
    let (mut left, mut right) = (*left, *right);
    let mut before = u32::MAX;
    loop {
        let across = vocabulary.rank(text, at - left.len, left.len + right.len);
        if across.is_some_and(|rank| rank < before) {
            return false;
        }
        // Of merges of equal rank, the leftmost comes first.
        if right.len == 1 || (left.len > 1 && left.rank > right.rank) {
            before = left.rank;
            match vocabulary.right_part(text, at, &left) {
                Some(part) => left = part,
                None => return true,
            }
        } else {
            before = right.rank + 1;
            match vocabulary.left_part(text, at, &right) {
                Some(part) => right = part,
                None => return true,
            }
        }
    }
}
