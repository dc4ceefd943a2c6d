//! The ways to cut text that there are, by name.

use super::{Cased, Cl100k, DeepSeek, Gpt2, O200k, Pattern, Uncased, BoundaryRules};
use crate::engine::{self, StablePrefix, Sink};
use crate::vocabulary::Vocabulary;
use crate::swar;

/// Calls a function with the pattern as its parameter.
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

/// How a tokenizer cuts text into the pieces that it encodes each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pretokenizer {
    /// GPT-2, `r50k_base`, `p50k_base`, and whatever names no pattern.
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
    /// All of them, by the names that the command line has.
    pub const ALL: [(&'static str, Pretokenizer); 7] = [
        ("gpt2", Pretokenizer::Gpt2),
        ("cl100k", Pretokenizer::Cl100k),
        ("o200k", Pretokenizer::O200k),
        ("llama3", Pretokenizer::Llama3),
        ("qwen2", Pretokenizer::Qwen2),
        ("tekken", Pretokenizer::Tekken),
        ("deepseek3", Pretokenizer::DeepSeek3),
    ];

    /// The one of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Pretokenizer> {
        Pretokenizer::ALL.iter().find(|(own, _)| *own == name).map(|(_, pretokenizer)| *pretokenizer)
    }

    /// Its number in files.
    #[cfg(feature = "compile")]
    pub(crate) fn number(self) -> u8 {
        Pretokenizer::ALL.iter().position(|(_, pretokenizer)| *pretokenizer == self).unwrap_or_default() as u8
    }

    /// The one of that number.
    pub(crate) fn from_number(number: u8) -> Option<Pretokenizer> {
        Pretokenizer::ALL.get(usize::from(number)).map(|(_, pretokenizer)| *pretokenizer)
    }

    pub(crate) fn run(self, vocabulary: &Vocabulary<'_>, text: &[u8], sink: &mut impl Sink) {
        with_pattern!(self, engine::run(vocabulary, text, sink))
    }

    pub(crate) fn stable_prefix(self, vocabulary: &Vocabulary<'_>, text: &[u8]) -> StablePrefix {
        with_pattern!(self, engine::stable_prefix(vocabulary, text))
    }

    /// Where the first piece ends.
    pub(crate) fn next(self, text: &[u8]) -> usize {
        with_pattern!(self, next(text))
    }

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
