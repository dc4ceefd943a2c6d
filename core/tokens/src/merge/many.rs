//! What merging leaves, without merging.
//!
//! What merging would leave is found from left to right instead. Two facts carry it (for vocabularies of which every
//! token comes about by merging, which the build script checks):
//!
//! 1. a sequence of tokens is what merging leaves of its text exactly if that is so of every two neighbours;
//! 2. hence what merging leaves of a beginning of the text is unique, and a position at which no token can follow stays
//!    dead, however it is reached.
//!
//! So: take the longest token that keeps apart from its left neighbour, else a shorter one, else give up the
//! neighbour and remember its end as dead. Every position dies at most once and at most `longest` tokens begin at it:
//! the time is linear in the length of the text.
//!
//! Whether two neighbours keep apart is decided by undoing their merges: on both sides of the boundary stands, at any
//! time, a token of the [spine](crate::vocabulary) of the one and of the other. The merge that is latest is undone
//! first; if the two that stand there could have merged before it, they would have.

use crate::vocabulary::{Token, Vocabulary};

/// What merging leaves of `text[start..end]`: the number of tokens, whose lengths are put into `trail`.
///
/// `trail` and `dead` are working space: at least as many entries as the piece has bytes, and as many bits, zeroed.
pub(crate) fn many(
    vocabulary: &Vocabulary,
    text: &[u8],
    (start, end): (usize, usize),
    trail: &mut [u8],
    dead: &mut [u64],
) -> usize {
    let mut count = 0;
    let mut at = start;
    // The token that ends at `at`.
    let mut last: Option<Token> = None;
    let mut most = end - start;
    while at < end {
        match follow(vocabulary, text, start, at, most, last.as_ref(), dead) {
            Some(next) => {
                if let Some(place) = trail.get_mut(count) {
                    *place = next.len as u8;
                }
                count += 1;
                at += next.len;
                most = end - at;
                last = Some(next);
            }
            None => {
                // Nothing can follow here.
                let Some(given_up) = last else { break };
                bury(dead, at - start);
                count -= 1;
                at -= given_up.len;
                most = given_up.len - 1;
                last = match count.checked_sub(1).and_then(|before| trail.get(before)) {
                    Some(&len) => vocabulary.token(text, at - usize::from(len), usize::from(len)),
                    None => None,
                };
            }
        }
    }
    count
}

/// The longest token at `at`, of at most `most` bytes, that keeps apart from `last` and does not end at a dead
/// position.
#[inline(always)]
fn follow(
    vocabulary: &Vocabulary,
    text: &[u8],
    start: usize,
    at: usize,
    mut most: usize,
    last: Option<&Token>,
    dead: &[u64],
) -> Option<Token> {
    while most > 0 {
        let next = vocabulary.longest(text, at, most)?;
        let alive = !is_dead(dead, at + next.len - start);
        if alive && last.is_none_or(|last| keep_apart(vocabulary, text, at, last, &next)) {
            return Some(next);
        }
        most = next.len - 1;
    }
    None
}

/// Whether merging leaves two tokens next to each other; they meet at `at`.
#[inline]
fn keep_apart(vocabulary: &Vocabulary, text: &[u8], at: usize, left: &Token, right: &Token) -> bool {
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

#[inline(always)]
fn is_dead(dead: &[u64], position: usize) -> bool {
    dead.get(position / 64).is_some_and(|word| word >> (position % 64) & 1 == 1)
}

fn bury(dead: &mut [u64], position: usize) {
    if let Some(word) = dead.get_mut(position / 64) {
        *word |= 1 << (position % 64);
    }
}
