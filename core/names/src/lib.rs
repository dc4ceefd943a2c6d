//! Lookup of values by model name.
//!
//! Prices, routes, tokenizers and aliases are all configured per model, and clients write one model in many ways:
//! `gpt-4o`, `openai/gpt-4o`, `azure/eu/gpt-4o-2024-08-06`, `us.anthropic.claude-sonnet-4-5-20250929-v1:0`. [`Resolver`] maps
//! exact names (`gpt-4o`) and prefix wildcards (`gpt-4o*`; `*` alone matches every name) to values or aliases, and selects the
//! entry by the same rule everywhere. Names are compared byte by byte; upper and lower case differ.
//!
//! # Order of candidates
//! 1. The name as requested is tried first, then the name without its first prefix, then without two, and so on, at most
//!    eight: a provider (`openai/`; `azure/eu/` has two), the region of a Bedrock inference profile in front of a vendor (`us.`),
//!    a vendor (`anthropic.`), `ft:` (the rest is the base model, without owner and id). An entry with a prefix thus wins over
//!    one without: `azure/*` over `gpt-4o`.
//! 2. With the same prefixes left out: the exact name; then, by the number of bytes of the name that an entry covers, the name
//!    without its versions one by one from the right, and the wildcards. An exact entry wins over a wildcard of the same
//!    length. Versions are revisions of Bedrock (`-v1:0`), dates (`-2024-08-06`, `-20241022`, `@20241022`), `-latest`, `:latest`,
//!    `@latest` and `@default`, and the owner and id of a fine-tuned model (`:acme::id`), at most three.
//! 3. The wildcard `*` applies if nothing else does.
//!
//! An alias applies to no other version and to no fine-tuned model: an alias `gpt-4o` says nothing about `gpt-4o-2024-08-06`. Its target
//! is looked up in turn. To a target, only an alias of exactly this name applies, so every cycle is found at construction.
//!
//! ```
//! use tollgate_names::ResolverBuilder;
//!
//! let mut models = ResolverBuilder::default();
//! models.insert("gpt-*", 1)?;
//! models.insert("gpt-4o*", 2)?;
//! models.insert("gpt-4o", 3)?;
//! models.alias("fast", "gpt-5")?;
//! let models = models.build().unwrap();
//! assert_eq!(models.find("gpt-4o"), Some(&3));
//! assert_eq!(models.find("openai/gpt-4o-2024-08-06"), Some(&3));
//! assert_eq!(models.find("gpt-4o-mini"), Some(&2));
//! assert_eq!(models.find("fast"), Some(&1));
//! assert_eq!(models.find("o3"), None);
//! let steps: Vec<String> = models.steps("openai/gpt-4o").iter().map(ToString::to_string).collect();
//! assert_eq!(steps, ["without the provider prefix `openai/`", "entry `gpt-4o`"]);
//! # Ok::<(), tollgate_names::NameError>(())
//! ```
//!
//! [`Entries`] reads such a map from a configuration and rejects duplicate keys, of which most JSON parsers silently keep
//! the last one.

mod affix;
mod candidates;
mod entries;
mod error;
mod names;
mod resolver;

pub use affix::{Prefix, Suffix, unprefixed};
pub use candidates::{Candidate, candidates};
pub use entries::Entries;
pub use error::{AliasError, NameError};
pub use names::MAX_NAME_BYTES;
pub use resolver::{MAX_ALIAS_CHAIN, Resolution, Resolver, ResolverBuilder, Step};
