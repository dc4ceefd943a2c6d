//! Measures of a prompt's texts: token counts, or byte lengths as an upper bound of them.

use tollgate_llm::Str;

use crate::Tokenizer;
use crate::text_cache::{Tag, TextCache};

/// Measure of the texts of a prompt. The walk over a request adds up what it returns.
pub(super) trait Measure {
    /// Returns the size of a text that is not a literal of the body: of the template, or of the tool definitions.
    fn text(&mut self, text: &str) -> u64;

    /// Returns the size of a literal of the body; with `line_end`, followed by a line end. A measure that counts stops
    /// once the size exceeds `limit`.
    fn literal(&mut self, literal: Str, body: &[u8], line_end: bool, limit: u64) -> u64;
}

/// Exact token counts, with or without a cache.
pub(super) struct Exact<'a> {
    pub(super) tokenizer: &'a Tokenizer,
    pub(super) cache: Option<&'a mut TextCache>,
}

impl Exact<'_> {
    /// Returns the count of `bytes` from the cache, or counts and stores it. `count` returns `None` if it stopped early,
    /// at a count above `limit`.
    fn cached(&mut self, bytes: &[u8], tag: Tag, limit: u64, count: impl FnOnce(&Tokenizer) -> Option<u64>) -> u64 {
        let key = self.cache.as_deref().and_then(|cache| cache.key(bytes, tag, self.tokenizer));
        if let (Some(key), Some(cache)) = (key, self.cache.as_deref_mut())
            && let Some(tokens) = cache.get(key)
        {
            return tokens;
        }
        let Some(tokens) = count(self.tokenizer) else { return limit.saturating_add(1) };
        if let (Some(key), Some(cache)) = (key, self.cache.as_deref_mut()) {
            cache.insert(key, tokens);
        }
        tokens
    }
}

impl Measure for Exact<'_> {
    fn text(&mut self, text: &str) -> u64 {
        self.cached(text.as_bytes(), Tag::Text, u64::MAX, |tokenizer| Some(tokenizer.count(text)))
    }

    fn literal(&mut self, literal: Str, body: &[u8], line_end: bool, limit: u64) -> u64 {
        // The raw bytes determine the text, and need not be decoded.
        let tag = if line_end { Tag::LiteralWithLineEnd } else { Tag::Literal };
        self.cached(literal.span.of(body), tag, limit, |tokenizer| {
            let text = literal.decode(body);
            if line_end {
                Some(tokenizer.count(&format!("{text}\n")))
            } else if tokenizer.bounds(text.len()).1 <= limit {
                Some(tokenizer.count(&text))
            } else {
                tokenizer.count_at_most(&text, limit)
            }
        })
    }
}
