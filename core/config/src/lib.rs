//! Decoding of configurations, with errors for their authors.
//!
//! A configuration arrives as a tree of JSON values, whatever it was written in. [`decode`] turns it into a type that
//! derives serde's `Deserialize`. An error names the path of the value (`rules[3].match.regex`) and the problem in the
//! words of the file's author: no Rust type, no position in a JSON text that nobody has written, and no text of the
//! configuration but for keys and names that are none of those expected. A policy contains the very words that must not
//! reach a log, and such a word in place of a list of words is the likeliest mistake in one.
//!
//! serde's own deserializers, with a layer that records the path, would do the same. Each pair of a type and a deserializer
//! is compiled separately, so the layer makes two copies of every type's code, and a module that reads text and trees four:
//! 20 % of the code of the module, which every Envoy compiles when it starts. Here there is one.
//!
//! ```
//! #[derive(Debug, serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Limits {
//!     max_bytes: u32,
//! }
//!
//! let decode = |json| tollgate_config::decode::<Vec<Limits>>(&serde_json::from_str(json).unwrap());
//! assert_eq!(decode(r#"[{"max_bytes": 7}]"#).unwrap()[0].max_bytes, 7);
//! let error = |json| decode(json).unwrap_err().to_string();
//! assert_eq!(error(r#"[{"max_bytes": "7"}]"#), "[0].max_bytes: must be a whole number, not a string");
//! assert_eq!(error(r#"[{"max_bytes": 7, "max": 8}]"#), "[0]: unknown key `max`; known: `max_bytes`");
//! assert_eq!(error("[{}]"), "[0]: the key `max_bytes` is required");
//! ```

mod decoder;
mod error;
mod path;

pub use decoder::decode;
pub use error::{DecodeError, Problem};
pub use path::{Path, Step};
