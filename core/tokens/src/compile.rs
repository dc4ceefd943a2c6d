//! Compiles tokenizer files of models into loadable tables.
//!
//! For programs (`tollgate tokenizer compile`), not for modules: compiling takes about a second and considerable
//! memory. [`Tokenizer::load`](crate::Tokenizer::load) uses the resulting file as it is.
//!
//! Three formats are supported: tiktoken's (`.tiktoken`: a base64 token and its rank per line), Hugging Face's
//! (`tokenizer.json`) and Mistral's (`tekken.json`). The tokenizer must be a byte-level BPE with one of the
//! pre-tokenizers of [`Pretokenizer`]; any other is rejected rather than counted wrongly. Special and added tokens are
//! omitted, since text never becomes one.
//!
//! ```
//! use base64::{Engine, engine::general_purpose::STANDARD};
//! use tollgate_tokens::{Pretokenizer, Tokenizer, compile};
//!
//! // The 256 bytes and two merges.
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

// Runs on the host only; the indices are derived from data that these modules built, never from client input.
#![allow(clippy::indexing_slicing)]

mod huggingface;
mod layout_error;
mod merge_tree;
mod perfect_hash;
mod tables;
mod tiktoken;

use crate::pretokenizer::Pretokenizer;
use crate::vocabulary::file;
use crate::vocabulary::hash;

pub use huggingface::huggingface;
pub use tiktoken::{tekken, tiktoken};

/// Error of a tokenizer that cannot be compiled.
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

/// Ranked tokens of a vocabulary, before their tables are built.
struct VocabularyBuilder<'a> {
    name: &'a str,
    pretokenizer: Pretokenizer,
    is_normalized: bool,
    /// Tokens by rank; an empty one marks an unassigned rank.
    tokens: Vec<Vec<u8>>,
    /// Ids by rank; empty if ids equal ranks.
    ids: Vec<u32>,
    /// `true` if a piece that equals a token becomes that token even if merging cannot produce it.
    whole_first: bool,
}

impl VocabularyBuilder<'_> {
    fn compile(mut self) -> Result<Vec<u8>, CompileError> {
        if self.tokens.iter().filter(|token| token.len() == 1).count() < 243 {
            // All 256 bytes but the 13 that never occur in UTF-8.
            return Err(CompileError::new("not a byte-level vocabulary: some bytes have no token"));
        }
        if !self.whole_first {
            let trees = merge_tree::merge_trees(&self.tokens);
            for (token, tree) in self.tokens.iter_mut().zip(trees) {
                if token.len() > 1 && tree.split == 0 {
                    token.clear();
                }
            }
        }
        let mut tables = tables::build(&self.tokens)?;
        let ids = self.ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        tables.sections.push(("ids", 4, ids));
        file::write(self.name, self.pretokenizer, self.is_normalized, &tables.sections, &tables.numbers)
            .ok_or_else(|| CompileError::new("the name exceeds 255 bytes, or the tables exceed 4 GB"))
    }
}
