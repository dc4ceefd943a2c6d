//! The mock's token count, and the division of texts into deltas.
//!
//! The count is deliberately not that of any model's tokenizer and shares no code with Tollgate, so that a test can distinguish
//! a count by this upstream from one by the gateway.

/// Tokens that every message adds to those of its text.
pub const PER_MESSAGE: u64 = 4;
/// Tokens of every tool definition, whatever its contents.
pub const PER_TOOL: u64 = 10;
/// Tokens that every prompt adds once.
pub const PER_PROMPT: u64 = 3;

/// Counts the tokens of a text: for each word (run of bytes other than ASCII white space) its bytes divided by four, rounded
/// up. `"a plain example"` has 1 + 2 + 2 = 5.
pub fn tokens(text: &str) -> u64 {
    let mut total = 0;
    let mut word = 0_u64;
    for byte in text.bytes() {
        if byte.is_ascii_whitespace() {
            total += word.div_ceil(4);
            word = 0;
        } else {
            word += 1;
        }
    }
    total + word.div_ceil(4)
}

/// Returns the offsets at which the words of `text` end. The white space before a word belongs to it.
pub(crate) fn word_ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut in_word = false;
    for (at, byte) in text.bytes().enumerate() {
        let space = byte.is_ascii_whitespace();
        if space && in_word {
            ends.push(at);
        }
        in_word = !space;
    }
    if !text.is_empty() {
        ends.push(text.len());
    }
    ends
}

/// Returns the offsets at which pieces of `size` characters end in `text`. The last may be shorter; `size` 0 counts as 1.
pub(crate) fn piece_ends(text: &str, size: usize) -> Vec<usize> {
    let mut ends: Vec<usize> = text.char_indices().map(|(at, _)| at).step_by(size.max(1)).skip(1).collect();
    if !text.is_empty() {
        ends.push(text.len());
    }
    ends
}

/// Returns the pieces of `text` that end at `ends`, in order.
pub(crate) fn split_at<'a, 'e>(text: &'a str, ends: &'e [usize]) -> impl Iterator<Item = &'a str> + use<'a, 'e> {
    let mut start = 0;
    ends.iter().map(move |end| {
        let piece = text.get(start..*end).unwrap_or_default();
        start = *end;
        piece
    })
}

/// Characters per delta of the arguments of a tool call, unless `delta-chars` says otherwise.
const ARGUMENT_CHARS: usize = 8;

/// Divides the arguments of a tool call into the pieces in which they are streamed.
pub(crate) fn argument_segments(arguments: &str, size: Option<usize>) -> Vec<&str> {
    split_at(arguments, &piece_ends(arguments, size.unwrap_or(ARGUMENT_CHARS))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_started_four_bytes_of_a_word_are_a_token() {
        for (text, expected) in [
            ("", 0),
            (" \n\t", 0),
            ("a", 1),
            ("four", 1),
            ("fiver", 2),
            ("a plain example", 5),
            ("  a  plain\nexample ", 5),
            ("žluť", 2), // six bytes
        ] {
            assert_eq!(tokens(text), expected, "{text:?}");
        }
    }

    fn words(text: &str) -> Vec<String> {
        split_at(text, &word_ends(text)).map(str::to_owned).collect()
    }

    fn pieces(text: &str, size: usize) -> Vec<String> {
        split_at(text, &piece_ends(text, size)).map(str::to_owned).collect()
    }

    #[test]
    fn texts_are_divided_at_words_and_at_character_counts() {
        assert_eq!(words("You said: no. "), ["You", " said:", " no.", " "]);
        assert_eq!(words("\n lead"), ["\n lead"]);
        assert!(words("").is_empty());
        assert_eq!(pieces("žluťoučký", 4), ["žluť", "oučk", "ý"]);
        assert_eq!(pieces("ab", 0), ["a", "b"]);
    }

    proptest! {
        #[test]
        fn pieces_join_to_the_text(text in "[ \\na-dž€🙂]{0,40}", size in 0_usize..6) {
            prop_assert_eq!(words(&text).concat(), text.clone());
            prop_assert_eq!(pieces(&text, size).concat(), text.clone());
            let by_words: u64 = words(&text).iter().map(|word| tokens(word)).sum();
            prop_assert_eq!(by_words, tokens(&text), "the sum over the words equals the count of the text");
        }
    }
}
