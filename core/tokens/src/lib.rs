//! Exact token counts and prompt framing.
//!
//! A gateway that prices a call before sending it must count tokens exactly as the provider will, inside a proxy's
//! sandbox, on every request. The usual implementations need a regex engine, a hundred milliseconds and thirty
//! megabytes to start, and overflow the stack on a megabyte of spaces. This crate differs as follows:
//!
//! - **Tables instead of start-up work.** The build script lays out each vocabulary as perfect hash tables that are
//!   used in place, in the module's data ([`Encoding`]). Files of other tokenizers are compiled into the same tables
//!   offline (`compile`) and loaded by verifying a checksum ([`Tokenizer`]).
//! - **No regex engine.** The pre-tokenization patterns are evaluated as bit operations on 64-bit masks, one bit per
//!   byte of a 64-byte window (letters, digits, ...). A general routine that mirrors the regex alternatives handles the
//!   rest.
//! - **Batched lookups.** All piece boundaries of a window are known before the first piece is looked up, and the
//!   lookups are independent of each other. A cache of recent pieces answers most of them.
//! - **Whole pieces first, merging for the rest, linear for any input.** Most pieces are a token. Other short pieces
//!   are merged as BPE is defined, long ones left to right, in time linear in their length. No input needs the heap
//!   below 64 KB, a deep stack or quadratic time.
//! - **Exact.** Counts and ids equal tiktoken's for every text. [`StreamCounter`] gives the same count after each chunk
//!   of a text that arrives in arbitrary chunks, in a few hundred bytes of memory.
//! - **What is charged, not what is written.** [`count_prompt`] includes roles, names, separators, tools as the
//!   provider shows them to the model, and images by their size. Every constant cites its source; estimates are marked
//!   as such.
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
mod margin;
mod merge;
mod meter;
mod model;
mod piece_cache;
mod pretokenizer;
mod prompt;
mod reconcile;
mod stream;
mod swar;
mod text_cache;
mod tokenizer;
mod usage_record;
mod usage_request;
mod vocabulary;

pub use catalog::{Catalog, CatalogError, MAX_TABLE_BYTES, MAX_TOKENIZERS, RawAliases, RawTokenizer};
pub use encoding::Encoding;
pub use margin::{Margin, MarginError, RawMargins};
pub use meter::{ForwardedUsage, MeteredEvent, MeteredPrompt, UsageMeter};
pub use pretokenizer::Pretokenizer;
pub use prompt::{
    ASSUMED_REFERENCE_TOKENS, DecodedPrompt, Keeper, KeptCount, KeptPrompt, Profile, PromptBound, PromptCount,
    count_prompt, has_references,
};
pub use stream::StreamCounter;
pub use text_cache::TextCache;
pub use tokenizer::Tokenizer;
pub use usage_record::{InputSource, RecordSource, UsageRecord};
pub use usage_request::{AskUsage, RawAskUsage, Upstream, UsageRequests, usage_of_host};
pub use vocabulary::file::LoadError;
