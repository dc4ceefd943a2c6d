//! Named pre-tokenizers.

use super::{BoundaryRules, Cased, Cl100k, DeepSeek, Gpt2, O200k, Pattern, Uncased};
use crate::engine::{self, Sink, StablePrefix};
use crate::swar;
use crate::vocabulary::Vocabulary;

/// Calls a function with the pattern as its type parameter.
macro_rules! with_pattern {
    ($pretokenizer:expr, $($function:ident)::+($($argument:expr),*)) => {
        match $pretokenizer {
            Pretokenizer::Gpt2 => $($function)::+::<Gpt2>($($argument),*),
            Pretokenizer::Cl100k => $($function)::+::<Cl100k>($($argument),*),
            Pretokenizer::O200k => $($function)::+::<O200k>($($argument),*),
            Pretokenizer::Llama3 => $($function)::+::<Uncased<3, false>>($($argument),*),
            Pretokenizer::Qwen2 => $($function)::+::<Uncased<1, false>>($($argument),*),
            Pretokenizer::Tekken => $($function)::+::<Cased<1, false>>($($argument),*),
            Pretokenizer::DeepSeek3 => $($function)::+::<DeepSeek>($($argument),*),
        }
    };
}

/// Pre-tokenizer: splits a text into the pieces that are encoded independently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pretokenizer {
    /// GPT-2, `r50k_base`, `p50k_base`, and tokenizers that name no pattern.
    Gpt2,
    /// `cl100k_base`.
    Cl100k,
    /// `o200k_base`; Llama 4.
    O200k,
    /// Llama 3.
    Llama3,
    /// Qwen 2, 2.5 and 3.
    Qwen2,
    /// Mistral's Tekken.
    Tekken,
    /// DeepSeek V3 and R1.
    DeepSeek3,
}

impl Pretokenizer {
    /// All pre-tokenizers with their command line names.
    pub const ALL: [(&'static str, Pretokenizer); 7] = [
        ("gpt2", Pretokenizer::Gpt2),
        ("cl100k", Pretokenizer::Cl100k),
        ("o200k", Pretokenizer::O200k),
        ("llama3", Pretokenizer::Llama3),
        ("qwen2", Pretokenizer::Qwen2),
        ("tekken", Pretokenizer::Tekken),
        ("deepseek3", Pretokenizer::DeepSeek3),
    ];

    /// Returns the pre-tokenizer with that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Pretokenizer> {
        Pretokenizer::ALL.iter().find(|(own, _)| *own == name).map(|(_, pretokenizer)| *pretokenizer)
    }

    /// Returns the number that represents it in table files.
    #[cfg(feature = "compile")]
    pub(crate) fn number(self) -> u8 {
        let position = Pretokenizer::ALL.iter().position(|(_, pretokenizer)| *pretokenizer == self);
        debug_assert!(position.is_some(), "ALL lists every pre-tokenizer");
        position.unwrap_or_default() as u8
    }

    /// Returns the pre-tokenizer with that number.
    pub(crate) fn from_number(number: u8) -> Option<Pretokenizer> {
        Pretokenizer::ALL.get(usize::from(number)).map(|(_, pretokenizer)| *pretokenizer)
    }

    /// Passes the tokens of `text` to `sink`.
    pub(crate) fn run(self, vocabulary: &Vocabulary<'_>, text: &[u8], sink: &mut impl Sink) {
        with_pattern!(self, engine::run(vocabulary, text, sink))
    }

    /// Counts the tokens of `text`; see [`engine::stable_prefix`].
    pub(crate) fn stable_prefix(self, vocabulary: &Vocabulary<'_>, text: &[u8]) -> StablePrefix {
        with_pattern!(self, engine::stable_prefix(vocabulary, text))
    }

    /// Returns the end of the first piece.
    pub(crate) fn next(self, text: &[u8]) -> usize {
        with_pattern!(self, next(text))
    }

    /// Returns the properties that determine the ends of long pieces.
    pub(crate) fn rules(self) -> Option<BoundaryRules> {
        with_pattern!(self, rules())
    }
}

fn next<P: Pattern>(text: &[u8]) -> usize {
    P::next(text, 0, swar::load(text, 0))
}

fn rules<P: Pattern>() -> Option<BoundaryRules> {
    P::RULES
}
