//! Lookup of values by model name: exact names and prefix wildcards.
//!
//! Prices, routes, tokenizers and aliases are all configured per model, and the rule that selects an entry should be the
//! same everywhere. [`Names`] maps exact names (`gpt-4o`) and prefix wildcards (`gpt-4o*`; `*` alone matches every name)
//! to values. The exact name wins, then the longest prefix; the order of entries does not matter.
//!
//! [`Entries`] reads such a map from a configuration and rejects duplicate keys, of which most JSON parsers silently keep
//! the last one.
//!
//! ```
//! use tollgate_names::{Entries, Names};
//!
//! let entries: Entries<u32> = serde_json::from_str(r#"{"gpt-*": 1, "gpt-4o*": 2, "gpt-4o": 3}"#).unwrap();
//! let mut names = Names::default();
//! for (name, value) in entries.0 {
//!     names.insert(&name, value).unwrap();
//! }
//! assert_eq!(names.find("gpt-4o"), Some(&3));
//! assert_eq!(names.find("gpt-4o-mini"), Some(&2));
//! assert_eq!(names.find("gpt-5"), Some(&1));
//! assert_eq!(names.find("o3"), None);
//! ```

mod entries;
mod names;

pub use entries::Entries;
pub use names::{MAX_NAME_BYTES, NameError, Names};
