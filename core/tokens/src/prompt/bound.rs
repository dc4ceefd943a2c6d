//! Upper bound of a prompt's tokens, computed without tokenizing.
//!
//! A token of a byte-level BPE tokenizer has at least one byte, so a text has at most as many tokens as bytes. Framing,
//! images, audio and files have the same numbers as in an exact count.

use tollgate_llm::{Reference, ReferenceKind, Request, Str, TextKind};

use super::Profile;
use super::kept::{Collector, Keeper, KeptPrompt};
use super::measure::Measure;

/// Upper bound of a prompt's tokens.
#[derive(Debug)]
pub struct PromptBound {
    /// Upper bound of the tokens of everything that the request contains, and [`ASSUMED_REFERENCE_TOKENS`] for each
    /// reference but images, which have an estimate of their own.
    pub tokens: u64,
    /// Number of references to content outside of the request: URLs, files, stored conversations, stored templates. Their
    /// size is unknown, so that [`tokens`](Self::tokens) is an upper bound only if this is 0.
    pub references: u32,
    /// Texts of the prompt, for a later count.
    pub kept: KeptPrompt,
}

/// Tokens assumed for content outside of the request: those of a page of a PDF (Anthropic, "PDF support": 1,500 to 3,000).
pub const ASSUMED_REFERENCE_TOKENS: u64 = 3_000;

/// Byte lengths, which bound token counts.
struct Bytes<'a> {
    collector: Collector<'a>,
}

impl Measure for Bytes<'_> {
    fn text(&mut self, text: &str) -> u64 {
        self.collector.add(text.len(), || text.into());
        text.len() as u64
    }

    fn literal(&mut self, literal: Str, body: &[u8], line_end: bool, _: u64) -> u64 {
        // No escape is shorter than the UTF-8 of its character.
        let len = literal.span.len() + usize::from(line_end);
        self.collector.add(len, || {
            let text = literal.decode(body);
            if line_end { format!("{text}\n").into() } else { text }
        });
        len as u64
    }
}

impl Profile {
    /// Returns an upper bound of a request's count, without tokenizing, and keeps the texts as far as `keeper` permits.
    ///
    /// ```
    /// use tollgate_llm::{Dialect, ParseLimits, Request};
    /// use tollgate_tokens::{Keeper, Profile};
    ///
    /// let body = br#"{"model": "gpt-4o", "messages": [{"role": "user", "content": "hello world"}]}"#;
    /// let request = Request::parse(Dialect::OpenAiChat, body, &ParseLimits::default())?;
    /// let profile = Profile::of("gpt-4o");
    /// let bound = profile.bound(&request, body, &Keeper::default());
    /// // 11 bytes of text, 4 of the role, 6 tokens of framing.
    /// assert_eq!((bound.tokens, bound.references), (21, 0));
    /// assert_eq!(profile.count(&request, body).tokens, 9);
    /// assert_eq!(bound.kept.count(profile.tokenizer()).tokens, 9);
    /// # Ok::<(), tollgate_llm::Error>(())
    /// ```
    #[must_use]
    pub fn bound(&self, request: &Request, body: &[u8], keeper: &Keeper) -> PromptBound {
        let mut bytes = Bytes { collector: keeper.collect() };
        let count = self.measure(request, body, u64::MAX, &mut bytes);
        let (stored, urls) = references(request, body);
        // Images by URL or id have an estimate in the count.
        let assumed = stored.saturating_mul(ASSUMED_REFERENCE_TOKENS);
        let kept = bytes.collector.finish(count.tokens.saturating_add(assumed));
        PromptBound {
            tokens: count.tokens.saturating_add(assumed),
            references: u32::try_from(stored.saturating_add(urls)).unwrap_or(u32::MAX),
            kept,
        }
    }
}

/// Returns `true` if a request refers to content outside of it: URLs, files, stored conversations, stored templates. Its size
/// is unknown.
#[must_use]
pub fn has_references(request: &Request, body: &[u8]) -> bool {
    references(request, body) != (0, 0)
}

/// Returns the number of references to stored content and files by URL, and that of images by URL.
fn references(request: &Request, body: &[u8]) -> (u64, u64) {
    let texts = request.texts.iter().filter(|text| text.kind == TextKind::ImageUrl && is_url(text.str, body));
    let images = request.images.iter().filter(|image| image.str.is_some_and(|str| is_url(str, body)));
    let (urls, images) = (texts.count() as u64, images.count() as u64);
    let is_by_url = |reference: &Reference| {
        reference.kind == ReferenceKind::File && reference.value.is_some_and(|value| is_url(value, body))
    };
    let stored = request.references.iter().filter(|reference| reference.kind.is_stored() && !is_by_url(reference));
    let stored = stored.count() as u64;
    (stored.saturating_add(urls.saturating_sub(images)), images)
}

/// Returns `true` if a literal is a URL, and neither a `data:` URL nor base64, in which no colon occurs.
fn is_url(literal: Str, body: &[u8]) -> bool {
    /// Maximum length of a scheme that matters, with its colon.
    const SCHEME: usize = 16;
    let raw = literal.span.of(body);
    let start = raw.get(..SCHEME).unwrap_or(raw);
    let is_data = start.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"data:"));
    // An escape can hide a colon.
    !is_data && start.iter().any(|byte| matches!(byte, b':' | b'\\'))
}

#[cfg(test)]
mod tests;
