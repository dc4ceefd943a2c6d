//! Texts of prompts that were given as token ids, for inspection.

use tollgate_llm::{PromptPiece, TokenPrompt};

use super::Profile;

/// Maximum number of bytes of text decoded per byte of the list of ids. Ordinary text has about one; the longest tokens, runs of blanks,
/// have twenty.
const MAX_RATIO: usize = 4;

/// Text of a prompt that was given as token ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecodedPrompt {
    /// Text. An id that is not in the vocabulary, such as that of a special token, is a U+FFFD.
    pub text: String,
    /// `true` if every id was decoded.
    pub is_whole: bool,
}

impl Profile {
    /// Decodes a prompt; `None` if the tokenizer is not the model's own.
    ///
    /// ```
    /// use tollgate_llm::{Dialect, ParseLimits, Request};
    /// use tollgate_tokens::Profile;
    ///
    /// let body = br#"{"model": "gpt-4o", "prompt": [24912, 2375]}"#;
    /// let request = Request::parse(Dialect::OpenAiCompletions, body, &ParseLimits::default())?;
    /// let decoded = Profile::of("gpt-4o").decode(&request.token_prompts[0], body).unwrap();
    /// assert_eq!((&*decoded.text, decoded.is_whole), ("hello world", true));
    /// assert_eq!(Profile::of("llama-3").decode(&request.token_prompts[0], body), None);
    /// # Ok::<(), tollgate_llm::Error>(())
    /// ```
    #[must_use]
    pub fn decode(&self, prompt: &TokenPrompt, body: &[u8]) -> Option<DecodedPrompt> {
        if !self.is_own {
            return None;
        }
        let most = prompt.span.len().saturating_mul(MAX_RATIO);
        let (mut bytes, mut is_whole) = (Vec::new(), true);
        for piece in prompt.pieces(body) {
            if bytes.len() > most {
                is_whole = false;
                break;
            }
            match piece {
                PromptPiece::Token(Some(id)) if self.tokenizer.decode(id, &mut bytes) => {}
                PromptPiece::Token(_) => {
                    is_whole = false;
                    bytes.extend_from_slice("\u{FFFD}".as_bytes());
                }
                PromptPiece::Text(str) => bytes.extend_from_slice(str.decode(body).as_bytes()),
            }
        }
        Some(DecodedPrompt { text: String::from_utf8_lossy(&bytes).into_owned(), is_whole })
    }
}

#[cfg(test)]
mod tests {
    use tollgate_llm::{Dialect, ParseLimits, Request};

    use super::*;
    use crate::Tokenizer;

    fn decoded(model: &str, prompt: &str) -> Vec<DecodedPrompt> {
        let body = format!(r#"{{"prompt":{prompt}}}"#).into_bytes();
        let request = Request::parse(Dialect::OpenAiCompletions, &body, &ParseLimits::default()).unwrap();
        request.token_prompts.iter().map(|prompt| Profile::of(model).decode(prompt, &body).unwrap()).collect()
    }

    #[test]
    fn ids_decode_to_the_text_that_they_encode() {
        for text in ["hello world", "my key AKIAIOSFODNN7EXAMPLE", "été 日本語 \u{1F600}\u{1F3FD}", "\u{80}\n\n    x"]
        {
            let mut ids = Vec::new();
            Tokenizer::from(crate::Encoding::O200kBase).encode(text, &mut ids);
            let want = DecodedPrompt { text: text.to_owned(), is_whole: true };
            assert_eq!(decoded("gpt-4o", &format!("{ids:?}")), [want], "{text}");
        }
    }

    #[test]
    fn what_is_not_in_the_vocabulary_is_reported() {
        for (prompt, text) in [
            ("[24912,199999]", "hello\u{FFFD}"),
            ("[-1]", "\u{FFFD}"),
            ("[24912,4294967295,2375]", "hello\u{FFFD} world"),
        ] {
            assert_eq!(
                decoded("gpt-4o", prompt),
                [DecodedPrompt { text: text.to_owned(), is_whole: false }],
                "{prompt}"
            );
        }
        let [first, second] = &decoded("gpt-4o", r#"[[24912],[2375," and ",24912]]"#)[..] else {
            panic!("two prompts")
        };
        assert_eq!((&*first.text, &*second.text), ("hello", " world and hello"));
    }

    #[test]
    fn the_decoded_text_is_bounded() {
        let mut ids = Vec::new();
        Tokenizer::from(crate::Encoding::O200kBase).encode(&" ".repeat(128), &mut ids);
        assert_eq!(ids.len(), 1, "a token of 128 blanks");
        let prompt = format!("{:?}", ids.repeat(1_000));
        let [decoded] = &decoded("gpt-4o", &prompt)[..] else { panic!("one prompt") };
        assert!(!decoded.is_whole && decoded.text.len() <= prompt.len() * MAX_RATIO + 128);
    }
}
