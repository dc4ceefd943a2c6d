//! Search for many literals at once in a complete text.
//!
//! An automaton of thousands of literals takes megabytes, and every character read is a cache miss. Here, four characters select
//! a bit in 8 KB: only where it is set, the literals that begin with these characters are searched for the text. Literals of
//! two or three bytes have bits that three characters select, and those of one byte are told by it.

use crate::pattern::texts::MAX_LITERAL;

/// Number of bits that a character is reduced to.
const CLASS_BITS: usize = 5;
const CLASSES: usize = 1 << CLASS_BITS;
/// Length of the literals, in bytes, that begin with enough characters to be selected by four.
const LONG: usize = 4;
/// Bits of the keys of short and of long literals, in words.
const SHORT_WORDS: usize = (1 << (3 * CLASS_BITS)) / 64;
const LONG_WORDS: usize = (1 << 16) / 64;
const BYTE_WORDS: usize = 0x100 / 64;
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
            b'-' | b'.' | b'/' | b':' | b'=' => 29,
            // Literal of its own in rules for addresses.
            b'@' => 30,
            // A class of their own would make each character of a text in Chinese look like the first one of each such literal.
            byte @ 0x80.. => byte & 31,
            _ => 31,
        };
        byte += 1;
    }
    all
}

/// Classes of four characters in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Quad(u32);

impl Quad {
    /// Returns the classes behind the first of these four.
    fn next(self, class: u8) -> Quad {
        Quad((self.0 << CLASS_BITS | u32::from(class & 31)) & ((1 << (4 * CLASS_BITS)) - 1))
    }

    fn short_key(self) -> usize {
        (self.0 >> CLASS_BITS) as usize
    }

    /// Returns a hash: all combinations would take 128 KB, and few of them occur.
    fn long_key(self) -> usize {
        (self.0.wrapping_mul(0x9e37_79b1) >> 16) as usize
    }
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
    /// Bytes that are literals, in both cases.
    single: Box<[bool; 0x100]>,
    /// Keys of texts that begin with a literal of two or three bytes.
    short: Begins<SHORT_WORDS>,
    /// Literals of less than four bytes, by their first byte.
    short_literals: Table<BYTE_WORDS>,
    /// Keys that all other literals begin with.
    long: Begins<LONG_WORDS>,
    long_literals: Table<LONG_WORDS>,
}

/// Keys that literals begin with, one bit each.
#[derive(Debug)]
struct Begins<const WORDS: usize> {
    /// Those of all literals, then those of literals that may follow a word character.
    bits: Box<[[u64; WORDS]; 2]>,
}

/// Literals by their key. It has 64 keys for each of its `WORDS`.
#[derive(Debug)]
struct Table<const WORDS: usize> {
    /// Bit of each key.
    keys: Box<[u64; WORDS]>,
    /// Number of keys before each word of `keys`.
    ranks: Box<[u16; WORDS]>,
    /// For each key, ascending: the end of its literals in `entries`; they begin at the end of those before.
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
        let (mut short, mut long) = (Vec::new(), Vec::new());
        let mut single = Box::new([false; 0x100]);
        let mut begins = (Begins::new(), Begins::new());
        for (index, Literal { text, at_border }) in literals.iter().enumerate() {
            debug_assert!(text.len() <= MAX_LITERAL, "a literal of {} bytes", text.len());
            let len = text.len().min(MAX_LITERAL) as u8;
            let entry = Entry { begin: Begin::of(text), literal: index as u32, prefix: 0, len, at_border: *at_border };
            match &**text {
                [] => {}
                [first, rest @ ..] if text.len() < LONG => {
                    short.push((usize::from(*first), entry));
                    if rest.is_empty() {
                        [*first, first.to_ascii_uppercase()].into_iter().for_each(|byte| {
                            single.get_mut(usize::from(byte)).into_iter().for_each(|single| *single = true);
                        });
                    } else {
                        short_keys(text).into_iter().for_each(|key| begins.0.add(key, *at_border));
                    }
                }
                text => {
                    let key = begin(text).long_key();
                    long.push((key, entry));
                    begins.1.add(key, *at_border);
                }
            }
        }
        LiteralScan {
            single,
            short: begins.0,
            short_literals: Table::new(short),
            long: begins.1,
            long_literals: Table::new(long),
        }
    }

    /// Calls `each` with the index, start and end of every literal in `text`, in the order of their starts, of those with the same
    /// start the longest first, until it returns `false`.
    pub(crate) fn each(&self, text: &[u8], each: impl FnMut(u32, usize, usize) -> bool) {
        self.each_counting(text, each, || ());
    }

    /// Calls `each` like [`each`](Self::each), and `count` for every entry that is compared or visited.
    fn each_counting(&self, text: &[u8], mut each: impl FnMut(u32, usize, usize) -> bool, mut count: impl FnMut()) {
        let LiteralScan { single, short, short_literals, long, long_literals } = self;
        if short_literals.entries.is_empty() && long_literals.entries.is_empty() {
            return;
        }
        const END: u8 = CLASSES as u8 - 1;
        let mut quad = Quad(begin(text).0 >> CLASS_BITS);
        let mut is_inner = false;
        let next = text.iter().skip(LONG - 1).copied().map(class_of).chain([END; LONG - 1]);
        for (at, (next, own)) in next.zip(text).enumerate() {
            quad = quad.next(next);
            let long_key = quad.long_key();
            let in_short = short.has(quad.short_key(), is_inner) || single.get(usize::from(*own)) == Some(&true);
            let in_long = long.has(long_key, is_inner);
            let was_inner = is_inner;
            is_inner = class_of(*own) & WORD != 0;
            if !in_short && !in_long {
                continue;
            }
            let remaining = text.get(at..).unwrap_or_default();
            let begin = Begin::of(remaining);
            let mut found = |entry: &Entry| {
                usize::from(entry.len) > remaining.len()
                    || was_inner && entry.at_border
                    || each(entry.literal, at, at + usize::from(entry.len))
            };
            let goes_on = (!in_long || long_literals.each_prefix(long_key, begin, &mut found, &mut count))
                && (!in_short
                    || short_literals.each_prefix(
                        usize::from(own.to_ascii_lowercase()),
                        begin,
                        &mut found,
                        &mut count,
                    ));
            if !goes_on {
                return;
            }
        }
    }
}

impl<const WORDS: usize> Begins<WORDS> {
    fn new() -> Begins<WORDS> {
        Begins { bits: Box::new([[0; WORDS]; 2]) }
    }

    fn add(&mut self, key: usize, at_border: bool) {
        let [all, inner] = &mut *self.bits;
        set(all, key);
        if !at_border {
            set(inner, key);
        }
    }

    /// Returns `true` if a literal may begin with this key, behind a word character if `is_inner`.
    #[inline]
    fn has(&self, key: usize, is_inner: bool) -> bool {
        let [all, inner] = &*self.bits;
        let word = if is_inner { inner } else { all }.get(key / 64).copied().unwrap_or(0);
        word >> (key % 64) & 1 != 0
    }
}

impl<const WORDS: usize> Table<WORDS> {
    /// Creates the table of literals with their keys.
    fn new(mut keyed: Vec<(usize, Entry)>) -> Table<WORDS> {
        keyed.sort_unstable_by_key(|(key, entry)| (*key, entry.begin, entry.len, entry.literal));
        let mut keys = Box::new([0; WORDS]);
        keyed.iter().for_each(|(key, _)| set(&mut keys, *key));
        let (mut ranks, mut rank) = (Box::new([0; WORDS]), 0);
        for (word, slot) in keys.iter().zip(ranks.iter_mut()) {
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
        Table { keys, ranks, ends: ends.into(), entries: entries.into() }
    }

    /// Calls `each` with the literals of a key that a text begins with, the longest first, until it returns `false`. Returns `false`
    /// if it did.
    fn each_prefix(
        &self,
        key: usize,
        text: Begin,
        each: &mut impl FnMut(&Entry) -> bool,
        count: &mut impl FnMut(),
    ) -> bool {
        let entries = self.of_key(key);
        let behind = entries.partition_point(|entry| {
            count();
            entry.begin <= text
        });
        let mut index = behind.wrapping_sub(1);
        while let Some(entry) = entries.get(index) {
            count();
            if text.shares(entry.begin, entry.len) && !each(entry) {
                return false;
            }
            if entry.prefix == 0 {
                break;
            }
            index = index.wrapping_sub(entry.prefix as usize);
        }
        true
    }

    /// Returns the literals that begin with a key.
    fn of_key(&self, key: usize) -> &[Entry] {
        let below = self.keys.get(key / 64).map_or(0, |word| (word & ((1 << (key % 64)) - 1)).count_ones());
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

fn set<const WORDS: usize>(bits: &mut [u64; WORDS], key: usize) {
    if let Some(word) = bits.get_mut(key / 64) {
        *word |= 1 << (key % 64);
    }
}

/// Returns the classes of the first four characters of a text.
fn begin(text: &[u8]) -> Quad {
    let class = |at: usize| text.get(at).map_or(CLASSES as u8 - 1, |byte| class_of(*byte));
    (0..LONG).fold(Quad(0), |quad, at| quad.next(class(at)))
}

/// Returns the keys of texts that begin with a literal of two or three bytes: all that share its first two if it has no more.
fn short_keys(literal: &[u8]) -> Vec<usize> {
    let [first, second, third @ ..] = literal else { return Vec::new() };
    let quad = Quad(0).next(class_of(*first)).next(class_of(*second));
    let third = third.first().map(|byte| class_of(*byte) & 31);
    let choices = third.map_or(0..CLASSES as u8, |class| class..class + 1);
    choices.map(|third| quad.next(third).next(0).short_key()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::texts::is_word;
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
            // Binary searches for short and for long literals, and all prefixes of the longest one.
            let most = 2 * (literals.len().ilog2() as usize + 2) + 2 * MAX_LITERAL;
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
