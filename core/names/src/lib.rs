//! Values by the names of models.
//!
//! Prices, routes, tokenizers and aliases are all said of models, and whoever writes them should learn once how a model finds
//! its own: [`Names`] holds values by names that are exact (`gpt-4o`) or end in `*` and stand for every name that begins like
//! them (`gpt-4o*`; `*` alone is every name). The exact name wins, then the longest prefix; the order is of no meaning.
//!
//! [`Entries`] is how such a map is read from a configuration: a name that is said twice is refused, which readers of JSON
//! otherwise settle silently for the last.
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
