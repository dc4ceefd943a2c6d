//! The policy file `tollgate.yaml`: types, validation, and checks across its parts.
//!
//! A document is YAML or JSON. A program reads it with [`Document`](document::Document) (feature `yaml`), which knows the line
//! and column of every value; a filter gets a `serde_json::Value` from Envoy. [`CompiledPolicy::from_value`] reads it, builds
//! the validated types of all stages, and reports all errors at once as [`Finding`]s with the path of the value.
//!
//! ```
//! use tollgate_policy::CompiledPolicy;
//!
//! let value = serde_json::json!({
//!     "version": 1,
//!     "firewall": {"rules": [{"id": "word", "match": {"keywords": ["heron"]}, "action": "deny"}]},
//!     "budget": [],
//! });
//! let findings = CompiledPolicy::from_value(&value).unwrap_err();
//! let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
//! assert_eq!(lines, [
//!     "budget: error[unknown-key]: unknown key `budget` (did you mean `budgets`?)",
//!     "firewall.rules[0].action: error[unknown-value]: unknown action `deny`; one of log, tag, score, redact, mask, hash, placeholder, block (did you mean `block`?)",
//! ]);
//! ```

mod admission;
mod budgets;
mod checks;
mod compile;
mod compiled;
mod counting;
#[cfg(feature = "yaml")]
pub mod document;
mod firewall;
mod identity;
mod mcp;
mod mode;
mod models;
mod packs;
mod paranoia;
mod policy;
mod prices;
mod providers;
mod publish;
mod quota;
mod references;
mod routes;
mod tag_routing;

pub use admission::Admission;
pub use budgets::{Per, RawBudget};
pub use checks::{CODES, Code, ENDED_EXCEPTION, FAILING_EXAMPLE};
pub use compiled::CompiledPolicy;
pub use counting::{Counting, CountingMode, References};
pub use firewall::RawFirewall;
pub use identity::{Identity, Missing, RawIdentity, RawSource, Source};
pub use mcp::{McpRefusal, McpRules, RawMcp, RawMcpAllow, RawMcpServer};
pub use mode::Mode;
pub use models::{RawModel, RawModels};
pub use packs::RawPack;
pub use paranoia::RawParanoia;
pub use policy::Policy;
pub use prices::{RawPrices, Table};
pub use providers::{Key, Provider, RawKey, RawProvider, RawProviders, RawTls, Secret, Tls};
pub use publish::Property;
pub use quota::RawQuota;
pub use references::{RawReferences, ReferenceRules};
pub use routes::{RawRoute, RawRoutes};
pub use tag_routing::{RawTagLabels, TagRouting};
pub use tollgate_config::{Finding, Path, Severity, Step, nearest};
pub use tollgate_prices::OnUnknownPrice;
