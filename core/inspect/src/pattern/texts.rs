//! Lists of texts that a part of a pattern matches, from which its literals are chosen.

use regex_syntax::hir::{Class, Look};

/// Texts in lower case. ASCII letters match in any case.
pub(super) type Texts = Vec<Vec<u8>>;

/// Maximum number of literals of a regular expression. Much longer lists select no better; a rule of the pack `secrets` begins with
/// one of 83 names, and without their list every word of a stream begins a search.
pub(crate) const MAX_LITERALS: usize = 96;
/// Maximum length of a literal in bytes. A longer one selects no better, and takes more memory.
pub(crate) const MAX_LITERAL: usize = 16;
/// Maximum number of characters of a class that a literal is extended by, each one making the list as many times longer.
const MAX_CLASS: usize = 16;
/// Maximum length of a literal while it is collected; a longer one is split.
const MAX_COLLECTED: usize = 64;

/// Characters that a search around a literal reads beside the text from the start of a match to the literal.
pub(super) const WINDOW_CHARS: f64 = 24.0;
/// Distance that counts in estimates if there is no bound, in bytes.
pub(super) const UNBOUNDED: usize = 1024;

/// Returns the texts that a class matches, if they are few.
pub(super) fn members(class: &Class) -> Option<Texts> {
    let mut members = Vec::new();
    let mut add = |c: char| {
        let text = c.encode_utf8(&mut [0; 4]).to_ascii_lowercase().into_bytes();
        if !members.contains(&text) {
            members.push(text);
        }
        members.len() <= MAX_CLASS
    };
    let are_few = match class {
        Class::Unicode(class) => class.iter().all(|range| (range.start()..=range.end()).all(&mut add)),
        Class::Bytes(class) => {
            class.iter().all(|range| (range.start()..=range.end()).all(|byte| add(char::from(byte))))
        }
    };
    are_few.then_some(members)
}

/// Returns the texts of all alternatives, if they are few.
pub(super) fn union<'t>(alternatives: impl IntoIterator<Item = Option<&'t Texts>>) -> Option<Texts> {
    let mut all = Vec::new();
    for texts in alternatives {
        all.extend_from_slice(texts?);
        if all.len() > MAX_LITERALS {
            return None;
        }
    }
    Some(all)
}

/// Returns the texts of a part that may be missing and occurs at most `max` times, given those of the part.
pub(super) fn optional(exact: Option<Texts>, max: Option<u32>) -> Option<Texts> {
    let mut exact = exact.filter(|_| max == Some(1))?;
    exact.push(Vec::new());
    Some(exact)
}

/// Returns each of the first texts continued by each of the others, if they are few and short.
pub(super) fn product(first: &Texts, next: &Texts) -> Option<Texts> {
    if first.len() * next.len() > MAX_LITERALS || longest(first) + longest(next) > MAX_COLLECTED {
        return None;
    }
    let product = first.iter().flat_map(|own| next.iter().map(move |next| [&own[..], &next[..]].concat()));
    Some(product.collect())
}

/// Returns the length of the longest text.
pub(super) fn longest(texts: &Texts) -> usize {
    texts.iter().map(Vec::len).max().unwrap_or(0)
}

/// Returns the length of the shortest text.
pub(super) fn shortest(texts: &Texts) -> usize {
    texts.iter().map(Vec::len).min().unwrap_or(0)
}

/// Cuts, sorts and deduplicates literals. `None` if one of them is empty.
pub(super) fn minimal(mut list: Texts) -> Option<Texts> {
    for literal in &mut list {
        cut(literal, MAX_LITERAL);
    }
    list.sort_unstable();
    // A literal that begins with another one is found where the other is.
    list.dedup_by(|next, first| next.starts_with(first));
    (!list.is_empty() && list.iter().all(|literal| !literal.is_empty())).then_some(list)
}

/// Shortens a literal to at most `len` bytes of whole characters.
pub(crate) fn cut(literal: &mut Vec<u8>, len: usize) {
    if literal.len() > len {
        let is_start = |at: &usize| literal.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
        let len = (0..=len).rev().find(is_start).unwrap_or(0);
        literal.truncate(len);
    }
}

/// Returns `true` for an assertion that an ASCII word begins if a word character follows.
pub(super) fn is_border(look: Look) -> bool {
    matches!(look, Look::WordAscii | Look::WordStartAscii | Look::WordStartHalfAscii)
}

/// Returns `true` if every literal begins with an ASCII word character.
pub(super) fn begin_with_words(list: &Texts) -> bool {
    list.iter().all(|literal| literal.first().is_some_and(|&byte| is_word(byte)))
}

/// Returns `true` for an ASCII letter, digit or `_`.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Texts {
        list.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    #[test]
    fn lists_of_texts_are_bounded() {
        let digits = texts(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
        assert_eq!(union([Some(&digits), Some(&texts(&["a"]))]).map(|all| all.len()), Some(11));
        assert_eq!(union([Some(&digits), None]), None);
        assert_eq!(union([Some(&digits); 10]), None);
        assert_eq!(product(&texts(&["a", "b"]), &texts(&["", "c"])), Some(texts(&["a", "ac", "b", "bc"])));
        assert_eq!(product(&digits, &digits), None);
        assert_eq!(product(&texts(&[&"a".repeat(60)]), &texts(&["bcdef"])), None);
        assert_eq!(optional(Some(texts(&["a"])), Some(1)), Some(texts(&["a", ""])));
        assert_eq!(optional(Some(texts(&["a"])), Some(2)), None);
        assert_eq!((longest(&texts(&["a", "bcd"])), shortest(&texts(&["a", "bcd"]))), (3, 1));
    }

    #[test]
    fn literals_are_cut_between_characters_and_none_begins_with_another() {
        for (list, expected) in [
            (&["b", "ab", "abc"][..], Some(&["ab", "b"][..])),
            (&["aaaaaaaaaaaaaaaé"], Some(&["aaaaaaaaaaaaaaa"])),
            (&["a", ""], None),
            (&[], None),
        ] {
            assert_eq!(minimal(texts(list)), expected.map(texts), "{list:?}");
        }
    }
}
