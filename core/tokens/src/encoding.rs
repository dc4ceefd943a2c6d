//! Built-in encodings.

use std::sync::OnceLock;

use crate::engine::{self, Count, CountAtMost, Ids, Sink};
use crate::model;
#[cfg(feature = "cl100k_base")]
use crate::pretokenizer::Cl100k;
use crate::pretokenizer::{O200k, Pretokenizer};
use crate::vocabulary::decode::TokenIndex;
use crate::vocabulary::{self, Vocabulary};

/// Byte-pair encoding of a family of models.
///
/// Text is always encoded as ordinary text: what looks like a special token in it (`<|endoftext|>`) is not one, just as
/// providers do not parse special tokens in messages.
///
/// The features of this crate determine which encodings exist: see [`Encoding::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// `o200k_base`: GPT-4o, GPT-4.1, GPT-5 and the o series; also `o200k_harmony` (gpt-oss), which differs in special
    /// tokens only.
    O200kBase,
    /// `cl100k_base`: GPT-4, GPT-3.5 and the embedding models.
    #[cfg(feature = "cl100k_base")]
    Cl100kBase,
    /// `p50k_base`: GPT-3.5's first models and Codex.
    #[cfg(feature = "p50k_base")]
    P50kBase,
    /// `r50k_base`: GPT-2 and GPT-3.
    #[cfg(feature = "r50k_base")]
    R50kBase,
}

impl Encoding {
    /// All built-in encodings: `o200k_base`, and those that the features of this crate add.
    pub const ALL: &[Encoding] = &[
        Encoding::O200kBase,
        #[cfg(feature = "cl100k_base")]
        Encoding::Cl100kBase,
        #[cfg(feature = "p50k_base")]
        Encoding::P50kBase,
        #[cfg(feature = "r50k_base")]
        Encoding::R50kBase,
    ];

    /// Returns the encoding with that tiktoken name. Encodings that differ from another in special tokens only are
    /// accepted as well: `o200k_harmony`, `p50k_edit`, `gpt2`. `None` if the encoding is not built in.
    ///
    /// ```
    /// use tollgate_tokens::Encoding;
    ///
    /// assert_eq!(Encoding::from_name("o200k_harmony"), Some(Encoding::O200kBase));
    /// assert_eq!(Encoding::from_name("o300k_base"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Encoding> {
        let name = match name {
            "o200k_harmony" => "o200k_base",
            "p50k_edit" => "p50k_base",
            "gpt2" => "r50k_base",
            name => name,
        };
        Encoding::ALL.iter().copied().find(|encoding| encoding.name() == name)
    }

    /// Returns the encoding of a model, by its name in a request: with a version date, as `ft:` of a known model, or
    /// with a provider prefix (`openai/gpt-4o`). `None` if the model's tokenizer is not public or not built in.
    #[must_use]
    pub fn for_model(model: &str) -> Option<Encoding> {
        model::encoding(model)
    }

    /// Returns the tiktoken name of the encoding.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Encoding::O200kBase => "o200k_base",
            #[cfg(feature = "cl100k_base")]
            Encoding::Cl100kBase => "cl100k_base",
            #[cfg(feature = "p50k_base")]
            Encoding::P50kBase => "p50k_base",
            #[cfg(feature = "r50k_base")]
            Encoding::R50kBase => "r50k_base",
        }
    }

    /// Counts the tokens of the text.
    #[must_use]
    pub fn count(self, text: &str) -> u64 {
        let mut count = Count::default();
        self.run(text.as_bytes(), &mut count);
        count.0
    }

    /// Appends the ids of the text's tokens to `out`.
    pub fn encode(self, text: &str, out: &mut Vec<u32>) {
        self.run(text.as_bytes(), &mut Ids(out));
    }

    /// Counts the tokens of the text; `None` if there are more than `limit`. Stops as soon as that is certain.
    #[must_use]
    pub fn count_at_most(self, text: &str, limit: u64) -> Option<u64> {
        let (least, _) = self.bounds(text.len());
        if least > limit {
            return None;
        }
        let mut sink = CountAtMost { count: Count::default(), limit };
        self.run(text.as_bytes(), &mut sink);
        Some(sink.count.0).filter(|count| *count <= limit)
    }

    /// Returns the minimum and maximum number of tokens of a text of `bytes` bytes: a token has at least one byte, and
    /// at most as many as the longest of the vocabulary (128).
    #[must_use]
    pub fn bounds(self, bytes: usize) -> (u64, u64) {
        let (vocabulary, _) = self.parts();
        (bytes.div_ceil(vocabulary.max_token_len()) as u64, bytes as u64)
    }

    /// Returns the index of the tokens by id, which is built on first use.
    pub(crate) fn index(self) -> &'static TokenIndex {
        static INDICES: [OnceLock<TokenIndex>; Encoding::ALL.len()] = [const { OnceLock::new() }; Encoding::ALL.len()];
        static EMPTY: TokenIndex = TokenIndex::empty();
        let place = Encoding::ALL.iter().position(|encoding| *encoding == self);
        debug_assert!(place.is_some(), "every encoding is listed");
        let index = place.and_then(|place| INDICES.get(place));
        index.map_or(&EMPTY, |index| index.get_or_init(|| TokenIndex::new(self.parts().0)))
    }

    /// Returns the vocabulary and the pre-tokenizer.
    pub(crate) fn parts(self) -> (&'static Vocabulary<'static>, Pretokenizer) {
        match self {
            Encoding::O200kBase => (&vocabulary::O200K_BASE, Pretokenizer::O200k),
            #[cfg(feature = "cl100k_base")]
            Encoding::Cl100kBase => (&vocabulary::CL100K_BASE, Pretokenizer::Cl100k),
            #[cfg(feature = "p50k_base")]
            Encoding::P50kBase => (&vocabulary::P50K_BASE, Pretokenizer::Gpt2),
            #[cfg(feature = "r50k_base")]
            Encoding::R50kBase => (&vocabulary::R50K_BASE, Pretokenizer::Gpt2),
        }
    }

    /// Passes the tokens of `text` to `sink`.
    pub(crate) fn run(self, text: &[u8], sink: &mut impl Sink) {
        match self {
            Encoding::O200kBase => engine::run::<O200k>(&vocabulary::O200K_BASE, text, sink),
            #[cfg(feature = "cl100k_base")]
            Encoding::Cl100kBase => engine::run::<Cl100k>(&vocabulary::CL100K_BASE, text, sink),
            #[cfg(feature = "p50k_base")]
            Encoding::P50kBase => Pretokenizer::Gpt2.run(&vocabulary::P50K_BASE, text, sink),
            #[cfg(feature = "r50k_base")]
            Encoding::R50kBase => Pretokenizer::Gpt2.run(&vocabulary::R50K_BASE, text, sink),
        }
    }
}
