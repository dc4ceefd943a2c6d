//! Phrases: words in order, with a limited number of other words between them, within one sentence.

use super::folding::Form;
use crate::condition::list::OneOrMany;
use crate::error::Problem;
use serde::Deserialize;

/// Maximum number of slots and gaps of a phrase, and of words of a slot.
const MAX_ITEMS: usize = 32;
const MAX_WORDS: usize = 128;
/// Maximum length of a word, or of several words in one entry.
const MAX_WORD_BYTES: usize = 64;
/// Range of [`RawGap::within`].
const GAP: (u32, u32) = (1, 16);
/// Separator of words of one sentence: at most 16 characters that are no part of a word and do not end a sentence or line.
const SEPARATOR: &str = r"[^\w\n.!?]{1,16}";

/// Item of a phrase: a word, a list of words one of which must occur, or a gap.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum RawPhraseItem {
    /// Other words that may be between the items around it.
    Gap(RawGap),
    /// One of these words is next. `instruct*` is a word that begins so, and an entry may be several words in a row.
    Words(OneOrMany<String>),
}

/// Gap of a phrase.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawGap {
    /// Maximum number of words. 1 to 16.
    pub within: u32,
}

/// Returns the regular expression of a phrase, in a form.
///
/// # Errors
/// The index of an item with its problem; `None` if it is the phrase as a whole.
pub(crate) fn expression(phrase: &[RawPhraseItem], form: Form) -> Result<String, (Option<usize>, Problem)> {
    if phrase.len() > MAX_ITEMS {
        return Err((None, Problem::TooMany(MAX_ITEMS)));
    }
    // Where words are not separated, a long word would be any text.
    let longest_word = if form == Form::Letters { 8 } else { 24 };
    let mut expression = r"(?i)\b".to_owned();
    let mut has_words = false;
    let mut gap = None;
    for (index, item) in phrase.iter().enumerate() {
        let error = |problem| (Some(index), problem);
        match item {
            RawPhraseItem::Gap(_) if !has_words || gap.is_some() || index + 1 == phrase.len() => {
                return Err(error(Problem::MisplacedGap));
            }
            RawPhraseItem::Gap(RawGap { within }) if !(GAP.0..=GAP.1).contains(within) => {
                return Err(error(Problem::OutOfRange(GAP.0, GAP.1)));
            }
            RawPhraseItem::Gap(RawGap { within }) => gap = Some(*within),
            RawPhraseItem::Words(OneOrMany(words)) => {
                if has_words {
                    expression.push_str(SEPARATOR);
                }
                if let Some(within) = gap.take() {
                    expression.push_str(&format!(r"(?:\w{{1,{longest_word}}}{SEPARATOR}){{0,{within}}}?"));
                }
                expression.push_str(&slot(words).map_err(error)?);
                has_words = true;
            }
        }
    }
    if !has_words {
        return Err((None, Problem::Empty));
    }
    expression.push_str(r"\b");
    Ok(expression)
}

/// Returns the expression of a slot.
fn slot(words: &[String]) -> Result<String, Problem> {
    if words.is_empty() {
        return Err(Problem::Empty);
    }
    if words.len() > MAX_WORDS {
        return Err(Problem::TooMany(MAX_WORDS));
    }
    let entries: Result<Vec<String>, Problem> = words.iter().map(|entry| words_in_a_row(entry)).collect();
    Ok(format!("(?:{})", entries?.join("|")))
}

/// Returns the expression of an entry: words in a row.
fn words_in_a_row(entry: &str) -> Result<String, Problem> {
    if entry.len() > MAX_WORD_BYTES {
        return Err(Problem::TooLong(MAX_WORD_BYTES));
    }
    let word = |word: &str| {
        let (stem, ending) = match word.strip_suffix('*') {
            Some(stem) => (stem, r"\w{0,16}"),
            None => (word, ""),
        };
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '-' | '_');
        let is_valid = !stem.is_empty() && stem.chars().all(is_word) && stem.contains(char::is_alphanumeric);
        is_valid.then(|| format!("{}{ending}", regex_syntax::escape(stem))).ok_or(Problem::NoWord)
    };
    let words: Result<Vec<String>, Problem> = entry.split_whitespace().map(word).collect();
    let words = words?;
    if words.is_empty() { Err(Problem::NoWord) } else { Ok(words.join(SEPARATOR)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex_automata::meta::Regex;

    fn phrase(json: &str) -> Vec<RawPhraseItem> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn words_are_found_in_order_within_a_sentence() {
        let order = r#"[["ignore","disregard"],{"within":3},["previous","prior"],{"within":1},["instruct*","rules"]]"#;
        for (items, text, expected) in [
            (order, "Ignore all the previous instructions", true),
            (order, "DISREGARD, please: prior \"rules\"", true),
            (order, "ignore one two three four previous rules", false),
            (order, "ignore this. The previous rules", false),
            (order, "ignore\nprevious rules", false),
            (order, "previous rules ignore", false),
            (order, "ignore previous ruleset", false),
            (order, "ignored previous rules", false),
            (r#"["do anything now"]"#, "do  anything, now!", true),
            (r#"["do anything now"]"#, "do anything right now", false),
            (r#"["you",["are","'re"],"dan"]"#, "you are DAN", true),
            (r#"["schlüssel*"]"#, "Schlüsselwort", true),
        ] {
            let expression = expression(&phrase(items), Form::Raw).unwrap();
            assert_eq!(Regex::new(&expression).unwrap().is_match(text), expected, "{items} {text}");
        }
    }

    #[test]
    fn errors_name_the_item() {
        for (items, expected) in [
            ("[]", (None, Problem::Empty)),
            (r#"[["a"],[]]"#, (Some(1), Problem::Empty)),
            (r#"[{"within":2},"a"]"#, (Some(0), Problem::MisplacedGap)),
            (r#"["a",{"within":2}]"#, (Some(1), Problem::MisplacedGap)),
            (r#"["a",{"within":2},{"within":2},"b"]"#, (Some(2), Problem::MisplacedGap)),
            (r#"["a",{"within":0},"b"]"#, (Some(1), Problem::OutOfRange(1, 16))),
            (r#"["a","b.c"]"#, (Some(1), Problem::NoWord)),
            (r#"["*"]"#, (Some(0), Problem::NoWord)),
            (r#"[" "]"#, (Some(0), Problem::NoWord)),
        ] {
            assert_eq!(expression(&phrase(items), Form::Raw).unwrap_err(), expected, "{items}");
        }
    }
}
