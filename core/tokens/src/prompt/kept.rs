//! Texts of a bounded prompt, kept for a count after the call.
//!
//! A proxy holds no body after it has forwarded a request. If the provider then reports no usage, the prompt has to be
//! counted from a copy of its texts. [`Keeper`] bounds these copies per call and in total.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use crate::Tokenizer;

/// Maximum bytes of text kept of one prompt.
const MAX_PROMPT_BYTES: usize = 64 << 10;
/// Maximum bytes of text kept of all prompts.
const MAX_TOTAL_BYTES: usize = 16 << 20;
/// Bytes per token assumed if no text was kept: the rule of thumb for English.
const BYTES_PER_TOKEN: u64 = 4;
/// Most bytes per token assumed for text that was not kept. A client can put text of few tokens, such as spaces, into the kept
/// part; a token has at least one byte, so the rest has at most six times as many tokens as assumed.
const MOST_BYTES_PER_TOKEN: u64 = 6;

/// Bounds of kept prompts: 64 KiB of text per prompt, 16 MiB in total. Clones share the total.
#[derive(Clone, Debug)]
pub struct Keeper {
    held: Rc<Cell<usize>>,
    max_prompt: usize,
    max_total: usize,
}

impl Default for Keeper {
    fn default() -> Keeper {
        Keeper::new(MAX_PROMPT_BYTES, MAX_TOTAL_BYTES)
    }
}

impl Keeper {
    /// Creates a keeper with these maximum bytes per prompt and in total.
    #[must_use]
    pub fn new(max_prompt: usize, max_total: usize) -> Keeper {
        Keeper { held: Rc::default(), max_prompt, max_total }
    }

    /// Returns the keeper of this thread, with the default bounds: a virtual machine of a proxy has one.
    #[must_use]
    pub fn shared() -> Keeper {
        thread_local!(static SHARED: Keeper = Keeper::default());
        SHARED.with(Keeper::clone)
    }

    /// Returns the bytes of all texts that are kept now.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.held.get()
    }

    /// Starts to collect the texts of a prompt.
    pub(super) fn collect(&self) -> Collector<'_> {
        Collector { keeper: self, text: String::new(), ends: Vec::new(), kept_bytes: 0, bytes: 0, is_full: false }
    }
}

/// Texts of a prompt under collection.
pub(super) struct Collector<'a> {
    keeper: &'a Keeper,
    text: String,
    ends: Vec<u32>,
    /// Measured bytes of the kept texts: escapes have more bytes than their characters.
    kept_bytes: u64,
    /// Measured bytes of all texts.
    bytes: u64,
    is_full: bool,
}

impl Collector<'_> {
    /// Adds a text of `len` measured bytes. Of the first text that does not fit, the beginning is kept; it ends the copy.
    pub(super) fn add<'t>(&mut self, len: usize, text: impl FnOnce() -> Cow<'t, str>) {
        self.bytes += len as u64;
        let max = self.keeper.max_prompt.min(self.keeper.max_total.saturating_sub(self.keeper.held.get()));
        if self.is_full {
            return;
        }
        let text = text();
        let room = max.saturating_sub(self.text.len());
        self.is_full = text.len() > room;
        let kept = if self.is_full { text.get(..text.floor_char_boundary(room)).unwrap_or_default() } else { &text };
        if kept.is_empty() && self.is_full {
            return;
        }
        self.text.push_str(kept);
        self.ends.push(self.text.len() as u32);
        // Escapes have more bytes than their characters; of a part, in the same ratio.
        self.kept_bytes += match self.is_full {
            true => (len as u64).saturating_mul(kept.len() as u64) / (text.len() as u64).max(1),
            false => len as u64,
        };
    }

    /// Ends the collection of a prompt whose texts and everything else measure `total`.
    pub(super) fn finish(self, total: u64) -> KeptPrompt {
        let Collector { keeper, mut text, mut ends, kept_bytes, bytes, .. } = self;
        debug_assert!(bytes <= total, "the texts are part of the prompt");
        text.shrink_to_fit();
        ends.shrink_to_fit();
        keeper.held.set(keeper.held.get() + text.len());
        let held = Rc::clone(&keeper.held);
        KeptPrompt { text, ends, kept_bytes, bytes, other: total.saturating_sub(bytes), held }
    }
}

/// Texts of a bounded prompt, or as many of them as the [`Keeper`] permitted.
#[derive(Debug)]
pub struct KeptPrompt {
    text: String,
    /// Ends of the texts, each of which is counted separately.
    ends: Vec<u32>,
    kept_bytes: u64,
    bytes: u64,
    /// Tokens of everything but the texts.
    other: u64,
    held: Rc<Cell<usize>>,
}

/// Count of a kept prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptCount {
    /// Tokens of the prompt.
    pub tokens: u64,
    /// `true` if all texts were kept, so that the count equals that of the request. Else the tokens of the other texts
    /// are estimated: in the ratio of the kept ones, but at least a token for every six bytes. If none was kept, a token for every four bytes.
    pub is_whole: bool,
}

impl KeptPrompt {
    /// Counts the prompt.
    #[must_use]
    pub fn count(&self, tokenizer: &Tokenizer) -> KeptCount {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let texts = starts.zip(&self.ends).filter_map(|(start, end)| self.text.get(start as usize..*end as usize));
        let kept: u64 = texts.map(|text| tokenizer.count(text)).sum();
        if self.kept_bytes == self.bytes {
            return KeptCount { tokens: self.other.saturating_add(kept), is_whole: true };
        }
        let rest = self.bytes.saturating_sub(self.kept_bytes);
        let in_ratio = |bytes| u64::try_from((u128::from(rest) * u128::from(kept)).div_ceil(bytes)).unwrap_or(rest);
        let estimate = match self.kept_bytes {
            0 => rest.div_ceil(BYTES_PER_TOKEN),
            bytes => in_ratio(u128::from(bytes)).max(rest.div_ceil(MOST_BYTES_PER_TOKEN)),
        };
        KeptCount { tokens: self.other.saturating_add(kept).saturating_add(estimate), is_whole: false }
    }
}

impl Drop for KeptPrompt {
    fn drop(&mut self) {
        self.held.set(self.held.get().saturating_sub(self.text.len()));
    }
}
