//! Keywords beside a regular expression: the rule applies only near one of them.

use super::word_set::WordSet;
use super::{Candidate, window};

/// Words one of which must occur in the match or in front of it.
///
/// In front of it means at most `max_match_bytes` bytes, also for bodies that are available as a whole: a stream cannot look
/// further back, and both give the same result. Words behind the match do not count, since a stream cannot wait for them.
#[derive(Debug)]
pub(crate) struct Keywords {
    words: WordSet,
    window: usize,
}

impl Keywords {
    /// Creates the condition from words that are not empty, and the window in bytes.
    pub(crate) fn new(words: &[String], window: usize) -> Keywords {
        Keywords { words: WordSet::new(words), window }
    }

    /// Returns the number of bytes in front of a match that the condition needs.
    pub(crate) fn window(&self) -> usize {
        self.window
    }

    /// Returns `true` if one of the words occurs.
    pub(crate) fn hold(&self, candidate: &Candidate<'_>) -> bool {
        // Most expressions contain their keyword.
        if self.words.is_in(candidate.matched) {
            return true;
        }
        let (_, before) = window(candidate.before, self.window);
        self.words.is_in(&[before, candidate.matched].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_in_the_match_or_shortly_before_it_counts() {
        let keywords = Keywords::new(&["Token".to_owned()], 8);
        for (before, matched, expected) in [
            ("", "a token=1", true),
            ("TOKEN: ", "123", true),
            ("token:    ", "123", false),
            ("to", "ken 123", true),
            ("", "123", false),
        ] {
            let candidate = Candidate { before, previous: None, matched, reported: matched, next: None };
            assert_eq!(keywords.hold(&candidate), expected, "{before}|{matched}");
        }
    }
}
