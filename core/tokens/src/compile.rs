//! Tables of other tokenizers, from the files that their models come with.
//!
//! For programs (`tollgate tokenizer compile`), not for modules: it takes memory and a second, and what it gives is a
//! file that [`Tokenizer::load`](crate::Tokenizer::load) uses as it is.
//!
//! Three formats are read: tiktoken's (`.tiktoken`: a token in base64 and its rank a line), Hugging Face's
//! (`tokenizer.json`) and Mistral's (`tekken.json`). The tokenizer must be a byte-level BPE that cuts its text in one of
//! the ways of [`Pretokenizer`]; another is refused rather than counted wrongly. Special and added tokens are left out: text
//! never becomes one.
//!
//! ```
//! use base64::{Engine, engine::general_purpose::STANDARD};
//! use tollgate_tokens::{Pretokenizer, Tokenizer, compile};
//!
//! // Bytes, and two merges.
//! let mut file = String::new();
//! for byte in 0..=255_u8 {
//!     file += &format!("{} {byte}\n", STANDARD.encode([byte]));
//! }
//! file += &format!("{} 256\n{} 257\n", STANDARD.encode("he"), STANDARD.encode("hel"));
//!
//! let table = compile::tiktoken("small", Pretokenizer::Llama3, file.as_bytes())?;
//! let tokenizer = Tokenizer::load(table)?;
//! assert_eq!(tokenizer.name(), "small");
//! assert_eq!(tokenizer.count("hello"), 3);
//! let mut ids = Vec::new();
//! tokenizer.encode("hello", &mut ids);
//! assert_eq!(ids, [257, 108, 111]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// Host side only: indices here are of what these modules have made themselves, and nothing of a client gets here.
#![allow(clippy::indexing_slicing)]

mod huggingface;
mod perfect_hash;
mod merge_tree;
mod tables;
mod tiktoken;
mod layout_error;

use crate::pretokenizer::Pretokenizer;
use crate::vocabulary::file;
use crate::vocabulary::hash;

pub use huggingface::huggingface;
pub use tiktoken::{tekken, tiktoken};

/// Why a tokenizer cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError(String);

impl CompileError {
    fn new(why: impl Into<String>) -> CompileError {
        CompileError(why.into())
    }
}

impl std::fmt::Display for CompileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CompileError {}

impl From<layout_error::LayoutError> for CompileError {
    fn from(layout_error::LayoutError(why): layout_error::LayoutError) -> CompileError {
        CompileError::new(why)
    }
}

/// A vocabulary before it is laid out.
struct VocabularyBuilder<'a> {
    name: &'a str,
    pretokenizer: Pretokenizer,
    is_normalized: bool,
    /// By rank; an empty one is a rank without a token.
    tokens: Vec<Vec<u8>>,
    /// Ids by rank; empty where these are the same.
    ids: Vec<u32>,
    /// Whether a piece that is a token is that token even if merging does not make it.
    whole_first: bool,
}

impl VocabularyBuilder<'_> {
    fn compile(mut self) -> Result<Vec<u8>, CompileError> {
        if self.tokens.iter().filter(|token| token.len() == 1).count() < 243 {
            // 256 without the 13 bytes that are in no UTF-8.
            return Err(CompileError::new("not a byte-level vocabulary: some bytes are no tokens"));
        }
        if !self.whole_first {
            let spines = merge_tree::merge_trees(&self.tokens);
            for (token, spine) in self.tokens.iter_mut().zip(spines) {
                if token.len() > 1 && spine.split == 0 {
                    token.clear();
                }
            }
        }
        let mut tables = tables::make(&self.tokens)?;
        let ids = self.ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        tables.sections.push(("ids", 4, ids));
        file::write(self.name, self.pretokenizer, self.is_normalized, &tables.sections, &tables.numbers)
            .ok_or_else(|| CompileError::new("a name of more than 255 bytes, or tables of more than 4 GB"))
    }
}
