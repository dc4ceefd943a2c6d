//! A tokenizer: one of the built-in encodings, or one that was compiled from a model's own file.

use std::borrow::Cow;
use std::sync::{Arc, Weak};

use crate::Encoding;
use crate::engine::{Count, CountAtMost, Ids, StablePrefix, Sink};
use crate::pretokenizer::{BoundaryRules, Pretokenizer};
use crate::vocabulary::Vocabulary;
use crate::vocabulary::file::{File, LoadError};

/// What cuts the text of a model into tokens. Cheap to clone.
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
pub struct Tokenizer(Kind);

/// A loaded tokenizer that somebody else may keep.
pub(crate) struct WeakTokenizer(Weak<File>);

impl WeakTokenizer {
    /// The tokenizer, if it is still there.
    pub(crate) fn upgrade(&self) -> Option<Tokenizer> {
        self.0.upgrade().map(|file| Tokenizer(Kind::Loaded(file)))
    }
}

#[derive(Clone)]
enum Kind {
    BuiltIn(Encoding),
    Loaded(Arc<File>),
}

impl Tokenizer {
    /// Loads what `tollgate tokenizer compile` has written. The bytes are kept and used where they are; nothing else is
    /// allocated.
    ///
    /// # Errors
    /// When it is no such file, one of another version of the format, or one that was damaged.
    pub fn load(bytes: impl Into<Cow<'static, [u8]>>) -> Result<Tokenizer, LoadError> {
        Ok(Tokenizer(Kind::Loaded(Arc::new(File::load(bytes.into())?))))
    }

    /// The bytes that it was loaded from; `None` for one that is built in.
    #[must_use]
    pub fn table(&self) -> Option<&[u8]> {
        match &self.0 {
            Kind::BuiltIn(_) => None,
            Kind::Loaded(file) => Some(file.bytes()),
        }
    }

    /// A way back to it as long as somebody else keeps it; `None` for one that is built in.
    pub(crate) fn downgrade(&self) -> Option<WeakTokenizer> {
        match &self.0 {
            Kind::BuiltIn(_) => None,
            Kind::Loaded(file) => Some(WeakTokenizer(Arc::downgrade(file))),
        }
    }

    /// The name of the encoding, or the one given when it was compiled.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.0 {
            Kind::BuiltIn(encoding) => encoding.name(),
            Kind::Loaded(file) => file.name(),
        }
    }

    /// Whether the model sees its text in Unicode's normal form C, as Qwen's do. The form is not made here: the count of
    /// a text that is not in it, which is rare, is that of the text as it is.
    #[must_use]
    pub fn is_normalized(&self) -> bool {
        matches!(&self.0, Kind::Loaded(file) if file.is_normalized)
    }

    /// How many tokens the text is.
    #[must_use]
    pub fn count(&self, text: &str) -> u64 {
        let mut count = Count::default();
        self.run(text.as_bytes(), &mut count);
        count.0
    }

    /// Appends the ids of the tokens of the text.
    pub fn encode(&self, text: &str, out: &mut Vec<u32>) {
        self.run(text.as_bytes(), &mut Ids(out));
    }

    /// How many tokens the text is, or `None` if it is more than `limit`. It stops as soon as that is certain.
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

    /// The least and the most tokens that a text of `bytes` bytes can be: none is longer than the longest of the
    /// vocabulary, nor shorter than a byte.
    #[must_use]
    pub fn bounds(&self, bytes: usize) -> (u64, u64) {
        let longest = match &self.0 {
            Kind::BuiltIn(encoding) => return encoding.bounds(bytes),
            Kind::Loaded(file) => file.vocabulary().max_token_len(),
        };
        (bytes.div_ceil(longest.max(1)) as u64, bytes as u64)
    }

    /// What of the beginning of a text is sure; see [`engine::stable_prefix`](crate::engine::stable_prefix).
    pub(crate) fn stable_prefix(&self, text: &[u8]) -> StablePrefix {
        self.with_vocabulary(|vocabulary| self.pretokenizer().stable_prefix(vocabulary, text))
    }

    /// Where the first piece of a text ends.
    pub(crate) fn next(&self, text: &[u8]) -> usize {
        self.pretokenizer().next(text)
    }

    /// What decides where long pieces end, if it can be decided as they come.
    pub(crate) fn rules(&self) -> Option<BoundaryRules> {
        // A long piece may have a short end, which can be a token that merging never makes.
        let merges_all = self.with_vocabulary(|vocabulary| vocabulary.all_reachable());
        self.pretokenizer().rules().filter(|_| merges_all)
    }

    fn pretokenizer(&self) -> Pretokenizer {
        match &self.0 {
            Kind::BuiltIn(encoding) => encoding.parts().1,
            Kind::Loaded(file) => file.pretokenizer,
        }
    }

    pub(crate) fn with_vocabulary<T>(&self, with: impl FnOnce(&Vocabulary<'_>) -> T) -> T {
        match &self.0 {
            Kind::BuiltIn(encoding) => with(encoding.parts().0),
            Kind::Loaded(file) => with(&file.vocabulary()),
        }
    }

    pub(crate) fn run(&self, text: &[u8], sink: &mut impl Sink) {
        match &self.0 {
            Kind::BuiltIn(encoding) => encoding.run(text, sink),
            Kind::Loaded(file) => file.pretokenizer.run(&file.vocabulary(), text, sink),
        }
    }
}

impl From<Encoding> for Tokenizer {
    fn from(encoding: Encoding) -> Tokenizer {
        Tokenizer(Kind::BuiltIn(encoding))
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tokenizer").field(&self.name()).finish()
    }
}
