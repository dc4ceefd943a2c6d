//! Prompts given as token ids.

use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, ReadPart, RequestBuilder};
use crate::{Error, ErrorKind, Span, Str, TextKind};

/// Prompt given as a list of token ids, possibly with texts between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenPrompt {
    /// Bytes of the list.
    pub span: Span,
    /// Number of token ids in the list itself. A list in it is a prompt of its own.
    pub tokens: u64,
}

/// Piece of a [`TokenPrompt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptPiece {
    /// Token id; `None` if the number is no id: negative, a fraction, or too large.
    Token(Option<u32>),
    /// Text between token ids. It is also a text of the view.
    Text(Str),
}

impl TokenPrompt {
    /// Returns the token ids and texts of the prompt, in order.
    pub fn pieces<'b>(&self, body: &'b [u8]) -> impl Iterator<Item = PromptPiece> + use<'b> {
        let (mut at, end, mut depth) = (self.span.start, self.span.end.min(body.len()), 0_usize);
        std::iter::from_fn(move || {
            while at < end {
                let start = at;
                let byte = *body.get(at)?;
                at += 1;
                match byte {
                    b'[' | b'{' => depth += 1,
                    b']' | b'}' => depth = depth.saturating_sub(1),
                    b'"' => {
                        let str = string(body, at)?;
                        at = str.span.end + 1;
                        if depth == 1 {
                            return Some(PromptPiece::Text(str));
                        }
                    }
                    b'-' | b'0'..=b'9' => {
                        let rest = body.get(start..end)?;
                        let len = rest.iter().position(|byte| b",]} \t\r\n".contains(byte)).unwrap_or(rest.len());
                        at = start + len;
                        if depth == 1 {
                            let digits = rest.get(..len).and_then(|digits| std::str::from_utf8(digits).ok());
                            return Some(PromptPiece::Token(digits.and_then(|digits| digits.parse().ok())));
                        }
                    }
                    _ => {}
                }
            }
            None
        })
    }
}

/// Returns the string whose content begins at `start`; the body was validated before.
fn string(body: &[u8], start: usize) -> Option<Str> {
    let (mut end, mut escaped) = (start, false);
    loop {
        match body.get(end)? {
            b'"' => return Some(Str { span: Span::new(start, end), escaped }),
            b'\\' => {
                escaped = true;
                end += 2;
            }
            _ => end += 1,
        }
    }
}

impl RequestBuilder<'_> {
    /// Reads an opened list of prompts: texts, lists of token ids, and objects read by `part`; or the token ids of one
    /// prompt. Returns the number of prompts. The recursion is bounded by the depth limit of a body.
    pub(crate) fn prompt_list(
        &mut self,
        reader: &mut Reader<'_, '_>,
        from: Origin,
        start: usize,
        part: Option<ReadPart>,
    ) -> Result<u32, Error> {
        let (mut tokens, mut prompts) = (0_u64, 0_u32);
        while let Some(value) = reader.element()? {
            match (value, part) {
                (Value::Number(_), _) => tokens += 1,
                (Value::Array(start), _) => {
                    self.prompt_list(reader, from, start, part)?;
                    prompts = prompts.saturating_add(1);
                }
                (Value::Object(_), Some(part)) => part(reader, self, from)?,
                (value, _) => {
                    self.texts(reader, from, TextKind::Content, value)?;
                    prompts = prompts.saturating_add(u32::from(matches!(value, Value::String(_))));
                }
            }
        }
        if tokens == 0 {
            return Ok(prompts.max(1));
        }
        if self.request.token_prompts.len() >= self.max_items {
            return Err(Error::new(ErrorKind::TooMany, start));
        }
        self.request.token_prompts.push(TokenPrompt { span: Span::new(start, reader.offset()), tokens });
        // Texts between token ids are part of the same prompt.
        Ok(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialect, ParseLimits, Request};

    /// Returns each prompt of a request as its number of tokens and its pieces.
    fn prompts(dialect: Dialect, body: &str) -> Vec<(u64, Vec<String>)> {
        let request = Request::parse(dialect, body.as_bytes(), &ParseLimits::default()).unwrap();
        let piece = |piece| match piece {
            PromptPiece::Token(id) => id.map_or("?".to_owned(), |id: u32| id.to_string()),
            PromptPiece::Text(str) => str.decode(body.as_bytes()).into_owned(),
        };
        let pieces = |prompt: &TokenPrompt| prompt.pieces(body.as_bytes()).map(piece).collect();
        request.token_prompts.iter().map(|prompt| (prompt.tokens, pieces(prompt))).collect()
    }

    #[test]
    fn token_ids_are_prompts() {
        use Dialect::{OllamaGenerate, OpenAiChat, OpenAiCompletions, OpenAiEmbeddings};
        for (dialect, body, want) in [
            (OpenAiCompletions, r#"{"prompt":[1, 22,333]}"#, vec![(3, vec!["1", "22", "333"])]),
            (OpenAiCompletions, r#"{"prompt":[[1,2],[3]]}"#, vec![(2, vec!["1", "2"]), (1, vec!["3"])]),
            (OpenAiCompletions, r#"{"prompt":["a","b"]}"#, vec![]),
            (OpenAiCompletions, r#"{"prompt":[7,"a\"]",8]}"#, vec![(2, vec!["7", "a\"]", "8"])]),
            (OpenAiCompletions, r#"{"prompt":[1,[2,3]]}"#, vec![(2, vec!["2", "3"]), (1, vec!["1"])]),
            (OpenAiCompletions, r#"{"prompt":[-1,1.5,1e3,99999999999]}"#, vec![(4, vec!["?", "?", "?", "?"])]),
            (OpenAiCompletions, r#"{"prompt":"a","prompt_token_ids":[5]}"#, vec![(1, vec!["5"])]),
            (OpenAiChat, r#"{"messages":[],"prompt_token_ids":[5,6]}"#, vec![(2, vec!["5", "6"])]),
            (OpenAiEmbeddings, r#"{"input":[[1,2]]}"#, vec![(2, vec!["1", "2"])]),
            (OpenAiEmbeddings, r#"{"input":[3,4],"dimensions":9}"#, vec![(2, vec!["3", "4"])]),
            (OllamaGenerate, r#"{"prompt":"a","context":[1,2]}"#, vec![(2, vec!["1", "2"])]),
        ] {
            let want: Vec<(u64, Vec<String>)> = want
                .into_iter()
                .map(|(tokens, pieces)| (tokens, pieces.into_iter().map(str::to_owned).collect()))
                .collect();
            assert_eq!(prompts(dialect, body), want, "{body}");
        }
    }

    #[test]
    fn the_number_of_token_prompts_is_bounded() {
        let body = format!(r#"{{"prompt":[{}]}}"#, ["[1]"; 20].join(","));
        let limits = ParseLimits { max_items: 10, ..ParseLimits::default() };
        let error = Request::parse(Dialect::OpenAiCompletions, body.as_bytes(), &limits).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooMany);
    }
}
