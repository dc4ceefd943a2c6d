//! How a text is cut into the pieces that are encoded each by itself: tiktoken's patterns, without a regex engine.
//!
//! Each pattern has two implementations of one function. The quick one looks at the next eight bytes at once and
//! decides what is ASCII and ends within them; all else goes to the general one, which mirrors the alternatives of the
//! regex, with their backtracking, character by character.

mod cased;
pub(crate) mod class;
mod deepseek;
mod gpt2;
mod uncased;
mod runs;
mod fast_path;
mod kind;
mod window;

pub(crate) use cased::Cased;
pub(crate) use deepseek::DeepSeek;
pub(crate) use gpt2::Gpt2;
pub(crate) use uncased::Uncased;
pub(crate) use runs::contraction;
pub use kind::Pretokenizer;

/// The pattern of `o200k_base`.
pub(crate) type O200k = Cased<3, true>;
/// The pattern of `cl100k_base`.
pub(crate) type Cl100k = Uncased<3, true>;

/// What of a way to cut text decides where long pieces end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BoundaryRules {
    /// Whether a new piece begins where lower case turns into upper case.
    pub(crate) cased: bool,
    /// Whether letters may follow any one character that is neither letter nor number nor line end, or a space alone.
    pub(crate) any_prefix: bool,
    /// Whether numbers are one piece, however many, which may follow a space.
    pub(crate) numbers: bool,
    /// Whether letters may be followed by a contraction.
    pub(crate) contractions: bool,
    /// What may follow signs.
    pub(crate) after_signs: &'static [u8],
    /// Whether white space ends after its last line end.
    pub(crate) line_ends: bool,
    /// Whether white space at the end of the text is one piece.
    pub(crate) whole_end: bool,
}

/// Bytes that are looked at together: sixty-four, and those behind them that a piece which begins there may have.
pub(crate) const SPAN: usize = 80;

/// A way to cut text.
pub(crate) trait Pattern {
    /// What decides where long pieces end; `None` if it takes more than that.
    const RULES: Option<BoundaryRules> = None;

    /// Where the piece that begins at `at`, before the end of the text, ends. `word` is the word at `at`.
    ///
    /// What it decides depends on no more than that piece, the one after it and the character after that: a piece that
    /// is followed by another, which is followed by a character, stays as it is, whatever comes after them.
    fn next(text: &[u8], at: usize, word: u64) -> usize;

    /// Where pieces end in the first 64 bytes of `span`, which are those from `at` on, at which one begins: bit `n` says that
    /// one ends, and another one begins, `n` bytes behind `at`. Whatever is not told so, with all that comes behind it, is
    /// for [`next`](Self::next). Behind the text, the span is filled up with 0xFF.
    #[inline(always)]
    fn ends(_text: &[u8], _at: usize, _span: &[u8; SPAN]) -> u64 {
        0
    }
}
