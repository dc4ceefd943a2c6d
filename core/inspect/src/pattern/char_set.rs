//! Sets of characters, each stored once, however many rules and repetitions use it.

/// Set of characters: a bitmap for ASCII, sorted ranges for all other characters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CharSet {
    ascii: [u64; 2],
    /// Inclusive, ascending, disjoint ranges; none below 0x80.
    wide: Box<[(char, char)]>,
}

impl CharSet {
    /// Creates the union of `ranges`, which are inclusive and in any order.
    pub(crate) fn new(ranges: impl IntoIterator<Item = (char, char)>) -> CharSet {
        let mut ascii = 0u128;
        let mut wide = Vec::new();
        for (low, high) in ranges {
            for code in (low as u32)..=(high as u32).min(0x7f) {
                ascii |= 1 << code;
            }
            if high as u32 >= 0x80 {
                wide.push((low.max('\u{80}'), high));
            }
        }
        wide.sort_unstable();
        CharSet { ascii: [ascii as u64, (ascii >> 64) as u64], wide: wide.into() }
    }

    /// Returns `true` if `c` is a member.
    pub(crate) fn contains(&self, c: char) -> bool {
        let code = c as u32;
        if code < 0x80 {
            let [low, high] = self.ascii;
            let word = if code < 64 { low } else { high };
            return word >> (code & 63) & 1 != 0;
        }
        let after = self.wide.partition_point(|&(low, _)| low <= c);
        after.checked_sub(1).and_then(|at| self.wide.get(at)).is_some_and(|&(_, high)| c <= high)
    }

    /// Returns the members below 0x80 as a bitmap.
    pub(crate) fn ascii(&self) -> u128 {
        let [low, high] = self.ascii;
        u128::from(low) | u128::from(high) << 64
    }

    /// Returns `true` if the set has members above 0x7f.
    pub(crate) fn has_wide(&self) -> bool {
        !self.wide.is_empty()
    }

    /// Returns the code points at which membership may change: the first one of each range and the first one after it.
    pub(crate) fn borders(&self) -> impl Iterator<Item = u32> {
        let bits = self.ascii();
        let ascii = (1..0x80).filter(move |code| (bits >> code ^ bits >> (code - 1)) & 1 != 0);
        ascii.chain(self.wide.iter().flat_map(|&(low, high)| [low as u32, high as u32 + 1]))
    }
}

/// Index of a set in [`CharSets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CharSetId(u32);

/// Character sets of all rules of a policy.
#[derive(Debug, Default)]
pub(crate) struct CharSets {
    list: Box<[CharSet]>,
}

impl CharSets {
    /// Returns `true` if `c` is a member of the set `id`.
    pub(crate) fn contains(&self, id: CharSetId, c: char) -> bool {
        self.list.get(id.0 as usize).is_some_and(|set| set.contains(c))
    }

    pub(crate) fn get(&self, id: CharSetId) -> Option<&CharSet> {
        self.list.get(id.0 as usize)
    }
}

/// Collects sets while a policy is loaded; equal sets share an id.
#[derive(Debug, Default)]
pub(crate) struct CharSetsBuilder {
    list: Vec<CharSet>,
}

impl CharSetsBuilder {
    /// Returns the id of a set, adding it if it is new.
    pub(crate) fn add(&mut self, set: CharSet) -> CharSetId {
        let id = self.list.iter().position(|own| *own == set).unwrap_or_else(|| {
            self.list.push(set);
            self.list.len() - 1
        });
        CharSetId(id as u32)
    }

    pub(crate) fn get(&self, id: CharSetId) -> Option<&CharSet> {
        self.list.get(id.0 as usize)
    }

    pub(crate) fn build(self) -> CharSets {
        CharSets { list: self.list.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contains_exactly_its_ranges() {
        let set = CharSet::new([('a', 'f'), ('0', '9'), ('~', 'é'), ('\u{10000}', '\u{10ffff}')]);
        for (c, expected) in [
            ('a', true),
            ('f', true),
            ('g', false),
            ('/', false),
            ('0', true),
            ('9', true),
            (':', false),
            ('~', true),
            ('\u{7f}', true),
            ('\u{80}', true),
            ('é', true),
            ('ê', false),
            ('\u{ffff}', false),
            ('\u{10000}', true),
            ('\u{10ffff}', true),
        ] {
            assert_eq!(set.contains(c), expected, "{c:?}");
        }
    }

    #[test]
    fn equal_sets_share_an_id() {
        let mut builder = CharSetsBuilder::default();
        let first = builder.add(CharSet::new([('a', 'z')]));
        let other = builder.add(CharSet::new([('A', 'Z')]));
        assert_eq!(builder.add(CharSet::new([('a', 'z')])), first);
        let sets = builder.build();
        assert!(sets.contains(first, 'q') && !sets.contains(first, 'Q'));
        assert!(sets.contains(other, 'Q') && !sets.contains(other, 'q'));
        assert_eq!(sets.list.len(), 2);
    }
}
