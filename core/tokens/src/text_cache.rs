//! Cache of the token counts of texts, for conversations that are sent again with every turn.
//!
//! An agent sends its whole conversation with every call, nearly all of which was counted a moment ago. The cache maps a
//! keyed 128-bit digest of a text, of its tokenizer and of its form to its count, so that a turn costs its new text and one
//! hash over the rest. Counts of texts are independent of each other, so the sum equals that of an uncached count.
//!
//! - **Collisions.** A hit requires equal lengths and equal digests. The digest is HighwayHash-128 (`highway`) under a
//!   random key of the process, which a client cannot know: without it, colliding texts cannot be constructed. Decision 26
//!   compares it with others.
//! - **Memory.** A fixed table, allocated with the first text: 24 bytes per entry, in sets of four.
//! - **Eviction.** A hit moves its entry to the front of its set. A new entry goes to the front and replaces the last: the
//!   least recently used of the four.

use std::cell::RefCell;

use highway::{HighwayHash, HighwayHasher, Key};

use crate::Tokenizer;

/// Minimum length in bytes of a cached text. Shorter ones cost little to count, and would displace longer ones.
const MIN_BYTES: usize = 128;
/// Minimum length in bytes of a body whose texts are cached. Smaller ones are seldom sent again.
const MIN_BODY_BYTES: usize = 8 << 10;
/// Entries per set.
const WAYS: usize = 4;
/// Default number of entries: 65,536, which take 1.5 MiB.
const ENTRIES: usize = 1 << 16;

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

/// Identity of a text in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TextKey {
    digest: [u64; 2],
    len: u32,
}

/// Cached count; the default is an empty entry, since no cached text has a length of 0.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    digest: [u64; 2],
    len: u32,
    tokens: u32,
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
pub struct TextCache {
    key: Key,
    sets: Vec<[Entry; WAYS]>,
    /// Number of sets, a power of two.
    capacity: usize,
    hits: u64,
}

thread_local! {
    static SHARED: RefCell<Option<TextCache>> = const { RefCell::new(None) };
}

impl TextCache {
    /// Creates a cache of 65,536 entries with this secret key: 128 random bits.
    #[must_use]
    pub fn new(key: [u8; 16]) -> TextCache {
        TextCache::with_entries(key, ENTRIES)
    }

    /// Creates a cache of that many entries, rounded up to a power of two and at least four.
    #[must_use]
    pub fn with_entries(key: [u8; 16], entries: usize) -> TextCache {
        let key = u128::from_le_bytes(key);
        let (low, high) = (key as u64, (key >> 64) as u64);
        // HighwayHash takes 256 bits. The other half is derived from the secret one, with constants as separators.
        let key =
            Key([low, high, low.rotate_left(32) ^ 0x9E37_79B9_7F4A_7C15, high.rotate_left(32) ^ 0xD1B5_4A32_D192_ED03]);
        let capacity = entries.div_ceil(WAYS).next_power_of_two();
        TextCache { key, sets: Vec::new(), capacity, hits: 0 }
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
        self.hits
    }

    /// Returns the identity of a text; `None` if it is not cached: too short, or of a tokenizer without an id.
    pub(crate) fn key(&self, bytes: &[u8], tag: Tag, tokenizer: &Tokenizer) -> Option<TextKey> {
        let len = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() >= MIN_BYTES)?;
        let id = tokenizer.with_vocabulary(|vocabulary| vocabulary.cache_id);
        if id == 0 {
            return None;
        }
        let Key([a, b, c, d]) = self.key;
        // Each tokenizer and form has a key of its own.
        let mut hasher = HighwayHasher::new(Key([a, b, c ^ u64::from(id) << 8 ^ tag as u64, d]));
        hasher.append(bytes);
        Some(TextKey { digest: hasher.finalize128(), len })
    }

    /// Returns the count of a text if it is cached.
    pub(crate) fn get(&mut self, key: TextKey) -> Option<u64> {
        let set = self.set(key)?;
        let at = set.iter().position(|entry| entry.len == key.len && entry.digest == key.digest)?;
        set.get_mut(..=at)?.rotate_right(1);
        let tokens = set.first()?.tokens;
        self.hits += 1;
        Some(tokens.into())
    }

    /// Stores the count of a text.
    pub(crate) fn insert(&mut self, key: TextKey, tokens: u64) {
        if self.sets.is_empty() {
            self.sets = vec![[Entry::default(); WAYS]; self.capacity];
        }
        let Ok(tokens) = u32::try_from(tokens) else { return };
        let Some(set) = self.set(key) else { return };
        set.rotate_right(1);
        if let Some(first) = set.first_mut() {
            *first = Entry { digest: key.digest, len: key.len, tokens };
        }
    }

    /// Returns the set of a text; `None` before the first text.
    fn set(&mut self, key: TextKey) -> Option<&mut [Entry; WAYS]> {
        let [first, _] = key.digest;
        let index = first as usize & (self.capacity - 1);
        self.sets.get_mut(index)
    }
}

impl std::fmt::Debug for TextCache {
    /// Omits the key, which is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextCache").field("sets", &self.sets.len()).field("hits", &self.hits).finish_non_exhaustive()
    }
}
