//! Sets of positions at which the matches in progress started.

/// Representation of the start sets of a pattern: for each node, the positions at which a match that has reached the node
/// may have started.
///
/// All matches at one node continue in the same way, except that they exceed the maximum match length at different times.
/// A pattern that cannot exceed it needs only the earliest start, which gives the leftmost match. Any other pattern needs
/// all starts; otherwise padding in front of a secret would hide it: in `aaaa…a@x.com` the attempt that started with the
/// first `a` becomes too long and must not end the later attempts. There are at most as many starts as the maximum match
/// length in bytes, so they fit into a ring buffer of bits, 64 per word, and every byte of the text is still read once.
///
/// A set is a slice of [`StartSet::width`] words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartSet {
    /// One word: the earliest start.
    Earliest,
    /// Ring buffer of bits: start `p` is bit `p` modulo the size of the ring.
    Window {
        /// Maximum match length in bytes.
        max: u64,
        /// Number of words of the ring, which has more than `max` bits.
        words: usize,
    },
}

impl StartSet {
    /// Chooses the representation for patterns whose longest match has `longest` bytes, with a maximum of `max` bytes.
    pub(crate) fn new(longest: Option<usize>, max: usize) -> StartSet {
        match longest {
            Some(longest) if longest <= max => StartSet::Earliest,
            _ => StartSet::Window { max: max as u64, words: max / 64 + 1 },
        }
    }

    /// Returns the number of words per set.
    pub(crate) fn width(self) -> usize {
        match self {
            StartSet::Earliest => 1,
            StartSet::Window { words, .. } => words,
        }
    }

    /// Returns the maximum match length in bytes if the pattern can exceed it.
    pub(crate) fn max(self) -> Option<u64> {
        match self {
            StartSet::Earliest => None,
            StartSet::Window { max, .. } => Some(max),
        }
    }

    /// Sets `into` to the single start `start`.
    pub(crate) fn set_single(self, into: &mut [u64], start: u64) {
        into.fill(0);
        match self {
            StartSet::Earliest => into.iter_mut().for_each(|word| *word = start),
            StartSet::Window { words, .. } => {
                if let Some(word) = into.get_mut(slot(start, words)) {
                    *word = bit(start);
                }
            }
        }
    }

    /// Adds `from` to `into`. Returns `true` if `into` changed.
    pub(crate) fn join(self, into: &mut [u64], from: &[u64]) -> bool {
        let mut grew = false;
        for (into, from) in into.iter_mut().zip(from) {
            let joined = if self == StartSet::Earliest { (*into).min(*from) } else { *into | from };
            grew |= joined != *into;
            *into = joined;
        }
        grew
    }

    /// Returns the earliest start of a set while the search is at `at`.
    pub(crate) fn earliest(self, set: &[u64], at: u64) -> Option<u64> {
        match self {
            StartSet::Earliest => set.first().copied(),
            StartSet::Window { max, words } => {
                debug_assert_eq!(set.len(), words, "a set has `width` words");
                let floor = at.saturating_sub(max);
                let first = slot(floor, words);
                // The word that contains `floor` is visited twice: first its bits from `floor` on, last its bits below.
                (0..=words).find_map(|step| {
                    let place = (first + step) % words;
                    let word = set.get(place).copied().unwrap_or(0);
                    let low = bit(floor) - 1;
                    let word = match step {
                        0 => word & !low,
                        _ if step == words => word & low,
                        _ => word,
                    };
                    if word == 0 {
                        return None;
                    }
                    let ring = (words * 64) as u64;
                    let found = (place * 64) as u64 + u64::from(word.trailing_zeros());
                    Some(floor + (found + ring - floor % ring) % ring)
                })
            }
        }
    }

    /// Removes the starts `from..to` from a set.
    pub(crate) fn remove(self, set: &mut [u64], from: u64, to: u64) {
        if let StartSet::Window { words, .. } = self {
            let ring = (words * 64) as u64;
            for start in from..to.min(from + ring) {
                if let Some(word) = set.get_mut(slot(start, words)) {
                    *word &= !bit(start);
                }
            }
        }
    }

    /// Returns `true` if a set is empty.
    pub(crate) fn is_empty(self, set: &[u64]) -> bool {
        match self {
            StartSet::Earliest => false,
            StartSet::Window { .. } => set.iter().all(|&word| word == 0),
        }
    }
}

/// Returns the word of the ring that holds `start`.
fn slot(start: u64, words: usize) -> usize {
    ((start / 64) % words as u64) as usize
}

/// Returns the bit of `start` in its word.
fn bit(start: u64) -> u64 {
    1 << (start % 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn a_ring_of_bits_is_a_set_of_positions(
            max in 1usize..200,
            base in 0u64..5000,
            members in proptest::collection::btree_set(0u64..200, 0..20),
            removed in 0u64..200,
        ) {
            let starts = StartSet::new(None, max);
            let at = base + max as u64;
            let members: BTreeSet<u64> = members.into_iter().filter(|m| *m <= max as u64).map(|m| base + m).collect();
            let mut set = vec![0; starts.width()];
            for &member in &members {
                let mut one = vec![0; starts.width()];
                starts.set_single(&mut one, member);
                prop_assert!(starts.join(&mut set, &one));
                prop_assert!(!starts.join(&mut set, &one));
            }
            prop_assert_eq!(starts.earliest(&set, at), members.first().copied());
            prop_assert_eq!(starts.is_empty(&set), members.is_empty());
            starts.remove(&mut set, base, base + removed);
            prop_assert_eq!(starts.earliest(&set, at), members.range(base + removed..).next().copied());
        }
    }
}
