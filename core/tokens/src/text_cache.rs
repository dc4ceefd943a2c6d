//! Cache of the token counts of texts, for conversations that are sent again with every turn.
//!
//! Counts of texts are independent of each other, so the sum equals that of an uncached count. Tokenizer and form of the text
//! are part of its identity. See [`DigestTable`] on collisions and memory (1.5 MiB).

use std::cell::RefCell;

use tollgate_digest::{DigestTable, MIN_BODY_BYTES, TextDigest};

use crate::Tokenizer;

/// Form of a text: texts of different forms have different counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// Text as it is.
    Text = 0,
    /// Literal of a JSON string, undecoded.
    Literal = 1,
    /// Literal of a JSON string, whose text is followed by a line end.
    LiteralWithLineEnd = 2,
}

/// Bounded cache of the token counts of texts.
///
/// ```
/// use tollgate_llm::{Dialect, ParseLimits, Request};
/// use tollgate_tokens::{Profile, TextCache};
///
/// // In production: random bytes that nobody else knows.
/// let mut cache = TextCache::new([7; 16]);
/// let text = "A text that is sent with every turn. ".repeat(10);
/// let body = format!(r#"{{"model": "gpt-4o", "messages": [{{"role": "user", "content": "{text}"}}]}}"#);
/// let request = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default())?;
/// let profile = Profile::of("gpt-4o");
/// let counts = [(); 2].map(|()| profile.count_cached(&request, body.as_bytes(), Some(&mut cache)));
/// assert_eq!(counts, [profile.count(&request, body.as_bytes()); 2]);
/// assert_eq!(cache.hits(), 1);
/// # Ok::<(), tollgate_llm::Error>(())
/// ```
#[derive(Debug)]
pub struct TextCache {
    counts: DigestTable<u32>,
}

thread_local! {
    static SHARED: RefCell<Option<TextCache>> = const { RefCell::new(None) };
}

impl TextCache {
    /// Creates a cache of 65,536 entries with this secret key: 128 random bits.
    #[must_use]
    pub fn new(key: [u8; 16]) -> TextCache {
        TextCache { counts: DigestTable::new(key) }
    }

    /// Creates a cache of that many entries, rounded up to a power of two and at least four.
    #[must_use]
    pub fn with_entries(key: [u8; 16], entries: usize) -> TextCache {
        TextCache { counts: DigestTable::with_entries(key, entries) }
    }

    /// Calls `with` with the cache of this thread, if `body` is large enough to be worth it. The cache is created with the first
    /// such body and lives as long as the thread: a virtual machine of a proxy has one. `key` returns 128 secret random bits.
    pub fn with_shared<T>(body: &[u8], key: fn() -> [u8; 16], with: impl FnOnce(Option<&mut TextCache>) -> T) -> T {
        if body.len() < MIN_BODY_BYTES {
            return with(None);
        }
        SHARED.with_borrow_mut(|cache| with(Some(cache.get_or_insert_with(|| TextCache::new(key())))))
    }

    /// Returns the number of texts whose count was in the cache.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.counts.hits()
    }

    /// Returns the identity of a text; `None` if it is not cached: too short, or of a tokenizer without an id.
    pub(crate) fn key(&self, bytes: &[u8], tag: Tag, tokenizer: &Tokenizer) -> Option<TextDigest> {
        let id = tokenizer.with_vocabulary(|vocabulary| vocabulary.cache_id);
        if id == 0 {
            return None;
        }
        self.counts.digest(u64::from(id) << 8 | tag as u64, [bytes])
    }

    /// Returns the count of a text if it is cached.
    pub(crate) fn get(&mut self, key: TextDigest) -> Option<u64> {
        self.counts.get(key).map(u64::from)
    }

    /// Stores the count of a text.
    pub(crate) fn insert(&mut self, key: TextDigest, tokens: u64) {
        let Ok(tokens) = u32::try_from(tokens) else { return };
        self.counts.insert(key, tokens);
    }
}
