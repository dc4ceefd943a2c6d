//! Pre-tokenization: splits a text into the pieces that are encoded independently, as tiktoken's regexes do, without a
//! regex engine.
//!
//! Each pattern implements [`Pattern::next`] twice. The fast path inspects the next eight bytes at once and handles
//! what is ASCII and ends within them; everything else takes the general path, which mirrors the alternatives of the
//! regex, with their backtracking, character by character. [`Pattern::ends`] finds all piece ends of a 64-byte window
//! at once.

mod cased;
pub(crate) mod class;
mod deepseek;
mod fast_path;
mod gpt2;
mod kind;
mod runs;
mod uncased;
mod window;

pub(crate) use cased::Cased;
pub(crate) use deepseek::DeepSeek;
pub(crate) use gpt2::Gpt2;
pub use kind::Pretokenizer;
pub(crate) use runs::contraction;
pub(crate) use uncased::Uncased;

/// Pattern of `o200k_base`.
pub(crate) type O200k = Cased<3, true>;
/// Pattern of `cl100k_base`.
pub(crate) type Cl100k = Uncased<3, true>;

/// Properties of a pattern that determine the ends of long pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BoundaryRules {
    /// `true` if a new piece starts where lower case turns into upper case.
    pub(crate) cased: bool,
    /// `true` if one character that is neither letter, number nor line end may precede letters; `false` if only a space
    /// may.
    pub(crate) any_prefix: bool,
    /// `true` if a run of numbers of any length is one piece, optionally after a space.
    pub(crate) numbers: bool,
    /// `true` if a contraction may follow letters.
    pub(crate) contractions: bool,
    /// Bytes that may follow signs.
    pub(crate) after_signs: &'static [u8],
    /// `true` if a white space piece ends after its last line end.
    pub(crate) line_ends: bool,
    /// `true` if white space at the end of the text is one piece.
    pub(crate) whole_end: bool,
}

/// Byte length of a window: 64 classified bytes, and the lookahead that a piece starting among them may need.
pub(crate) const WINDOW: usize = 80;

/// Pre-tokenization pattern.
pub(crate) trait Pattern {
    /// Properties that determine the ends of long pieces; `None` if they do not suffice.
    const RULES: Option<BoundaryRules> = None;

    /// Returns the end of the piece that starts at `at`, before the end of the text. `word` is the word at `at`.
    ///
    /// The result depends only on that piece, the piece after it and the character after that: a piece that is followed
    /// by another, which is followed by a character, is stable whatever comes after them.
    fn next(text: &[u8], at: usize, word: u64) -> usize;

    /// Returns the piece ends within the first 64 bytes of `window`, which starts at `at`, where a piece starts: with
    /// bit `n` set, a piece ends and another starts `n` bytes after `at`. Ends that are not certain are omitted, with
    /// everything after them, and left to [`next`](Self::next). Beyond the text, the window is padded with 0xFF.
    #[inline(always)]
    fn ends(_text: &[u8], _at: usize, _window: &[u8; WINDOW]) -> u64 {
        0
    }
}
