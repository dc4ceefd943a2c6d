//! Where the matches that a search is in the middle of have begun.

/// What a search remembers per node: the places at which a match that has come this far may have begun.
///
/// All matches that have come to one node have the same future, save one thing: they outgrow the longest match allowed
/// at different times. A pattern that cannot outgrow it needs only the earliest place, which the leftmost match wants.
/// Any other pattern needs them all, or padding in front of a secret would hide it: in `aaaa…a@x.com` the attempt that
/// began with the first `a` fails by length and must not take the later ones with it. They are at most as many as the
/// longest match has bytes, so they fit in a ring of bits, a word for 64 of them, and still every byte of the text is
/// looked at once.
///
/// A set is a slice of [`Starts::width`] words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Starts {
    /// One word: the earliest place.
    Earliest,
    /// A ring of bits: place `p` is bit `p` modulo the size of the ring.
    Window {
        /// Bytes a match may have.
        max: u64,
        /// Words of the ring: it has more bits than `max`.
        words: usize,
    },
}

impl Starts {
    /// For patterns whose longest match has `longest` bytes where `max` are allowed.
    pub(crate) fn new(longest: Option<usize>, max: usize) -> Starts {
        match longest {
            Some(longest) if longest <= max => Starts::Earliest,
            _ => Starts::Window { max: max as u64, words: max / 64 + 1 },
        }
    }

    pub(crate) fn width(self) -> usize {
        match self {
            Starts::Earliest => 1,
            Starts::Window { words, .. } => words,
        }
    }

    /// The longest match in bytes where the pattern alone does not bound it.
    pub(crate) fn max(self) -> Option<u64> {
        match self {
            Starts::Earliest => None,
            Starts::Window { max, .. } => Some(max),
        }
    }

    /// `into` becomes the set of `start` alone.
    pub(crate) fn only(self, into: &mut [u64], start: u64) {
        into.fill(0);
        match self {
            Starts::Earliest => into.iter_mut().for_each(|word| *word = start),
            Starts::Window { words, .. } => {
                if let Some(word) = into.get_mut(slot(start, words)) {
                    *word = bit(start);
                }
            }
        }
    }

    /// Adds `from` to `into`; whether anything was added.
    pub(crate) fn join(self, into: &mut [u64], from: &[u64]) -> bool {
        let mut grew = false;
        for (into, from) in into.iter_mut().zip(from) {
            let joined = if self == Starts::Earliest { (*into).min(*from) } else { *into | from };
            grew |= joined != *into;
            *into = joined;
        }
        grew
    }

    /// The earliest of a set while the search is at `at`.
    pub(crate) fn earliest(self, set: &[u64], at: u64) -> Option<u64> {
        match self {
            Starts::Earliest => set.first().copied(),
            Starts::Window { max, words } => {
                let floor = at.saturating_sub(max);
                let first = slot(floor, words);
                // The word of the floor comes twice: first its bits from the floor on, last those below.
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

    /// Takes the places `from..to` out of a set.
    pub(crate) fn forget(self, set: &mut [u64], from: u64, to: u64) {
        if let Starts::Window { words, .. } = self {
            let ring = (words * 64) as u64;
            for start in from..to.min(from + ring) {
                if let Some(word) = set.get_mut(slot(start, words)) {
                    *word &= !bit(start);
                }
            }
        }
    }

    /// Whether a set is empty.
    pub(crate) fn is_empty(self, set: &[u64]) -> bool {
        match self {
            Starts::Earliest => false,
            Starts::Window { .. } => set.iter().all(|&word| word == 0),
        }
    }
}

fn slot(start: u64, words: usize) -> usize {
    ((start / 64) % words as u64) as usize
}

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
        fn a_ring_of_bits_is_a_set_of_places(
            max in 1usize..200,
            base in 0u64..5000,
            members in proptest::collection::btree_set(0u64..200, 0..20),
            gone in 0u64..200,
        ) {
            let starts = Starts::new(None, max);
            let at = base + max as u64;
            let members: BTreeSet<u64> = members.into_iter().filter(|m| *m <= max as u64).map(|m| base + m).collect();
            let mut set = vec![0; starts.width()];
            for &member in &members {
                let mut one = vec![0; starts.width()];
                starts.only(&mut one, member);
                prop_assert!(starts.join(&mut set, &one));
                prop_assert!(!starts.join(&mut set, &one));
            }
            prop_assert_eq!(starts.earliest(&set, at), members.first().copied());
            prop_assert_eq!(starts.is_empty(&set), members.is_empty());
            starts.forget(&mut set, base, base + gone);
            prop_assert_eq!(starts.earliest(&set, at), members.range(base + gone..).next().copied());
        }
    }
}
