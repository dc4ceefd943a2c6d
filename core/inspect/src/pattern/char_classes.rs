//! Equivalence classes of characters: characters that no rule distinguishes are one class.

use super::char_set::{CharSet, CharSets};
use super::program::{Node, Program};
use std::collections::{BTreeMap, BTreeSet};

/// Number of an equivalence class.
pub(crate) type CharClass = u16;

/// Partition of all characters: two characters are in one class if every node that reads one of them reads the other, and if
/// assertions about ASCII words and lines cannot distinguish them.
#[derive(Debug)]
pub(crate) struct CharClasses {
    /// Class of each ASCII character.
    ascii: Box<[CharClass]>,
    /// Runs of non-ASCII characters of one class, ascending: the first character and the class.
    wide: Box<[(u32, CharClass)]>,
    /// One character of each class.
    samples: Box<[char]>,
}

impl CharClasses {
    /// Computes the classes of `programs`, whose character sets are in `sets`.
    pub(crate) fn new<'p>(programs: impl Iterator<Item = &'p Program>, sets: &CharSets) -> CharClasses {
        let words = CharSet::new([('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]);
        let mut borders = BTreeSet::from([0, 0x80]);
        let mut single = BTreeSet::from(['\n', '\r']);
        let mut used = BTreeSet::new();
        for node in programs.flat_map(|program| program.nodes()) {
            match node {
                Node::Char { c, .. } => {
                    single.insert(*c);
                }
                Node::Set { set, .. } => {
                    used.insert(*set);
                }
                Node::Look { .. } | Node::Split { .. } | Node::Match => {}
            }
        }
        let sets: Vec<&CharSet> = used.iter().filter_map(|id| sets.get(*id)).chain([&words]).collect();
        borders.extend(single.iter().flat_map(|c| [*c as u32, *c as u32 + 1]));
        sets.iter().for_each(|set| borders.extend(set.borders()));
        // Runs of characters between two borders form one class if they are members of the same sets.
        let mut classes: BTreeMap<(Option<char>, Vec<u64>), CharClass> = BTreeMap::new();
        let (mut ascii, mut wide, mut samples) = (Vec::new(), Vec::new(), Vec::new());
        let ends = borders.iter().skip(1).copied().chain([char::MAX as u32 + 1]);
        for (&first, end) in borders.iter().zip(ends) {
            // 0x801: a run that starts with the 0x800 surrogates has its first character after them.
            let Some(sample) = (first..end).take(0x801).find_map(char::from_u32) else { continue };
            let mut membership = vec![0u64; sets.len().div_ceil(64)];
            for (at, set) in sets.iter().enumerate() {
                if let Some(word) = membership.get_mut(at / 64).filter(|_| set.contains(sample)) {
                    *word |= 1 << (at % 64);
                }
            }
            let next = samples.len() as CharClass;
            let class = *classes.entry((single.get(&sample).copied(), membership)).or_insert(next);
            if class == next {
                samples.push(sample);
            }
            if first < 0x80 {
                ascii.extend((first..end).map(|_| class));
            } else if wide.last().is_none_or(|&(_, last)| last != class) {
                wide.push((first, class));
            }
        }
        debug_assert_eq!(ascii.len(), 0x80, "0x80 is a border, so the runs below it are ASCII");
        CharClasses { ascii: ascii.into(), wide: wide.into(), samples: samples.into() }
    }

    /// Returns the number of classes.
    pub(crate) fn len(&self) -> usize {
        self.samples.len()
    }

    /// Returns the approximate memory in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.ascii.len() * 2 + self.wide.len() * 8 + self.samples.len() * 4
    }

    /// Returns the class of an ASCII character.
    pub(crate) fn ascii(&self, byte: u8) -> CharClass {
        let class = self.ascii.get(usize::from(byte)).copied();
        debug_assert!(class.is_some(), "{byte} is not ASCII");
        class.unwrap_or(0)
    }

    /// Returns the class of a non-ASCII character.
    pub(crate) fn wide(&self, c: char) -> CharClass {
        let after = self.wide.partition_point(|&(first, _)| first <= c as u32);
        after.checked_sub(1).and_then(|at| self.wide.get(at)).map_or(0, |&(_, class)| class)
    }

    /// Returns a character of the class.
    pub(crate) fn sample(&self, class: CharClass) -> char {
        let sample = self.samples.get(usize::from(class)).copied();
        debug_assert!(sample.is_some(), "class {class} of {}", self.samples.len());
        sample.unwrap_or('\0')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::char_set::CharSetsBuilder;
    use crate::pattern::compile;
    use crate::pattern::program::read;

    #[test]
    fn characters_of_one_letter_are_read_by_the_same_nodes() {
        for patterns in [
            &["a"][..],
            &["ab|é", "[a-m漢]x"],
            &[r"\w\W", r"\s\d", "(?i)kelvin"],
            &[r"[^\x00-\x{7f}]"],
            &[r"\u{d7ff}\u{e000}"],
        ] {
            let mut sets = CharSetsBuilder::default();
            let programs: Vec<Program> =
                patterns.iter().map(|pattern| compile::regex(pattern, true, &mut sets).unwrap()).collect();
            let sets = sets.build();
            let classes = CharClasses::new(programs.iter(), &sets);
            for c in
                ('\0'..'\u{3000}').chain('\u{6f00}'..'\u{7000}').chain('\u{d700}'..'\u{e100}').chain(['😀', char::MAX])
            {
                let class = if c.is_ascii() { classes.ascii(c as u8) } else { classes.wide(c) };
                let sample = classes.sample(class);
                for node in programs.iter().flat_map(|program| program.nodes()) {
                    assert_eq!(read(*node, c, &sets), read(*node, sample, &sets), "{c:?} as {sample:?}");
                }
            }
        }
    }
}
