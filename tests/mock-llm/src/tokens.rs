//! The mock's own way to count: deliberately not the tokenizer of any model, and sharing no code with Tollgate, so that
//! a test can tell a count that came from this upstream from one that the gateway made itself.

/// Tokens that every message costs besides its text.
pub const PER_MESSAGE: u64 = 4;
/// Tokens that every tool definition costs, whatever it says.
pub const PER_TOOL: u64 = 10;
/// Tokens that every prompt costs once.
pub const PER_PROMPT: u64 = 3;

/// Tokens of a text: its words (runs of bytes other than ASCII white space), one token for every started four bytes of
/// each. `"a plain example"` is 1 + 2 + 2 = 5.
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

/// Where pieces of one word each end in `text`: a word's leading white space goes with it.
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

/// Where pieces of `size` characters end in `text` (the last may be shorter); `size` 0 counts as 1.
pub(crate) fn piece_ends(text: &str, size: usize) -> Vec<usize> {
    let mut ends: Vec<usize> = text.char_indices().map(|(at, _)| at).step_by(size.max(1)).skip(1).collect();
    if !text.is_empty() {
        ends.push(text.len());
    }
    ends
}

/// The pieces of `text` that end at `ends`, in order.
pub(crate) fn cut<'a, 'e>(text: &'a str, ends: &'e [usize]) -> impl Iterator<Item = &'a str> + use<'a, 'e> {
    let mut start = 0;
    ends.iter().map(move |end| {
        let piece = text.get(start..*end).unwrap_or_default();
        start = *end;
        piece
    })
}

/// Characters per delta of the arguments of a tool call, unless `delta-chars` says otherwise.
const ARGUMENT_CHARS: usize = 8;

/// The pieces in which the arguments of a tool call are streamed.
pub(crate) fn argument_pieces(arguments: &str, size: Option<usize>) -> Vec<&str> {
    cut(arguments, &piece_ends(arguments, size.unwrap_or(ARGUMENT_CHARS))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_started_quarter_of_a_word_is_a_token() {
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
        cut(text, &word_ends(text)).map(str::to_owned).collect()
    }

    fn pieces(text: &str, size: usize) -> Vec<String> {
        cut(text, &piece_ends(text, size)).map(str::to_owned).collect()
    }

    #[test]
    fn cutting() {
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
            prop_assert_eq!(by_words, tokens(&text), "a word's tokens do not depend on where it is cut off");
        }
    }
}
