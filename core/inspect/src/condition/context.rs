//! Context: words in front of the match that say what it is.

use super::word_set::{WordSet, lower};
use super::{Candidate, window};
use serde::Deserialize;

/// Default of [`RawContext::window`].
const WINDOW: u32 = 64;
/// Range of [`RawContext::window`].
pub(crate) const RANGE: (u32, u32) = (1, 1024);

/// Words in front of a match.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawContext {
    /// Words or phrases, in any case. One of them must occur as a whole word: an ASCII letter or digit must not be adjacent,
    /// but `_` may be, and so may the capital letter that begins the next word in `cardNumber`.
    pub words: Vec<String>,
    /// Distance in bytes: the word must begin at most this far in front of the match. 1 to 1024. A stream keeps as much text
    /// in memory, but does not hold it back.
    #[serde(default = "RawContext::default_window")]
    pub window: u32,
    /// `true` (default): the word must be in front of the match. `false`: it may also be in the match.
    #[serde(default = "RawContext::default_before")]
    pub before: bool,
}

impl RawContext {
    fn default_window() -> u32 {
        WINDOW
    }

    fn default_before() -> bool {
        true
    }
}

/// Words one of which must occur in front of the match.
#[derive(Debug)]
pub(crate) struct Context {
    words: WordSet,
    window: usize,
    /// `true` if a word in the match counts, too.
    in_match: bool,
}

impl Context {
    /// Creates the condition from words that are not empty.
    pub(crate) fn new(raw: &RawContext) -> Context {
        Context { words: WordSet::new(&raw.words), window: raw.window as usize, in_match: !raw.before }
    }

    /// Returns the number of bytes in front of a match that the condition needs.
    pub(crate) fn window(&self) -> usize {
        self.window
    }

    /// Returns `true` if one of the words occurs.
    pub(crate) fn holds(&self, candidate: &Candidate<'_>) -> bool {
        let (outside, before) = window(candidate.before, self.window);
        let previous = if before.is_empty() { candidate.previous } else { outside };
        let (inside, behind) = match self.in_match {
            true => (candidate.matched, candidate.next),
            false => ("", candidate.matched.chars().next()),
        };
        let text: Vec<char> = before.chars().chain(inside.chars()).collect();
        let lowered: Vec<char> = text.iter().copied().map(lower).collect();
        let char_at = |at: usize| text.get(at).copied().or(behind);
        (0..text.len()).any(|at| {
            let previous = at.checked_sub(1).and_then(&char_at).or(previous);
            let is_end = |len: usize| is_border(char_at(at + len - 1), char_at(at + len));
            is_border(previous, char_at(at)) && self.words.is_at(lowered.get(at..).unwrap_or_default(), is_end)
        })
    }
}

/// Returns `true` if a word may begin or end between these characters; `None` is the edge of the text.
fn is_border(before: Option<char>, after: Option<char>) -> bool {
    let (Some(before), Some(after)) = (before, after) else { return true };
    let is_in_word = before.is_ascii_alphanumeric() && after.is_ascii_alphanumeric();
    !is_in_word || before.is_ascii_lowercase() && after.is_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_word_in_front_of_the_match_counts() {
        let words = ["card", "cardholder", "credit limit", "卡号"].map(str::to_owned).to_vec();
        let [ahead, anywhere] =
            [true, false].map(|before| Context::new(&RawContext { words: words.clone(), window: 16, before }));
        for (before, matched, expected) in [
            ("card: ", "4111", true),
            ("my CARD_", "4111", true),
            ("cardNumber = ", "4111", true),
            ("cardnumber = ", "4111", false),
            ("discard ", "4111", false),
            ("Cardholder ", "4111", true),
            ("credit limit ", "4111", true),
            ("credit  limit ", "4111", false),
            ("卡号", "4111", true),
            ("我的卡号是", "4111", true),
            ("card", "4111", false), // a digit follows
            ("card and more of it ", "4111", false),
            ("ard ", "4111", false),
            ("", "4111", false),
        ] {
            let candidate =
                Candidate { before, previous: before.chars().last(), matched, reported: matched, next: None };
            assert_eq!(ahead.holds(&candidate), expected, "{before}|{matched}");
            assert_eq!(anywhere.holds(&candidate), expected, "{before}|{matched}");
        }
        let inside = Candidate { before: "", previous: None, matched: "card=4111", reported: "4111", next: None };
        assert!(!ahead.holds(&inside) && anywhere.holds(&inside));
        let cut = Candidate { before: "", previous: Some('s'), ..inside };
        assert!(!anywhere.holds(&cut), "the word begins before the text that is available");
    }

    #[test]
    fn the_character_in_front_of_the_window_belongs_to_the_word() {
        let context = Context::new(&RawContext { words: vec!["card".to_owned()], window: 5, before: true });
        for (before, expected) in [(" card ", true), ("discard ", false), ("-card ", true), ("card  ", false)] {
            let candidate = Candidate { before, previous: Some(' '), matched: "4", reported: "4", next: None };
            assert_eq!(context.holds(&candidate), expected, "{before}");
        }
    }
}
