//! What merging leaves, without merging.
//!
//! What merging would leave is found from left to right instead. Two facts carry it (for vocabularies of which every
//! token comes about by merging, which the build script checks):
//!
//! 1. a sequence of tokens is what merging leaves of its text exactly if that is so of every two neighbours;
//! 2. hence what merging leaves of a beginning of the text is unique, and a position at which no token can follow stays
//!    dead, however it is reached.
//!
//! So: at every position take some token that keeps apart from its left neighbour; if there is none, give up the
//! neighbour and remember its end as dead. Every position dies at most once and at most `longest` tokens begin at it:
//! the time is linear in the length of the text. Which token is tried first does not matter to the result. Tried are
//!
//! - the last one again, if the text repeats it;
//! - those that merging leaves of the next few symbols, but for the last two, to which more may still come: they keep
//!   apart from each other as it is;
//! - all that begin there, the longest first.
//!
//! Whether two neighbours keep apart is decided by undoing their merges: on both sides of the boundary stands, at any
//! time, a token of the [spine](crate::vocabulary) of the one and of the other. The merge that is latest is undone
//! first; if the two that stand there could have merged before it, they would have.

use super::short::{ShortMerge, guess_prefix};
use crate::vocabulary::{Token, Vocabulary};

/// What merging leaves of `text[start..end]`: the number of tokens. Where they end is put into `ends`, see [`lengths`].
/// `first` is what it leaves of the first few symbols.
///
/// `ends` and `dead` are working space: at least as many bits as the piece has bytes and one, zeroed.
pub(crate) fn merge_linear(
    vocabulary: &Vocabulary<'_>,
    text: &[u8],
    (start, end): (usize, usize),
    first: ShortMerge,
    ends: &mut [u64],
    dead: &mut [u64],
) -> usize {
    let mut walk = Backtracker { vocabulary, text, start, end, at: start, count: 0, last: None, ends, dead };
    walk.push_merged(&first);
    // The farthest that the walk came: behind it, what merging leaves of the next symbols has been tried.
    let mut front = walk.at.max(start + 1);
    while walk.at < end {
        walk.push_repeats();
        let mut went = false;
        if walk.at >= front && walk.at < end {
            went = walk.push_merged(&guess_prefix(vocabulary, text, (walk.at, end)));
            front = walk.at + usize::from(!went);
        }
        if !went && walk.at < end && !walk.push_longest() && !walk.backtrack() {
            break;
        }
    }
    walk.count
}

/// The lengths of tokens of which the bit of every end is set, the first bit being that of where the first begins.
pub(crate) fn token_lengths(ends: &[u64]) -> impl Iterator<Item = usize> {
    let mut at = 0;
    ends.iter().enumerate().flat_map(|(number, &word)| Ones(word).map(move |bit| 64 * number + bit)).map(move |end| {
        let len = end - at;
        at = end;
        len
    })
}

/// The places of the bits that are set, the lowest first.
struct Ones(u64);

impl Iterator for Ones {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let lowest = self.0.trailing_zeros() as usize;
        self.0 &= self.0.wrapping_sub(1);
        (lowest < 64).then_some(lowest)
    }
}

struct Backtracker<'a> {
    vocabulary: &'a Vocabulary<'a>,
    text: &'a [u8],
    start: usize,
    end: usize,
    at: usize,
    count: usize,
    /// The token that ends at `at`.
    last: Option<Token>,
    /// Bits by position: whether a token that was taken ends there.
    ends: &'a mut [u64],
    /// Bits by position: whether no token can follow.
    dead: &'a mut [u64],
}

impl Backtracker<'_> {
    /// Takes the last token again and again, as long as the text repeats it.
    fn push_repeats(&mut self) {
        let Some(last) = self.last else { return };
        let mut apart = false;
        while self.at + last.len <= self.end
            && self.text.get(self.at - last.len..self.at) == self.text.get(self.at..self.at + last.len)
            && !self.is_dead(self.at + last.len)
        {
            apart = apart || is_valid_pair(self.vocabulary, self.text, self.at, &last, &last);
            if !apart {
                return;
            }
            self.push(last);
        }
    }

    /// Takes what merging leaves of the next few symbols; whether it took anything.
    fn push_merged(&mut self, merged: &ShortMerge) -> bool {
        let sure = if merged.is_all { merged.count() } else { merged.count() - merged.count().min(2) };
        let (first, mut last) = (self.count, 0);
        for len in merged.lengths().take(sure) {
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
                // That it follows is known: it is looked up only if it is the last one.
                self.advance(len);
                last = len;
            }
        }
        if last > 0 {
            self.last = self.vocabulary.token(self.text, self.at - last, last);
        }
        self.count > first
    }

    /// Takes the longest token that can follow; whether there is one.
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

    /// Gives up the last token, after which nothing can follow; whether there was one.
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
                let begin = self.start + self.end_before(self.at - self.start);
                self.vocabulary.token(self.text, begin, self.at - begin)
            }
        };
        true
    }

    /// The last end before a position, or the beginning: not many words back, since tokens are short.
    fn end_before(&self, position: usize) -> usize {
        let mut number = position / 64;
        let mut word = self.ends.get(number).copied().unwrap_or_default() & ((1 << (position % 64)) - 1);
        while word == 0 && number > 0 {
            number -= 1;
            word = self.ends.get(number).copied().unwrap_or_default();
        }
        word.checked_ilog2().map_or(0, |bit| 64 * number + bit as usize)
    }

    fn push(&mut self, next: Token) {
        self.advance(next.len);
        self.last = Some(next);
    }

    /// Takes a token of that length.
    fn advance(&mut self, len: usize) {
        self.count += 1;
        self.at += len;
        let position = self.at - self.start;
        if let Some(word) = self.ends.get_mut(position / 64) {
            *word |= 1 << (position % 64);
        }
    }

    #[inline(always)]
    fn can_follow(&self, next: &Token) -> bool {
        self.last.is_none_or(|last| is_valid_pair(self.vocabulary, self.text, self.at, &last, next))
    }

    #[inline(always)]
    fn is_dead(&self, at: usize) -> bool {
        let position = at - self.start;
        self.dead.get(position / 64).is_some_and(|word| word >> (position % 64) & 1 == 1)
    }
}

/// Whether merging leaves two tokens next to each other; they meet at `at`.
#[inline]
pub(super) fn is_valid_pair(vocabulary: &Vocabulary<'_>, text: &[u8], at: usize, left: &Token, right: &Token) -> bool {
    let (mut left, mut right) = (*left, *right);
    let mut before = u32::MAX;
    loop {
        let across = vocabulary.rank(text, at - left.len, left.len + right.len);
        if across.is_some_and(|rank| rank < before) {
            return false;
        }
        // Of equal merges the left one comes first.
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
