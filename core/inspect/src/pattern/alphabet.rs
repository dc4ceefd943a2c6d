//! Characters that no rule tells apart, as one letter.

use super::class::Classes;
use super::program::{Node, Program};
use std::collections::{BTreeMap, BTreeSet};

/// A letter of an [`Alphabet`].
pub(crate) type Letter = u16;

/// The letters of some programs: two characters are one letter if every node that reads the one reads the other.
#[derive(Debug)]
pub(crate) struct Alphabet {
    /// The letter of each ASCII character.
    ascii: Box<[Letter]>,
    /// The first character (not ASCII) of each run of one letter, ascending, and the letter.
    wide: Box<[(u32, Letter)]>,
    /// A character of each letter.
    samples: Box<[char]>,
}

impl Alphabet {
    pub(crate) fn new<'p>(programs: impl Iterator<Item = &'p Program>, classes: &Classes) -> Alphabet {
        let mut borders = BTreeSet::from([0, 0x80]);
        let mut alone = BTreeSet::new();
        for node in programs.flat_map(|program| program.nodes()) {
            if let Node::Char { c, .. } = node {
                borders.extend([*c as u32, *c as u32 + 1]);
                alone.insert(*c);
            }
        }
        classes.iter().for_each(|class| borders.extend(class.borders()));
        // What each run of characters between two borders is a member of: runs alike are one letter.
        let mut letters: BTreeMap<(Option<char>, Vec<u64>), Letter> = BTreeMap::new();
        let (mut ascii, mut wide, mut samples) = (Vec::new(), Vec::new(), Vec::new());
        let ends = borders.iter().skip(1).copied().chain([char::MAX as u32 + 1]);
        for (&first, end) in borders.iter().zip(ends) {
            let Some(sample) = (first..end).take(0x801).find_map(char::from_u32) else { continue };
            let mut member = vec![0u64; classes.len().div_ceil(64)];
            for (at, class) in classes.iter().enumerate() {
                if let Some(word) = member.get_mut(at / 64).filter(|_| class.contains(sample)) {
                    *word |= 1 << (at % 64);
                }
            }
            let next = samples.len() as Letter;
            let letter = *letters.entry((alone.get(&sample).copied(), member)).or_insert(next);
            if letter == next {
                samples.push(sample);
            }
            if first < 0x80 {
                ascii.extend((first..end).map(|_| letter));
            } else if wide.last().is_none_or(|&(_, last)| last != letter) {
                wide.push((first, letter));
            }
        }
        Alphabet { ascii: ascii.into(), wide: wide.into(), samples: samples.into() }
    }

    /// How many letters there are.
    pub(crate) fn len(&self) -> usize {
        self.samples.len()
    }

    /// The letter of an ASCII character.
    pub(crate) fn ascii(&self, byte: u8) -> Letter {
        self.ascii.get(usize::from(byte)).copied().unwrap_or(0)
    }

    /// The letter of a character that is not ASCII.
    pub(crate) fn wide(&self, c: char) -> Letter {
        let after = self.wide.partition_point(|&(first, _)| first <= c as u32);
        after.checked_sub(1).and_then(|at| self.wide.get(at)).map_or(0, |&(_, letter)| letter)
    }

    /// A character of the letter.
    pub(crate) fn sample(&self, letter: Letter) -> char {
        self.samples.get(usize::from(letter)).copied().unwrap_or('\0')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::class::ClassesBuilder;
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
            let mut classes = ClassesBuilder::default();
            let programs: Vec<Program> =
                patterns.iter().map(|pattern| compile::regex(pattern, &mut classes).unwrap()).collect();
            let classes = classes.build();
            let alphabet = Alphabet::new(programs.iter(), &classes);
            for c in
                ('\0'..'\u{3000}').chain('\u{6f00}'..'\u{7000}').chain('\u{d700}'..'\u{e100}').chain(['😀', char::MAX])
            {
                let letter = if c.is_ascii() { alphabet.ascii(c as u8) } else { alphabet.wide(c) };
                let sample = alphabet.sample(letter);
                for node in programs.iter().flat_map(|program| program.nodes()) {
                    assert_eq!(read(*node, c, &classes), read(*node, sample, &classes), "{c:?} as {sample:?}");
                }
            }
        }
    }
}
