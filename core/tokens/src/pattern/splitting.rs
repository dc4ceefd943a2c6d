//! The ways to cut text that there are, by name.

use super::{Cased, Cl100k, DeepSeek, Gpt2, O200k, Pattern, Plain, Rules};
use crate::engine::{self, Settled, Sink};
use crate::vocabulary::Vocabulary;
use crate::word;

/// Calls a function with the pattern as its parameter.
macro_rules! by_pattern {
    ($splitting:expr, $($function:ident)::+($($argument:expr),*)) => {
        match $splitting {
            Splitting::Gpt2 => $($function)::+::<Gpt2>($($argument),*),
            Splitting::Cl100k => $($function)::+::<Cl100k>($($argument),*),
            Splitting::O200k => $($function)::+::<O200k>($($argument),*),
            Splitting::Llama3 => $($function)::+::<Plain<3, false>>($($argument),*),
            Splitting::Qwen2 => $($function)::+::<Plain<1, false>>($($argument),*),
            Splitting::Tekken => $($function)::+::<Cased<1, false>>($($argument),*),
            Splitting::DeepSeek3 => $($function)::+::<DeepSeek>($($argument),*),
        }
    };
}

/// How a tokenizer cuts text into the pieces that it encodes each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Splitting {
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

impl Splitting {
    /// All of them, by the names that the command line has.
    pub const ALL: [(&'static str, Splitting); 7] = [
        ("gpt2", Splitting::Gpt2),
        ("cl100k", Splitting::Cl100k),
        ("o200k", Splitting::O200k),
        ("llama3", Splitting::Llama3),
        ("qwen2", Splitting::Qwen2),
        ("tekken", Splitting::Tekken),
        ("deepseek3", Splitting::DeepSeek3),
    ];

    /// The one of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Splitting> {
        Splitting::ALL.iter().find(|(own, _)| *own == name).map(|(_, splitting)| *splitting)
    }

    /// Its number in files.
    #[cfg(feature = "compile")]
    pub(crate) fn number(self) -> u8 {
        Splitting::ALL.iter().position(|(_, splitting)| *splitting == self).unwrap_or_default() as u8
    }

    /// The one of that number.
    pub(crate) fn from_number(number: u8) -> Option<Splitting> {
        Splitting::ALL.get(usize::from(number)).map(|(_, splitting)| *splitting)
    }

    pub(crate) fn run(self, vocabulary: &Vocabulary<'_>, text: &[u8], sink: &mut impl Sink) {
        by_pattern!(self, engine::run(vocabulary, text, sink))
    }

    pub(crate) fn settle(self, vocabulary: &Vocabulary<'_>, text: &[u8]) -> Settled {
        by_pattern!(self, engine::settle(vocabulary, text))
    }

    /// Where the first piece ends.
    pub(crate) fn next(self, text: &[u8]) -> usize {
        by_pattern!(self, next(text))
    }

    pub(crate) fn rules(self) -> Option<Rules> {
        by_pattern!(self, rules())
    }
}

fn next<P: Pattern>(text: &[u8]) -> usize {
    P::next(text, 0, word::at(text, 0))
}

fn rules<P: Pattern>() -> Option<Rules> {
    P::RULES
}
