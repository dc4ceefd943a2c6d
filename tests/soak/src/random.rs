//! Pseudo-random numbers that are the same on every machine.

/// Generator of pseudo-random numbers (SplitMix64).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Creates the generator of one request of a run.
    pub(crate) fn of(seed: u64, number: u64) -> Random {
        let mut random = Random(seed ^ number.wrapping_mul(0xd134_2543_de82_ef95));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from `first` to `last`.
    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.next() % (last.saturating_sub(first) + 1)
    }

    /// Returns `true` once in `n` times.
    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n.max(1))
    }

    /// Returns one of the items, of which there must be at least one.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(items.len()).unwrap_or(u64::MAX).max(1);
        items.get(usize::try_from(self.next() % count).unwrap_or_default())
    }

    /// Returns a text of this many words, each followed by a space.
    pub(crate) fn words(&mut self, count: u64) -> String {
        (0..count).filter_map(|_| self.pick(WORDS)).flat_map(|word| [*word, " "]).collect()
    }
}

/// Words of several scripts, which have different numbers of tokens per byte. None matches a rule of the reference policy.
const WORDS: &[&str] = &[
    "gate",
    "the",
    "bridge",
    "toll",
    "of",
    "keeper",
    "counts",
    "every",
    "cart",
    "that",
    "crosses",
    "1847",
    "a",
    "naïve",
    "Straßenbahn",
    "и",
    "мост",
    "価格",
    "通行料",
    "🚂",
    "{\"price\":",
    "3.14}",
    "fn",
    "main()",
    "internationalisation",
    "over",
    "river",
    "and",
    "pays",
    "by",
    "weight,",
    "then",
    "leaves.",
    "\"quoted\"",
    "back\\slash",
    "café",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_a_seed_is_always_the_same() {
        let words = |seed, number| Random::of(seed, number).words(20);
        assert_eq!(words(1, 2), words(1, 2));
        assert_ne!(words(1, 2), words(1, 3));
        assert_ne!(words(1, 2), words(2, 2));
    }

    #[test]
    fn numbers_are_within_their_bounds() {
        let mut random = Random::of(7, 7);
        assert!((0..1000).all(|_| (3..=5).contains(&random.between(3, 5))));
        assert_eq!(random.pick::<u8>(&[]), None);
    }
}
