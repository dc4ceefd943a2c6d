//! Search for many literals at once in a complete text.
//!
//! An automaton of thousands of literals takes megabytes, and every character read is a cache miss. Here, three characters
//! select a bit in 8 KB: only where it is set, the literals that begin with these characters are searched for the text.

use crate::pattern::texts::{MAX_LITERAL, is_word};

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
    /// Literals of all keys, those of a key in alphabetical order.
    entries: Box<[Entry]>,
}

/// Literal of a key.
///
/// The literals that a text begins with are found by a binary search, whatever their number: the last one that is not behind the
/// text in alphabetical order, as far as the text begins with it, and its prefixes among the literals.
#[derive(Clone, Copy, Debug)]
struct Entry {
    begin: Begin,
    /// Index of the literal.
    literal: u32,
    /// Distance to the entry before it that is its longest prefix; 0: there is none.
    prefix: u32,
    /// Length of the literal in bytes.
    len: u8,
    at_border: bool,
}

/// First [`MAX_LITERAL`] bytes of a text in lower case, as a number in the order of the texts. Missing ones are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Begin(u128);

const _: () = assert!(MAX_LITERAL == size_of::<Begin>(), "a literal fits into a number");

impl Begin {
    fn of(text: &[u8]) -> Begin {
        let bytes = match text.first_chunk() {
            Some(bytes) => u128::from_be_bytes(*bytes),
            None => {
                let mut bytes = [0; MAX_LITERAL];
                bytes.iter_mut().zip(text).for_each(|(into, byte)| *into = *byte);
                u128::from_be_bytes(bytes)
            }
        };
        Begin(to_lower(bytes))
    }

    /// Returns `true` if the first `len` bytes are those of another text.
    fn shares(self, other: Begin, len: u8) -> bool {
        (self.0 ^ other.0).leading_zeros() >= 8 * u32::from(len)
    }
}

impl LiteralScan {
    /// Creates the search. Literals that are empty are never found; no other may have more than [`MAX_LITERAL`] bytes.
    pub(crate) fn new(literals: &[Literal]) -> LiteralScan {
        let mut keyed: Vec<(u16, Entry)> = Vec::new();
        let mut begins = Box::new([[0; WORDS]; 2]);
        for (index, Literal { text, at_border }) in literals.iter().enumerate() {
            debug_assert!(text.len() <= MAX_LITERAL, "a literal of {} bytes", text.len());
            let len = text.len().min(MAX_LITERAL) as u8;
            let entry = Entry { begin: Begin::of(text), literal: index as u32, prefix: 0, len, at_border: *at_border };
            for key in keys(text) {
                keyed.push((key, entry));
                let [all, inner] = &mut *begins;
                set(all, key);
                if !at_border {
                    set(inner, key);
                }
            }
        }
        keyed.sort_unstable_by_key(|(key, entry)| (*key, entry.begin, entry.len, entry.literal));
        let (mut ranks, mut rank) = (Box::new([0; WORDS]), 0);
        let [all, _] = &*begins;
        for (word, slot) in all.iter().zip(ranks.iter_mut()) {
            *slot = rank;
            rank += word.count_ones() as u16;
        }
        let mut ends = Vec::new();
        let mut entries: Vec<Entry> = Vec::with_capacity(keyed.len());
        for of_key in keyed.chunk_by(|(key, _), (next, _)| key == next) {
            // Each entry that may be a prefix of the next one.
            let mut prefixes: Vec<(usize, Entry)> = Vec::new();
            for (_, entry) in of_key {
                while prefixes.pop_if(|(_, before)| !entry.begin.shares(before.begin, before.len)).is_some() {}
                let prefix = prefixes.last().map_or(0, |(at, _)| entries.len() - at);
                prefixes.push((entries.len(), *entry));
                entries.push(Entry { prefix: prefix as u32, ..*entry });
            }
            ends.push(entries.len() as u32);
        }
        LiteralScan { begins, ranks, ends: ends.into(), entries: entries.into() }
    }

    /// Calls `each` with the index, start and end of every literal in `text`, in the order of their starts, of those with the same
    /// start the longest first, until it returns `false`.
    pub(crate) fn each(&self, text: &[u8], each: impl FnMut(u32, usize, usize) -> bool) {
        self.each_counting(text, each, || ());
    }

    /// Calls `each` like [`each`](Self::each), and `count` for every entry that is compared or visited.
    fn each_counting(&self, text: &[u8], mut each: impl FnMut(u32, usize, usize) -> bool, mut count: impl FnMut()) {
        if self.entries.is_empty() {
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
            let remaining = text.get(at..).unwrap_or_default();
            let begin = Begin::of(remaining);
            let entries = self.of_key(key);
            let behind = entries.partition_point(|entry| {
                count();
                entry.begin <= begin
            });
            let mut index = behind.wrapping_sub(1);
            while let Some(entry) = entries.get(index) {
                count();
                let is_found = begin.shares(entry.begin, entry.len) && usize::from(entry.len) <= remaining.len();
                if is_found && !(is_inner && entry.at_border) && !each(entry.literal, at, at + usize::from(entry.len)) {
                    return;
                }
                if entry.prefix == 0 {
                    break;
                }
                index = index.wrapping_sub(entry.prefix as usize);
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

/// Returns sixteen bytes with ASCII letters in lower case.
fn to_lower(bytes: u128) -> u128 {
    const ONES: u128 = u128::MAX / 0xff;
    // The highest bit of each byte says whether its other bits are at least `A`, or greater than `Z`.
    let low = bytes & (0x7f * ONES);
    let from_a = low + (0x80 - u128::from(b'A')) * ONES;
    let behind_z = low + (0x7f - u128::from(b'Z')) * ONES;
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
    use std::cmp::Reverse;

    fn found(literals: &[(&str, bool)], text: &str) -> Vec<(u32, usize, usize)> {
        let literal = |(text, at_border): &(&str, bool)| Literal {
            text: text.to_ascii_lowercase().as_bytes().into(),
            at_border: *at_border,
        };
        let scan = LiteralScan::new(&literals.iter().map(literal).collect::<Vec<_>>());
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
            (&[("a", false), ("ab", false), ("abcd", false)], "xabc", &[(1, 1, 3), (0, 1, 2)]),
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
    fn letters_of_sixteen_bytes_are_lowered() {
        for text in
            [*b"AZaz@[`{09_ YBmM", [0x41, 0xc1, 0xda, 0xff, 0, 0x5a, 0x80, 0x20, 0xe1, 0x61, 1, 2, 3, 4, 5, 0x59]]
        {
            let lower = to_lower(u128::from_be_bytes(text)).to_be_bytes();
            assert_eq!(lower, text.map(|byte| byte.to_ascii_lowercase()));
        }
    }

    /// Each position of such a text was compared with all of the literals, which took seconds.
    #[test]
    fn many_literals_that_begin_alike_do_not_slow_the_search() {
        let literal = |text: String, at_border: bool| Literal { text: text.as_bytes().into(), at_border };
        let numbered = |begin: &str| (0..5000).map(|at| literal(format!("{begin}{at:04}"), false)).collect::<Vec<_>>();
        // All lengths, at borders and inside of words, between others.
        let nested = || {
            let nested = (1..=16).flat_map(|len| [true, false].map(|at_border| literal("a".repeat(len), at_border)));
            nested.chain(('b'..='z').map(|last| literal(format!("aaaa{last}"), false))).collect::<Vec<_>>()
        };
        for (literals, text) in [
            (numbered("key"), "key".repeat(10_000)),
            (numbered("key"), "key4999".repeat(10_000)),
            (numbered("密"), "密4999".repeat(10_000)),
            (numbered("é"), "é4999".repeat(10_000)),
            (numbered("k"), "k~~".repeat(10_000)),
            (numbered(""), "9".repeat(30_000)),
            (nested(), "a".repeat(30_000)),
            (nested(), "aaaab".repeat(10_000)),
        ] {
            let scan = LiteralScan::new(&literals);
            let mut steps = 0;
            scan.each_counting(text.as_bytes(), |_, _, _| true, || steps += 1);
            // A binary search, and all prefixes of the longest literal.
            let most = literals.len().ilog2() as usize + 2 + 2 * MAX_LITERAL;
            assert!(steps <= most * text.len(), "{steps} steps in {} bytes of {:?}", text.len(), &text[..6]);
        }
    }

    /// All bytes of such texts were in one class.
    #[test]
    fn texts_outside_of_ascii_are_compared_with_few_literals() {
        let literals = ["秘密", "密码", "指令", "系统提示", "инструк", "пароль", "забудь", "секрет"];
        let literals = literals.map(|text| Literal { text: text.as_bytes().into(), at_border: false });
        let scan = LiteralScan::new(&literals);
        for text in
            ["今天天气很好我们去公园散步吧", "сегодня хорошая погода и мы гуляем", "오늘은 날씨가 좋아서 산책을 갑니다"]
        {
            let mut steps = 0;
            scan.each_counting(text.as_bytes(), |_, _, _| true, || steps += 1);
            assert!(steps <= text.len() / 4, "{steps} steps in {} bytes of {text:?}", text.len());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

        #[test]
        fn the_same_literals_are_found_as_by_an_automaton(
            all in proptest::collection::vec(("[aAbc1_ é.@\\x00-]{1,8}|[aAb\\x00]{1,16}", any::<bool>()), 0..20),
            text in "[aAbBc1_ é.@\\x00-]{0,60}|[aAb\\x00]{0,60}",
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
            prop_assert!(found.is_sorted_by_key(|(_, start, end)| (*start, Reverse(*end))));
            expected.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
