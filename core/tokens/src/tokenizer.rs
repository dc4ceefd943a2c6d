//! Tokenizers: built-in encodings, and tables compiled from a model's own files.

use std::borrow::Cow;
use std::sync::{Arc, Weak};

use crate::Encoding;
use crate::engine::{Count, CountAtMost, Ids, Sink, StablePrefix};
use crate::pretokenizer::{BoundaryRules, Pretokenizer};
use crate::vocabulary::Vocabulary;
use crate::vocabulary::file::{File, LoadError};

/// Tokenizer of a model. Cheap to clone.
///
/// ```
/// use tollgate_tokens::{Encoding, Tokenizer};
///
/// let tokenizer = Tokenizer::from(Encoding::O200kBase);
/// assert_eq!(tokenizer.count("hello world"), 2);
/// assert_eq!(tokenizer.name(), "o200k_base");
/// assert!(Tokenizer::load(b"not a table".to_vec()).is_err());
/// ```
#[derive(Clone)]
pub struct Tokenizer(TokenizerSource);

/// Weak reference to a loaded tokenizer.
pub(crate) struct WeakTokenizer(Weak<File>);

impl WeakTokenizer {
    /// Returns the tokenizer if it is still in use.
    pub(crate) fn upgrade(&self) -> Option<Tokenizer> {
        self.0.upgrade().map(|file| Tokenizer(TokenizerSource::Loaded(file)))
    }
}

/// Origin of the tables of a tokenizer.
#[derive(Clone)]
enum TokenizerSource {
    BuiltIn(Encoding),
    Loaded(Arc<File>),
}

impl Tokenizer {
    /// Loads the output of `tollgate tokenizer compile`. The bytes are kept and used in place; nothing else is
    /// allocated.
    ///
    /// # Errors
    /// If the bytes are not such a file, have another version of the format, or are damaged.
    pub fn load(bytes: impl Into<Cow<'static, [u8]>>) -> Result<Tokenizer, LoadError> {
        Ok(Tokenizer(TokenizerSource::Loaded(Arc::new(File::load(bytes.into())?))))
    }

    /// Returns the bytes that the tokenizer was loaded from; `None` for a built-in one.
    #[must_use]
    pub fn table(&self) -> Option<&[u8]> {
        match &self.0 {
            TokenizerSource::BuiltIn(_) => None,
            TokenizerSource::Loaded(file) => Some(file.bytes()),
        }
    }

    /// Returns a weak reference to the tokenizer; `None` for a built-in one.
    pub(crate) fn downgrade(&self) -> Option<WeakTokenizer> {
        match &self.0 {
            TokenizerSource::BuiltIn(_) => None,
            TokenizerSource::Loaded(file) => Some(WeakTokenizer(Arc::downgrade(file))),
        }
    }

    /// Returns the name of the encoding, or the name given to `compile`.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.0 {
            TokenizerSource::BuiltIn(encoding) => encoding.name(),
            TokenizerSource::Loaded(file) => file.name(),
        }
    }

    /// Returns `true` if the model normalizes its text to NFC, as Qwen's models do. This crate does not normalize: the
    /// count of a text that is not in NFC, which is rare, is that of the text as it is.
    #[must_use]
    pub fn is_normalized(&self) -> bool {
        matches!(&self.0, TokenizerSource::Loaded(file) if file.is_normalized)
    }

    /// Counts the tokens of the text.
    #[must_use]
    pub fn count(&self, text: &str) -> u64 {
        let mut count = Count::default();
        self.run(text.as_bytes(), &mut count);
        count.0
    }

    /// Appends the ids of the text's tokens to `out`.
    pub fn encode(&self, text: &str, out: &mut Vec<u32>) {
        self.run(text.as_bytes(), &mut Ids(out));
    }

    /// Appends the bytes of a token to `out`, which need not be whole characters; `false` if the vocabulary has no token of
    /// that id. Special tokens are not part of it.
    ///
    /// ```
    /// use tollgate_tokens::{Encoding, Tokenizer};
    ///
    /// let (tokenizer, mut text) = (Tokenizer::from(Encoding::O200kBase), Vec::new());
    /// assert!(tokenizer.decode(24912, &mut text) && tokenizer.decode(2375, &mut text));
    /// assert_eq!(text, b"hello world");
    /// assert!(!tokenizer.decode(u32::MAX, &mut text));
    /// ```
    pub fn decode(&self, id: u32, out: &mut Vec<u8>) -> bool {
        match &self.0 {
            TokenizerSource::BuiltIn(encoding) => encoding.index().decode(encoding.parts().0, id, out),
            TokenizerSource::Loaded(file) => file.index().decode(&file.vocabulary(), id, out),
        }
    }

    /// Counts the tokens of the text; `None` if there are more than `limit`. Stops as soon as that is certain.
    #[must_use]
    pub fn count_at_most(&self, text: &str, limit: u64) -> Option<u64> {
        let (least, _) = self.bounds(text.len());
        if least > limit {
            return None;
        }
        let mut sink = CountAtMost { count: Count::default(), limit };
        self.run(text.as_bytes(), &mut sink);
        Some(sink.count.0).filter(|count| *count <= limit)
    }

    /// Returns the minimum and maximum number of tokens of a text of `bytes` bytes: a token has at least one byte, and
    /// at most as many as the longest of the vocabulary.
    #[must_use]
    pub fn bounds(&self, bytes: usize) -> (u64, u64) {
        let longest = match &self.0 {
            TokenizerSource::BuiltIn(encoding) => return encoding.bounds(bytes),
            TokenizerSource::Loaded(file) => file.vocabulary().max_token_len(),
        };
        (bytes.div_ceil(longest.max(1)) as u64, bytes as u64)
    }

    /// Counts the tokens of `text`, its stable prefix separately: see
    /// [`engine::stable_prefix`](crate::engine::stable_prefix).
    pub(crate) fn stable_prefix(&self, text: &[u8]) -> StablePrefix {
        self.with_vocabulary(|vocabulary| self.pretokenizer().stable_prefix(vocabulary, text))
    }

    /// Returns the end of the first piece of a text.
    pub(crate) fn next(&self, text: &[u8]) -> usize {
        self.pretokenizer().next(text)
    }

    /// Returns the properties that determine the ends of long pieces; `None` if such pieces cannot be counted as they
    /// arrive.
    pub(crate) fn rules(&self) -> Option<BoundaryRules> {
        // The last part of a long piece may be short, and equal a token that merging never produces.
        let merges_all = self.with_vocabulary(|vocabulary| vocabulary.all_reachable());
        self.pretokenizer().rules().filter(|_| merges_all)
    }

    /// Returns the pre-tokenizer.
    fn pretokenizer(&self) -> Pretokenizer {
        match &self.0 {
            TokenizerSource::BuiltIn(encoding) => encoding.parts().1,
            TokenizerSource::Loaded(file) => file.pretokenizer,
        }
    }

    /// Calls a function with the vocabulary.
    pub(crate) fn with_vocabulary<T>(&self, with: impl FnOnce(&Vocabulary<'_>) -> T) -> T {
        match &self.0 {
            TokenizerSource::BuiltIn(encoding) => with(encoding.parts().0),
            TokenizerSource::Loaded(file) => with(&file.vocabulary()),
        }
    }

    /// Passes the tokens of `text` to `sink`.
    pub(crate) fn run(&self, text: &[u8], sink: &mut impl Sink) {
        match &self.0 {
            TokenizerSource::BuiltIn(encoding) => encoding.run(text, sink),
            TokenizerSource::Loaded(file) => file.pretokenizer.run(&file.vocabulary(), text, sink),
        }
    }
}

impl From<Encoding> for Tokenizer {
    fn from(encoding: Encoding) -> Tokenizer {
        Tokenizer(TokenizerSource::BuiltIn(encoding))
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tokenizer").field(&self.name()).finish()
    }
}
