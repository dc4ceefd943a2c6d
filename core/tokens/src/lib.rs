//! Exact token counts and prompt framing.
//!
//! A gateway that wants to say what a call costs before it is made has to count tokens as the provider will, in the
//! sandbox of a proxy, on every request. What is usual for that needs a regex engine, a hundred milliseconds and thirty
//! megabytes to start, and overflows its stack on a megabyte of spaces. Hence what this crate does otherwise:
//!
//! - **Tables instead of start-up work.** The build script lays each vocabulary out as perfect hash tables that are used
//!   where they lie in the module's data ([`Encoding`]); files of other tokenizers become the same tables, once, on
//!   somebody's machine (`compile`), and are loaded by looking at a checksum ([`Tokenizer`]).
//! - **No regex engine.** What the patterns say that cut text into pieces are operations on words of bits, which say of
//!   sixty-four bytes which are letters, digits and so on, with a general routine that mirrors their alternatives for
//!   everything else.
//! - **Many pieces at once.** Where the pieces of a window end is known before the first is looked up, and all are looked
//!   up with nothing that depends on an answer: first among the pieces of late, which most of them are.
//! - **Whole pieces first, merging for the rest, linear for any input.** Most pieces are a token. What is not is merged
//!   as the definition says if it is short, and from left to right if it is long, in time that grows with its length and
//!   nothing else. There is no input that takes a heap, a deep stack or quadratic time.
//! - **Exact.** Counts and ids are tiktoken's for every text; a text that arrives in pieces, cut anywhere, has the same
//!   count after each of them ([`StreamCounter`]), in a few hundred bytes of memory.
//! - **What is charged, not what is written.** Roles, names, separators, tools as the provider shows them to the model,
//!   images by their size ([`count_prompt`]): every constant has its source, and what is estimated says so.
//!
//! ```
//! use tollgate_tokens::Encoding;
//!
//! let encoding = Encoding::for_model("gpt-4o-2024-08-06").unwrap();
//! assert_eq!(encoding.count("hello world"), 2);
//! ```

mod catalog;
#[cfg(feature = "compile")]
pub mod compile;
mod encoding;
mod engine;
mod piece_cache;
mod merge;
mod meter;
mod model;
mod pretokenizer;
mod prompt;
mod stream;
mod tokenizer;
mod vocabulary;
mod swar;

pub use catalog::{Catalog, CatalogError, MAX_TABLE_BYTES, MAX_TOKENIZERS, RawAliases, RawTokenizer};
pub use encoding::Encoding;
pub use meter::{UsageMeter, UsageRecord, MeteredEvent, RecordSource};
pub use pretokenizer::Pretokenizer;
pub use prompt::{Profile, PromptCount, count_prompt};
pub use stream::StreamCounter;
pub use tokenizer::Tokenizer;
pub use vocabulary::file::LoadError;
