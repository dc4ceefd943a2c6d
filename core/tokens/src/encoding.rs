//! The encodings that are built in.

use crate::engine::{self, Count, CountAtMost, Ids, Sink};
use crate::model;
use crate::pattern::{Cl100k, O200k, Splitting};
use crate::vocabulary::{CL100K_BASE, O200K_BASE, Vocabulary};

/// A byte-pair encoding: how a family of models cuts text into tokens.
///
/// Text is always counted as ordinary text: what looks like a special token in it (`<|endoftext|>`) is no such token,
/// as it is none when the provider reads it from a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// `o200k_base`: GPT-4o, GPT-4.1, GPT-5 and the o series; also `o200k_harmony` (gpt-oss), which differs in special
    /// tokens only.
    O200kBase,
    /// `cl100k_base`: GPT-4, GPT-3.5 and the embedding models.
    Cl100kBase,
}

impl Encoding {
    /// The encoding of a model, by its name as a request says it: with a version date, as `ft:` of a known model, or
    /// with a provider in front (`openai/gpt-4o`). `None` when the model's tokenizer is not public or not built in.
    #[must_use]
    pub fn for_model(model: &str) -> Option<Encoding> {
        model::encoding(model)
    }

    /// The name of the encoding, as tiktoken has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Encoding::O200kBase => "o200k_base",
            Encoding::Cl100kBase => "cl100k_base",
        }
    }

    /// How many tokens the text is.
    #[must_use]
    pub fn count(self, text: &str) -> u64 {
        let mut count = Count::default();
        self.run(text.as_bytes(), &mut count);
        count.0
    }

    /// Appends the ids of the tokens of the text.
    pub fn encode(self, text: &str, out: &mut Vec<u32>) {
        self.run(text.as_bytes(), &mut Ids(out));
    }

    /// How many tokens the text is, or `None` if it is more than `limit`. It stops as soon as that is certain.
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

    /// The least and the most tokens that a text of `bytes` bytes can be: none is longer than the longest of the
    /// vocabulary (128 bytes), nor shorter than a byte.
    #[must_use]
    pub fn bounds(self, bytes: usize) -> (u64, u64) {
        let longest = match self {
            Encoding::O200kBase => O200K_BASE.longest_token(),
            Encoding::Cl100kBase => CL100K_BASE.longest_token(),
        };
        (bytes.div_ceil(longest) as u64, bytes as u64)
    }

    /// The vocabulary and how text is cut.
    pub(crate) fn parts(self) -> (&'static Vocabulary<'static>, Splitting) {
        match self {
            Encoding::O200kBase => (&O200K_BASE, Splitting::O200k),
            Encoding::Cl100kBase => (&CL100K_BASE, Splitting::Cl100k),
        }
    }

    pub(crate) fn run(self, text: &[u8], sink: &mut impl Sink) {
        match self {
            Encoding::O200kBase => engine::run::<O200k>(&O200K_BASE, text, sink),
            Encoding::Cl100kBase => engine::run::<Cl100k>(&CL100K_BASE, text, sink),
        }
    }
}
