//! Reading of configurations: all errors at once, each with the path of the value.
//!
//! A configuration arrives as a tree of JSON values, whatever it was written in. [`read`] turns it into a type that derives
//! serde's `Deserialize`. A [`Finding`] names the path of the value (`rules[3].match.regex`), the problem, and the nearest
//! known name, in the words of the file's author: no Rust type, no position in a JSON text that nobody has written, and no
//! string of the configuration but for a key or name that is none of those expected. A policy contains the very words that
//! must not reach a log, and such a word in place of a list of words is the likeliest mistake in one.
//!
//! serde stops at the first error. [`read`] records it, removes the value and reads again, until nothing is wrong with the
//! remaining values, so an author sees all errors of a file.
//!
//! The deserializer is one type, which is compiled once for every configured type. serde_json's, with a layer that
//! records the path, is compiled twice for each of the two forms in which Envoy passes a configuration: 250 KB of code, 15 %
//! of the module, which every Envoy compiles when it starts.
//!
//! ```
//! #[derive(Debug, Default, serde::Deserialize)]
//! #[serde(default, deny_unknown_fields)]
//! struct Limits {
//!     max_bytes: u32,
//!     max_events: u32,
//! }
//!
//! let value = serde_json::json!({"max_bytes": "7", "max_event": 8});
//! let reading = tollgate_config::read::<Limits>(&value);
//! let lines: Vec<String> = reading.findings.iter().map(ToString::to_string).collect();
//! assert_eq!(lines, [
//!     "max_bytes: error[wrong-type]: expected a whole number, found a string",
//!     "max_event: error[unknown-key]: unknown key `max_event` (did you mean `max_events`?)",
//! ]);
//! ```

mod finding;
mod json;
mod nearest;
mod path;
mod read;
mod removed;
mod value;

pub use finding::{Finding, Severity};
pub use json::parse_json;
pub use nearest::nearest;
pub use path::{Path, Step};
pub use read::{Reading, read};
pub use removed::Removed;
