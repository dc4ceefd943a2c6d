//! Search for many literals at once in a complete text.
//!
//! An automaton of thousands of literals takes megabytes, and every character read is a cache miss. Here, three characters
//! select a bit in 8 KB: only where it is set, the literals that begin with these characters are compared.

use crate::pattern::texts::is_word;

/// Number of bits that a character is reduced to, and of the characters that select literals.
const CLASS_BITS: usize = 5;
const CLASSES: usize = 1 << CLASS_BITS;
const KEYS: usize = 1 << (3 * CLASS_BITS);
const WORDS: usize = KEYS / 64;
/// Flag of [`CLASS`] for ASCII word characters.
const WORD: u8 = 0x80;
/// For each byte its class: letters without case, groups of others. With [`WORD`].
static CLASS: [u8; 0x100] = classes();

#[expect(clippy::indexing_slicing, reason = "runs at compile time")]
const fn classes() -> [u8; 0x100] {
    let mut all = [0; 0x100];
    let mut byte = 0;
    while byte < 0x100 {
        all[byte] = match byte as u8 {
            letter @ b'a'..=b'z' => WORD | (letter - b'a'),
            letter @ b'A'..=b'Z' => WORD | (letter - b'A'),
            b'0'..=b'9' => WORD | 26,
            b'_' => WORD | 27,
            b' ' | b'\t' | b'\n' | b'\r' => 28,
            b'-' | b'.' | b'/' | b':' | b'=' | b'@' => 29,
            // A class of their own would make each character of a text in Chinese look like the first one of each such literal.
            byte @ 0x80.. => byte & 31,
            _ => 31,
        };
        byte += 1;
    }
    all
}

/// Literal of the search. ASCII letters match in any case.
#[derive(Clone, Debug)]
pub(crate) struct Literal {
    /// Text in lower case.
    pub(crate) text: Box<[u8]>,
    /// `true` if no ASCII word character may be in front.
    pub(crate) at_border: bool,
}

/// Literals of a search.
#[derive(Debug)]
pub(crate) struct LiteralScan {
    /// Bit of each key that a literal begins with: those of all literals, then those of literals that may follow a word
    /// character.
    begins: Box<[[u64; WORDS]; 2]>,
    /// Number of keys of all literals before each word of `begins`.
    ranks: Box<[u16; WORDS]>,
    /// For each key of all literals, ascending: the end of its literals in `entries`; they begin at the end of those before.
    ends: Box<[u32]>,
    entries: Box<[Entry]>,
    literals: Box<[Literal]>,
}

/// Literal of a key.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// First eight bytes of the literal, or all and zeros.
    begin: u64,
    /// Bits of `begin` that the literal has.
    mask: u64,
    /// Index of the literal.
    literal: u32,
    /// `true` if the literal has more than eight bytes.
    is_longer: bool,
    at_border: bool,
}

impl Entry {
    fn new(index: u32, literal: &Literal) -> Entry {
        let is_longer = literal.text.len() > 8;
        let mask =
            if is_longer { u64::MAX } else { u64::MAX.checked_shr(64 - 8 * literal.text.len() as u32).unwrap_or(0) };
        Entry { begin: first_bytes(&literal.text), mask, literal: index, is_longer, at_border: literal.at_border }
    }
}

impl LiteralScan {
    /// Creates the search. Literals that are empty are never found.
    pub(crate) fn new(literals: Vec<Literal>) -> LiteralScan {
        let mut keyed: Vec<(u16, u32)> = Vec::new();
        let mut begins = Box::new([[0; WORDS]; 2]);
        for (index, literal) in literals.iter().enumerate() {
            for key in keys(&literal.text) {
                keyed.push((key, index as u32));
                let [all, inner] = &mut *begins;
                set(all, key);
                if !literal.at_border {
                    set(inner, key);
                }
            }
        }
        keyed.sort_unstable();
        let (mut ranks, mut rank) = (Box::new([0; WORDS]), 0);
        let [all, _] = &*begins;
        for (word, slot) in all.iter().zip(ranks.iter_mut()) {
            *slot = rank;
            rank += word.count_ones() as u16;
        }
        let mut ends = Vec::new();
        for (at, (key, _)) in keyed.iter().enumerate() {
            if keyed.get(at + 1).is_none_or(|(next, _)| next != key) {
                ends.push(at as u32 + 1);
            }
        }
        let entries = keyed.into_iter().filter_map(|(_, index)| Some(Entry::new(index, literals.get(index as usize)?)));
        let entries = entries.collect();
        LiteralScan { begins, ranks, ends: ends.into(), entries, literals: literals.into() }
    }

    /// Calls `each` with the index, start and end of every literal in `text`, in the order of their starts, until it returns
    /// `false`.
    pub(crate) fn each(&self, text: &[u8], mut each: impl FnMut(u32, usize, usize) -> bool) {
        if self.literals.is_empty() {
            return;
        }
        let class = |at: usize| text.get(at).map_or(CLASSES as u8 - 1, |byte| class_of(*byte));
        let mut key = usize::from(class(0) & 31) << CLASS_BITS | usize::from(class(1) & 31);
        let mut is_inner = 0;
        let [all, inner] = &*self.begins;
        let next = text.iter().skip(2).copied().map(class_of).chain([CLASSES as u8 - 1; 2]);
        for (at, (next, own)) in next.zip(text).enumerate() {
            key = (key << CLASS_BITS | usize::from(next & 31)) & (KEYS - 1);
            let word = if is_inner == 0 { all.get(key / 64) } else { inner.get(key / 64) }.copied().unwrap_or(0);
            is_inner = class_of(*own) & WORD;
            if word >> (key % 64) & 1 == 0 {
                continue;
            }
            let is_inner = at.checked_sub(1).and_then(|before| text.get(before)).is_some_and(|byte| is_word(*byte));
            let begin = to_lower(first_bytes(text.get(at..).unwrap_or_default()));
            for entry in self.of_key(key) {
                if begin & entry.mask != entry.begin || is_inner && entry.at_border {
                    continue;
                }
                let Some(literal) = self.literals.get(entry.literal as usize) else { continue };
                let end = at + literal.text.len();
                let is_whole = |found: &[u8]| !entry.is_longer || found.eq_ignore_ascii_case(&literal.text);
                if text.get(at..end).is_some_and(is_whole) && !each(entry.literal, at, end) {
                    return;
                }
            }
        }
    }

    /// Returns the literals that begin with a key.
    fn of_key(&self, key: usize) -> &[Entry] {
        let [all, _] = &*self.begins;
        let below = all.get(key / 64).map_or(0, |word| (word & ((1 << (key % 64)) - 1)).count_ones());
        let rank = self.ranks.get(key / 64).map_or(0, |rank| usize::from(*rank)) + below as usize;
        let end = |rank: usize| self.ends.get(rank).map_or(0, |end| *end as usize);
        let from = rank.checked_sub(1).map_or(0, end);
        self.entries.get(from..end(rank)).unwrap_or_default()
    }
}

fn class_of(byte: u8) -> u8 {
    CLASS.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Returns the first eight bytes of a text as a number; missing ones are zero.
fn first_bytes(text: &[u8]) -> u64 {
    match text.first_chunk() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => text.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)),
    }
}

/// Returns eight bytes with ASCII letters in lower case.
fn to_lower(bytes: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    // The highest bit of each byte says whether its other bits are at least `A`, or greater than `Z`.
    let low = bytes & (0x7f * ONES);
    let from_a = low + (0x80 - u64::from(b'A')) * ONES;
    let behind_z = low + (0x7f - u64::from(b'Z')) * ONES;
    let is_upper = (from_a ^ behind_z) & !bytes & (0x80 * ONES);
    bytes | is_upper >> 2
}

fn set(bits: &mut [u64; WORDS], key: u16) {
    if let Some(word) = bits.get_mut(usize::from(key) / 64) {
        *word |= 1 << (key % 64);
    }
}

/// Returns the keys of texts that begin with a literal: several if it has less than three bytes.
fn keys(literal: &[u8]) -> Vec<u16> {
    let mut keys = Vec::new();
    let class = |at: usize| literal.get(at).map(|byte| u16::from(class_of(*byte) & 31));
    let choices = |class: Option<u16>| class.map_or(0..CLASSES as u16, |class| class..class + 1);
    let Some(first) = class(0) else { return keys };
    for second in choices(class(1)) {
        keys.extend(choices(class(2)).map(|third| first << (2 * CLASS_BITS) | second << CLASS_BITS | third));
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use aho_corasick::AhoCorasick;
    use proptest::prelude::*;

    fn found(literals: &[(&str, bool)], text: &str) -> Vec<(u32, usize, usize)> {
        let literal = |(text, at_border): &(&str, bool)| Literal {
            text: text.to_ascii_lowercase().as_bytes().into(),
            at_border: *at_border,
        };
        let scan = LiteralScan::new(literals.iter().map(literal).collect());
        let mut found = Vec::new();
        scan.each(text.as_bytes(), |literal, start, end| {
            found.push((literal, start, end));
            true
        });
        found
    }

    #[test]
    fn literals_are_found_in_any_case_and_at_borders() {
        for (literals, text, expected) in [
            (&[("key", false)][..], "KEY monkey key", &[(0, 0, 3), (0, 7, 10), (0, 11, 14)][..]),
            (&[("key", true)], "KEY monkey_key -key", &[(0, 0, 3), (0, 16, 19)]),
            (&[("key", true)], "ékey", &[(0, 2, 5)]),
            (&[("a", false), ("ab", false), ("abcd", false)], "xabc", &[(0, 1, 2), (1, 1, 3)]),
            (&[("@", false)], "@a @", &[(0, 0, 1), (0, 3, 4)]),
            (&[("秘密", false)], "的秘密", &[(0, 3, 9)]),
            (&[("", false)], "abc", &[]),
            (&[], "abc", &[]),
            (&[("abc", false)], "ab", &[]),
            (&[("ab", true)], "", &[]),
        ] {
            assert_eq!(found(literals, text), expected, "{literals:?} {text}");
        }
    }

    #[test]
    fn letters_of_eight_bytes_are_lowered() {
        for text in [*b"AZaz@[`{", [0x41, 0xc1, 0xda, 0xff, 0x00, 0x5a, 0x80, 0x20]] {
            let lower = to_lower(u64::from_le_bytes(text)).to_le_bytes();
            assert_eq!(lower, text.map(|byte| byte.to_ascii_lowercase()));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

        #[test]
        fn the_same_literals_are_found_as_by_an_automaton(
            all in proptest::collection::vec(("[aAbc1_ é.@-]{1,11}", any::<bool>()), 0..12),
            text in "[aAbBc1_ é.@-]{0,60}",
        ) {
            let literals: Vec<(&str, bool)> = all.iter().map(|(text, at_border)| (text.as_str(), *at_border)).collect();
            let automaton = AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .build(literals.iter().map(|(text, _)| *text))
                .unwrap();
            let mut expected: Vec<(u32, usize, usize)> = automaton
                .find_overlapping_iter(&text)
                .map(|found| (found.pattern().as_u32(), found.start(), found.end()))
                .filter(|(index, start, _)| {
                    let before = start.checked_sub(1).map(|before| text.as_bytes()[before]);
                    !(literals[*index as usize].1 && before.is_some_and(is_word))
                })
                .collect();
            let mut found = found(&literals, &text);
            prop_assert!(found.is_sorted_by_key(|(_, start, _)| *start));
            expected.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
