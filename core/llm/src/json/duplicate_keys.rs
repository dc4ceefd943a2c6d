//! Detection of duplicate member names, without quadratic time and without a hash table.
//!
//! The keys of all open objects are stored in one vector; those of the innermost object are at its end. A key is
//! compared with the earlier ones while they are few. An object with many keys is checked once, when it closes, by
//! sorting: by hash, then by text. An attacker who provokes hash collisions (the hash is not keyed: the crate has no
//! source of randomness) only causes a plain sort with `n log n` comparisons.

use std::cmp::Ordering;

use crate::Str;

/// Maximum number of keys of an object that are compared pairwise.
const FEW: usize = 24;

/// Keys of the open objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    all: Vec<Key>,
}

#[derive(Clone, Copy, Debug)]
struct Key {
    hash: u64,
    str: Str,
}

impl Keys {
    pub(crate) fn clear(&mut self) {
        self.all.clear();
        self.all.reserve(FEW);
    }

    /// Returns the number of keys of all open objects; when an object opens, its own keys start here.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Adds a key to the object whose keys start at `base`; on a duplicate, fails with the offset of the key (for
    /// objects with many keys, only [`close`](Keys::close) detects it).
    pub(crate) fn add(&mut self, body: &[u8], base: usize, str: Str) -> Result<(), usize> {
        let key = Key { hash: hash(body, str), str };
        debug_assert!(base <= self.all.len());
        let object = self.all.get(base..).unwrap_or_default();
        if object.len() <= FEW && object.iter().any(|other| other.same(&key, body)) {
            return Err(str.span.start);
        }
        self.all.push(key);
        Ok(())
    }

    /// Ends the object whose keys start at `base`; on a duplicate, fails with the offset of the second key.
    pub(crate) fn close(&mut self, body: &[u8], base: usize) -> Result<(), usize> {
        debug_assert!(base <= self.all.len());
        let object = self.all.get_mut(base..).unwrap_or_default();
        let mut result = Ok(());
        if object.len() > FEW {
            object.sort_unstable_by(|a, b| {
                #[cfg(test)]
                tests::compared();
                a.hash.cmp(&b.hash).then_with(|| text_order(body, a.str, b.str))
            });
            let twice = object.array_windows().find(|[a, b]| a.same(b, body));
            if let Some([a, b]) = twice {
                result = Err(a.str.span.start.max(b.str.span.start));
            }
        }
        self.all.truncate(base);
        result
    }
}

#[cfg(test)]
impl Keys {
    /// Returns the address of the vector.
    pub(crate) fn place(&self) -> usize {
        self.all.as_ptr() as usize
    }
}

impl Key {
    fn same(&self, other: &Key, body: &[u8]) -> bool {
        #[cfg(test)]
        tests::compared();
        self.hash == other.hash && text_order(body, self.str, other.str) == Ordering::Equal
    }
}

fn text_order(body: &[u8], a: Str, b: Str) -> Ordering {
    if a.escaped || b.escaped { a.bytes(body).cmp(b.bytes(body)) } else { a.span.of(body).cmp(b.span.of(body)) }
}

/// Hashes the unescaped text.
fn hash(body: &[u8], str: Str) -> u64 {
    if str.escaped {
        let mut hash = START;
        let mut word = [0; 8];
        let mut filled = 0;
        for byte in str.bytes(body) {
            if let Some(slot) = word.get_mut(filled) {
                *slot = byte;
            }
            filled += 1;
            if filled == word.len() {
                hash = mix(hash, u64::from_le_bytes(word));
                (word, filled) = ([0; 8], 0);
            }
        }
        return mix(hash, u64::from_le_bytes(word));
    }
    let (words, tail) = str.span.of(body).as_chunks::<8>();
    let hash = words.iter().fold(START, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    mix(hash, last_word(body, str.span.end.saturating_sub(tail.len()), tail))
}

/// Returns the bytes of `tail`, which starts at `at` and is shorter than a word, as a zero-padded word.
fn last_word(body: &[u8], at: usize, tail: &[u8]) -> u64 {
    match body.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(word) => u64::from_le_bytes(*word) & !(u64::MAX << (8 * tail.len())),
        None => tail.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

const START: u64 = 0x9e37_79b9_7f4a_7c15;

/// One round of multiply and fold; the odd constants are fractions of the golden ratio and of pi. A 128-bit product
/// would mix better, but WebAssembly has none, and a worse hash only costs a comparison.
fn mix(hash: u64, word: u64) -> u64 {
    let product = (hash ^ word).wrapping_mul(0x243f_6a88_85a3_08d3);
    product ^ product >> 32
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::{Dialect, ErrorKind, ParseLimits, Request, Span};

    thread_local! {
        static COMPARED: Cell<usize> = const { Cell::new(0) };
    }

    /// Counts a comparison of two keys.
    pub(super) fn compared() {
        COMPARED.set(COMPARED.get() + 1);
    }

    /// Pairwise comparison would take 5 * 10^9 steps; sorting takes `n log n`, some 20 per key.
    #[test]
    fn many_members_do_not_take_quadratic_time() {
        const MEMBERS: usize = 100_000;
        let members: Vec<String> = (0..MEMBERS).map(|n| format!("\"key {n}\":0")).collect();
        let parse = |body: String| {
            COMPARED.set(0);
            let read = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default());
            (read.map(|request| request.texts.len()).map_err(|error| error.kind), COMPARED.get())
        };
        let (read, unique) = parse(format!("{{\"x\":{{{}}}}}", members.join(",")));
        assert_eq!(read, Ok(MEMBERS + 1));
        let (read, twice) = parse(format!("{{\"x\":{{{},\"k\\u0065y 77\":1}}}}", members.join(",")));
        assert_eq!(read, Err(ErrorKind::DuplicateKey));
        for compared in [unique, twice] {
            assert!((MEMBERS..40 * MEMBERS).contains(&compared), "{compared} comparisons");
        }
    }

    /// Returns a body with the keys in sequence.
    fn body(keys: &[String]) -> (Vec<u8>, Vec<Str>) {
        let mut body = Vec::new();
        let strs = keys
            .iter()
            .map(|key| {
                let start = body.len() + 1;
                body.extend_from_slice(format!("\"{key}\"").as_bytes());
                Str { span: Span::new(start, start + key.len()), escaped: key.contains('\\') }
            })
            .collect();
        (body, strs)
    }

    fn twice(keys: &[String]) -> Option<usize> {
        let (body, strs) = body(keys);
        let mut all = Keys::default();
        for str in &strs {
            if let Err(at) = all.add(&body, 0, *str) {
                return Some(at);
            }
        }
        let result = all.close(&body, 0).err();
        assert!(result.is_some() || all.len() == 0);
        result
    }

    #[test]
    fn duplicates_are_found_for_any_count_and_spelling() {
        for count in (1..3 * FEW).chain([1000]) {
            let keys: Vec<String> = (0..count).map(|n| format!("key number {n}")).collect();
            assert_eq!(twice(&keys), None, "{count}");
            for spelling in
                [keys[0].clone(), "k\\u0065y number 0".to_owned(), "\\u006b\\u0065y number \\u0030".to_owned()]
            {
                let mut keys = keys.clone();
                keys.push(spelling);
                let at = body(&keys).1.last().unwrap().span.start;
                assert_eq!(twice(&keys), Some(at), "{count}");
            }
        }
    }

    #[test]
    fn hash_is_the_same_for_both_spellings_at_any_length() {
        for len in 0..40 {
            let plain = "x".repeat(len);
            let escaped = "\\u0078".repeat(len);
            let (body, strs) = body(&[plain, escaped]);
            assert_eq!(hash(&body, strs[0]), hash(&body, strs[1]), "{len}");
        }
    }

    #[test]
    fn keys_of_inner_and_outer_objects_are_separate() {
        let (body, strs) = body(&["a".into(), "a".into(), "b".into()]);
        let mut all = Keys::default();
        all.add(&body, 0, strs[0]).unwrap();
        let inner = all.len();
        all.add(&body, inner, strs[1]).unwrap();
        all.close(&body, inner).unwrap();
        all.add(&body, 0, strs[2]).unwrap();
        all.close(&body, 0).unwrap();
    }
}
