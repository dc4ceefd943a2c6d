//! How a text is cut into the pieces that are encoded each by itself: tiktoken's patterns, without a regex engine.
//!
//! Each pattern has two implementations of one function. The quick one looks at the next eight bytes at once and
//! decides what is ASCII and ends within them; all else goes to the general one, which mirrors the alternatives of the
//! regex, with their backtracking, character by character.

mod cased;
pub(crate) mod class;
mod deepseek;
mod gpt2;
mod lanes;
mod plain;
mod runs;
mod short;
mod splitting;

pub(crate) use cased::Cased;
pub(crate) use deepseek::DeepSeek;
pub(crate) use gpt2::Gpt2;
pub(crate) use plain::Plain;
pub use splitting::Splitting;

/// The pattern of `o200k_base`.
pub(crate) type O200k = Cased<3, true>;
/// The pattern of `cl100k_base`.
pub(crate) type Cl100k = Plain<3, true>;

/// A way to cut text.
pub(crate) trait Pattern {
    /// Where the piece that begins at `at`, before the end of the text, ends. `word` is the word at `at`.
    ///
    /// What it decides depends on no more than that piece and the two after it: a piece that three others follow
    /// stays as it is, whatever comes after them.
    fn next(text: &[u8], at: usize, word: u64) -> usize;
}
