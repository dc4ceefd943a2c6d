//! Sets of characters, stored once however many rules and repetitions use them.

/// A set of characters: a bitmap for ASCII, sorted ranges for the rest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CharClass {
    ascii: [u64; 2],
    /// Inclusive, ascending, disjoint; none below 0x80.
    wide: Box<[(char, char)]>,
}

impl CharClass {
    /// `ranges` are inclusive, in any order.
    pub(crate) fn new(ranges: impl IntoIterator<Item = (char, char)>) -> CharClass {
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
        CharClass { ascii: [ascii as u64, (ascii >> 64) as u64], wide: wide.into() }
    }

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

    /// The members below 0x80, a bit each.
    pub(crate) fn ascii(&self) -> u128 {
        let [low, high] = self.ascii;
        u128::from(low) | u128::from(high) << 64
    }

    /// Whether it has members above 0x7f.
    pub(crate) fn has_wide(&self) -> bool {
        !self.wide.is_empty()
    }

    /// Where membership may change: the first character of each range and the first after it.
    pub(crate) fn borders(&self) -> impl Iterator<Item = u32> {
        let bits = self.ascii();
        let ascii = (1..0x80).filter(move |code| (bits >> code ^ bits >> (code - 1)) & 1 != 0);
        ascii.chain(self.wide.iter().flat_map(|&(low, high)| [low as u32, high as u32 + 1]))
    }
}

/// The place of a class in its [`Classes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClassId(u32);

/// The classes of all rules of a policy.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    list: Box<[CharClass]>,
}

impl Classes {
    pub(crate) fn contains(&self, id: ClassId, c: char) -> bool {
        self.list.get(id.0 as usize).is_some_and(|class| class.contains(c))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &CharClass> {
        self.list.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }
}

/// Gathers classes while a policy is loaded; equal ones share a place.
#[derive(Debug, Default)]
pub(crate) struct ClassesBuilder {
    list: Vec<CharClass>,
}

impl ClassesBuilder {
    pub(crate) fn place(&mut self, class: CharClass) -> ClassId {
        let place = self.list.iter().position(|own| *own == class).unwrap_or_else(|| {
            self.list.push(class);
            self.list.len() - 1
        });
        ClassId(place as u32)
    }

    pub(crate) fn get(&self, id: ClassId) -> Option<&CharClass> {
        self.list.get(id.0 as usize)
    }

    pub(crate) fn build(self) -> Classes {
        Classes { list: self.list.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contains_what_its_ranges_say() {
        let class = CharClass::new([('a', 'f'), ('0', '9'), ('~', 'é'), ('\u{10000}', '\u{10ffff}')]);
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
            assert_eq!(class.contains(c), expected, "{c:?}");
        }
    }

    #[test]
    fn equal_classes_share_a_place() {
        let mut builder = ClassesBuilder::default();
        let first = builder.place(CharClass::new([('a', 'z')]));
        let other = builder.place(CharClass::new([('A', 'Z')]));
        assert_eq!(builder.place(CharClass::new([('a', 'z')])), first);
        let classes = builder.build();
        assert!(classes.contains(first, 'q') && !classes.contains(first, 'Q'));
        assert!(classes.contains(other, 'Q') && !classes.contains(other, 'q'));
        assert_eq!(classes.list.len(), 2);
    }
}
