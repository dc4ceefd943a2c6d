//! Exact token counts and prompt framing.
//!
//! ```
//! use tollgate_tokens::Encoding;
//!
//! let encoding = Encoding::for_model("gpt-4o-2024-08-06").unwrap();
//! assert_eq!(encoding.count("hello world"), 2);
//! ```

#[cfg(feature = "compile")]
pub mod compile;
mod encoding;
mod engine;
mod memo;
mod merge;
mod meter;
mod model;
mod pattern;
mod prompt;
mod stream;
mod tokenizer;
mod vocabulary;
mod word;

pub use encoding::Encoding;
pub use meter::{Meter, Record, Seen, Source};
pub use pattern::Splitting;
pub use prompt::{PromptCount, count_prompt};
pub use stream::StreamCounter;
pub use tokenizer::Tokenizer;
pub use vocabulary::file::LoadError;
