//! The encodings that are built in.

use tiktoken_rs::CoreBPE;

use crate::model;

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
        self.bpe().count_ordinary(text) as u64
    }

    /// Appends the ids of the tokens of the text.
    pub fn encode(self, text: &str, out: &mut Vec<u32>) {
        out.extend(self.bpe().encode_ordinary(text));
    }

    /// How many tokens the text is, or `None` if it is more than `limit`.
    #[must_use]
    pub fn count_at_most(self, text: &str, limit: u64) -> Option<u64> {
        Some(self.count(text)).filter(|count| *count <= limit)
    }

    fn bpe(self) -> &'static CoreBPE {
        match self {
            Encoding::O200kBase => tiktoken_rs::o200k_base_singleton(),
            Encoding::Cl100kBase => tiktoken_rs::cl100k_base_singleton(),
        }
    }
}
