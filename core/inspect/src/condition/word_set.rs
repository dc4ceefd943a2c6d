//! Set of words that a text is searched for, without regard to upper and lower case.

/// Words in lower case, sorted, without duplicates.
#[derive(Debug)]
pub(super) struct WordSet {
    words: Box<[Box<[char]>]>,
}

impl WordSet {
    /// Creates the set of `words`, which are not empty.
    pub(super) fn new(words: &[String]) -> WordSet {
        let mut words: Vec<Box<[char]>> = words.iter().map(|word| word.chars().map(lower).collect()).collect();
        words.sort_unstable();
        words.dedup();
        WordSet { words: words.into() }
    }

    /// Returns `true` if a text contains one of the words, also inside of a longer word.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().map(lower).collect();
        (0..text.len()).any(|at| self.is_at(text.get(at..).unwrap_or_default(), |_| true))
    }

    /// Returns `true` if a text in lower case begins with a word for whose length `accept` returns `true`.
    pub(super) fn is_at(&self, text: &[char], accept: impl Fn(usize) -> bool) -> bool {
        let mut words = &*self.words;
        for (at, c) in text.iter().enumerate() {
            // The words that begin with the first `at` characters of the text are adjacent, the shortest one first.
            let from = words.partition_point(|word| word.get(at) < Some(c));
            let to = words.partition_point(|word| word.get(at) <= Some(c));
            words = words.get(from..to).unwrap_or_default();
            match words.first() {
                None => return false,
                Some(word) if word.len() == at + 1 && accept(at + 1) => return true,
                Some(_) => {}
            }
        }
        false
    }
}

/// Returns the lower case of a character if it is a single one, which keeps the positions of all characters.
pub(super) fn lower(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(single), None) => single,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn words_are_found_in_any_case() {
        let set = WordSet::new(&["Example", "ex", "тест", "xx-yy"].map(str::to_owned));
        for (text, expected) in [
            ("an EXAMPLE", true),
            ("sEx", true),
            ("e x", false),
            ("ТЕСТ", true),
            ("xx-y", false),
            ("aXX-YYa", true),
            ("", false),
        ] {
            assert_eq!(set.is_in(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_text_contains_a_word_if_one_is_a_substring(words in vec("[a-c]{1,3}", 1..6), text in "[a-dA-D]{0,8}") {
            let expected = words.iter().any(|word| text.to_lowercase().contains(word));
            prop_assert_eq!(WordSet::new(&words).is_in(&text), expected);
        }
    }
}
